//! The parameters of steps.

use super::{
    document::{Field, Table},
    problems::Problems,
};

/// Parameters that are paths, or lists of paths, inside the installation.
const PATHS: &[&str] = &[
    "archive",
    "binaries",
    "binary",
    "dest",
    "executables",
    "files",
    "outputs",
    "path",
    "source_dir",
    "source_file",
    "src",
];
/// Parameters that say how a download is checked, or why it is not checked.
const CHECKS: [&str; 3] = ["checksum_url", "signature_url", "skip_verification_reason"];

/// Checks the rules for a parameter of any step.
pub(super) fn check(key: &str, field: &Field<'_>, problems: &mut Problems<'_>) {
    if PATHS.contains(&key) && field.value.is_array() {
        for item in field.items(problems) {
            check_path_or_pair(item, problems);
        }
    } else if PATHS.contains(&key) {
        check_path(field, problems);
    }
    let is_texts = || {
        let items = field.value.as_array();
        items.is_some_and(|items| items.iter().all(|item| item.get_ref().is_str()))
    };
    if key == "fallback_urls" && !is_texts() {
        problems.add(&field.at, "must be a list of addresses").fix("put it in square brackets");
    }
    let Some(text) = field.value.as_str() else { return };
    // Text in braces is replaced when the recipe is installed.
    let is_literal = !text.contains('{');
    let is_url = key == "url" || key.ends_with("_url");
    if is_url && !text.starts_with("https://") && !text.starts_with('{') {
        problems.add(&field.at, "must start with https://").fix("write an https address");
    }
    let is_sha256 = text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit());
    if key == "sha256" && is_literal && !is_sha256 {
        let fix = "write the SHA-256 of the file";
        problems.add_own_rule(&field.at, "must be 64 hexadecimal digits").fix(fix);
    }
}

/// Checks the rules for a download: its address must contain the version, and a parameter must say
/// how its content is checked.
pub(super) fn check_download(table: &Table<'_>, action: &str, problems: &mut Problems<'_>) {
    if action != "download" {
        return;
    }
    let Some(field) = table.get("url") else { return };
    let url = field.value.as_str().unwrap_or_default();
    if !url.contains('{') {
        let fix = "write {version} into it, or use download_file with a checksum";
        problems.add(&field.at, "is the same for every version").fix(fix);
    } else if let Some(version) = fixed_version(url) {
        let fix = "write {version} in its place";
        problems.add(&field.at, format!("names the version {version}")).fix(fix);
    }
    if !CHECKS.iter().any(|key| table.get(key).is_some()) {
        let what = "has no checksum or signature for the download";
        let fix = format!("write one of {}", CHECKS.join(" "));
        problems.add(&table.at, what).fix(fix);
    }
}

/// A part of `url` that consists of three numbers separated by dots.
fn fixed_version(url: &str) -> Option<&str> {
    let is_version = |part: &&str| {
        let numbers: Vec<&str> = part.split('.').collect();
        let is_number = |it: &&str| !it.is_empty() && it.bytes().all(|b| b.is_ascii_digit());
        numbers.len() == 3 && numbers.iter().all(is_number)
    };
    url.split(|c: char| !c.is_ascii_digit() && c != '.')
        .map(|it| it.trim_matches('.'))
        .find(is_version)
}

/// A path, or `{src, dest}`.
fn check_path_or_pair(item: Field<'_>, problems: &mut Problems<'_>) {
    if !item.value.is_table() {
        return check_path(&item, problems);
    }
    let Some(pair) = item.table(problems) else { return };
    pair.only(&["src", "dest"], problems);
    for key in ["src", "dest"] {
        match pair.get(key) {
            Some(path) => check_path(&path, problems),
            None => problems.add(&pair.place(key), "is required").fix(format!("write {key} = …")),
        }
    }
}

/// Refuses a path that leaves its folder, and reports unusual paths.
pub(super) fn check_path(field: &Field<'_>, problems: &mut Problems<'_>) {
    let Some(path) = field.value.as_str() else {
        problems.add_own_rule(&field.at, "must be a text").fix("put it in quotes");
        return;
    };
    field.check_line(path, problems);
    let what = format!("must be a path inside the installation: {path:?}");
    let fix = "write a relative path without ..";
    let is_odd = path.is_empty()
        || path.starts_with(['/', '~', '-'])
        || path.contains('\\')
        || path.trim() != path;
    if path.split('/').any(|part| part == "..") {
        problems.add(&field.at, what).fix(fix);
    } else if is_odd {
        problems.add_own_rule(&field.at, what).fix(fix);
    }
}
