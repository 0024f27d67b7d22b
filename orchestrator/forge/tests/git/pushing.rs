//! Pushes, and who was faster.

use std::{fs, path::Path};

use batch_forge::git::{GitError, PushOutcome, Worktree};

use crate::repositories::{Repositories, at, branch, git, hook, save};

async fn commit(worktree: &Worktree, text: &str) -> batch_forge::git::CommitId {
    fs::write(worktree.root().join("data/state.json"), text).unwrap();
    worktree.commit_all(&[Path::new("data")], "Save", at()).await.unwrap().unwrap()
}

#[tokio::test]
async fn who_comes_second_is_told_and_can_repeat() {
    let repositories = Repositories::new();
    let (worktree, main) = (repositories.open().await, branch("main"));
    let base = worktree.fetch(&main).await.unwrap();
    worktree.reset_to(&base).await.unwrap();
    let mine = commit(&worktree, "{\"mine\":1}\n").await;
    let theirs = repositories.push_as_other("main", "main", "theirs", "x\n");
    let outcome = worktree.push(&mine, &main, Some(&base)).await.unwrap();
    assert!(matches!(outcome, PushOutcome::Behind { .. }), "{outcome:?}");
    assert_eq!(repositories.tip("main"), theirs, "somebody's commit was removed");
    // Without the other one's commit nothing may be pushed, whatever is expected.
    let error = worktree.push(&mine, &main, Some(&theirs)).await.unwrap_err();
    assert!(matches!(error, GitError::Failed { .. } | GitError::WouldRemove { .. }), "{error}");
    let base = worktree.fetch(&main).await.unwrap();
    let error = worktree.push(&mine, &main, Some(&base)).await.unwrap_err();
    assert!(matches!(error, GitError::WouldRemove { .. }), "{error}");
    worktree.reset_to(&base).await.unwrap();
    let again = commit(&worktree, "{\"mine\":1}\n").await;
    assert_eq!(worktree.push(&again, &main, Some(&base)).await.unwrap(), PushOutcome::Pushed);
    assert_eq!(worktree.push(&again, &main, Some(&base)).await.unwrap(), PushOutcome::Pushed);
}

#[tokio::test]
async fn a_new_branch_must_be_new() {
    let repositories = Repositories::new();
    let (worktree, name) = (repositories.open().await, branch("batch/npm-1"));
    let base = worktree.fetch(&branch("main")).await.unwrap();
    worktree.reset_to(&base).await.unwrap();
    let mine = commit(&worktree, "{\"mine\":1}\n").await;
    assert_eq!(worktree.push(&mine, &name, None).await.unwrap(), PushOutcome::Pushed);
    worktree.reset_to(&base).await.unwrap();
    let other = commit(&worktree, "{\"mine\":2}\n").await;
    let outcome = worktree.push(&other, &name, None).await.unwrap();
    assert!(matches!(outcome, PushOutcome::Behind { .. }), "{outcome:?}");
    // A branch below a branch cannot exist, however often it is tried.
    let outcome = worktree.push(&other, &branch("batch/npm-1/x"), None).await.unwrap();
    assert!(matches!(outcome, PushOutcome::Refused { .. }), "{outcome:?}");
    // Only the expected commit is deleted; a branch that is gone is deleted.
    let outcome = worktree.delete_branch(&name, &other).await.unwrap();
    assert!(matches!(outcome, PushOutcome::Behind { .. }), "{outcome:?}");
    assert_eq!(worktree.delete_branch(&name, &mine).await.unwrap(), PushOutcome::Pushed);
    assert_eq!(worktree.delete_branch(&name, &mine).await.unwrap(), PushOutcome::Pushed);
}

#[tokio::test]
async fn a_rule_of_the_remote_is_told_from_a_race() {
    let repositories = Repositories::new();
    let (worktree, main) = (repositories.open().await, branch("main"));
    let base = worktree.fetch(&main).await.unwrap();
    worktree.reset_to(&base).await.unwrap();
    let mine = commit(&worktree, "{\"mine\":1}\n").await;
    hook(
        &repositories,
        "printf 'error: GH006: Protected\\033[31m branch ghp_0123456789abcdefghijklmnopqrstuvwxyzAB\\n' >&2; exit 1",
    );
    let outcome = worktree.push(&mine, &main, Some(&base)).await.unwrap();
    let PushOutcome::Refused { reason } = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("pre-receive hook declined"), "{reason}");
    assert!(reason.contains("GH006: Protected branch ***"), "{reason}");
    // Somebody else is writing: a lock that passes.
    hook(&repositories, "exit 0");
    let lock = repositories.bare().join("refs/heads/main.lock");
    fs::write(&lock, "").unwrap();
    let outcome = worktree.push(&mine, &main, Some(&base)).await.unwrap();
    assert!(matches!(outcome, PushOutcome::Behind { .. }), "{outcome:?}");
    fs::remove_file(&lock).unwrap();
    // The branch moves between the comparison of git and the update.
    let sleeps = format!(
        "unset GIT_QUARANTINE_PATH; git -C '{}' update-ref refs/heads/main {base} {base} && \
         git -C '{}' update-ref refs/heads/main $(git commit-tree -p {base} -m x {base}^{{tree}})",
        repositories.bare().display(),
        repositories.bare().display()
    );
    git(&repositories.bare(), &["config", "user.name", "x"]);
    git(&repositories.bare(), &["config", "user.email", "x@example.com"]);
    hook(&repositories, &sleeps);
    let outcome = worktree.push(&mine, &main, Some(&base)).await.unwrap();
    assert!(matches!(outcome, PushOutcome::Behind { .. }), "{outcome:?}");
    assert_ne!(repositories.tip("main"), mine);
}

#[tokio::test]
async fn an_address_that_does_not_answer_is_unreachable() {
    let repositories = Repositories::new();
    let mine = repositories.tip("main");
    for remote in ["https://joe:s3cr3t@127.0.0.1:1/x.git", "https://github.invalid/x.git"] {
        let worktree = repositories.open_in(&repositories.root(), remote).await.unwrap();
        let outcome = worktree.push(&mine, &branch("main"), None).await.unwrap();
        assert!(matches!(outcome, PushOutcome::Unreachable { .. }), "{outcome:?}");
        let error = worktree.fetch(&branch("main")).await.unwrap_err().to_string();
        assert!(error.contains("cannot be reached"), "{error}");
        for said in [error, format!("{outcome:?}")] {
            assert!(!said.contains("s3cr3t"), "{said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pushes_at_the_same_time_lose_nothing() {
    const N_WRITERS: usize = 4;
    const N_COMMITS: usize = 5;
    let repositories = Repositories::new();
    let writer = async |n: usize, checkout: std::path::PathBuf| {
        let worktree = repositories.open_in(&checkout, "origin").await.unwrap();
        let main = branch("main");
        for i in 0..N_COMMITS {
            loop {
                let base = worktree.fetch(&main).await.unwrap();
                worktree.reset_to(&base).await.unwrap();
                let file = format!("data/{n}-{i}");
                fs::write(worktree.root().join(&file), "x").unwrap();
                let path = Path::new(&file);
                let commit = worktree.commit_all(&[path], "Save", at()).await.unwrap().unwrap();
                match worktree.push(&commit, &main, Some(&base)).await.unwrap() {
                    PushOutcome::Pushed => break,
                    PushOutcome::Behind { .. } => (),
                    PushOutcome::Refused { reason } | PushOutcome::Unreachable { reason } => {
                        panic!("{reason}")
                    }
                }
            }
        }
    };
    let checkouts: Vec<_> =
        (0..N_WRITERS).map(|n| repositories.clone(&format!("c{n}"), &[])).collect();
    let mut all = checkouts.into_iter().enumerate().map(|(n, checkout)| writer(n, checkout));
    let four = [all.next(), all.next(), all.next(), all.next()].map(Option::unwrap);
    let [a, b, c, d] = four;
    tokio::join!(a, b, c, d);
    let files = git(&repositories.bare(), &["ls-tree", "--name-only", "main", "data/"]);
    assert_eq!(files.lines().count(), N_WRITERS * N_COMMITS + 1, "{files}");
    assert_eq!(git(&repositories.bare(), &["rev-list", "--merges", "main"]), "");
    let n_commits = git(&repositories.bare(), &["rev-list", "--count", "main"]);
    assert_eq!(n_commits, (N_WRITERS * N_COMMITS + 1).to_string());
}

#[tokio::test]
async fn a_shallow_checkout_can_do_everything() {
    let repositories = Repositories::new();
    for n in 0..5 {
        repositories.push_as_other("main", "main", "theirs", &format!("{n}\n"));
    }
    repositories.push_as_other("batch/x", "main~3", "recipe", "x\n");
    let shallow = repositories.clone("shallow", &["--depth", "1"]);
    fs::create_dir_all(shallow.join(".tsuku-batch")).unwrap();
    let worktree = repositories.open_in(&shallow, "origin").await.unwrap();
    save(&worktree, "data/state.json", "{\"shallow\":1}\n").await;
    assert!(shallow.join(".git/shallow").exists(), "nothing needed the whole history");
    let merged = worktree.merge_into(&branch("batch/x"), &branch("main"), at()).await.unwrap();
    let tip = repositories.tip("batch/x");
    assert_eq!(merged, batch_forge::git::MergedInto::Merged(tip.clone()));
    assert_eq!(git(&repositories.bare(), &["show", "batch/x:theirs"]), "4");
    assert_eq!(worktree.commit(&tip).await.unwrap().parents.len(), 2);
}
