//! Recipes that are merged by pull requests of a local forge under strict protection.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use fake_github::{Bare, FakeGithub, Uploaded};
use serde_json::{Value, json};

use super::{BY_HAND, FAIL, PARTLY, PASS, names, ok};
use crate::{
    push::remote::{Batch, Remote, git, merge, second},
    root::TestRoot,
};

/// A remote whose main branch is protected: one check is required, and branches must be up to date.
pub(crate) fn protected(packages: &[&str]) -> Remote {
    let remote = Remote::new(&names(packages), "");
    let rules = json!({ "required_checks": ["validate"], "strict": true, "auto_merge": true });
    std::fs::create_dir_all(remote.path().join("tsuku-batch")).unwrap();
    std::fs::write(remote.path().join("tsuku-batch/protection.json"), rules.to_string()).unwrap();
    remote
}

fn by_forge(root: &TestRoot) -> Command {
    merge(root, &["--forge", "local"])
}

fn pull_file(remote: &Remote, number: u64) -> PathBuf {
    remote.path().join(format!("tsuku-batch/pulls/{number}.json"))
}

pub(super) fn pull(remote: &Remote, number: u64) -> Value {
    serde_json::from_slice(&std::fs::read(pull_file(remote, number)).unwrap()).unwrap()
}

/// The newest commit of the branch of a batch.
fn head(remote: &Remote, batch: &Batch) -> String {
    let branch = format!("batch/{}", batch.id);
    git(&remote.path(), &["rev-parse", &branch]).trim().to_owned()
}

/// Writes the result of the required check for `commit`.
pub(super) fn check(remote: &Remote, commit: &str, conclusion: Option<&str>, summary: &str) {
    let folder = remote.path().join("tsuku-batch/checks");
    std::fs::create_dir_all(&folder).unwrap();
    let url = "https://ci.example/1";
    let checks =
        json!([{ "name": "validate", "conclusion": conclusion, "summary": summary, "url": url }]);
    std::fs::write(folder.join(format!("{commit}.json")), checks.to_string()).unwrap();
}

pub(super) fn green() {
    let remote = protected(&["good", "bad", "partly"]);
    let root = remote.checkout();
    let batch = Batch::new(0, &[("good", PASS), ("bad", FAIL), ("partly", PARTLY)]);
    batch.keep(&root);
    let report = ok(by_forge(&root));
    assert_eq!(report["push"]["outcome"], "pushed", "{report}");
    assert_eq!(report["pull_requests"][0]["merging"]["by"], "auto_merge", "{report}");
    assert_eq!(remote.entry("good")["status"], "in_progress");
    assert_eq!(remote.entry("good")["batch_id"], batch.id.to_string());
    assert_eq!(remote.entry("bad")["status"], "failed");
    assert_eq!(remote.file("main", "recipes/g/good.toml"), None);
    assert_eq!(remote.run(&batch.id).unwrap()["merged"], 0);

    let opened = pull(&remote, 1);
    assert_eq!(opened["title"], format!("feat(recipes): add batch {} npm recipes", batch.id));
    assert_eq!(opened["labels"], json!(["batch:npm"]));
    let body = opened["body"].as_str().unwrap();
    for part in [
        "`good`",
        "| `linux-alpine-musl-x86_64` | 1 | 1 | 0 | 1 |",
        "`npm:bad`",
        "success rate 0.66",
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
    // Only recipes are on the branch, made from main.
    let branch = head(&remote, &batch);
    let changed = git(&remote.path(), &["diff", "--name-only", "main", &branch]);
    assert_eq!(
        changed.lines().collect::<Vec<_>>(),
        ["recipes/g/good.toml", "recipes/p/partly.toml"]
    );

    // Until its checks have ended nothing changes.
    let before = remote.commits("main");
    check(&remote, &branch, None, "");
    let report = ok(by_forge(&root));
    assert_eq!((&report["push"]["outcome"], &report["merged"]), (&json!("pushed"), &json!(0)));
    assert_eq!(remote.run(&batch.id).unwrap()["pull_request"]["number"], 1);
    assert_eq!(remote.commits("main").len(), before.len() + 1, "only where it is was noted");
    let report = ok(by_forge(&root));
    assert_eq!(report["push"]["outcome"], "nothing", "{report}");

    // The branch was brought up to date, so its checks run again.
    let updated = head(&remote, &batch);
    assert_ne!(updated, branch);
    check(&remote, &updated, Some("success"), "");
    let report = ok(by_forge(&root));
    assert_eq!(report["merged"], 2, "{report}");
    assert_eq!(remote.entry("good")["status"], "success");
    assert!(remote.file("main", "recipes/g/good.toml").is_some());
    let run = remote.run(&batch.id).unwrap();
    assert_eq!((&run["merged"], &run["pull_request"]["number"]), (&json!(2), &json!(1)));
    let log = git(&remote.path(), &["log", "--format=%B", "main", "--", "recipes"]);
    let trailers = ["Ecosystem: npm", "Batch-Size: 3", "Success-Rate: 0.66"];
    assert!(trailers.iter().all(|it| log.contains(it)), "{log}");
    assert!(log.contains(&format!("Batch-Id: {}", batch.id)), "{log}");
}

pub(super) fn red() {
    let remote = protected(&["good", "fine"]);
    let root = remote.checkout();
    let batch = Batch::new(0, &[("good", PASS), ("fine", PASS)]);
    batch.keep(&root);
    ok(by_forge(&root));
    let said = "good: the file recipes/g/good.toml has a wrong key";
    check(&remote, &head(&remote, &batch), Some("failure"), said);
    let report = ok(by_forge(&root));
    assert_eq!(report["red"], 2, "{report}");
    assert_eq!(remote.entry("good")["status"], "failed");
    assert!(remote.entry("good")["next_retry_at"].is_string());
    let failures = remote.file("main", &format!("data/failures/{}.jsonl", batch.id)).unwrap();
    assert!(failures.contains(said) && failures.contains("https://ci.example/1"), "{failures}");
    let closed = pull(&remote, 1);
    assert_eq!(closed["state"], "closed");
    assert!(closed["comments"].to_string().contains("red"), "{closed}");
    let report = ok(by_forge(&root));
    assert_eq!(report["push"]["outcome"], "nothing", "{report}");
}

pub(super) fn closed() {
    let remote = protected(&["good"]);
    let root = remote.checkout();
    Batch::new(0, &[("good", PASS)]).keep(&root);
    ok(by_forge(&root));
    let mut stored = pull(&remote, 1);
    stored["state"] = json!("closed");
    std::fs::write(pull_file(&remote, 1), stored.to_string()).unwrap();
    let report = ok(by_forge(&root));
    assert_eq!(report["closed"], 1, "{report}");
    let entry = remote.entry("good");
    assert_eq!((&entry["status"], &entry["recipe"]), (&json!("pending"), &Value::Null));
}

pub(super) fn later() {
    let remote = protected(&["good", "other"]);
    let root = remote.checkout();
    let batch = Batch::new(0, &[("good", PASS)]);
    batch.keep(&root);
    // No branch of a batch can be made as long as one is called like their folder.
    git(&remote.path(), &["branch", "batch", "main"]);
    let report = ok(by_forge(&root));
    assert_eq!(report["push"]["outcome"], "pushed", "{report}");
    let problem = report["problems"][0].as_str().unwrap();
    assert!(problem.contains("has no pull request yet"), "{problem}");
    git(&remote.path(), &["branch", "-D", "batch"]);
    // A forge that does not answer keeps no state from being pushed either.
    let rules = remote.path().join("tsuku-batch/protection.json");
    let kept = std::fs::read(&rules).unwrap();
    std::fs::write(&rules, "{ not even JSON").unwrap();
    let other = Batch::new(1, &[("other", FAIL)]);
    other.keep(&root);
    let report = ok(by_forge(&root));
    assert_eq!(report["push"]["outcome"], "pushed", "{report}");
    assert_eq!(remote.entry("other")["status"], "failed");
    assert!(!report["problems"].as_array().unwrap().is_empty(), "{report}");
    std::fs::write(&rules, kept).unwrap();

    let report = ok(by_forge(&root));
    assert_eq!(report["pull_requests"][0]["pull_request"]["number"], 1, "{report}");
    assert_eq!(remote.entry("good")["status"], "in_progress");
    assert_eq!(remote.run(&batch.id).unwrap()["succeeded"], 1);
}

/// The checks of the branch of the first batch take 90 minutes, and each hour another batch is recorded.
pub(super) fn slow_checks() {
    let packages: Vec<String> = (0..=24).map(|hour| format!("p{hour}")).collect();
    let remote = protected(&packages.iter().map(String::as_str).collect::<Vec<_>>());
    let root = remote.checkout();
    let batches: Vec<Batch> = (0..=24)
        .map(|hour| {
            let result = if hour == 0 { PASS } else { FAIL };
            Batch::new(hour * 3600, &[(&packages[usize::try_from(hour).unwrap()], result)])
        })
        .collect();
    let mut checks_since: BTreeMap<String, DateTime<Utc>> = BTreeMap::new();
    let (mut merged_at, mut n_waits) = (None, 0);
    for (hour, batch) in (0..).zip(&batches) {
        let now = second(hour * 3600) + TimeDelta::minutes(5);
        // The server starts the checks of each new commit, and only those of the newest one go on.
        if merged_at.is_none() && hour > 0 {
            let newest = head(&remote, &batches[0]);
            let since = *checks_since.entry(newest.clone()).or_insert(now - TimeDelta::hours(1));
            let has_ended = since + TimeDelta::minutes(90) <= now;
            check(&remote, &newest, has_ended.then_some("success"), "");
        }
        batch.keep(&root);
        let mut command = by_forge(&root);
        command.env("TSUKU_BATCH_NOW", now.to_rfc3339());
        let report = ok(command);
        n_waits += u32::from(report["push"]["outcome"] == "waits");
        if merged_at.is_none() && remote.entry("p0")["status"] == "success" {
            merged_at = Some(hour);
        }
    }
    let merged_at = merged_at.expect("it was never merged");
    assert!(merged_at <= 12, "it was merged after {merged_at} hours");
    assert!((1..=6).contains(&n_waits), "the state waited {n_waits} times");
    for batch in &batches {
        assert!(remote.run(&batch.id).is_some(), "{} is lost", batch.id);
    }
}

/// A process that pushes state and opens a pull request is killed at many moments; the next one completes
/// what is left, and nothing is done twice.
pub(super) fn killed() {
    const N_KILLS: u64 = 12;
    let packages: Vec<String> = (0..N_KILLS).map(|n| format!("p{n}")).collect();
    let remote = protected(&packages.iter().map(String::as_str).collect::<Vec<_>>());
    let root = remote.checkout();
    let mut batches = vec![];
    for (n, package) in (0..N_KILLS).zip(&packages) {
        let batch = Batch::new(i64::try_from(n).unwrap(), &[(package, PASS)]);
        batch.keep(&root);
        let mut child =
            by_forge(&root).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // How far it gets depends on the machine: the later kills reach what the earlier ones do not.
        std::thread::sleep(Duration::from_millis(60 * (n + 1)));
        let _ = child.kill();
        child.wait().unwrap();
        batches.push(batch);
    }
    let report = ok(by_forge(&root));
    assert_ne!(report["push"]["outcome"], "kept", "{report}");
    let merges = git(&remote.path(), &["rev-list", "--merges", "--count", "main"]);
    assert_eq!(merges.trim(), "0");
    let mut branches = vec![];
    for number in 1..=N_KILLS {
        let pull = pull(&remote, number);
        assert_eq!(pull["state"], "open", "{pull}");
        branches.push(pull["branch"].as_str().unwrap().to_owned());
    }
    assert!(!pull_file(&remote, N_KILLS + 1).exists(), "no batch has two pull requests");
    branches.sort();
    let mut expected: Vec<String> =
        batches.iter().map(|batch| format!("batch/{}", batch.id)).collect();
    expected.sort();
    assert_eq!(branches, expected);
    for (batch, package) in batches.iter().zip(&packages) {
        assert_eq!(remote.entry(package)["batch_id"], batch.id.to_string());
        let path = format!("data/metrics/batch-runs-{}.jsonl", batch.id);
        let added = ["log", "--diff-filter=A", "--format=%H", "main", "--", &path];
        assert_eq!(git(&remote.path(), &added).lines().count(), 1, "{} was written once", batch.id);
    }
}

pub(super) fn cells_back() {
    let remote = protected(&["partly"]);
    let root = remote.checkout();
    // Merged with a restriction, without a forge.
    Batch::new(0, &[("partly", PARTLY)]).keep(&root);
    ok(merge(&root, &[]));
    let path = "recipes/p/partly.toml";
    let restricted = remote.file("main", path).unwrap();
    assert!(restricted.contains("unsupported_platforms"), "{restricted}");

    let batch = Batch::recheck(1, "partly");
    batch.keep(&root);
    let report = ok(by_forge(&root));
    assert_eq!(report["pull_requests"][0]["merging"]["by"], "auto_merge", "{report}");
    let title = pull(&remote, 1)["title"].as_str().unwrap().to_owned();
    assert_eq!(
        title,
        format!("feat(recipes): offer npm recipes of batch {} on more platforms", batch.id)
    );
    // As long as it may be closed, the recipe is restricted, and its entry says so.
    assert_eq!(remote.file("main", path).as_deref(), Some(&*restricted));
    let entry = remote.entry("partly");
    assert_eq!(
        (&entry["status"], entry["restriction"]["removed"].as_array().unwrap().len()),
        (&json!("success"), 1)
    );
    assert_eq!(remote.run(&batch.id).unwrap()["sweep"], "recheck");

    check(&remote, &head(&remote, &batch), Some("success"), "");
    ok(by_forge(&root));
    let after = remote.file("main", path).unwrap();
    assert!(!after.contains("unsupported_"), "{after}");
    let run = remote.run(&batch.id).unwrap();
    assert_eq!((&run["merged"], &run["pull_request"]["number"]), (&json!(1), &json!(1)));
}

pub(super) fn asked_again() {
    let remote = protected(&["good", "looked-at", "another"]);
    let rules = remote.path().join("tsuku-batch/protection.json");
    let allow = |auto_merge: bool| {
        let text =
            json!({ "required_checks": ["validate"], "strict": true, "auto_merge": auto_merge });
        std::fs::write(&rules, text.to_string()).unwrap();
    };
    let root = remote.checkout();
    allow(false);
    Batch::new(0, &[("good", PASS)]).keep(&root);
    let report = ok(by_forge(&root));
    assert_eq!(report["pull_requests"][0]["merging"]["by"], "for_a_person", "{report}");
    Batch::new(1, &[("looked-at", PASS)]).keep(&root);
    ok(merge(&root, &["--forge", "local", "--auto-merge", "false"]));
    assert_eq!(pull(&remote, 2)["labels"], json!(["batch:npm", "batch:review"]));
    allow(true);
    // Main moves with each state, so the branch is not up to date when it is asked for.
    Batch::new(2, &[("another", FAIL)]).keep(&root);
    ok(by_forge(&root));
    assert!(!pull(&remote, 1)["auto_merge"].is_null(), "it is asked for again");
    assert!(pull(&remote, 1)["auto_merge"]["body"].as_str().unwrap().contains("Batch-Id: npm-"));
    assert!(pull(&remote, 2)["auto_merge"].is_null(), "a person decides");
}

/// The entry is gone when the pull request is opened at last, and a person wrote the recipe.
pub(super) fn by_hand_meanwhile() {
    let remote = protected(&["good"]);
    let root = remote.checkout();
    Batch::new(0, &[("good", PASS)]).keep(&root);
    git(&remote.path(), &["branch", "batch", "main"]);
    ok(by_forge(&root));
    git(&remote.path(), &["branch", "-D", "batch"]);
    let person = remote.checkout();
    person.put_pending(&[]);
    std::fs::create_dir_all(person.path("recipes/g")).unwrap();
    std::fs::write(person.path("recipes/g/good.toml"), BY_HAND).unwrap();
    git(person.dir.path(), &["add", "--all"]);
    git(person.dir.path(), &["commit", "--quiet", "-m", "by hand"]);
    git(person.dir.path(), &["push", "--quiet", "origin", "HEAD:main"]);
    let report = ok(by_forge(&root));
    assert_eq!(report["pull_requests"], Value::Null, "{report}");
    assert!(!pull_file(&remote, 1).exists());
    assert_eq!(remote.file("main", "recipes/g/good.toml").as_deref(), Some(BY_HAND));
}

/// Artifacts of earlier runs: one cannot be read, and the other one has a batch that nobody has pushed.
pub(super) fn outboxes() {
    let remote = Remote::new(&names(&["good"]), "\"api.github.com/\" = { period_ms = 5 }");
    let lost = remote.checkout();
    let batch = Batch::new(0, &[("good", PASS)]);
    batch.keep(&lost);
    let github = FakeGithub::new(Bare::at(remote.path()), "owner/name");
    let created_at = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
    for (name, dir) in [
        ("run-2030-03-17T17-46-40Z-outbox", lost.path(".tsuku-batch/unpushed")),
        ("run-2030-03-17T18-46-40Z-outbox", lost.path("is-not-there")),
    ] {
        let (name, branch, created_at) = (name.to_owned(), "main".to_owned(), created_at.clone());
        github.upload(Uploaded { name, dir, branch, is_of_fork: false, created_at });
    }
    let here = remote.checkout();
    let mut command = merge(&here, &["--forge", "github", "--repository", "owner/name"]);
    command.env("GITHUB_TOKEN", "ghs_0123456789abcdefghijklmnopqrstuvwxyz");
    command.env("TSUKU_BATCH_FORGE_API", github.serve());
    let report = ok(command);
    let problems = report["problems"].as_array().unwrap();
    let of_unreadable = problems[0].as_str().unwrap().contains("run-2030-03-17T18-46-40Z-outbox");
    assert!(problems.len() == 1 && of_unreadable, "{report}");
    assert!(remote.run(&batch.id).is_some(), "the other one is pushed: {report}");
    assert_eq!(github.counts(), (1, 0), "and proposed");
}
