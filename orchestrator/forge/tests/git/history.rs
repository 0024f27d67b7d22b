//! What is found in the history.

use std::{fs, path::Path};

use batch_forge::git::{Change, CommitId, Git, Worktree};

use crate::repositories::{Repositories, at, branch, git, settings};

async fn commit(worktree: &Worktree, file: &str, message: &str) -> CommitId {
    fs::write(worktree.root().join(file), message).unwrap();
    worktree.commit_all(&[Path::new(file)], message, at()).await.unwrap().unwrap()
}

#[tokio::test]
async fn exactly_one_batch_is_found() {
    let repositories = Repositories::new();
    let worktree = repositories.open().await;
    let base = worktree.fetch(&branch("main")).await.unwrap();
    worktree.reset_to(&base).await.unwrap();
    let id = "npm-2026-11-21T13-00-05Z";
    commit(&worktree, "a", &format!("feat: a\n\nBatch-Id: {id}2\nEcosystem: npm\n")).await;
    let wanted = commit(
        &worktree,
        "b",
        &format!(
            "feat: b\n\nText.\n\nBatch-Id: {id}\nSuccess-Rate: 0.5\n\nCo-authored-by: A <a@b>\n"
        ),
    )
    .await;
    commit(&worktree, "c", &format!("feat: c\n\nAs in Batch-Id: {id} before.\n")).await;
    let tip = commit(&worktree, "d", &format!("Batch-Id: {id}\n")).await;
    // The pattern is no regular expression.
    git(&repositories.checkout(), &["config", "grep.patternType", "perl"]);
    let found = worktree.commits_with_trailer(&tip, "Batch-Id", id).await.unwrap();
    let ids: Vec<&CommitId> = found.iter().map(|commit| &commit.id).collect();
    assert_eq!(ids, [&wanted]);
    assert_eq!(found[0].trailer("success-rate"), Some("0.5"));
    assert!(worktree.commits_with_trailer(&tip, "Batch-Id", ".*").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_shallow_history_is_completed_to_find_a_batch() {
    let repositories = Repositories::new();
    let worktree = repositories.open().await;
    let base = worktree.fetch(&branch("main")).await.unwrap();
    worktree.reset_to(&base).await.unwrap();
    let wanted = commit(&worktree, "a", "feat: a\n\nBatch-Id: npm-1\n").await;
    let tip = commit(&worktree, "b", "Later").await;
    worktree.push(&tip, &branch("main"), Some(&base)).await.unwrap();
    let shallow = repositories.clone("shallow", &["--depth", "1"]);
    let worktree = repositories.open_in(&shallow, "origin").await.unwrap();
    let found = worktree.commits_with_trailer(&tip, "Batch-Id", "npm-1").await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].id, wanted);
    assert_eq!(found[0].parents, [base]);
}

#[tokio::test]
async fn changes_are_those_below_the_root() {
    let repositories = Repositories::with_root("sub");
    let worktree = repositories.open().await;
    let base = worktree.fetch(&branch("main")).await.unwrap();
    worktree.reset_to(&base).await.unwrap();
    fs::remove_file(worktree.root().join("data/state.json")).unwrap();
    fs::write(worktree.root().join("new"), "x").unwrap();
    let paths = [Path::new("data"), Path::new("new")];
    let commit = worktree.commit_all(&paths, "Change", at()).await.unwrap().unwrap();
    let other = repositories.push_as_other("main", "main", "outside", "x");
    let changed = worktree.changed_files(&base, &commit).await.unwrap();
    let changed: Vec<_> =
        changed.iter().map(|file| (file.path.to_str().unwrap(), file.change)).collect();
    assert_eq!(changed, [("data/state.json", Change::Deleted), ("new", Change::Added)]);
    worktree.fetch(&branch("main")).await.unwrap();
    assert!(worktree.changed_files(&base, &other).await.unwrap().is_empty());
    let merge_base = worktree.merge_base(&commit, &other).await.unwrap();
    assert_eq!(merge_base, Some(base));
}

#[tokio::test]
async fn changed_files_are_those_of_this_side_below_a_folder_of_the_root() {
    let repositories = Repositories::with_root("sub");
    let git_program = Git::find(settings(repositories.dir.path())).await.unwrap();
    let (checkout, root) = (repositories.checkout(), repositories.checkout().join("sub"));
    let put = |path: &str, text: &str| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let commit = |message: &str| {
        git(&checkout, &["add", "--all"]);
        git(&checkout, &["commit", "--quiet", "-m", message]);
    };
    put("recipes/a b.toml", "1");
    put("recipes/gone.toml", "1");
    commit("before");
    git(&checkout, &["checkout", "--quiet", "-b", "proposal"]);
    put("recipes/a b.toml", "2");
    put("recipes/x/n\u{e9}w\n.toml", "1");
    put("other/y.toml", "1");
    fs::remove_file(root.join("recipes/gone.toml")).unwrap();
    fs::create_dir_all(checkout.join("recipes")).unwrap();
    fs::write(checkout.join("recipes/outside.toml"), "1").unwrap();
    commit("proposal");
    git(&checkout, &["checkout", "--quiet", "main"]);
    put("recipes/of-others.toml", "1");
    commit("main moves on");
    git(&checkout, &["checkout", "--quiet", "proposal"]);
    let changed = async |since: &str| git_program.changed_below(&root, "recipes", since).await;
    let found = changed("main").await.unwrap();
    let found: Vec<&str> = found.iter().map(|path| path.to_str().unwrap()).collect();
    assert_eq!(found, ["recipes/a b.toml", "recipes/x/n\u{e9}w\n.toml"]);
    for wrong in ["no-such-branch", "--output=x", "main:sub", ""] {
        let error = changed(wrong).await.unwrap_err();
        assert!(error.to_string().contains("names no commit"), "{wrong}: {error}");
    }
}
