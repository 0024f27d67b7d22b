//! Damaged state and wrong arguments: each causes one clear error or one quarantined entry, and no
//! other data is lost.

use std::process::{Command, Output, Stdio};

use batch_core::io::{Clock as _, SystemClock};
use libtest_mimic::Trial;
use serde_json::json;

use crate::{
    root::{TestRoot, program},
    trial,
};

pub(crate) fn trials(backends: &[String]) -> Vec<Trial> {
    let has_bubblewrap = backends.iter().any(|backend| backend == "bubblewrap");
    let obstacle = (!has_bubblewrap).then_some("bubblewrap does not work here");
    let always: [(&str, fn()); 10] = [
        ("a_truncated_queue_is_one_error_that_names_file_line_and_remedy", truncated),
        ("a_bad_entry_is_in_quarantine_and_nothing_else_is_lost", quarantined),
        ("a_hostile_name_is_refused_before_anything_is_asked", hostile_names),
        ("unknown_words_are_answered_with_the_nearest_known_ones", unknown_words),
        ("a_folder_that_is_no_root_is_named_with_the_remedy", no_root),
        ("a_misspelt_setting_is_named_with_its_line", misspelt_setting),
        ("the_kill_switch_stops_every_attempt", kill_switch),
        ("a_host_that_wants_to_be_left_alone_costs_no_attempt", paused_host),
        ("who_reads_one_line_only_sees_no_error", closed_pipe),
        ("a_dead_run_whose_queue_is_broken_waits_and_stops_nobody", journal_without_queue),
    ];
    let always = always.into_iter().map(|(name, test)| trial(name, test, None));
    let with_bubblewrap = [
        trial("a_read_only_root_is_one_clear_error", read_only_root, obstacle),
        trial("a_full_disk_is_one_clear_error_and_truncates_nothing", full_disk, obstacle),
    ];
    always.chain(with_bubblewrap).collect()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn check_refused(output: &Output, code: i32, words: &[&str]) {
    let said = said(output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said:?}");
    }
    // With --json it is an object.
    let n_errors = said.matches("error:").count() + said.matches("{\"error\":").count();
    assert_eq!(n_errors, 1, "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

fn truncated() {
    let root = TestRoot::new("http://127.0.0.1:9", "");
    let path = root.path("data/queues/priority-queue-npm.json");
    let text = "{\n  \"schema_version\": 2,\n  \"ecosystem\": \"npm\",\n  \"pack";
    std::fs::write(&path, text).unwrap();
    check_refused(&root.run(&["queue", "list"]), 6, &["priority-queue-npm.json", "line 4"]);
    // A run skips that ecosystem, says why, and leaves the file unchanged.
    let run = root.run(&["run", "--ecosystem", "npm", "--json", "-q"]);
    assert_eq!(run.status.code(), Some(4), "{run:?}");
    let summary: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    let message = summary["skipped"][0]["message"].as_str().unwrap();
    assert!(message.contains("line 4"), "{message}");
    assert_eq!(std::fs::read_to_string(path).unwrap(), text);
}

fn quarantined() {
    let root = TestRoot::new("http://127.0.0.1:9", "");
    let entry = |id: &str, status: &str| json!({ "id": id, "tier": 1, "status": status, "added_at": "2026-01-01T00:00:00Z" });
    let long = format!("npm:{}", "a".repeat(300));
    let bad = ["npm:../../x", "npm:-rf", &long, "npm:a\nb", "npm:<script>", "npm:рrettier"];
    let mut entries = vec![entry("npm:good", "pending"), entry("npm:odd", "generated")];
    entries.extend(bad.map(|id| entry(id, "pending")));
    entries.extend([entry("npm:twice", "pending"), entry("npm:twice", "success")]);
    root.put_queue(&json!(entries).to_string());

    let list = || {
        let lines = root.json_lines(&["queue", "list", "--ecosystem", "npm"]);
        let text = root.ok(&["queue", "list", "--ecosystem", "npm"]);
        (lines.len(), text.matches("problem: ").count())
    };
    assert_eq!(list(), (2, 8));
    root.ok(&["queue", "add", "npm:another"]);
    // An unknown status may mean that the package must not be attempted.
    let odd = root.run(&["queue", "add", "npm:one-more", "npm:odd"]);
    assert_eq!(odd.status.code(), Some(2), "{}", String::from_utf8_lossy(&odd.stderr));
    assert_eq!(list(), (3, 8), "a rewrite lost something");
    let text = std::fs::read_to_string(root.path("data/queues/priority-queue-npm.json")).unwrap();
    for word in ["generated", "../../x", "<script>"] {
        assert!(text.contains(word), "{word} is lost");
    }
}

fn hostile_names() {
    let root = TestRoot::new("http://127.0.0.1:9", "");
    let long = "a".repeat(300);
    for name in ["../../x", "-rf", &long, "a\nb", "<script>", "рrettier", ""] {
        let id = format!("npm:{name}");
        for command in [&["queue", "add", &id][..], &["try", &id], &["try", &id, "--json"]] {
            check_refused(&root.run(command), 2, &["npm package name"]);
        }
    }
    assert!(root.queue().is_empty());
}

fn unknown_words() {
    let root = TestRoot::new("http://127.0.0.1:9", "");
    check_refused(&root.run(&["run", "--ecosystem", "nmp"]), 2, &["did you mean npm?"]);
    check_refused(&root.run(&["queue", "list", "-s", "pendng"]), 2, &["did you mean pending?"]);
    check_refused(&root.run(&["runs", "show", "x"]), 3, &["there are none yet"]);
    check_refused(&root.run(&["failures", "show", "x"]), 3, &["there are none yet"]);
    check_refused(&root.run(&["stauts"]), 2, &["status"]);
    let category = ["failures", "list", "--category", "instal_failed"];
    check_refused(&root.run(&category), 2, &["did you mean install_failed"]);
    check_refused(&root.run(&["failures", "list", "--batch", "x"]), 3, &["there are none yet"]);
}

fn closed_pipe() {
    let root = TestRoot::new("http://127.0.0.1:9", "");
    root.put_pending(&["one"]);
    for args in [
        &["queue", "list"][..],
        &["status"],
        &["status", "--json"],
        &["failures", "list", "--json"],
        &["failures", "top"],
        &["runs", "list"],
    ] {
        let mut child =
            root.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), said(&output)), (Some(0), String::new()), "{args:?}");
    }
}

/// The journal of an interrupted run, and a queue that cannot be read: the journal waits until the
/// queue can be read.
fn journal_without_queue() {
    let root = TestRoot::new("http://127.0.0.1:9", "");
    std::fs::write(root.path("data/queues/priority-queue-npm.json"), "{").unwrap();
    let start = r#"{"fact":"started","schema_version":2,"batch_id":"npm-2026-01-01T00-00-00Z","at":"2026-01-01T00:00:00Z","plan":{"turn":"own","packages":[]},"generator":"builtin 0","program_version":"0"}"#;
    let journal = root.path(".tsuku-batch/outbox/npm-2026-01-01T00-00-00Z.jsonl");
    std::fs::create_dir_all(journal.parent().unwrap()).unwrap();
    std::fs::write(&journal, format!("{start}\n")).unwrap();
    let summary = || {
        let run = root.run(&["run", "--ecosystem", "all", "--json", "-q"]);
        assert_eq!(run.status.code(), Some(4), "{run:?}");
        serde_json::from_slice::<serde_json::Value>(&run.stdout).unwrap()
    };
    assert_eq!(summary()["recovered"], json!([]));
    assert!(journal.exists());
    root.put_queue("[]");
    assert_eq!(summary()["recovered"], json!(["npm-2026-01-01T00-00-00Z"]));
    assert!(!journal.exists());
}

fn no_root() {
    let dir = tempfile::tempdir().unwrap();
    for command in [&["run"][..], &["status"], &["queue", "list"], &["dashboard", "build"]] {
        let output = Command::new(program()).arg("--root").arg(dir.path()).args(command).output();
        check_refused(&output.unwrap(), 6, &["tsuku-batch init"]);
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "something was written");
}

fn misspelt_setting() {
    let root = TestRoot::new("http://127.0.0.1:9", "");
    std::fs::write(root.path("pipeline.toml"), "[breaker]\nopen_aftr = 1\n").unwrap();
    check_refused(&root.run(&["plan"]), 6, &["pipeline.toml", "line 2", "open_aftr"]);
    let limits = "[limits]\n\"registry.npmjs.org/\" = { period_ms = 1 }\n";
    std::fs::write(root.path("pipeline.toml"), limits).unwrap();
    root.put_pending(&["one"]);
    let output = root.run(&["run", "--ecosystem", "npm", "-q"]);
    check_refused(&output, 6, &["registry.npmjs.org", "pipeline.toml"]);
}

/// Attempts without requests would count against packages and the registry.
fn paused_host() {
    let root = TestRoot::new("http://127.0.0.1:9", "");
    root.put_pending(&["one"]);
    // The longest pause that a host can request. A pause of years was recorded under a wrong clock.
    let until = SystemClock::default().now() + chrono::TimeDelta::hours(1);
    let hosts = json!({"registry.npmjs.org": {"paused_until": until}});
    let control = json!({"schema_version": 2, "enabled": true, "hosts": hosts});
    std::fs::write(root.path("batch-control.json"), control.to_string()).unwrap();
    let output = root.run(&["run", "--ecosystem", "npm", "-q", "--json"]);
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["skipped"][0]["reason"]["kind"], "host_paused", "{summary:#}");
    assert_eq!(root.queue()["npm:one"]["last_attempt_at"], json!(null));
}

fn kill_switch() {
    let root = TestRoot::new("http://127.0.0.1:9", "");
    root.put_pending(&["one"]);
    let text = r#"{"schema_version":2,"enabled":false,"reason":"incident","ours":{"kept":1}}"#;
    std::fs::write(root.path("batch-control.json"), text).unwrap();
    let output = root.run(&["run", "--ecosystem", "all", "-q"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(root.ok(&["status"]).contains("PAUSED: incident"));
    assert_eq!(root.queue()["npm:one"]["status"], "pending");
    assert_eq!(root.queue()["npm:one"]["last_attempt_at"], json!(null));
    check_refused(
        &root.run(&["try", "npm:one"]),
        4,
        &["npm is not tried: disabled in", "incident"],
    );
}

/// Runs the program with `args`, with the root mounted by bubblewrap's option `mount`.
fn in_world(root: &TestRoot, mount: &[&str], script: &str) -> Output {
    let dir = root.dir.path().to_str().unwrap();
    Command::new("bwrap")
        .args(["--dev-bind", "/", "/"])
        .args(mount)
        .arg(dir)
        .args(["--", "/bin/sh", "-c", script, "sh"])
        .arg(program())
        .arg(dir)
        .output()
        .unwrap()
}

fn read_only_root() {
    let root = TestRoot::new("http://127.0.0.1:9", "");
    root.put_pending(&["one"]);
    let dir = root.dir.path().to_str().unwrap();
    let script = "\"$1\" --root \"$2\" run --ecosystem npm -q";
    let output = in_world(&root, &["--ro-bind", dir], script);
    check_refused(&output, 6, &["read-only"]);
    assert_eq!(root.queue()["npm:one"]["status"], "pending");
}

fn full_disk() {
    let root = TestRoot::new("http://127.0.0.1:9", "");
    // A small file system is created, filled up, and then written to: the queue must be unchanged.
    let script = "\"$1\" --root \"$2\" init >/dev/null && cp -r \"$2/data\" \"$2/before\" && \
        { head -c 4000000 /dev/zero > \"$2/ballast\" 2>/dev/null; \
        \"$1\" --root \"$2\" queue add npm:another-one; code=$?; \
        diff -r \"$2/data\" \"$2/before\" || exit 99; exit $code; }";
    let output = in_world(&root, &["--size", "1000000", "--tmpfs"], script);
    check_refused(&output, 6, &["disk", "full"]);
}
