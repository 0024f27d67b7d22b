//! `[metadata]`.

use std::collections::{BTreeMap, BTreeSet};

use url::Url;

use super::{
    document::{Field, Problems, Table},
    platforms,
    steps::check_path,
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
/// Of a description, in bytes.
const LONGEST_DESCRIPTION: usize = 1000;

/// Whether `url` may be a recipe's homepage: https, on some host, and nothing that a browser runs.
pub fn is_homepage(url: &str) -> bool {
    let lower = url.to_ascii_lowercase();
    let runs = |scheme: &&str| lower.contains(*scheme);
    let parsed = Url::parse(url).ok().filter(|parsed| parsed.scheme() == "https");
    let is_spelled_out = url.starts_with("https://") && !url.contains(char::is_whitespace);
    is_spelled_out
        && parsed.is_some_and(|parsed| parsed.has_host())
        && !["javascript:", "data:", "vbscript:"].iter().any(runs)
}

/// Reads and checks; a document without it has a problem.
pub(super) fn read(root: &Table<'_>, problems: &mut Problems<'_>) -> Metadata {
    if root.get("metadata").is_none() {
        problems.add(&root.at.absent("metadata"), "is required");
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
        tier: table.number("tier", 3, problems),
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
    let mut require = |key: &str, holds: bool, message: &str| {
        if !holds {
            problems.add(&table.place(key), message);
        }
    };
    let Metadata { name, description, homepage, .. } = metadata;
    let is_name = name.parse::<RecipeName>().is_ok();
    require(
        "name",
        is_name,
        "must be lower-case letters, digits and ._+-, a letter or digit first",
    );
    require("description", !description.trim().is_empty(), "is required");
    let is_short = description.len() <= LONGEST_DESCRIPTION;
    require("description", is_short, "is longer than 1000 bytes");
    let is_fit = homepage.is_empty() || is_homepage(homepage);
    require("homepage", is_fit, "must start with https:// and name a host");
    for (key, value, words) in [
        ("type", &metadata.kind, &["", "tool", "library"][..]),
        ("llm_validation", &metadata.llm_validation, &["", "skipped"]),
        ("version_format", &metadata.version_format, VERSION_FORMATS),
    ] {
        let is_word = words.contains(&value.as_str());
        require(key, is_word, &format!("must be one of {}", words.join(" ").trim()));
    }
}

fn check_lists(table: &Table<'_>, problems: &mut Problems<'_>) {
    for key in
        ["dependencies", "runtime_dependencies", "extra_dependencies", "extra_runtime_dependencies"]
    {
        let Some(field) = table.get(key) else { continue };
        field.check_distinct(problems);
        for item in field.items(problems) {
            if item.value.as_str().is_some_and(|name| name.parse::<RecipeName>().is_err()) {
                problems.add(&item.at, "is no name of a recipe");
            }
        }
    }
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
            problems.add(&field.at, "must be the name of an ecosystem, or aliases");
        }
        field.check_distinct(problems);
        for item in field.items(problems) {
            let is_name =
                |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_graphic());
            if item.value.as_str().is_some_and(|name| !is_name(name)) {
                problems.add(&item.at, "is no name of a package");
            }
        }
        names.insert(key.to_owned(), field.texts(problems));
    }
    names
}

impl Field<'_> {
    /// Refuses what is not among `words`, and what stands there twice.
    pub(super) fn check_words(&self, words: &[&str], problems: &mut Problems<'_>) {
        for item in self.items(problems) {
            if item.value.as_str().is_some_and(|text| !words.contains(&text)) {
                problems.add(&item.at, format!("must be one of {}", words.join(" ")));
            }
        }
        self.check_distinct(problems);
    }

    fn check_distinct(&self, problems: &mut Problems<'_>) {
        let mut seen = BTreeSet::new();
        for item in self.items(problems) {
            if item.value.as_str().is_some_and(|text| !seen.insert(text)) {
                problems.add(&item.at, "stands there twice");
            }
        }
    }
}
