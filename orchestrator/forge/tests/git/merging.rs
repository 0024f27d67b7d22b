//! Branches that are brought up to date.

use std::fs;

use batch_forge::git::MergedInto;

use crate::repositories::{Repositories, at, branch, git};

#[tokio::test]
async fn a_branch_gets_what_is_new_on_main() {
    let repositories = Repositories::new();
    let person = repositories.push_as_other("batch/x", "main", "recipe", "x\n");
    let worktree = repositories.open().await;
    let merge = async || worktree.merge_into(&branch("batch/x"), &branch("main"), at()).await;
    assert_eq!(merge().await.unwrap(), MergedInto::UpToDate);
    let main = repositories.push_as_other("main", "main", "theirs", "new\n");
    let MergedInto::Merged(commit) = merge().await.unwrap() else { panic!("not merged") };
    assert_eq!(repositories.tip("batch/x"), commit);
    let read = worktree.commit(&commit).await.unwrap();
    assert_eq!(read.parents, [person, main]);
    assert_eq!(read.message.trim(), "Merge branch 'main' into batch/x");
    assert_eq!(merge().await.unwrap(), MergedInto::UpToDate);
}

#[tokio::test]
async fn a_conflict_changes_nothing_and_names_the_files() {
    let repositories = Repositories::new();
    let before = repositories.push_as_other("batch/x", "main", "a b/ü\u{1b}[31m", "theirs\n");
    repositories.push_as_other("main", "main", "a b/ü\u{1b}[31m", "ours\n");
    let worktree = repositories.open().await;
    let merged = worktree.merge_into(&branch("batch/x"), &branch("main"), at()).await.unwrap();
    assert_eq!(merged, MergedInto::Conflict { paths: vec!["a b/ü".to_owned()] });
    assert_eq!(repositories.tip("batch/x"), before);
    let root = worktree.root();
    let git_dir = repositories.checkout().join(".git/worktrees/worktree");
    assert!(!git_dir.join("MERGE_HEAD").exists());
    assert_eq!(git(&root, &["status", "--porcelain"]), "");
}

#[tokio::test]
async fn histories_without_a_common_commit_are_an_error() {
    let repositories = Repositories::new();
    let dir = repositories.dir.path().join("alien");
    fs::create_dir(&dir).unwrap();
    git(&dir, &["init", "-q", "-b", "x"]);
    git(&dir, &["commit", "-q", "--allow-empty", "-m", "Alien"]);
    let bare = repositories.bare();
    git(&dir, &["push", "-q", bare.to_str().unwrap(), "x:batch/x"]);
    let worktree = repositories.open().await;
    let error = worktree.merge_into(&branch("batch/x"), &branch("main"), at()).await.unwrap_err();
    assert!(error.to_string().contains("unrelated histories"), "{error}");
}
