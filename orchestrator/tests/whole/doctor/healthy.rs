//! A root in which nothing is wrong.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Value, json};

use crate::root::TestRoot;

pub(super) const NOW: &str = "2026-01-04T00:00:00Z";
pub(super) const BATCH: &str = "npm-2026-01-02T00-00-00Z";
pub(super) const QUEUE: &str = "data/queues/priority-queue-npm.json";
pub(super) const FAILURES: &str = "data/failures/npm-2026-01-02T00-00-00Z.jsonl";
pub(super) const RUN: &str = "data/metrics/batch-runs-npm-2026-01-02T00-00-00Z.jsonl";
pub(super) const LOG: &str = "data/breaker-log.jsonl";
pub(super) const SEEDINGS: &str = "data/metrics/seeding-runs.jsonl";
pub(super) const CURATED: &str = "data/disambiguations/curated.jsonl";
pub(super) const CONTROL: &str = "batch-control.json";
pub(super) const OUTPUT_TEXT: &str = "everything that it printed\n";
/// Of [`OUTPUT_TEXT`].
pub(super) const DIGEST: &str = "11b5b47d84816aed18cf3fa8bcf3d31ae7a8168a3e993aa1cebf0242b3a80c13";

pub(super) fn root() -> TestRoot {
    let root = TestRoot::new("http://127.0.0.1:9", "");
    write(&root, QUEUE, &format!("{:#}\n", queue()));
    write(&root, FAILURES, &format!("{}\n", failure("two")));
    write(&root, RUN, &format!("{}\n", run(BATCH)));
    write(&root, LOG, &format!("{}\n{}\n", transition("npm", 1), transition("npm", 2)));
    write(&root, SEEDINGS, &format!("{}\n", seeding()));
    write(&root, CURATED, &format!("{}\n", curated()));
    write(&root, &output(DIGEST), OUTPUT_TEXT);
    write(&root, "recipes/o/one.toml", &recipe("one", "one"));
    write(&root, "data/README.md", "What is in here.\n");
    root
}

pub(super) fn write(root: &TestRoot, file: &str, text: &str) {
    let path = root.path(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

pub(super) fn read(root: &TestRoot, file: &str) -> String {
    std::fs::read_to_string(root.path(file)).unwrap()
}

/// Changes the document in `file`, which stays pretty.
pub(super) fn edit(root: &TestRoot, file: &str, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_str(&read(root, file)).unwrap();
    change(&mut value);
    write(root, file, &format!("{value:#}\n"));
}

/// Changes the entry of npm:two, which begins on line 18 of its queue.
pub(super) fn edit_two(root: &TestRoot, change: impl FnOnce(&mut Value)) {
    edit(root, QUEUE, |queue| change(&mut queue["packages"][1]));
}

/// Adds a line to `file`.
pub(super) fn append(root: &TestRoot, file: &str, line: &str) {
    let before = std::fs::read_to_string(root.path(file)).unwrap_or_default();
    write(root, file, &format!("{before}{line}\n"));
}

pub(super) fn output(digest: &str) -> String {
    format!("data/outputs/{}/{digest}.txt", &digest[..2])
}

pub(super) fn queue() -> Value {
    let added = "2026-01-01T00:00:00Z";
    json!({
        "schema_version": 2, "ecosystem": "npm", "updated_at": added,
        "tiers": {"1": "curated", "2": "popular", "3": "the rest"},
        "packages": [
            {"id": "npm:one", "tier": 1, "status": "success", "added_at": added, "recipe": "one"},
            {"id": "npm:two", "tier": 2, "status": "failed", "added_at": added,
                "consecutive_failures": 1, "next_retry_at": "2026-01-05T00:00:00Z"}]})
}

pub(super) fn failure(name: &str) -> Value {
    json!({
        "schema_version": 2, "id": format!("{BATCH}-{name}"), "package_id": format!("npm:{name}"),
        "ecosystem": "npm", "batch_id": BATCH, "stage": "validate",
        "category": "validation_failed", "subcategory": "install_failed", "confidence": "stated",
        "message": "error: it failed",
        "output": {"sha256": DIGEST, "bytes": 27, "truncated": false}, "exit_code": 1,
        "fingerprint": "0123456789abcdef", "timestamp": "2026-01-02T00:00:10Z"})
}

pub(super) fn run(batch: &str) -> Value {
    json!({
        "schema_version": 2, "batch_id": batch, "ecosystem": "npm",
        "timestamp": "2026-01-02T00:00:00Z", "duration_seconds": 60, "outcome": "ran", "total": 2,
        "succeeded": 1, "failed": 1, "blocked": 0, "generated": 2, "merged": 1,
        "packages_processed": ["npm:one", "npm:two"], "recipes_generated": ["one"],
        "generator": "builtin 0"})
}

pub(super) fn transition(ecosystem: &str, hour: u8) -> Value {
    json!({
        "schema_version": 2, "at": format!("2026-01-01T0{hour}:00:00Z"), "ecosystem": ecosystem,
        "from": "closed", "to": "open", "reason": "3 unhealthy runs in a row",
        "evidence": [format!("{BATCH}-two")]})
}

pub(super) fn seeding() -> Value {
    json!({
        "schema_version": 2, "ecosystem": "npm", "started_at": "2026-01-01T00:00:00Z",
        "ended_at": "2026-01-01T00:01:00Z", "outcome": "full", "seen": 3, "added": 1,
        "refreshed": 1, "unchanged": 1, "skipped": {}, "sources": [], "usage": {}})
}

pub(super) fn curated() -> Value {
    json!({"schema_version": 2, "tool": "one", "selected": "npm:one", "selection_reason": "known",
        "high_risk": false, "expires_at": "2027-01-01T00:00:00Z"})
}

pub(super) fn recipe(name: &str, command: &str) -> String {
    format!(
        "[metadata]\nname = \"{name}\"\ndescription = \"One.\"\n\n[[steps]]\naction = \
         \"npm_install\"\npackage = \"{name}\"\nexecutables = [\"{command}\"]\n\n[verify]\ncommand \
         = \"{command} --version\"\npattern = \"{{version}}\"\n"
    )
}

/// The bytes of all files but locks, by name.
pub(super) fn tree(root: &TestRoot) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.dir.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = label(root, &path);
            if path.symlink_metadata().unwrap().is_dir() {
                folders.push(path);
            } else if !name.ends_with("lock") {
                files.insert(name, std::fs::read(&path).unwrap_or_default());
            }
        }
    }
    files
}

fn label(root: &TestRoot, path: &Path) -> String {
    path.strip_prefix(root.dir.path()).unwrap().to_str().unwrap().to_owned()
}
