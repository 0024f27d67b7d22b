//! One batch is taken back, and nothing else.

use serde_json::{Value, json};

use super::{PASS, names, ok, pull_requests};
use crate::{
    push::remote::{Batch, Remote, git, merge, run_git},
    root::TestRoot,
};

const OLD: &str = "# a person wrote this, with odd  spaces\n[metadata]\nname = \"old\"\ndescription = \"x\"\n\
    homepage = \"https://example.org\"\n\n[[steps]]\naction = \"npm_install\"\npackage = \"old\"\n\
    executables = [\"old\"]\n\n[verify]\ncommand = \"old --version\"\npattern = \"{version}\"\n";

/// Commits a change of a person to main.
fn by_person(remote: &Remote, path: &str, text: &str) {
    let person = remote.checkout();
    std::fs::create_dir_all(person.path(path).parent().unwrap()).unwrap();
    std::fs::write(person.path(path), text).unwrap();
    git(person.dir.path(), &["add", "--all"]);
    git(person.dir.path(), &["commit", "--quiet", "-m", "by hand"]);
    git(person.dir.path(), &["push", "--quiet", "origin", "HEAD:main"]);
}

fn rollback(root: &TestRoot, args: &[&str]) -> std::process::Command {
    root.command(&[&["-q", "rollback"], args].concat())
}

pub(super) fn exactly_one_batch() {
    let remote = Remote::new(&names(&["old", "new", "edited", "later"]), "");
    by_person(&remote, "recipes/o/old.toml", OLD);
    // The recipe of `old` worked once and does not any more.
    let queue = remote.file("main", "data/queues/priority-queue-npm.json").unwrap();
    let mut queue: Value = serde_json::from_str(&queue).unwrap();
    for entry in queue["packages"].as_array_mut().unwrap() {
        if entry["id"] == "npm:old" {
            entry["status"] = json!("failed");
            entry["recipe"] = json!("old");
            entry["regressed_at"] = json!("2026-01-01T00:00:00Z");
        }
    }
    by_person(&remote, "data/queues/priority-queue-npm.json", &queue.to_string());
    let root = remote.checkout();
    let batch = Batch::new(0, &[("old", PASS), ("new", PASS), ("edited", PASS)]);
    let other = Batch::new(1, &[("later", PASS)]);
    // Both batches in one commit.
    batch.keep(&root);
    other.keep(&root);
    ok(merge(&root, &[]));
    assert_ne!(remote.file("main", "recipes/o/old.toml").unwrap(), OLD);
    let edited = remote.file("main", "recipes/e/edited.toml").unwrap() + "# corrected\n";
    by_person(&remote, "recipes/e/edited.toml", &edited);

    let main = remote.commits("main");
    let id = batch.id.to_string();
    let plan = ok(rollback(&root, &[&id, "--dry-run"]));
    assert_eq!((plan["files"].as_array().unwrap().len(), &plan["dry_run"]), (3, &json!(true)));
    assert_eq!(remote.commits("main"), main);
    assert!(!run_git(&remote.path(), &["rev-parse", &format!("rollback/{id}")]).status.success());

    let done = ok(rollback(&root, &[&id, "--reason", "wrong commands", "--by", "kim"]));
    let expected = json!([
        { "path": "recipes/e/edited.toml", "change": "changed_later" },
        { "path": "recipes/n/new.toml", "change": "removed" },
        { "path": "recipes/o/old.toml", "change": "restored" },
    ]);
    assert_eq!(done["files"], expected);
    let branch = format!("rollback/{id}");
    assert_eq!(remote.file(&branch, "recipes/o/old.toml").as_deref(), Some(OLD));
    assert_eq!(remote.file(&branch, "recipes/n/new.toml"), None);
    let changed = git(&remote.path(), &["diff", "--name-only", &main[0], &branch]);
    let changed: Vec<&str> = changed.lines().collect();
    assert_eq!(changed, ["recipes/n/new.toml", "recipes/o/old.toml"], "and nothing else");
    for (package, status) in [
        ("old", "requires_manual"),
        ("new", "requires_manual"),
        ("edited", "success"),
        ("later", "success"),
    ] {
        assert_eq!(remote.entry(package)["status"], status, "{package}");
    }
    let change = &remote.entry("new")["operator_change"];
    assert_eq!((&change["by"], &change["reason"]), (&json!("kim"), &json!("wrong commands")));
    // Once more: the branch is there.
    let again = rollback(&root, &[&id]).output().unwrap();
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("exists already"), "{again:?}");

    // The next run does not make the same recipes again.
    git(&remote.path(), &["update-ref", "refs/heads/main", &rebased(&remote, &branch)]);
    ok(merge(&root, &[]));
    assert_eq!(remote.entry("new")["status"], "requires_manual");
}

/// The commit of a merge of `branch` into main.
fn rebased(remote: &Remote, branch: &str) -> String {
    let person = remote.checkout();
    git(person.dir.path(), &["merge", "--quiet", "--no-edit", &format!("origin/{branch}")]);
    git(person.dir.path(), &["push", "--quiet", "origin", "HEAD:refs/heads/merged"]);
    git(person.dir.path(), &["rev-parse", "HEAD"]).trim().to_owned()
}

pub(super) fn nothing_to_roll_back() {
    let remote = Remote::new(&names(&["good"]), "");
    let root = remote.checkout();
    let missing = rollback(&root, &["npm-2030-03-17T17-46-40Z"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(3), "{missing:?}");
    let invalid = rollback(&root, &["npm"]).output().unwrap();
    assert_eq!(invalid.status.code(), Some(2), "{invalid:?}");
    assert!(String::from_utf8_lossy(&invalid.stderr).contains("runs list"), "{invalid:?}");
    // A prefix of a batch id is no batch.
    Batch::new(0, &[("good", PASS)]).keep(&root);
    ok(merge(&root, &[]));
    let later = rollback(&root, &["npm-2030-03-17T17-46-41Z"]).output().unwrap();
    assert_eq!(later.status.code(), Some(3), "{later:?}");
}

pub(super) fn commands() {
    let remote = pull_requests::protected(&["good"]);
    let root = remote.checkout();
    let batch = Batch::new(0, &[("good", PASS)]);
    let pr = |args: &[&str]| root.command(&[&["-q", "pr"], args].concat());
    let none = ok(pr(&["list"]));
    assert_eq!(none["pull_requests"], json!([]));
    batch.keep(&root);
    ok(merge(&root, &["--forge", "local", "--auto-merge", "false"]));
    let listed = ok(pr(&["list"]));
    let line = &listed["pull_requests"][0];
    assert_eq!(
        (&line["number"], &line["auto_merge"], &line["checks"]),
        (&json!(1), &json!(false), &json!("pending"))
    );

    let refused = pr(&["merge", "1", "--reason", "urgent", "--json"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    assert_eq!(pr(&["merge", "7", "--reason", "urgent"]).output().unwrap().status.code(), Some(3));
    by_person(&remote, "notes.txt", "main moves on");
    let updated = ok(pr(&["update"]));
    assert_eq!(updated["changes"][0]["outcome"], "updated", "{updated}");
    let head = git(&remote.path(), &["rev-parse", &format!("batch/{}", batch.id)]);
    pull_requests::check(&remote, head.trim(), Some("success"), "");
    let merged = ok(pr(&["merge", "1", "--reason", "looked at by kim"]));
    assert_eq!(merged["changes"][0]["outcome"], "merged", "{merged}");
    let stored = pull_requests::pull(&remote, 1);
    assert!(stored["comments"].to_string().contains("looked at by kim"), "{stored}");
    let text = git(&remote.path(), &["log", "-1", "--format=%B", "main"]);
    assert!(text.contains(&format!("Batch-Id: {}", batch.id)), "{text}");
    ok(merge(&root, &["--forge", "local"]));
    assert_eq!(remote.entry("good")["status"], "success");
}
