//! State that was damaged, or written under a wrong clock: every command that meets it names it,
//! none hangs or stops without need, and the reported health is what monitors read.

use std::{
    process::{Command, Output, Stdio},
    time::Duration,
};

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{root::TestRoot, trial};

pub(crate) fn trials() -> Vec<Trial> {
    let tests: [(&str, fn()); 9] = [
        ("settings_that_are_no_regular_file_are_one_error_and_never_opened", odd_settings),
        ("every_listing_names_the_damaged_records_that_it_meets", listings),
        ("a_misspelt_name_in_the_control_file_stops_what_it_should_have_stopped", misspelt_control),
        ("a_folder_in_place_of_a_recipe_or_a_damaged_control_file_costs_no_page", pages),
        ("journals_that_cannot_be_used_are_set_aside_and_stop_no_run", unusable_journals),
        ("an_edited_or_unreadable_recipe_leaves_its_entry_done", changed_recipes),
        ("a_run_of_the_future_is_named_and_dates_nothing", future),
        ("a_monitor_reads_the_verdict_from_the_exit_code", verdicts),
        ("open_breakers_and_paused_hosts_are_no_healthy_pipeline", degraded),
    ];
    tests.into_iter().map(|(name, test)| trial(name, test, None)).collect()
}

const NOBODY: &str = "http://127.0.0.1:9";

/// The output of `args`, which must end within `timeout`: opening a pipe would wait forever.
fn ended(root: &TestRoot, args: &[&str]) -> Output {
    let dir = root.dir.path().to_str().unwrap();
    Command::new("timeout")
        .args(["--signal=KILL", "20", crate::root::program().to_str().unwrap(), "--root", dir])
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[track_caller]
fn check(output: &Output, code: i32, words: &[&str]) {
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.status.code(), Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said:?}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

/// Damages the path.
type Fault<'a> = &'a dyn Fn(&std::path::Path);

fn odd_settings() {
    let root = TestRoot::new(NOBODY, "");
    let settings = root.path("pipeline.toml");
    let fifo = |path: &std::path::Path| {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    let dangling = |path: &std::path::Path| std::os::unix::fs::symlink("nowhere", path).unwrap();
    let folder = |path: &std::path::Path| std::fs::create_dir(path).unwrap();
    let huge = |path: &std::path::Path| {
        std::fs::File::create(path).unwrap().set_len(600 << 20).unwrap();
    };
    let faults: [(Fault<'_>, &str); 4] = [
        (&fifo, "a pipe, socket or device is in the place"),
        (&dangling, "a symbolic link is in the place"),
        (&folder, "a folder is in the place"),
        (&huge, "629145600 bytes, more than the limit of 1048576"),
    ];
    for (make, words) in faults {
        let _ = std::fs::remove_file(&settings);
        let _ = std::fs::remove_dir(&settings);
        make(&settings);
        for args in
            [&["status"][..], &["plan"], &["run", "-q"], &["try", "npm:one"], &["seed", "npm"]]
        {
            check(&ended(&root, args), 6, &["pipeline.toml: ", words]);
        }
    }
}

const BATCH: &str = "npm-2026-01-02T00-00-00Z";

fn run_record(batch: &str, timestamp: &str) -> Value {
    json!({"schema_version": 2, "batch_id": batch, "ecosystem": "npm", "timestamp": timestamp,
        "duration_seconds": 60, "outcome": "ran", "total": 1, "succeeded": 1, "failed": 0,
        "blocked": 0, "generated": 1, "merged": 1, "packages_processed": ["npm:one"]})
}

fn put(root: &TestRoot, file: &str, text: impl AsRef<[u8]>) {
    let path = root.path(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn put_run(root: &TestRoot, batch: &str, timestamp: &str) {
    let file = format!("data/metrics/batch-runs-{batch}.jsonl");
    put(root, &file, run_record(batch, timestamp).to_string() + "\n");
}

fn listings() {
    let root = TestRoot::new(NOBODY, "");
    let failures = format!("data/failures/{BATCH}.jsonl");
    let runs = format!("data/metrics/batch-runs-{BATCH}.jsonl");
    put(&root, &failures, "{\"schema_version\": 2, \"id\"\n");
    put(&root, &runs, "not a record\n");
    put(&root, "data/metrics/seeding-runs.jsonl", "{}\n");
    put(&root, "data/breaker-log.jsonl", "[]\n");
    let failure = format!("{BATCH}-one");
    let of_failures = format!("{failures}, line 1: ");
    let of_runs = format!("{runs}, line 1: ");
    for (args, code, word) in [
        (&["failures", "list"][..], 6, &of_failures),
        (&["failures", "list", "--package", "npm:one"], 6, &of_failures),
        (&["failures", "list", "--batch", BATCH, "--json"], 6, &of_failures),
        (&["failures", "show", &failure], 6, &of_failures),
        (&["runs", "list"], 6, &of_runs),
        (&["runs", "list", "--json"], 6, &of_runs),
        (&["runs", "show", BATCH], 6, &of_runs),
        (&["status"], 0, &of_runs),
        (&["status"], 0, &"data/breaker-log.jsonl, line 1: ".to_owned()),
        (&["seed", "status"], 0, &"data/metrics/seeding-runs.jsonl, line 1: ".to_owned()),
    ] {
        check(&ended(&root, args), code, &[word]);
    }
    // Readable records are shown beside unreadable ones.
    put_run(&root, "npm-2026-01-01T00-00-00Z", "2026-01-01T00:00:00Z");
    let list = ended(&root, &["runs", "list", "--json"]);
    check(&list, 0, &[&format!("warning: {of_runs}")]);
    assert_eq!(String::from_utf8(list.stdout).unwrap().lines().count(), 1);
    let list = ended(&root, &["runs", "list"]);
    check(&list, 0, &[&format!("problem: {of_runs}"), "1 of 1 run"]);
}

fn misspelt_control() {
    let root = TestRoot::new(NOBODY, "");
    root.put_pending(&["one"]);
    let before = root.queue();
    for (key, ecosystem, words) in [
        ("disabled_ecosystems", "nmp", ["\"nmp\"", "did you mean \"npm\"?"]),
        ("disabled_ecosytems", "npm", ["\"disabled_ecosytems\"", "\"disabled_ecosystems\"?"]),
    ] {
        let control = json!({"schema_version": 2, "enabled": true, key: [ecosystem]});
        put(&root, "batch-control.json", control.to_string());
        let words = ["batch-control.json: ", words[0], words[1]];
        for args in [&["run", "-q"][..], &["plan"], &["seed", "npm"], &["try", "npm:one"]] {
            check(&ended(&root, args), 6, &words);
        }
        let status = root.json(&["status"]);
        let reason = &status["health"]["reasons"][0];
        assert_eq!(reason["subject"], "batch-control.json", "{status:#}");
        assert!(status["problems"][0].as_str().unwrap().contains(words[2]), "{status:#}");
    }
    assert_eq!(root.queue(), before);
    assert!(!root.path("data/metrics").exists(), "a run left a record");
}

fn pages() {
    let root = TestRoot::new(NOBODY, "");
    let mut record = run_record(BATCH, "2026-01-02T00:00:00Z");
    record["recipes_generated"] = json!(["one"]);
    put(&root, &format!("data/metrics/batch-runs-{BATCH}.jsonl"), record.to_string() + "\n");
    std::fs::create_dir_all(root.path("recipes/o/one.toml")).unwrap();
    put(&root, "batch-control.json", "{");
    root.ok(&["dashboard", "build"]);
    let problems = std::fs::read_to_string(root.path("site/problems.html")).unwrap();
    assert!(
        problems.contains("one.toml") && problems.contains("a folder is in the place"),
        "{problems}"
    );
    assert!(problems.contains("batch-control.json"), "{problems}");
    let text = std::fs::read_to_string(root.path("site/dashboard.json")).unwrap();
    let page: Value = serde_json::from_str(&text).unwrap();
    let status = root.json(&["status"]);
    assert_eq!(page["health"]["verdict"], status["health"]["verdict"]);

    // A folder of the state that cannot be listed is an error of the state, not of the site.
    std::fs::remove_dir_all(root.path("data/metrics")).unwrap();
    put(&root, "data/metrics", "a file in place of a folder");
    let output = ended(&root, &["dashboard", "build"]);
    check(&output, 6, &["data/metrics"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("cannot write"), "{output:?}");
}

/// The start of a batch that planned nothing.
fn start(batch: &str, schema_version: u32) -> Value {
    json!({"fact": "started", "schema_version": schema_version, "batch_id": batch,
        "at": "2026-01-01T00:00:00Z", "plan": {"turn": "own", "packages": []},
        "generator": "builtin 0", "program_version": "0"})
}

fn unusable_journals() {
    let root = TestRoot::new(NOBODY, "");
    let batch = |second: u8| format!("npm-2026-01-01T00-00-0{second}Z");
    let outbox = |batch: &str| format!(".tsuku-batch/outbox/{batch}.jsonl");
    let contents = [
        start(&batch(1), 3).to_string() + "\n",
        "\u{0}\u{0}\n".to_owned(),
        format!("{}\nno fact\n", start(&batch(3), 2)),
        format!("{}\n", start(&batch(4), 2)),
    ];
    for (second, content) in (1..).zip(&contents) {
        put(&root, &outbox(&batch(second)), content);
    }
    std::fs::create_dir(root.path(&outbox(&batch(5)))).unwrap();
    let run = |code| {
        let output = ended(&root, &["run", "--ecosystem", "npm", "--json"]);
        check(&output, code, &[]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (serde_json::from_slice::<Value>(&output.stdout).unwrap(), said)
    };
    let (summary, said) = run(4);
    assert_eq!(summary["recovered"], json!([batch(3), batch(4)]), "{said}");
    assert!(said.contains("schema version 3, but this program reads version 2"), "{said}");
    // Nothing of what could not be read is lost, whatever else is recorded.
    for (second, content) in [(1, &contents[0]), (2, &contents[1]), (3, &contents[2])] {
        let kept = format!(".tsuku-batch/set-aside/{}.jsonl", batch(second));
        assert!(said.contains(&kept), "{said}");
        assert!(std::fs::read_to_string(root.path(&kept)).unwrap().starts_with(content));
        let status = ended(&root, &["status"]);
        check(&status, 0, &[&format!("problem: {kept}: could not be used and was set aside")]);
    }
    assert_eq!(std::fs::read_dir(root.path(".tsuku-batch/outbox")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(root.path(".tsuku-batch/set-aside")).unwrap().count(), 4);
    let (summary, said) = run(4);
    assert_eq!(summary["recovered"], json!([]));
    assert!(!said.contains("journal"), "each is told once: {said}");
}

fn changed_recipes() {
    let root = TestRoot::new(NOBODY, "");
    let done = |id: &str| {
        json!({"id": format!("npm:{id}"), "tier": 1, "status": "success",
            "added_at": "2026-01-01T00:00:00Z"})
    };
    let with_recipe = |id: &str, recipe: &str| {
        let mut entry = done(id);
        entry["recipe"] = recipe.into();
        entry
    };
    let entries = [
        with_recipe("edited", "edited"),
        with_recipe("broken", "broken"),
        with_recipe("folder", "folder"),
        with_recipe("gone", "gone"),
        done("@old/scoped"),
    ];
    root.put_queue(&json!(entries).to_string());
    put(&root, "recipes/e/edited.toml", "[metadata]\nname = \"something else\"\n");
    put(&root, "recipes/b/broken.toml", "[metadata\n");
    put(&root, "recipes/o/old-scoped.toml", "edited before entries knew their recipes\n");
    std::fs::create_dir_all(root.path("recipes/f/folder.toml")).unwrap();
    // So that nothing is attempted.
    put(&root, "batch-control.json", r#"{"schema_version":2,"enabled":false}"#);
    let output = ended(&root, &["run", "--ecosystem", "npm"]);
    for name in ["edited", "broken", "folder"] {
        check(&output, 4, &[&format!("/{name}.toml: the recipe cannot be read")]);
    }
    let queue = root.queue();
    for id in ["edited", "broken", "folder", "@old/scoped"] {
        assert_eq!(queue[&format!("npm:{id}")]["status"], "success", "{id}");
    }
    assert_eq!(queue["npm:gone"]["status"], "pending", "its file is gone");
    assert_eq!(queue["npm:@old/scoped"]["recipe"], "old-scoped");
}

fn future() {
    let root = TestRoot::new(NOBODY, "");
    let ahead = "npm-2099-01-01T00-00-00Z";
    put_run(&root, ahead, "2099-01-01T00:00:00Z");
    root.put_queue(
        r#"[{"id":"npm:one","tier":1,"status":"failed","added_at":"2026-01-01T00:00:00Z",
            "last_attempt_at":"2099-01-01T00:00:00Z","next_retry_at":"2099-01-02T00:00:00Z",
            "consecutive_failures":1}]"#,
    );
    let control = json!({"schema_version": 2, "enabled": true,
        "ecosystems": {"npm": {"circuit_state": "open", "opened_at": "2099-01-01T00:00:00Z",
            "backoff_until": "2099-01-01T01:00:00Z", "last_run": "2099-01-01T00:00:00Z",
            "last_batch_id": ahead}},
        "hosts": {"registry.npmjs.org": {"paused_until": "2099-01-01T01:00:00Z"}}});
    put(&root, "batch-control.json", control.to_string());
    let status = root.json(&["status"]);
    let reasons = status["health"]["reasons"].as_array().unwrap();
    let subjects: Vec<&str> = reasons
        .iter()
        .filter(|reason| reason["code"] == "clock_ahead")
        .map(|reason| reason["subject"].as_str().unwrap())
        .collect();
    assert_eq!(subjects, ["npm", ahead, "npm:one", "registry.npmjs.org"], "{status:#}");
    assert_eq!(status["health"]["verdict"], "stalled");
    assert_eq!(status["paused_hosts"], json!([]));
    let npm = status["ecosystems"].as_array().unwrap().iter().find(|it| it["id"] == "npm");
    assert_eq!(npm.unwrap()["breaker"], "closed", "{status:#}");
    let plan = ended(&root, &["plan", "--ecosystem", "npm", "--json"]);
    let plan: Value = serde_json::from_slice(&plan.stdout).unwrap();
    // Without npm on this machine its batch is not planned, so there are no times.
    if let Some(batch) = plan["batches"].get(0) {
        assert_eq!(batch["attempts"], json!(["npm:one"]));
        assert!(!batch["batch_id"].as_str().unwrap().contains("2099"), "{plan:#}");
    } else {
        let skipped = plan["skipped"].to_string();
        assert!(!skipped.contains("2099"), "{plan:#}");
    }
}

/// The id of the run that started this long ago, and that instant in the format of records.
fn ago(span: Duration) -> (String, String) {
    let at = instant(now() - span.as_secs());
    (format!("npm-{}", at.replace(':', "-")), at)
}

fn instant(unix_seconds: u64) -> String {
    let at = chrono::DateTime::from_timestamp(i64::try_from(unix_seconds).unwrap(), 0).unwrap();
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn now() -> u64 {
    u64::try_from(chrono::Utc::now().timestamp()).unwrap()
}

const HOUR: Duration = Duration::from_secs(60 * 60);

#[track_caller]
fn check_verdict(root: &TestRoot, code: i32, headline: &str) {
    check(&ended(root, &["status", "--exit-code"]), code, &[headline]);
    root.ok(&["status"]);
}

fn verdicts() {
    let root = TestRoot::new(NOBODY, "");
    root.put_pending(&["two"]);
    check_verdict(&root, 13, "NEVER RUN: nothing has run yet");
    let (batch, at) = ago(27 * 24 * HOUR);
    put_run(&root, &batch, &at);
    check_verdict(&root, 11, "STALLED: the pipeline is stalled");
    let status = root.json(&["status"]);
    assert_eq!(status["health"]["pipeline"], "stalled");
    assert_eq!(status["health"]["reasons"][0]["code"], "data_stale");
    let (batch, at) = ago(HOUR);
    put_run(&root, &batch, &at);
    check_verdict(&root, 0, &format!("HEALTHY: the pipeline is running; last run {batch}"));
    let journal = root.path(&format!(".tsuku-batch/outbox/{batch}.jsonl"));
    std::fs::create_dir_all(journal.parent().unwrap()).unwrap();
    std::fs::write(&journal, "").unwrap();
    check_verdict(&root, 10, &format!("dead_run: {batch}"));
    put(&root, "batch-control.json", r#"{"schema_version":2,"enabled":false,"reason":"incident"}"#);
    check_verdict(&root, 12, "PAUSED: incident");
}

fn degraded() {
    let root = TestRoot::new(NOBODY, "");
    root.put_pending(&["two"]);
    let (batch, at) = ago(HOUR);
    put_run(&root, &batch, &at);
    let (_, opened_at) = ago(HOUR);
    let (soon, later) = (instant(now() + 60), instant(now() + 1800));
    let control = json!({"schema_version": 2, "enabled": true,
        "ecosystems": {"npm": {"circuit_state": "open", "opened_at": opened_at,
            "backoff_until": soon}},
        "hosts": {"files.example": {"paused_until": later}}});
    put(&root, "batch-control.json", control.to_string());
    check_verdict(&root, 10, "DEGRADED: the pipeline is running");
    let text = root.ok(&["status"]);
    assert!(text.contains("breaker_open: npm has an open circuit breaker"), "{text}");
    assert!(text.contains("host_paused: files.example asked"), "{text}");
    let status = root.json(&["status"]);
    assert_eq!(status["paused_hosts"][0]["host"], "files.example");
    for reason in status["health"]["reasons"].as_array().unwrap() {
        assert!(reason["command"].as_str().unwrap().starts_with("tsuku-batch "), "{reason:#}");
    }
}
