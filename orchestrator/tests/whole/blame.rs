//! Whose failure it is: a package that asks for more than any package needs has failed, one that
//! nobody was asked about has not, and neither has one whose run died.

use std::{collections::BTreeMap, process::Stdio, time::Duration};

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{
    registry::{self, Package},
    root::{TestRoot, obstacle_to_npm},
    trial,
    waiting::wait_for,
};

pub(crate) fn trials() -> Vec<Trial> {
    let obstacle = obstacle_to_npm();
    let tests: [(&str, fn()); 4] = [
        ("a_tarball_of_too_many_files_is_the_packages_own_failure", too_many_files),
        ("a_pause_in_mid_batch_defers_what_was_not_asked_about", paused_in_mid_batch),
        ("a_run_that_was_killed_ended_with_its_last_fact_and_blames_nobody", killed_run),
        ("two_signals_to_end_that_come_together_end_a_run_in_order", two_signals),
    ];
    tests.into_iter().map(|(name, test)| trial(name, test, obstacle.as_deref())).collect()
}

const RUN: &[&str] = &["run", "--ecosystem", "npm", "--jobs", "1", "-q"];

fn entry(root: &TestRoot, id: &str) -> Value {
    root.queue()[id].clone()
}

/// Small ones: they fill neither the memory nor the disk that a job may have.
fn too_many_files() {
    let files = (0..3_000).map(|n| (format!("lib/{}/{n}.js", n / 100), String::new()));
    let tool = Package::tool("many", 0);
    let files = files.chain(tool.files.clone()).collect::<BTreeMap<_, _>>();
    let many = Package { files, ..tool };
    let origin = registry::serve([many, Package::tool("few", 0)], Duration::ZERO);
    let root = TestRoot::new(&origin, "[sandbox]\nfiles = 1000\n");
    root.put_pending(&["few", "many"]);
    let summary = root.json(RUN);
    let attempts = summary["batches"][0]["attempts"].as_array().unwrap().clone();
    let of = |id: &str| attempts.iter().find(|attempt| attempt["package_id"] == id).unwrap();
    assert_eq!(of("npm:few")["recipe"], "few", "{summary:#}");
    let failure = &of("npm:many")["failure"];
    assert_eq!(failure["category"], "validation_failed", "{failure:#}");
    assert_eq!(failure["subcategory"], "install_failed");
    assert!(failure["message"].as_str().unwrap().contains("too many files"), "{failure:#}");
    assert_eq!(entry(&root, "npm:many")["consecutive_failures"], 1, "it is its own failure");
}

fn paused_in_mid_batch() {
    let names = ["a1", registry::PAUSING, "z1", "z2", "z3"];
    let origin = registry::serve(names.map(|name| Package::tool(name, 0)), Duration::ZERO);
    let root = TestRoot::new(&origin, "");
    // One request at a time: the others wait when the registry asks for the pause.
    let settings = root.path("pipeline.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(&settings, text.replace("concurrency = 8", "concurrency = 1")).unwrap();
    root.put_pending(&names);
    let before = root.queue();
    let summary = root.json(RUN);
    let batch = &summary["batches"][0];
    assert_eq!((&batch["succeeded"], &batch["failed"]), (&json!(1), &json!(1)), "{summary:#}");
    assert_eq!(batch["deferred"], 3);

    let failures = root.json_lines(&["failures", "list"]);
    assert_eq!(failures.len(), 1, "one record says why: {failures:#?}");
    let failure = &failures[0];
    assert_eq!(failure["subcategory"], "rate_limited");
    assert_eq!(failure["service"], "registry.npmjs.org");
    let record = &root.json_lines(&["runs", "list"])[0];
    assert_eq!(record["deferred"], json!(["npm:z1", "npm:z2", "npm:z3"]));
    assert!(record["deferred_for"]["registry.npmjs.org"].is_string(), "{record:#}");
    let batch = record["batch_id"].as_str().unwrap();
    let shown = root.ok(&["runs", "show", batch]);
    assert!(shown.contains("3 packages are deferred: registry.npmjs.org asked"), "{shown}");
    for name in ["z1", "z2", "z3"] {
        let id = format!("npm:{name}");
        assert_eq!(entry(&root, &id), before[&id], "an attempt is held against {id}");
    }
}

/// Waits until the journal of the run that is under way says `what`.
fn wait_for_fact(root: &TestRoot, what: &str) {
    wait_for(&format!("a journal that says {what:?}"), || {
        let journals = std::fs::read_dir(root.path(".tsuku-batch/outbox")).into_iter().flatten();
        let texts = journals.flatten().map(|it| std::fs::read_to_string(it.path()));
        texts.flatten().any(|text| text.contains(what))
    });
}

/// Starts a run and kills it while it is at work on the package `slow`.
fn kill_at_work(root: &TestRoot) {
    let mut run = root.command(RUN).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for_fact(root, "\"environment\"");
    run.kill().unwrap();
    run.wait().unwrap();
}

/// Sets the switch of the control file and leaves the rest of it: it says which batch was the last
/// one, without which two batches that start in one second would have the same id.
fn switch(root: &TestRoot, enabled: bool) {
    let file = root.path("batch-control.json");
    let mut control: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    control["enabled"] = json!(enabled);
    control["reason"] = json!("a person looks");
    std::fs::write(file, control.to_string()).unwrap();
}

fn killed_run() {
    let origin = registry::serve([Package::tool("slow", 600_000)], Duration::ZERO);
    let root = TestRoot::new(&origin, "");
    root.put_pending(&["slow"]);
    kill_at_work(&root);
    switch(&root, false);
    // An hour later somebody looks.
    let later = |args: &[&str]| {
        let now = batch_core::io::SystemClock::default();
        let now = batch_core::io::Clock::now(&now) + Duration::from_secs(3600);
        root.command(args).env("TSUKU_BATCH_NOW", now.to_rfc3339()).output().unwrap()
    };
    later(RUN);
    let record = &root.json_lines(&["runs", "list"])[1];
    assert_eq!((&record["total"], &record["failed"]), (&json!(0), &json!(0)), "{record:#}");
    assert_eq!(record["interrupted"], true);
    assert_eq!(record["deferred"], json!(["npm:slow"]));
    let seconds = record["duration_seconds"].as_u64().unwrap();
    assert!(seconds < 3600, "it is said to have run for {seconds} s");
    assert!(root.ok(&["runs", "list"]).contains("interrupted"));
    assert!(root.json_lines(&["failures", "list"]).is_empty());
    let slow = entry(&root, "npm:slow");
    assert_eq!((&slow["status"], &slow["next_retry_at"]), (&json!("pending"), &json!(null)));
    assert_eq!(slow["lost"], true);

    // The second death in a row costs an attempt, or a package could take machines down for ever.
    switch(&root, true);
    kill_at_work(&root);
    switch(&root, false);
    root.run(RUN);
    let failures = root.json_lines(&["failures", "list"]);
    assert_eq!(failures[0]["subcategory"], "runner_lost", "{failures:#?}");
    assert!(entry(&root, "npm:slow")["next_retry_at"].is_string());
}

/// As GNU `timeout` sends them: one to the program, one to its process group.
fn two_signals() {
    let origin = registry::serve([Package::tool("slow", 25_000)], Duration::ZERO);
    let root = TestRoot::new(&origin, "");
    root.put_pending(&["slow"]);
    let run = root
        .command(&[RUN, &["--json"]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for_fact(&root, "\"environment\"");
    let twice = format!("kill -TERM {0} && kill -TERM {0}", run.id());
    let sent = std::process::Command::new("sh").args(["-c", &twice]).status().unwrap();
    assert!(sent.success());
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["interrupted"], true, "it ended in order");
    let journals = std::fs::read_dir(root.path(".tsuku-batch/outbox")).unwrap();
    assert_eq!(journals.count(), 0, "the batch is recorded");
    assert!(root.json_lines(&["failures", "list"]).is_empty());
}
