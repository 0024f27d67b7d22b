//! `[metadata]`.

use std::collections::{BTreeMap, BTreeSet};

use url::Url;

use super::{
    document::{Field, Table},
    parameters::check_path,
    platforms,
    problems::Problems,
};
use crate::model::{Metadata, RecipeName};

const FIELDS: &[&str] = &[
    "name",
    "description",
    "homepage",
    "version_format",
    "requires_sudo",
    "dependencies",
    "runtime_dependencies",
    "extra_dependencies",
    "extra_runtime_dependencies",
    "tier",
    "type",
    "llm_validation",
    "curated",
    "binaries",
    "satisfies",
    "supported_os",
    "supported_arch",
    "supported_libc",
    "unsupported_platforms",
    "unsupported_reason",
];
const VERSION_FORMATS: &[&str] = &["", "semver", "calver", "raw", "custom"];
/// Maximal length of a description in bytes.
const MAX_DESCRIPTION: usize = 1000;

/// Whether `url` may be the homepage of a recipe: https, with a host, and without parts that a
/// browser executes.
pub fn is_homepage(url: &str) -> bool {
    let parsed = Url::parse(url).ok().filter(|parsed| parsed.scheme() == "https");
    let is_spelled_out = url.starts_with("https://") && !url.contains(char::is_whitespace);
    is_spelled_out
        && parsed.is_some_and(|parsed| parsed.has_host())
        && run_by_browser(url).is_none()
}

/// The first part of `url` that a browser might execute.
fn run_by_browser(url: &str) -> Option<&'static str> {
    let lower = url.to_ascii_lowercase();
    ["javascript:", "data:", "vbscript:"].into_iter().find(|scheme| lower.contains(scheme))
}

/// Reads and checks `[metadata]`. A document without it has a problem.
pub(super) fn read(root: &Table<'_>, problems: &mut Problems<'_>) -> Metadata {
    if root.get("metadata").is_none() {
        let fix = "begin with [metadata] and the name, description and homepage of the tool";
        problems.add(&root.at.absent("metadata"), "is required").fix(fix);
    }
    let Some(table) = root.table("metadata", problems) else { return Metadata::default() };
    table.only(FIELDS, problems);
    let metadata = Metadata {
        name: table.text("name", problems),
        description: table.text("description", problems),
        homepage: table.text("homepage", problems),
        version_format: table.text("version_format", problems),
        requires_sudo: table.flag("requires_sudo", problems).unwrap_or_default(),
        dependencies: table.texts("dependencies", problems),
        runtime_dependencies: table.texts("runtime_dependencies", problems),
        extra_dependencies: table.texts("extra_dependencies", problems),
        extra_runtime_dependencies: table.texts("extra_runtime_dependencies", problems),
        tier: table.number("tier", problems),
        kind: table.text("type", problems),
        llm_validation: table.text("llm_validation", problems),
        curated: table.flag("curated", problems),
        binaries: table.texts("binaries", problems),
        supported_os: table.texts("supported_os", problems),
        supported_arch: table.texts("supported_arch", problems),
        supported_libc: table.texts("supported_libc", problems),
        unsupported_platforms: table.texts("unsupported_platforms", problems),
        unsupported_reason: table.text("unsupported_reason", problems),
        satisfies: read_satisfies(&table, problems),
    };
    check_texts(&table, &metadata, problems);
    check_lists(&table, problems);
    platforms::check(&table, &metadata, problems);
    metadata
}

fn check_texts(table: &Table<'_>, metadata: &Metadata, problems: &mut Problems<'_>) {
    check_name(table, &metadata.name, problems);
    let Metadata { description, homepage, .. } = metadata;
    let at = table.place("description");
    if description.is_empty() {
        problems.add(&at, "is required").fix("say in one line what it is for");
    } else if description.trim().is_empty() {
        problems.add_own_rule(&at, "is empty").fix("say in one line what it is for");
    } else if MAX_DESCRIPTION < description.len() {
        problems.add_own_rule(&at, "is longer than 1000 bytes").fix("shorten it");
    }
    let at = table.place("homepage");
    let fix = "write an https address, or leave it out";
    if let Some(scheme) = run_by_browser(homepage) {
        problems.add(&at, format!("contains {scheme}, which a browser executes")).fix(fix);
    } else if !homepage.is_empty() && !homepage.starts_with("https://") {
        problems.add(&at, "must start with https://").fix(fix);
    } else if !homepage.is_empty() && !is_homepage(homepage) {
        problems.add_own_rule(&at, "must name a host and have no blanks").fix(fix);
    }
    let kinds = ["", "tool", "library"];
    if !kinds.contains(&&*metadata.kind) {
        problems.add(&table.place("type"), "must be tool or library").fix("write tool or library");
    }
    for (key, value, words) in [
        ("llm_validation", &metadata.llm_validation, &["", "skipped"][..]),
        ("version_format", &metadata.version_format, VERSION_FORMATS),
    ] {
        if !words.contains(&value.as_str()) {
            let words = words.join(" ");
            let words = words.trim();
            problems
                .add_own_rule(&table.place(key), format!("must be one of {words}"))
                .fix(format!("write one of {words}"));
        }
    }
    if metadata.tier.is_some_and(|tier| !(0..=3).contains(&tier)) {
        let what = "must be a number from 0 to 3";
        problems.add_own_rule(&table.place("tier"), what).fix("write 1, 2 or 3");
    }
}

fn check_name(table: &Table<'_>, name: &str, problems: &mut Problems<'_>) {
    let at = table.place("name");
    let fix = format!("write {:?}", RecipeName::nearest(name).as_str());
    if name.is_empty() {
        problems.add(&at, "is required").fix("write the name of the recipe's file");
    } else if name.contains(char::is_uppercase) {
        problems.add(&at, "must be in lower case").fix(fix);
    } else if name.contains(|c: char| c.is_whitespace() || matches!(c, '/' | '\\')) {
        problems.add(&at, "is not a valid file name").fix(fix);
    } else if name.parse::<RecipeName>().is_err() || name.contains("..") {
        let what = "must consist of lower-case letters, digits and ._+-, begin with a letter or digit, and not contain ..";
        problems.add_own_rule(&at, what).fix(fix);
    }
}

fn check_lists(table: &Table<'_>, problems: &mut Problems<'_>) {
    let Some(binaries) = table.get("binaries") else { return };
    binaries.check_distinct(problems);
    for item in binaries.items(problems) {
        check_path(&item, problems);
    }
}

fn read_satisfies(table: &Table<'_>, problems: &mut Problems<'_>) -> BTreeMap<String, Vec<String>> {
    let Some(satisfies) = table.table("satisfies", problems) else { return BTreeMap::new() };
    let mut names = BTreeMap::new();
    for (key, field) in satisfies.fields() {
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if key.is_empty() || !key.chars().all(is_word) {
            let what = "must be the name of an ecosystem, or aliases";
            problems.add_own_rule(&field.at, what).fix("write it in lower case");
        }
        field.check_distinct(problems);
        for item in field.items(problems) {
            let is_name =
                |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_graphic());
            if item.value.as_str().is_some_and(|name| !is_name(name)) {
                let fix = "write the name as its registry does";
                problems.add_own_rule(&item.at, "is not a valid package name").fix(fix);
            }
        }
        names.insert(key.to_owned(), field.texts(problems));
    }
    names
}

impl Field<'_> {
    /// Reports texts that are not among `words` (the package manager may refuse them,
    /// `is_refused`), and texts that appear twice.
    pub(super) fn check_words(
        &self,
        words: &[&str],
        is_refused: bool,
        problems: &mut Problems<'_>,
    ) {
        for item in self.items_or_itself(problems) {
            if item.value.as_str().is_some_and(|text| !words.contains(&text)) {
                let what = format!("must be one of {}", words.join(" "));
                let problem = if is_refused {
                    problems.add(&item.at, what)
                } else {
                    problems.add_own_rule(&item.at, what)
                };
                problem.fix(format!("write one of {}", words.join(" ")));
            }
        }
        self.check_distinct(problems);
    }

    fn check_distinct(&self, problems: &mut Problems<'_>) {
        let mut seen = BTreeSet::new();
        for item in self.items_or_itself(problems) {
            if item.value.as_str().is_some_and(|text| !seen.insert(text)) {
                problems.add_own_rule(&item.at, "appears twice").fix("remove it");
            }
        }
    }
}
