//! What operators change with `--push`, and what is archived so.

use std::{process::Stdio, thread};

use batch_core::model::BatchId;
use serde_json::Value;

use super::{FAIL, PASS, names, ok};
use crate::{
    push::remote::{Batch, Remote, git, merge},
    root::TestRoot,
};

/// The state of the control file on main.
fn control(remote: &Remote) -> Value {
    serde_json::from_str(&remote.file("main", "batch-control.json").unwrap()).unwrap()
}

fn title(remote: &Remote) -> String {
    git(&remote.path(), &["log", "-1", "--format=%s", "main"]).trim().to_owned()
}

pub(super) fn changes() {
    let remote = Remote::new(&names(&["good", "bad"]), "");
    let root = remote.checkout();
    let before = git(root.dir.path(), &["status", "--porcelain=v2", "--branch"]);
    let why = ["--reason", "maintenance", "--push"];
    let pause = |more: &[&str]| {
        let args: Vec<&str> = ["pause"].iter().chain(&why).chain(more).copied().collect();
        ok(root.command(&args))
    };
    assert_eq!(pause(&["--ecosystem", "npm"])["changed"], true);
    assert_eq!(control(&remote)["disabled_ecosystems"], serde_json::json!(["npm"]));
    assert_eq!((remote.commits("main").len(), &*title(&remote)), (2, "chore(state): pause"));
    // A dry run changes nothing, and neither does what is so already.
    assert_eq!(pause(&["--ecosystem", "go", "--dry-run"])["changed"], true);
    assert_eq!(remote.commits("main").len(), 2);
    let resume = || ok(root.command(&["resume", "--ecosystem", "npm", "--push"]));
    assert_eq!((&resume()["changed"], &resume()["changed"]), (&true.into(), &false.into()));
    assert_eq!(control(&remote)["disabled_ecosystems"], serde_json::json!([]));

    ok(root.command(&["breaker", "open", "npm", "--for", "2h", "--reason", "x", "--push"]));
    assert_eq!(control(&remote)["ecosystems"]["npm"]["circuit_state"], "open");
    let log = remote.file("main", "data/breaker-log.jsonl").unwrap();
    assert_eq!(log.lines().count(), 1, "{log}");
    ok(root.command(&["breaker", "close", "npm", "--reason", "x", "--push"]));
    assert_eq!(control(&remote)["ecosystems"]["npm"]["circuit_state"], "closed");

    ok(root.command(&["queue", "add", "npm:more", "--tier", "1", "--push"]));
    assert_eq!(remote.entry("more")["tier"], 1);
    ok(root.command(&["queue", "set-tier", "2", "npm:good", "--push"]));
    assert_eq!(remote.entry("good")["tier"], 2);
    assert_eq!(remote.commits("main").len(), 7);
    // Nothing of this touched the checkout.
    let after = git(root.dir.path(), &["status", "--porcelain=v2", "--branch"]);
    assert_eq!(after, before);
    let own = std::fs::read_to_string(root.path("batch-control.json")).unwrap();
    assert!(!own.contains("circuit_state"), "{own}");
}

/// The checkout is old; what is changed is the newest state, and what others pushed stays.
pub(super) fn newest_state() {
    let remote = Remote::new(&names(&["good", "bad"]), "");
    let (root, other) = (remote.checkout(), remote.checkout());
    Batch::new(0, &[("good", PASS), ("bad", FAIL)]).keep(&other);
    ok(merge(&other, &[]));
    let report = ok(root.command(&["queue", "retry", "npm:bad", "--push"]));
    assert_eq!(report["changed"][0]["before"]["status"], "failed", "{report}");
    assert_eq!(remote.entry("good")["status"], "success");
    assert_eq!(remote.entry("bad")["next_retry_at"], Value::Null);
    // In the checkout, nothing is known of a failure.
    let here = ok(root.command(&["queue", "retry", "npm:bad", "--dry-run"]));
    assert_eq!(here["unchanged"][0]["status"], "pending", "{here}");
}

/// Several operators at the same time, each with a change of the same file.
pub(super) fn races() {
    let packages: Vec<String> = (0..6).map(|n| format!("p{n}")).collect();
    let remote = Remote::new(&packages, "");
    thread::scope(|scope| {
        for package in &packages {
            let root = remote.checkout();
            scope.spawn(move || {
                let id = format!("npm:{package}");
                let args = ["-q", "queue", "exclude", &id, "--reason", "x", "--push"];
                let status = root.command(&args).stdout(Stdio::null()).status().unwrap();
                assert!(status.success(), "{package}: {status}");
            });
        }
    });
    for package in &packages {
        assert_eq!(remote.entry(package)["status"], "excluded", "{package}");
    }
    assert_eq!(remote.commits("main").len(), 1 + packages.len());
    assert_eq!(git(&remote.path(), &["rev-list", "--merges", "--count", "main"]).trim(), "0");
}

pub(super) fn refused() {
    let remote = Remote::new(&names(&["good"]), "");
    let root = remote.checkout();
    let hook = remote.path().join("hooks/update");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\necho 'the branch is protected' >&2\nexit 1\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&hook, mode).unwrap();
    let exclude = ["queue", "exclude", "npm:good", "--reason", "x", "--push"];
    let output = root.run(&exclude);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4), "{told}");
    assert!(told.contains("nothing was changed") && told.contains("is protected"), "{told}");
    assert_eq!(remote.entry("good")["status"], "pending");
    // An error of the command itself is the same as without `--push`.
    let unknown = root.run(&["queue", "exclude", "npm:other", "--reason", "x", "--push"]);
    assert_eq!(unknown.status.code(), Some(3), "{unknown:?}");
}

pub(super) fn archived() {
    let remote = Remote::new(&names(&["good", "bad"]), "");
    let root = remote.checkout();
    let batch = Batch::new(0, &[("good", PASS), ("bad", FAIL)]);
    batch.keep(&root);
    ok(merge(&root, &[]));
    let of_run = |id: &BatchId| format!("data/metrics/batch-runs-{id}.jsonl");
    assert!(remote.file("main", &of_run(&batch.id)).is_some());
    // More than ninety days after the batch.
    let mut archive = root.command(&["archive", "--push"]);
    archive.env("TSUKU_BATCH_NOW", "2031-01-01T00:00:00Z");
    let report = ok(archive);
    assert_eq!(report["months"][0]["runs"], 1, "{report}");
    assert_eq!(report["total_before"], report["total_after"]);
    assert_eq!(remote.file("main", &of_run(&batch.id)), None);
    let files = git(&remote.path(), &["ls-tree", "-r", "--name-only", "main", "data/archive"]);
    assert!(files.contains("runs.jsonl.zst"), "{files}");
    assert_eq!(title(&remote), "chore(state): archive old records");
    let fresh = remote.checkout();
    let runs = runs(&fresh);
    assert!(runs.iter().any(|run| run["batch_id"] == batch.id.to_string()), "{runs:?}");
}

fn runs(root: &TestRoot) -> Vec<Value> {
    root.json_lines(&["runs", "list"])
}
