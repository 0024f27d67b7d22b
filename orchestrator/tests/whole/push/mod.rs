//! Batches that are pushed into a shared repository.

mod operators;
pub(crate) mod pull_requests;
mod races;
pub(crate) mod remote;
mod rollback;

use batch_core::model::{ValidationSkip, Verdict};
use libtest_mimic::Trial;
use serde_json::Value;

use crate::trial;
use remote::{Batch, Remote, git, merge, obstacle_to_git};

pub(crate) const PASS: [Verdict; 2] = [Verdict::Pass, Verdict::Pass];
pub(crate) const FAIL: [Verdict; 2] =
    [Verdict::Fail, Verdict::Skipped { reason: ValidationSkip::Fault }];
/// It fails on musl only.
const PARTLY: [Verdict; 2] = [Verdict::Pass, Verdict::Fail];

pub(crate) fn trials() -> Vec<Trial> {
    let tests: [(&str, fn()); 27] = [
        ("what_operators_change_is_pushed_and_the_checkout_stays_as_it_is", operators::changes),
        (
            "operators_change_the_newest_state_and_not_that_of_their_checkout",
            operators::newest_state,
        ),
        ("operators_who_change_something_at_the_same_time_lose_nothing", operators::races),
        ("a_change_that_cannot_be_pushed_is_an_error", operators::refused),
        ("old_records_are_archived_in_the_remote", operators::archived),
        ("eight_processes_push_into_one_repository_and_nothing_is_lost", races::eight_processes),
        ("a_push_writes_state_and_recipes_in_one_commit", one_commit),
        ("a_checkout_with_changes_of_a_person_stays_as_it_is", checkout_untouched),
        ("a_remote_that_refuses_or_is_gone_costs_no_batch", refused),
        ("a_recipe_of_a_person_is_not_overwritten", no_overwrite),
        (
            "a_state_branch_of_its_own_has_the_recipes_of_main_and_main_none_of_the_state",
            state_branch,
        ),
        ("what_waits_to_be_pushed_is_not_attempted_again", not_again),
        ("a_merge_that_is_killed_anywhere_is_completed_by_the_next_one", pull_requests::killed),
        (
            "cells_that_a_recipe_gets_back_come_by_a_pull_request_of_their_own",
            pull_requests::cells_back,
        ),
        ("github_is_asked_with_the_token_where_the_operator_says_and_nothing_prints_it", github),
        ("what_could_not_be_merged_by_itself_is_asked_about_again", pull_requests::asked_again),
        (
            "no_pull_request_changes_a_recipe_that_a_person_wrote_meanwhile",
            pull_requests::by_hand_meanwhile,
        ),
        ("without_a_token_everything_is_kept_and_nothing_is_pushed", no_token),
        ("a_rollback_restores_exactly_one_batch_byte_for_byte", rollback::exactly_one_batch),
        ("what_was_not_merged_cannot_be_rolled_back", rollback::nothing_to_roll_back),
        ("pull_requests_are_listed_updated_and_merged_by_a_person", rollback::commands),
        ("a_pull_request_is_opened_merged_when_green_and_ends_its_packages", pull_requests::green),
        ("red_checks_fail_the_packages_with_what_they_say", pull_requests::red),
        ("a_closed_pull_request_makes_its_packages_due_again", pull_requests::closed),
        ("a_pull_request_that_cannot_be_opened_is_opened_by_the_next_merge", pull_requests::later),
        (
            "an_outbox_that_cannot_be_read_keeps_no_other_from_being_taken_over",
            pull_requests::outboxes,
        ),
        (
            "slow_checks_and_a_state_commit_each_hour_starve_no_pull_request",
            pull_requests::slow_checks,
        ),
    ];
    let obstacle = obstacle_to_git();
    tests.into_iter().map(|(name, test)| trial(name, test, obstacle.as_deref())).collect()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[track_caller]
pub(crate) fn ok(mut command: std::process::Command) -> Value {
    let output = command.arg("--json").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn one_commit() {
    let remote = Remote::new(&names(&["good", "bad", "partly"]), "");
    let root = remote.checkout();
    let batch = Batch::new(0, &[("good", PASS), ("bad", FAIL), ("partly", PARTLY)]);
    batch.keep(&root);
    let summary = root.path("site-summary.md");
    std::fs::write(&summary, "before\n").unwrap();
    let report = ok(merge(&root, &["--summary", summary.to_str().unwrap()]));
    assert_eq!(report["push"]["outcome"], "pushed", "{report}");
    let told = std::fs::read_to_string(&summary).unwrap();
    let row = "| `npm:bad` | `1.0` | `validation_failed/install_failed` |";
    assert!(told.starts_with("before\n") && told.contains(row), "{told}");
    assert_eq!(remote.commits("main").len(), 2);
    assert_eq!(remote.commits("main")[0], report["push"]["commit"]);
    let message = git(&remote.path(), &["log", "-1", "--format=%B", "main"]);
    let expected = format!("chore(state): record batch {0}\n\nBatch-Id: {0}\n", batch.id);
    assert_eq!(message.trim_end(), expected.trim_end());
    assert_eq!(remote.entry("good")["status"], "success");
    assert_eq!(remote.entry("bad")["status"], "failed");
    let partly = remote.entry("partly");
    assert_eq!(partly["status"], "success");
    assert_eq!(partly["restriction"]["removed"][0]["cell"], "linux-musl-x86_64");
    let recipe = remote.file("main", "recipes/p/partly.toml").unwrap();
    assert!(recipe.contains("unsupported_platforms = [\"linux/amd64/musl\"]"), "{recipe}");
    let run = remote.run(&batch.id).unwrap();
    assert_eq!(
        (&run["merged"], &run["constrained"], &run["excluded"]),
        (&2.into(), &1.into(), &1.into())
    );
    let failures = remote.file("main", &format!("data/failures/{}.jsonl", batch.id)).unwrap();
    assert_eq!(failures.lines().count(), 2, "{failures}");
    for id in run["exclusions"][0]["failure_ids"].as_array().unwrap() {
        assert!(failures.contains(id.as_str().unwrap()), "{id} is cited");
    }
    // Nothing is left to push.
    let again = ok(merge(&root, &[]));
    let changed = git(&remote.path(), &["show", "main"]);
    assert_eq!(again["push"]["outcome"], "nothing", "{again}: {changed}");
    assert_eq!(remote.commits("main").len(), 2);
}

fn checkout_untouched() {
    let remote = Remote::new(&names(&["good"]), "");
    let root = remote.checkout();
    std::fs::write(root.path("notes.txt"), "mine").unwrap();
    std::fs::write(root.path("batch-control.json"), "{ not even JSON").unwrap();
    git(root.dir.path(), &["checkout", "--quiet", "-b", "work"]);
    git(root.dir.path(), &["add", "notes.txt"]);
    let seen = || {
        let of = |args: &[&str]| git(root.dir.path(), args);
        let refs = of(&["for-each-ref", "refs/heads", "refs/remotes", "refs/tags", "refs/stash"]);
        (
            of(&["status", "--porcelain=v2", "--branch"]),
            refs,
            of(&["diff"]),
            of(&["diff", "--cached"]),
        )
    };
    let before = seen();
    // A damaged control file of the checkout is reported before anything is pushed.
    Batch::new(0, &[("good", PASS)]).keep(&root);
    let output = merge(&root, &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(6), "{output:?}");
    assert_eq!(remote.commits("main").len(), 1);
    assert_eq!(seen(), before);

    let whole = git(root.dir.path(), &["show", "HEAD:batch-control.json"]);
    std::fs::write(root.path("batch-control.json"), whole + "\n").unwrap();
    let before = seen();
    assert_eq!(ok(merge(&root, &[]))["push"]["outcome"], "pushed");
    assert_eq!(remote.entry("good")["status"], "success");
    assert_eq!(seen(), before);
}

fn refused() {
    let remote = Remote::new(&names(&["good"]), "");
    let root = remote.checkout();
    let batch = Batch::new(0, &[("good", PASS)]);
    batch.keep(&root);
    let hook = remote.path().join("hooks/update");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\necho 'the branch is frozen' >&2\nexit 1\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&hook, mode).unwrap();
    let output = merge(&root, &["--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["push"]["outcome"], "kept");
    assert!(
        report["push"]["reason"].as_str().unwrap().contains("the branch is frozen"),
        "{report}"
    );
    std::fs::remove_file(&hook).unwrap();

    let missing = merge(&root, &["--remote", "/nowhere/at/all.git"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(1), "{missing:?}");
    assert_eq!(ok(merge(&root, &[]))["push"]["outcome"], "pushed");
    assert_eq!(remote.entry("good")["status"], "success");
}

/// The recipe of `good` that a person wrote.
const BY_HAND: &str = "# by hand\n[metadata]\nname = \"good\"\ndescription = \"A tool\"\nhomepage = \"https://example.org\"\n\n\
                  [[steps]]\naction = \"npm_install\"\npackage = \"good\"\nexecutables = [\"good\"]\n\n\
                  [verify]\ncommand = \"good --version\"\npattern = \"{version}\"\n";

fn no_overwrite() {
    let remote = Remote::new(&names(&["good"]), "");
    let root = remote.checkout();
    Batch::new(0, &[("good", PASS)]).keep(&root);
    // A person merges a recipe for the same package while the batch is on its way.
    let person = remote.checkout();
    std::fs::create_dir_all(person.path("recipes/g")).unwrap();
    std::fs::write(person.path("recipes/g/good.toml"), BY_HAND).unwrap();
    git(person.dir.path(), &["add", "recipes"]);
    git(person.dir.path(), &["commit", "--quiet", "-m", "by hand"]);
    git(person.dir.path(), &["push", "--quiet", "origin", "HEAD:main"]);
    assert_eq!(ok(merge(&root, &[]))["push"]["outcome"], "pushed");
    assert_eq!(remote.file("main", "recipes/g/good.toml").as_deref(), Some(BY_HAND));
    assert_eq!(remote.entry("good")["status"], "success");
}

fn state_branch() {
    let remote = Remote::new(&names(&["good", "bad"]), "[state]\nbranch = \"state\"");
    let root = remote.checkout();
    let main = remote.commits("main");
    let batch = Batch::new(0, &[("good", PASS)]);
    batch.keep(&root);
    // With a forge, recipes go to main and the state to its branch.
    let report = ok(merge(&root, &["--forge", "local"]));
    assert_eq!(report["push"]["outcome"], "pushed", "{report}");
    assert_eq!(report["pull_requests"][0]["merging"]["by"], "merged", "no check is required");
    let on_main = git(&remote.path(), &["diff", "--name-only", &main[0], "main"]);
    assert_eq!(on_main.trim(), "recipes/g/good.toml", "main has no commit of the state");
    assert!(remote.file("state", &format!("data/metrics/batch-runs-{}.jsonl", batch.id)).is_some());

    Batch::new(1, &[("bad", FAIL)]).keep(&root);
    let report = ok(merge(&root, &["--forge", "local"]));
    assert_eq!((&report["merged"], &report["push"]["outcome"]), (&1.into(), &"pushed".into()));
    assert!(remote.file("state", "recipes/g/good.toml").is_some(), "it is a whole root");
    let queue = remote.file("state", "data/queues/priority-queue-npm.json").unwrap();
    assert!(queue.contains("\"success\"") && queue.contains("\"failed\""), "{queue}");
    assert_eq!(git(&remote.path(), &["rev-list", "--merges", "--count", "state"]).trim(), "0");
}

fn not_again() {
    let remote = Remote::new(&names(&["good", "other"]), "");
    let root = remote.checkout();
    Batch::new(0, &[("good", PASS)]).keep(&root);
    let folder = root.path("artifacts");
    let folder = folder.to_str().unwrap();
    let planned = ok(root.command(&[
        "-q",
        "preflight",
        "--ecosystem",
        "npm",
        "--matrix",
        "--artifacts",
        folder,
    ]));
    let text = planned.to_string();
    assert!(!text.contains("npm:good"), "{text}");
    let files = std::fs::read_dir(folder).unwrap().count();
    assert!(files > 0);
}

fn no_token() {
    let remote = Remote::new(&names(&["good"]), "");
    let root = remote.checkout();
    Batch::new(0, &[("good", PASS)]).keep(&root);
    let mut command = merge(&root, &["--forge", "github", "--repository", "owner/name"]);
    let output = command.env_remove("GITHUB_TOKEN").output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("GITHUB_TOKEN is not set"),
        "{output:?}"
    );
    assert_eq!(remote.commits("main").len(), 1);
    assert_eq!(ok(merge(&root, &[]))["push"]["outcome"], "pushed");
}

/// An API that answers every question with an empty list, and notes what it was asked.
fn api() -> (String, std::sync::mpsc::Receiver<String>) {
    use std::io::{BufRead as _, BufReader, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (told, asked) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let request: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
            let _ = told.send(request.join("\n"));
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n";
            let _ = write!(&stream, "{head}connection: close\r\n\r\n[]");
        }
    });
    (address, asked)
}

fn github() {
    const TOKEN: &str = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
    let remote = Remote::new(&names(&["good"]), "");
    let root = remote.checkout();
    let (address, asked) = api();
    let mut command = root.command(&["-vv", "pr", "list", "--forge", "github", "--json"]);
    command.env("GITHUB_TOKEN", TOKEN).env("GITHUB_REPOSITORY", "owner/name");
    let output = command.env("TSUKU_BATCH_FORGE_API", &address).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(listed["pull_requests"], serde_json::json!([]));
    let request = asked.recv().unwrap();
    assert!(request.starts_with("GET /repos/owner/name/pulls?"), "{request}");
    let header = format!("authorization: bearer {}", TOKEN.to_lowercase());
    assert!(request.to_lowercase().contains(&header), "{request}");
    let printed = [output.stdout, output.stderr].concat();
    assert!(!String::from_utf8_lossy(&printed).contains(TOKEN), "it is never printed");
}
