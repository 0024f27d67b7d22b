//! A root in which every kind of file lies that a root can have, all of them whole.

use std::{io::Read as _, path::Path, sync::LazyLock};

use ruzstd::{
    decoding::StreamingDecoder,
    encoding::{CompressionLevel, compress_to_vec},
};
use serde_json::{Value, json};

use crate::root::TestRoot;

pub(super) const BATCH: &str = "npm-2026-01-02T00-00-00Z";
const FAILURE: &str = "npm-2026-01-02T00-00-00Z-one";
const OLD_BATCH: &str = "npm-2025-09-02T00-00-00Z";
const OLD_FAILURE: &str = "npm-2025-09-02T00-00-00Z-old";
const OLD_OUTPUT: &str = "what it printed long ago\n";
/// Of [`OLD_OUTPUT`].
const OLD_DIGEST: &str = "2f6293d71e333205125f748d39126e05163af4421dae986d570c548af146f088";
const DEAD: &str = "npm-2026-01-03T00-00-00Z";
const RECIPE: &str = "recipes/o/one.toml";
const OUTPUT: &str = "everything that it printed\n";
/// Of [`OUTPUT`].
const DIGEST: &str = "11b5b47d84816aed18cf3fa8bcf3d31ae7a8168a3e993aa1cebf0242b3a80c13";

/// What a file holds.
#[derive(Clone)]
pub(super) enum Content {
    /// One document, with the name of its schema.
    Document(&'static str, Value),
    /// One document a line, each of this schema.
    Lines(&'static str, Vec<Value>),
    /// The same in a compressed file.
    Packed(&'static str, Vec<Value>),
    /// Something else.
    Text(String),
}

/// A file of the layout.
#[derive(Clone)]
pub(super) struct Piece {
    /// As a person names it.
    pub(super) label: String,
    pub(super) content: Content,
}

impl Piece {
    pub(super) fn bytes(&self) -> Vec<u8> {
        match &self.content {
            Content::Document(_, value) => format!("{value:#}\n").into_bytes(),
            Content::Lines(_, values) => lines(values).into_bytes(),
            Content::Packed(_, values) => packed(&lines(values)),
            Content::Text(text) => text.clone().into_bytes(),
        }
    }
}

/// One document a line.
pub(super) fn lines(values: &[Value]) -> String {
    values.iter().fold(String::new(), |text, value| text + &value.to_string() + "\n")
}

/// A frame of an archive.
pub(super) fn packed(text: &str) -> Vec<u8> {
    compress_to_vec(text.as_bytes(), CompressionLevel::Fastest)
}

/// The lines of an archive; empty for what is none.
pub(super) fn unpacked(bytes: &[u8]) -> String {
    let mut text = String::new();
    let read = StreamingDecoder::new(bytes).map(|mut it| it.read_to_string(&mut text).is_ok());
    if read.is_ok_and(|is_whole| is_whole) { text } else { String::new() }
}

/// A new root with all of them. The first one is made by the program, and the others are copies of it:
/// `init` forces each file to the disk, which takes longer than the commands that are tried.
pub(super) fn root(pieces: &[Piece]) -> TestRoot {
    static MADE: LazyLock<TestRoot> = LazyLock::new(|| TestRoot::new("http://127.0.0.1:9", ""));
    let root = TestRoot { dir: tempfile::tempdir().unwrap() };
    copy(MADE.dir.path(), root.dir.path());
    for piece in pieces {
        let path = root.path(&piece.label);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, piece.bytes()).unwrap();
    }
    root
}

/// Copies everything in the folder `from` into the folder `to`.
fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&to).unwrap();
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Every kind of file that `io::layout` knows and a command may meet.
pub(super) fn pieces() -> Vec<Piece> {
    let piece = |label: String, content| Piece { label, content };
    vec![
        piece("batch-control.json".to_owned(), Content::Document("batch-control", control())),
        piece("pipeline.toml".to_owned(), Content::Text("[breaker]\nopen_after = 3\n".to_owned())),
        piece(
            "data/queues/priority-queue-npm.json".to_owned(),
            Content::Document("queue", queue()),
        ),
        piece(
            format!("data/failures/{BATCH}.jsonl"),
            Content::Lines("failure", vec![failure("two"), failure("one")]),
        ),
        piece(
            format!("data/metrics/batch-runs-{BATCH}.jsonl"),
            Content::Lines("batch-run", vec![run()]),
        ),
        piece(
            "data/metrics/seeding-runs.jsonl".to_owned(),
            Content::Lines("seeding-run", vec![seeding_run(1), seeding_run(2)]),
        ),
        piece("data/seeding/npm.json".to_owned(), Content::Document("seeding", remembered())),
        piece(
            "data/breaker-log.jsonl".to_owned(),
            Content::Lines("breaker-transition", vec![transition(1), transition(2)]),
        ),
        piece(
            format!("data/outputs/{}/{DIGEST}.txt", &DIGEST[..2]),
            Content::Text(OUTPUT.to_owned()),
        ),
        piece(archive("failures"), Content::Packed("failure", vec![old(&failure("old"))])),
        piece(archive("runs"), Content::Packed("batch-run", vec![old(&run())])),
        piece(archive("breaker"), Content::Packed("breaker-transition", vec![old(&transition(1))])),
        piece(
            archive("outputs"),
            Content::Packed(
                "archived-output",
                vec![json!({"schema_version": 2, "sha256": OLD_DIGEST, "text": OLD_OUTPUT})],
            ),
        ),
        piece(RECIPE.to_owned(), Content::Text(recipe())),
        piece(format!(".tsuku-batch/outbox/{DEAD}.jsonl"), Content::Lines("fact", facts())),
        piece(
            ".tsuku-batch/lock".to_owned(),
            Content::Text("{\"pid\":1,\"since\":\"2026-01-03T00:00:00Z\"}\n".to_owned()),
        ),
        piece(".tsuku-batch/write-lock".to_owned(), Content::Text(String::new())),
    ]
}

fn archive(kind: &str) -> String {
    format!("data/archive/2025-09/{kind}.jsonl.zst")
}

/// `record`, four months earlier.
fn old(record: &Value) -> Value {
    let text = record.to_string().replace(DIGEST, OLD_DIGEST).replace(BATCH, OLD_BATCH);
    let text = text.replace("2026-01-0", "2025-09-0");
    serde_json::from_str(&text).unwrap()
}

fn control() -> Value {
    json!({
        "schema_version": 2, "enabled": true, "disabled_ecosystems": ["cask"],
        "reason": "an incident", "incident_url": "https://x.example/1", "disabled_by": "me",
        "disabled_at": "2026-01-01T00:00:00Z", "expected_resume": "2026-01-02T00:00:00Z",
        "ecosystems": {"npm": {
            "circuit_state": "open", "consecutive_failures": 3,
            "opened_at": "2026-01-01T00:00:00Z", "backoff_until": "2026-01-01T01:00:00Z",
            "backoff_level": 1, "reason": "it failed", "last_failure": "2026-01-01T00:00:00Z",
            "last_run": "2026-01-01T00:00:00Z", "last_batch_id": "npm-2026-01-01T00-00-00Z",
            "row": {"fingerprint": "0123456789abcdef", "packages": ["npm:one"]},
            "opened_for": {"fingerprint": "0123456789abcdef"}}},
        "budget": {"week_start": "2025-12-29", "macos_minutes_used": 1, "linux_minutes_used": 2},
        "hosts": {"registry.npmjs.org": {"paused_until": "2026-01-01T00:00:00Z"}},
        "ours": {"kept": 1}})
}

fn queue() -> Value {
    let added = "2026-01-01T00:00:00Z";
    json!({
        "schema_version": 2, "ecosystem": "npm", "updated_at": added,
        "tiers": {"1": "curated", "2": "popular", "3": "the rest"},
        "packages": [
            {"id": "npm:kept", "tier": 3, "status": "excluded", "added_at": added,
                "status_reason": "an operator said so"},
            {"id": "npm:one", "tier": 1, "status": "success", "added_at": added,
                "popularity": {"value": 7, "unit": "downloads", "source": "npm", "period_days": 7,
                    "as_of": "2026-01-01"},
                "last_attempt_at": "2026-01-02T00:00:00Z", "last_probe_at": "2026-01-02T00:00:00Z",
                "consecutive_failures": 1, "consecutive_faults": 1,
                "next_retry_at": "2026-01-03T00:00:00Z", "routed_from": "homebrew:one",
                "upstream_version": "1.0.0", "generator_version": "builtin 0",
                "notes": ["deprecated"], "recipe": "one", "last_batch_id": BATCH},
            {"id": "npm:two", "tier": 2, "status": "blocked", "added_at": added,
                "blocked_by": ["openssl@3"], "lost": true}]})
}

fn failure(name: &str) -> Value {
    json!({
        "schema_version": 2, "id": format!("{BATCH}-{name}"), "package_id": format!("npm:{name}"),
        "ecosystem": "npm", "batch_id": BATCH, "stage": "validate",
        "category": "validation_failed", "subcategory": "install_failed",
        "service": "registry.npmjs.org", "confidence": "stated", "message": "error: it failed",
        "output": {"sha256": DIGEST, "bytes": 27, "truncated": false}, "exit_code": 1,
        "environment": "linux-debian-glibc-x86_64", "generator": "builtin 0",
        "sandbox": "landlock", "blocked_by": ["openssl"], "notes": ["deprecated"],
        "fingerprint": "0123456789abcdef", "timestamp": "2026-01-02T00:00:10Z",
        "workflow_run_url": "https://x.example/runs/1",
        "origin": {"file": "old.jsonl", "record": 1}})
}

fn run() -> Value {
    json!({
        "schema_version": 2, "batch_id": BATCH, "ecosystem": "npm", "slot": "npm",
        "timestamp": "2026-01-02T00:00:00Z", "duration_seconds": 60, "outcome": "ran",
        "skip_reason": "none", "total": 2, "succeeded": 1, "failed": 1, "blocked": 0,
        "generated": 2, "merged": 1, "excluded": 1, "constrained": 1, "requeued": 1,
        "used_disambiguation": 1, "packages_processed": ["npm:one", "npm:two"],
        "recipes_generated": ["one"],
        "environments": {"linux-debian-glibc-x86_64":
            {"tested": 2, "passed": 1, "failed": 1, "skipped": 0}},
        "minutes": {"macos": 0, "linux": 1},
        "requests": {"registry.npmjs.org": {"sent": 3, "throttled": 0, "waited_ms": 9}},
        "run_id": "run-2026-01-02T00-00-00Z", "interrupted": true, "deferred": ["npm:three"],
        "deferred_for": {"registry.npmjs.org": "2026-01-02T01:00:00Z"},
        "generator": "builtin 0", "workflow_run_url": "https://x.example/runs/1"})
}

fn seeding_run(day: u8) -> Value {
    let source = json!({"name": "top", "outcome": "full", "seen": 3, "total": 3});
    json!({
        "schema_version": 2, "ecosystem": "npm",
        "started_at": format!("2026-01-0{day}T00:00:00Z"),
        "ended_at": format!("2026-01-0{day}T00:01:00Z"), "outcome": "full", "seen": 3, "added": 1,
        "refreshed": 1, "unchanged": 1, "skipped": {"library": 1}, "not_visited": 0,
        "expected": 3, "sources": [source], "suspicious": [],
        "usage": {"registry.npmjs.org": {"sent": 3, "throttled": 0, "waited_ms": 9}}})
}

fn remembered() -> Value {
    json!({"schema_version": 2, "ecosystem": "npm",
        "packages": {"lodash": {"reason": "library", "why": "no command", "at": "2026-01-01"}}})
}

fn transition(hour: u8) -> Value {
    json!({
        "schema_version": 2, "at": format!("2026-01-01T0{hour}:00:00Z"), "ecosystem": "npm",
        "from": "closed", "to": "open", "reason": "3 unhealthy runs in a row",
        "evidence": [FAILURE], "next_probe_at": "2026-01-01T09:00:00Z"})
}

fn recipe() -> String {
    "[metadata]\nname = \"one\"\ndescription = \"One.\"\n\n[[steps]]\naction = \"npm_install\"\n\
     package = \"one\"\nexecutables = [\"one\"]\n\n[verify]\ncommand = \"one --version\"\n\
     pattern = \"{version}\"\n"
        .to_owned()
}

/// Of a run that died at work on a package.
fn facts() -> Vec<Value> {
    let at = "2026-01-03T00:00:01Z";
    let fact = |fact: &str, more: Value| {
        let mut value = json!({"fact": fact, "schema_version": 2, "batch_id": DEAD, "at": at});
        for (key, more) in more.as_object().unwrap() {
            value[key] = more.clone();
        }
        value
    };
    let packages = json!([{"package_id": "npm:two", "environments": ["linux-debian-glibc-x86_64"],
        "lost_before": true}]);
    vec![
        fact(
            "started",
            json!({"plan": {"turn": "own", "probing": true, "packages": packages},
                "generator": "builtin 0", "run_id": "run-2026-01-03T00-00-00Z",
                "program_version": "0", "workflow_run_url": "https://x.example/runs/2"}),
        ),
        fact("began", json!({"package_id": "npm:two", "tries": 1})),
    ]
}

/// What a command is, and which files of the sample it reads.
pub(super) struct Command {
    pub(super) args: Vec<&'static str>,
    /// Beginnings of labels.
    pub(super) meets: Vec<&'static str>,
    /// Whether it may change anything.
    pub(super) writes: bool,
    pub(super) cost: Cost,
}

/// How much time a command takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cost {
    Small,
    /// It tries out the sandbox, writes many pages, or reads everything; or it reads only some fields of
    /// each record, so that damage to values need not be noticed.
    Large,
}

/// The commands that read a root.
pub(super) fn commands() -> Vec<Command> {
    const CONTROL: &str = "batch-control.json";
    const SETTINGS: &str = "pipeline.toml";
    const QUEUES: &str = "data/queues/";
    const FAILURES: &str = "data/failures/";
    const RUNS: &str = "data/metrics/batch-runs-";
    const SEEDINGS: &str = "data/metrics/seeding-runs";
    const LOG: &str = "data/breaker-log";
    const OLD_FAILURES: &str = "data/archive/2025-09/failures";
    const OLD_RUNS: &str = "data/archive/2025-09/runs";
    const OLD_LOG: &str = "data/archive/2025-09/breaker";
    const OLD_OUTPUTS: &str = "data/archive/2025-09/outputs";
    const RECIPES: &str = "recipes/";
    const OUTBOX: &str = ".tsuku-batch/outbox/";
    const OUTPUTS: &str = "data/outputs/";
    const WRITE_LOCK: &str = ".tsuku-batch/write-lock";
    let reads = |args: &[&'static str], meets: &[&'static str]| Command {
        args: args.to_vec(),
        meets: meets.to_vec(),
        writes: false,
        cost: Cost::Small,
    };
    let reads_in_part = |args, meets| Command { cost: Cost::Large, ..reads(args, meets) };
    let writes = |args, meets| Command { writes: true, ..reads(args, meets) };
    let costly = |args, meets| Command { cost: Cost::Large, ..writes(args, meets) };
    vec![
        reads(&["status"], &[CONTROL, SETTINGS, QUEUES, FAILURES, RUNS, SEEDINGS, LOG, OLD_LOG]),
        reads(&["queue", "list"], &[SETTINGS, QUEUES]),
        reads(&["explain", FAILURE], &[CONTROL, SETTINGS, QUEUES, FAILURES]),
        reads_in_part(&["failures", "top"], &[SETTINGS, QUEUES, FAILURES, OLD_FAILURES]),
        reads(&["failures", "list"], &[SETTINGS, FAILURES, OLD_FAILURES]),
        reads(&["failures", "show", OLD_FAILURE], &[SETTINGS, OLD_FAILURES, OLD_OUTPUTS]),
        reads(&["failures", "show", FAILURE], &[SETTINGS, FAILURES, OUTPUTS]),
        reads(&["runs", "list"], &[SETTINGS, RUNS, OLD_RUNS]),
        reads(&["runs", "show", OLD_BATCH], &[SETTINGS, OLD_RUNS, OLD_FAILURES]),
        reads(&["runs", "show", BATCH], &[SETTINGS, RUNS, FAILURES]),
        reads(&["seed", "status"], &[SETTINGS, QUEUES, SEEDINGS]),
        reads(&["recipe", "check", RECIPE], &[RECIPES]),
        reads(&["fold", "--artifacts", ".tsuku-batch/outbox"], &[OUTBOX, RECIPES]),
        reads_in_part(
            &["doctor"],
            &[CONTROL, SETTINGS, QUEUES, "data/", RECIPES, OUTBOX, ".tsuku-batch/lock"],
        ),
        // No tool of npm is found.
        reads(&["try", "npm:one"], &[CONTROL, SETTINGS]),
        // The records of the day before yesterday are old.
        writes(
            &["archive", "--older-than", "1d"],
            &[SETTINGS, FAILURES, RUNS, LOG, OUTPUTS, "data/archive/"],
        ),
        reads(&["archive", "--dry-run"], &[SETTINGS, FAILURES, RUNS, LOG, "data/archive/"]),
        reads(&["reclassify"], &[SETTINGS, FAILURES, OLD_FAILURES]),
        writes(&["reclassify", "--write"], &[SETTINGS, FAILURES, OLD_FAILURES]),
        writes(&["queue", "add", "npm:three"], &[SETTINGS, QUEUES, WRITE_LOCK]),
        // Cask is switched off.
        costly(&["seed", "cask"], &[CONTROL, SETTINGS]),
        costly(&["dashboard", "build"], &[QUEUES, RUNS]),
        costly(&["run", "--ecosystem", "npm"], &[CONTROL, RECIPES, OUTBOX, ".tsuku-batch/lock"]),
    ]
}
