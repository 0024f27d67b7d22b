//! `[version]`: where the newest version is asked for.

use std::collections::BTreeMap;

use super::{actions::Actions, document::Table, problems::Problems};
use crate::model::{RecipeStep, VersionSource, Versions};

/// Sources that do not belong to an action.
const SOURCES: &[&str] = &[
    "github_releases",
    "github_tags",
    "go_toolchain",
    "http_json",
    "manual",
    "nodejs_dist",
    "tap",
];
/// Sources that are GitHub repositories.
const OF_REPOSITORY: &[&str] = &["github_releases", "github_tags"];
/// Actions whose addresses contain a version.
const VERSIONED: &[&str] = &["download", "download_archive"];
/// Deprecated sources, with their replacements.
const DEPRECATED: &[(&str, &str)] = &[(
    "hashicorp",
    "write source = \"http_json\", url = \"https://checkpoint-api.hashicorp.com/v1/check/<product>\" \
     and version_path = \"current_version\"",
)];

/// Reads and checks `[version]`.
pub(super) fn read(
    root: &Table<'_>,
    steps: &[RecipeStep],
    actions: Actions<'_>,
    problems: &mut Problems<'_>,
) -> Option<VersionSource> {
    let Some(table) = root.table("version", problems) else {
        check_there(root, steps, actions, problems);
        return None;
    };
    for (key, value) in table.fields() {
        if let Some(text) = value.value.as_str() {
            value.check_line(text, problems);
            if key == "url" && !text.is_empty() && !text.starts_with("https://") {
                problems.add(&value.at, "must start with https://").fix("write an https address");
            }
        } else if value.value.is_array() {
            value.texts(problems);
        } else {
            let fix = "put it in quotes";
            problems.add(&value.at, "must be a text or a list of texts").fix(fix);
        }
    }
    let source = VersionSource(table.plain(&[], problems));
    let said = said(&source);
    if said.is_empty() {
        check_there(root, steps, actions, problems);
    } else if let Some(step) = steps.iter().find(|step| is_inferred(step, &said, actions)) {
        let what = format!("is redundant: {} implies the same", step.action);
        problems.add(&table.at, what).remove("remove the table");
    } else {
        check_source(&table, &said, actions, problems);
    }
    Some(source)
}

/// The keys of `[version]` with texts that are not empty.
fn said(source: &VersionSource) -> BTreeMap<&str, &str> {
    source
        .0
        .iter()
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
        .filter(|(_, text)| !text.is_empty())
        .collect()
}

/// Whether the package manager would infer everything in `said` from `step`.
fn is_inferred(step: &RecipeStep, said: &BTreeMap<&str, &str>, actions: Actions<'_>) -> bool {
    let Some(shape) = actions.find(&step.action) else { return false };
    let derived = match shape.versions {
        Versions::Untold | Versions::Named(_) => return false,
        Versions::Inferred(_) => None,
        Versions::Derived { from, key, derive, .. } => {
            step.params.get(from).and_then(|value| value.as_str()).map(|it| (key, derive(it)))
        }
    };
    let source = shape.versions.source();
    said.iter().all(|(key, text)| match &derived {
        _ if *key == "source" => Some(*text) == source,
        Some((derived, value)) => key == derived && text == value,
        None => false,
    })
}

/// Checks that a version can be found when `[version]` is absent and a version is needed.
fn check_there(
    root: &Table<'_>,
    steps: &[RecipeStep],
    actions: Actions<'_>,
    problems: &mut Problems<'_>,
) {
    let needs = |step: &RecipeStep| VERSIONED.contains(&&*step.action);
    if steps.iter().any(needs) && !steps.iter().any(|step| infers(step, actions)) {
        let what = "is required: no step implies a source of versions";
        let fix = "write [version] with a source, or with github_repo = \"owner/repo\"";
        problems.add(&root.place("version"), what).fix(fix);
    }
}

fn infers(step: &RecipeStep, actions: Actions<'_>) -> bool {
    let versions = actions.find(&step.action).map(|shape| shape.versions);
    matches!(versions, Some(Versions::Inferred(_) | Versions::Derived { .. }))
}

fn check_source(
    table: &Table<'_>,
    said: &BTreeMap<&str, &str>,
    actions: Actions<'_>,
    problems: &mut Problems<'_>,
) {
    let source = said.get("source").copied().unwrap_or_default();
    // The text after a colon is the package in that source.
    let word = source.split(':').next().unwrap_or(source);
    let at = table.place("source");
    if let Some((_, fix)) = DEPRECATED.iter().find(|(deprecated, _)| *deprecated == word) {
        problems.add(&at, format!("{word:?} is deprecated")).fix(*fix);
    } else if !word.is_empty() && !SOURCES.contains(&word) && !actions.has_source(word) {
        let fix = format!("write one of {}, or the source of the first step", SOURCES.join(" "));
        problems.add(&at, format!("is not a known source of versions: {word:?}")).fix(fix);
    }
    if word == "http_json" {
        for (key, example) in [("url", "https://…"), ("version_path", "path.to.version")] {
            if !said.contains_key(key) {
                let fix = format!("write {key} = \"{example}\"");
                problems.add(&table.place(key), "is required by http_json").fix(fix);
            }
        }
    }
    let is_repository = |text: &str| {
        let mut parts = text.split('/');
        parts.by_ref().take(2).filter(|part| !part.is_empty()).count() == 2
            && parts.next().is_none()
    };
    let fix = "write github_repo = \"owner/repo\"";
    match said.get("github_repo") {
        Some(repository) if !is_repository(repository) => {
            problems.add(&table.place("github_repo"), "must be owner/repo").fix(fix);
        }
        None if OF_REPOSITORY.contains(&word) => {
            let what = "is required if the versions are releases on GitHub";
            problems.add(&table.place("github_repo"), what).fix(fix);
        }
        Some(_) | None => {}
    }
}
