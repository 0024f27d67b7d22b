//! `seed` as a person uses it.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::killed::{Asked, program, queue, root, serve};

fn output(dir: &std::path::Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = program(dir, args).stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Waits until a seeding makes requests, because the test cannot control the clock of another
/// process.
fn wait_for_requests(asked: &Asked, n: usize) {
    let end = Instant::now() + Duration::from_secs(600);
    while asked.lock().unwrap().values().sum::<usize>() < n {
        assert!(Instant::now() < end, "ten minutes, and fewer than {n} requests");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn runs(dir: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(dir.join("data/metrics/seeding-runs.jsonl"));
    let text = text.unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_dry_run_reports_its_actions_and_writes_nothing() {
    let (origin, _) = serve();
    let root = root(&origin);
    let before = queue(root.path());
    let (code, out, _) =
        output(root.path(), &["seed", "npm", "--limit", "20", "--dry-run", "--json"]);
    assert!(matches!(code, Some(0 | 3)), "{code:?}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["runs"][0]["seen"], 20);
    assert_eq!(report["runs"][0]["added"], 16);
    assert_eq!(queue(root.path()), before);
    assert!(runs(root.path()).is_empty());
}

#[test]
fn ctrl_c_saves_the_found_packages() {
    let (origin, asked) = serve();
    let root = root(&origin);
    let mut child = program(root.path(), &["seed", "npm"]).spawn().unwrap();
    wait_for_requests(&asked, 30);
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let runs = runs(root.path());
    let run = &runs[0];
    assert_eq!(run["outcome"], "partial");
    assert!(run["seen"].as_u64().unwrap() > 0 && run["cursor"].is_object(), "{run}");
    let added = run["added"].as_u64().unwrap();
    assert!(added > 0);
    let (code, _, _) = output(root.path(), &["seed", "npm", "--resume"]);
    assert!(matches!(code, Some(0 | 3)));
    let total = queue(root.path())["packages"].as_array().unwrap().len();
    assert!(total as u64 > added);
}

#[test]
fn missing_permissions_and_tools_are_reported_before_any_request() {
    let (origin, asked) = serve();
    let root = root(&origin);
    let (code, _, error) = output(root.path(), &["seed", "npn"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("did you mean npm"), "{error}");
    assert_eq!(output(root.path(), &["seed"]).0, Some(2));
    assert_eq!(output(root.path(), &["seed", "npm", "--all"]).0, Some(2));
    assert_eq!(output(root.path(), &["seed", "npm", "--limit", "0"]).0, Some(2));
    let control = root.path().join("batch-control.json");
    let text = std::fs::read_to_string(&control).unwrap();
    let mut stopped: Value = serde_json::from_str(&text).unwrap();
    stopped["disabled_ecosystems"] = serde_json::json!(["npm"]);
    stopped["reason"] = "the registry asked us to".into();
    std::fs::write(&control, stopped.to_string()).unwrap();
    let (code, _, error) = output(root.path(), &["seed", "npm"]);
    assert_eq!(code, Some(4));
    assert!(error.contains("the registry asked us to"), "{error}");
    assert!(asked.lock().unwrap().is_empty());
}

#[test]
fn two_seedings_of_one_ecosystem_at_once_are_refused() {
    let (origin, asked) = serve();
    let root = root(&origin);
    let mut first = program(root.path(), &["seed", "npm"]).spawn().unwrap();
    wait_for_requests(&asked, 1);
    let (code, _, error) = output(root.path(), &["seed", "npm"]);
    assert_eq!(code, Some(7), "{error}");
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn an_entry_in_quarantine_stays_as_it_is_and_is_not_queued_again() {
    let (origin, asked) = serve();
    let root = root(&origin);
    let path = root.path().join("data/queues/priority-queue-npm.json");
    let kept = r#"{"id": "npm:tool-001",   "status":"skipped", "note": "a person took it out"}"#;
    let mut whole: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    whole["packages"] = serde_json::json!(["KEPT"]);
    std::fs::write(&path, whole.to_string().replace(r#""KEPT""#, kept)).unwrap();
    let (code, ..) = output(root.path(), &["seed", "npm", "--limit", "20"]);
    assert!(matches!(code, Some(0 | 3)), "{code:?}");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(kept), "{text}");
    assert_eq!(text.matches("npm:tool-001").count(), 1, "{text}");
    assert!(text.contains("npm:tool-002"));
    assert!(!asked.lock().unwrap().keys().any(|url| url.contains("tool-001")), "it is known");
}

#[test]
fn seedings_in_quick_succession_are_all_recorded() {
    let (origin, asked) = serve();
    let root = root(&origin);
    for _ in 0..5 {
        let (code, _, error) = output(root.path(), &["seed", "npm", "--resume", "--limit", "1"]);
        assert_eq!(code, Some(3), "one of its sources is not there: {error}");
    }
    let runs = runs(root.path());
    let of =
        |field: &str| -> Vec<u64> { runs.iter().filter_map(|it| it[field].as_u64()).collect() };
    assert_eq!(of("seen"), [1; 5]);
    // The first package is a library.
    assert_eq!(of("added"), [0, 1, 1, 1, 1], "what an earlier one added is not counted again");
    let second = |run: &Value, field: &str| run[field].as_str().unwrap()[..19].to_owned();
    let began: Vec<_> = runs.iter().map(|run| second(run, "started_at")).collect();
    assert!(began.is_sorted_by(|one, next| one < next), "{began:?}");
    assert!(runs.iter().all(|run| second(run, "started_at") <= second(run, "ended_at")));
    let asked = asked.lock().unwrap();
    let packages = asked.iter().filter(|(url, _)| url.starts_with("/tool-"));
    assert_eq!(packages.map(|(_, n)| *n).collect::<Vec<_>>(), [1; 5], "{asked:?}");
}

#[test]
fn a_seeding_killed_after_its_record_is_not_continued() {
    let (origin, asked) = serve();
    let root = root(&origin);
    let once = || output(root.path(), &["seed", "npm", "--resume", "--limit", "2"]).0;
    assert_eq!(once(), Some(3));
    let mut start = runs(root.path()).remove(0);
    start = serde_json::json!({ "start": {
        "schema_version": start["schema_version"], "ecosystem": "npm",
        "started_at": start["started_at"], "limit": 4, "left": [],
    } });
    let journal = root.path().join(".tsuku-batch/seeding/npm.jsonl");
    assert!(journal.parent().unwrap().is_dir());
    std::fs::write(&journal, format!("{start}\n")).unwrap();
    assert_eq!(once(), Some(3));
    assert_eq!(runs(root.path()).len(), 2);
    let asked = asked.lock().unwrap();
    let packages = asked.iter().filter(|(url, _)| url.starts_with("/tool-"));
    assert_eq!(packages.map(|(_, n)| *n).collect::<Vec<_>>(), [1; 4], "{asked:?}");
}

#[test]
fn the_status_says_what_a_full_seeding_costs() {
    let (origin, _) = serve();
    let root = root(&origin);
    let _ = output(root.path(), &["seed", "npm", "--limit", "10"]);
    let (code, out, _) = output(root.path(), &["seed", "status", "--json"]);
    assert_eq!(code, Some(0));
    let report: Value = serde_json::from_str(&out).unwrap();
    let of = |id: &str| {
        let states = report["ecosystems"].as_array().unwrap();
        states.iter().find(|it| it["ecosystem"] == id).unwrap()
    };
    // Three plugins use the same host and share its quota.
    for id in ["homebrew", "cask"] {
        let cost = &of(id)["cost"];
        assert_eq!((&cost["requests"], &cost["buckets"][0]["for_lists"]), (&2.into(), &2.into()));
        assert_eq!(cost["buckets"].as_array().unwrap().len(), 1, "{cost}");
    }
    let npm = of("npm");
    assert_eq!(npm["last"]["seen"], 10);
    let sum: u64 = npm["cost"]["buckets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["for_lists"].as_u64().unwrap() + it["for_candidates"].as_u64().unwrap())
        .sum();
    assert_eq!(npm["cost"]["requests"], sum);
    assert!(npm["cost"]["minutes"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_seeding_is_full_only_if_nothing_is_left() {
    let (origin, _) = serve();
    let root = root(&origin);
    let _ = output(root.path(), &["seed", "npm", "--limit", "10"]);
    let mut run = runs(root.path()).remove(0);
    let last_full_at = |run: &Value| {
        let path = root.path().join("data/metrics/seeding-runs.jsonl");
        std::fs::write(path, format!("{run}\n")).unwrap();
        let (_, out, _) = output(root.path(), &["seed", "status", "--json"]);
        let report: Value = serde_json::from_str(&out).unwrap();
        let states = report["ecosystems"].as_array().unwrap();
        let npm = states.iter().find(|it| it["ecosystem"] == "npm").unwrap();
        assert_eq!(npm["last"]["ended_at"], run["ended_at"]);
        npm.get("last_full_at").cloned()
    };
    assert_eq!(last_full_at(&run), None);
    // Everything requested was found, but a limit was given.
    run["outcome"] = "full".into();
    assert_eq!(last_full_at(&run), None);
    run.as_object_mut().unwrap().remove("cursor").unwrap();
    assert_eq!(last_full_at(&run), Some(run["ended_at"].clone()));
    run["outcome"] = "partial".into();
    assert_eq!(last_full_at(&run), None);
}

fn git(dir: &std::path::Path, args: &[&str]) -> String {
    let output = std::process::Command::new("git")
        .args(["-c", "user.name=person", "-c", "user.email=person@example.org"])
        .args(["-c", "commit.gpgsign=false", "-c", "init.defaultBranch=main"])
        .args(args)
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_is_found_is_merged_into_the_newest_state_of_the_remote() {
    let (origin, _) = serve();
    let root = root(&origin);
    let remote = tempfile::tempdir().unwrap();
    let remote = remote.path().join("b.git");
    std::fs::write(root.path().join(".gitignore"), ".tsuku-batch/\n").unwrap();
    for args in [&["init", "--quiet"][..], &["add", "--all"], &["commit", "--quiet", "-m", "x"]] {
        git(root.path(), args);
    }
    git(root.path(), &["clone", "--quiet", "--bare", ".", remote.to_str().unwrap()]);
    git(root.path(), &["remote", "add", "origin", remote.to_str().unwrap()]);
    // Somebody excludes a package that the seeding finds, after the checkout was made.
    let other = tempfile::tempdir().unwrap();
    git(other.path(), &["clone", "--quiet", remote.to_str().unwrap(), "."]);
    let (code, _, error) = output(other.path(), &["queue", "add", "npm:tool-001", "--push"]);
    assert_eq!(code, Some(0), "{error}");
    let exclude = ["queue", "exclude", "npm:tool-001", "--reason", "x", "--push"];
    let (code, _, error) = output(other.path(), &exclude);
    assert_eq!(code, Some(0), "{error}");

    let before = queue(root.path());
    let (code, out, error) =
        output(root.path(), &["seed", "npm", "--limit", "20", "--push", "--json"]);
    assert!(matches!(code, Some(0 | 3)), "{error}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["runs"][0]["added"], 15, "one of them was there");
    assert_eq!(queue(root.path()), before, "the checkout stays as it is");
    let shown = git(&remote, &["show", "main:data/queues/priority-queue-npm.json"]);
    let pushed: Value = serde_json::from_str(&shown).unwrap();
    let status = |id: &str| {
        let mut entries = pushed["packages"].as_array().unwrap().iter();
        entries.find(|entry| entry["id"] == id).unwrap()["status"].clone()
    };
    assert_eq!(
        (status("npm:tool-001"), status("npm:tool-002")),
        ("excluded".into(), "pending".into())
    );
    let record = git(&remote, &["show", "main:data/metrics/seeding-runs.jsonl"]);
    assert_eq!(record.lines().count(), 1);
    let title = git(&remote, &["log", "-1", "--format=%s", "main"]);
    assert_eq!(title.trim(), "chore(state): seed npm");

    // What cannot be pushed stays, and the next seeding pushes it without asking again.
    let hook = remote.join("hooks/update");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\nexit 1\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&hook, mode).unwrap();
    git(root.path(), &["pull", "--quiet", "origin", "main"]);
    let again = ["seed", "npm", "--limit", "40", "--push"];
    let (code, _, error) = output(root.path(), &again);
    assert_eq!(code, Some(4), "{error}");
    assert!(error.contains("nothing was changed"), "{error}");
    std::fs::remove_file(&hook).unwrap();
    let (code, _, error) =
        output(root.path(), &["seed", "npm", "--limit", "1", "--resume", "--push"]);
    assert!(matches!(code, Some(0 | 3)), "{error}");
    let record = git(&remote, &["show", "main:data/metrics/seeding-runs.jsonl"]);
    let last: Value = serde_json::from_str(record.lines().last().unwrap()).unwrap();
    assert_eq!(record.lines().count(), 2, "{record}");
    assert!(last["seen"].as_u64().unwrap() >= 40, "{last}");
}
