//! The private worktree, and the checkout that it must not touch.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use batch_forge::git::{Change, Git, GitError, PushOutcome, Remote, Worktree};

use crate::repositories::{Repositories, at, branch, git, save, settings};

/// A person in the middle of work: changed, staged, untracked, ignored and deleted files, a stash,
/// a hook, and settings that would get in the way.
fn make_dirty(repositories: &Repositories) {
    let checkout = repositories.checkout();
    fs::write(checkout.join("README"), "stashed\n").unwrap();
    git(&checkout, &["stash", "-q"]);
    git(&checkout, &["switch", "-q", "-c", "my-work"]);
    git(&checkout, &["tag", "-a", "-m", "mine", "v1"]);
    fs::write(checkout.join("README"), "staged\n").unwrap();
    git(&checkout, &["add", "README"]);
    fs::write(checkout.join("README"), "staged and changed\n").unwrap();
    fs::write(checkout.join("untracked file"), "mine\n").unwrap();
    fs::remove_file(repositories.root().join("data/state.json")).unwrap();
    fs::write(checkout.join(".git/info/exclude"), "ignored\ndata\n").unwrap();
    fs::write(checkout.join("ignored"), "mine\n").unwrap();
    for hook in ["pre-commit", "commit-msg", "post-checkout", "pre-push", "reference-transaction"] {
        let path = checkout.join(".git/hooks").join(hook);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "#!/bin/sh\ntouch \"$HOME/hook-ran\"\nexit 1\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    for (key, value) in [
        ("commit.gpgSign", "true"),
        ("gpg.program", "/nonexistent/gpg"),
        ("core.autocrlf", "true"),
        ("merge.ff", "only"),
        ("fetch.prune", "true"),
        ("remote.origin.prune", "true"),
        ("push.followTags", "true"),
        ("core.fsmonitor", "/nonexistent/monitor"),
    ] {
        git(&checkout, &["config", key, value]);
    }
}

#[tokio::test]
async fn a_dirty_checkout_stays_as_it_is_byte_for_byte() {
    for root in ["", "registry/of recipes"] {
        let repositories = Repositories::with_root(root);
        make_dirty(&repositories);
        repositories.push_as_other("main", "main", "theirs", "new\n");
        let before = repositories.of_person();
        let worktree = repositories.open().await;
        let commit = save(&worktree, "data/state.json", "{\"a\":1}\r\n").await;
        assert_eq!(repositories.tip("main"), commit);
        repositories.push_as_other("batch/x", "main~1", "recipe", "x\n");
        worktree.merge_into(&branch("batch/x"), &branch("main"), at()).await.unwrap();
        drop(worktree);
        drop(repositories.open().await);
        let after = repositories.of_person();
        for (name, content) in &before {
            let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
            assert_eq!(text(content), text(&after[name]), "{name}");
        }
        assert_eq!(before.len(), after.len());
        assert!(!repositories.dir.path().join("hook-ran").exists(), "a hook ran");
        let bare = repositories.bare();
        let of = format!(
            "main:{}data/state.json",
            if root.is_empty() { "" } else { "registry/of recipes/" }
        );
        assert_eq!(git(&bare, &["cat-file", "-s", &of]), "9", "the carriage return was lost");
        assert_eq!(git(&bare, &["tag"]), "", "a tag of the person was pushed");
        let who =
            git(&bare, &["log", "-1", "--format=%an <%ae> %cn %aI %cI %G?", &commit.to_string()]);
        let date = "2026-11-21T13:00:05";
        let expected = format!("batch <batch@example.com> batch {date}+00:00 {date}+00:00 N");
        assert_eq!(who.replace('Z', "+00:00"), expected);
    }
}

#[tokio::test]
async fn what_was_not_changed_makes_no_commit() {
    let repositories = Repositories::new();
    let worktree = repositories.open().await;
    let base = worktree.fetch(&branch("main")).await.unwrap();
    worktree.reset_to(&base).await.unwrap();
    fs::write(worktree.root().join("data/state.json"), "{}\n").unwrap();
    fs::write(worktree.root().join("elsewhere"), "x").unwrap();
    let paths = [Path::new("data"), Path::new("recipes"), Path::new("never/there")];
    assert_eq!(worktree.commit_all(&paths, "Nothing", at()).await.unwrap(), None);
    assert_eq!(worktree.commit_all(&[], "Nothing", at()).await.unwrap(), None);
    assert_eq!(worktree.head().await.unwrap(), base);
    worktree.reset_to(&base).await.unwrap();
    assert!(!worktree.root().join("elsewhere").exists(), "left over");
}

#[tokio::test]
async fn equal_content_gives_an_equal_commit() {
    let repositories = Repositories::new();
    let worktree = repositories.open().await;
    let base = worktree.fetch(&branch("main")).await.unwrap();
    let mut commits = vec![];
    for _ in 0..2 {
        worktree.reset_to(&base).await.unwrap();
        fs::write(worktree.root().join("data/state.json"), "{\"a\":2}\n").unwrap();
        fs::write(worktree.root().join("new"), "").unwrap();
        let message = "[state] Save\n\n# kept, it is no comment\n\nBatch-Id: npm-1\n";
        let paths = [Path::new("data"), Path::new("new")];
        commits.extend(worktree.commit_all(&paths, message, at()).await.unwrap());
        let read = worktree.commit(&commits[0]).await.unwrap();
        assert_eq!(read.message, message);
        assert_eq!((read.parents, read.committed_at), (vec![base.clone()], at()));
    }
    assert_eq!(commits[0], commits[1]);
}

#[tokio::test]
async fn files_may_have_any_name() {
    let repositories = Repositories::with_root("sub");
    let worktree = repositories.open().await;
    let base = worktree.fetch(&branch("main")).await.unwrap();
    worktree.reset_to(&base).await.unwrap();
    let names = [
        OsStr::new("a b"),
        OsStr::new("line\nbreak"),
        OsStr::new("ünïcode"),
        OsStr::new("-f"),
        OsStr::new(":(glob)*"),
        OsStr::new("*"),
        OsStr::new("\"quoted\"\\\t"),
        OsStr::from_bytes(b"not\xffutf8"),
    ];
    let dir = worktree.root().join("recipes");
    fs::create_dir(&dir).unwrap();
    for name in names {
        fs::write(dir.join(name), name.as_bytes()).unwrap();
    }
    let commit =
        worktree.commit_all(&[Path::new("recipes")], "Names", at()).await.unwrap().unwrap();
    let changed = worktree.changed_files(&base, &commit).await.unwrap();
    let mut found: Vec<PathBuf> = changed.iter().map(|file| file.path.clone()).collect();
    let mut expected: Vec<PathBuf> = names.map(|name| Path::new("recipes").join(name)).into();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    assert!(changed.iter().all(|file| file.change == Change::Added));
    for name in names {
        let path = Path::new("recipes").join(name);
        assert_eq!(worktree.show(&commit, &path).await.unwrap().unwrap(), name.as_bytes());
        assert_eq!(worktree.show(&base, &path).await.unwrap(), None);
    }
    // One of them alone: a pattern would take all.
    worktree.reset_to(&base).await.unwrap();
    fs::create_dir(&dir).unwrap();
    for name in names {
        fs::write(dir.join(name), "").unwrap();
    }
    let path = Path::new("recipes/*");
    let commit = worktree.commit_all(&[path], "One", at()).await.unwrap().unwrap();
    assert_eq!(worktree.changed_files(&base, &commit).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_file_comes_back_byte_for_byte() {
    let repositories = Repositories::new();
    let worktree = repositories.open().await;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let base = worktree.fetch(&branch("main")).await.unwrap();
    worktree.reset_to(&base).await.unwrap();
    fs::write(worktree.root().join("data/blob"), &bytes).unwrap();
    fs::write(worktree.root().join("data/text"), b"a\r\n\xff\0\x1b[31m").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", worktree.root().join("data/link")).unwrap();
    let commit = worktree.commit_all(&[Path::new("")], "All", at()).await.unwrap().unwrap();
    let show = async |path: &str| worktree.show(&commit, Path::new(path)).await.unwrap();
    assert!(show("data/blob").await.unwrap() == bytes);
    assert_eq!(show("data/text").await.unwrap(), b"a\r\n\xff\0\x1b[31m");
    for none in ["data/link", "data", "nothing"] {
        assert_eq!(show(none).await, None, "{none}");
    }
    for outside in ["../README", "/etc/passwd", "data/../../x"] {
        let error = worktree.show(&commit, Path::new(outside)).await.unwrap_err();
        assert!(matches!(error, GitError::Outside { .. }), "{outside}: {error}");
    }
}

const DAMAGES: [&str; 16] = [
    "index.lock",
    "HEAD.lock",
    "refs/worktree/fetched.lock",
    "broken index",
    "no index",
    "empty HEAD",
    "HEAD of nothing",
    "no link",
    "empty link",
    "link to the person's repository",
    "no folder",
    "no registration",
    "half registered",
    "other files in its place",
    "in the middle of a merge",
    "the person's branch checked out",
];

/// Damages the worktree in `dir`, whose part of the repository is `git_dir`.
fn damage(name: &str, dir: &Path, git_dir: &Path) {
    let write = |path: &str, text: &str| fs::write(git_dir.join(path), text).unwrap();
    match name {
        "index.lock" | "HEAD.lock" => write(name, ""),
        "refs/worktree/fetched.lock" => {
            fs::create_dir_all(git_dir.join("refs/worktree")).unwrap();
            write(name, "");
        }
        "broken index" => write("index", "DIRC"),
        "no index" => fs::remove_file(git_dir.join("index")).unwrap(),
        "empty HEAD" => write("HEAD", ""),
        "HEAD of nothing" => write("HEAD", &"1".repeat(40)),
        "no link" => fs::remove_file(dir.join(".git")).unwrap(),
        "empty link" => fs::write(dir.join(".git"), "").unwrap(),
        "link to the person's repository" => {
            let of_person = git_dir.parent().and_then(Path::parent).unwrap();
            fs::write(dir.join(".git"), format!("gitdir: {}\n", of_person.display())).unwrap();
        }
        "no folder" => fs::remove_dir_all(dir).unwrap(),
        "no registration" => fs::remove_dir_all(git_dir).unwrap(),
        "half registered" => {
            write("locked", "initializing");
            fs::remove_file(git_dir.join("gitdir")).unwrap();
        }
        "other files in its place" => {
            fs::remove_dir_all(dir).unwrap();
            fs::create_dir(dir).unwrap();
            fs::write(dir.join("something"), "").unwrap();
        }
        "in the middle of a merge" => {
            write("MERGE_HEAD", &"1".repeat(40));
            fs::write(dir.join("README"), "<<<<<<<\n").unwrap();
            git(dir, &["init", "-q", "inner"]);
        }
        "the person's branch checked out" => {
            git(dir, &["checkout", "-q", "--ignore-other-worktrees", "main"]);
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_damaged_worktree_is_made_anew() {
    for name in DAMAGES {
        let repositories = Repositories::new();
        drop(repositories.open().await);
        let before = repositories.of_person();
        let git_dir = repositories.checkout().join(".git/worktrees/worktree");
        damage(name, &repositories.folder().join("worktree"), &git_dir);
        let worktree = repositories.open().await;
        save(&worktree, "data/state.json", "{\"saved\":1}\n").await;
        for left in ["inner", "something"] {
            assert!(!worktree.root().join(left).exists(), "{name}");
        }
        assert_eq!(repositories.of_person(), before, "{name}");
    }
}

#[tokio::test]
async fn a_worktree_that_loses_its_link_does_not_fall_back_to_the_checkout() {
    let repositories = Repositories::new();
    make_dirty(&repositories);
    let worktree = repositories.open().await;
    let base = worktree.fetch(&branch("main")).await.unwrap();
    let before = repositories.of_person();
    fs::remove_file(worktree.root().join(".git")).unwrap();
    let _ = worktree.reset_to(&base).await;
    fs::write(worktree.root().join("data/state.json"), "{\"a\":1}\n").unwrap();
    let _ = worktree.commit_all(&[Path::new("data")], "Save", at()).await;
    assert_eq!(repositories.of_person(), before);
}

#[tokio::test]
async fn a_checkout_that_was_moved_gets_a_new_worktree() {
    let repositories = Repositories::new();
    drop(repositories.open().await);
    let moved = repositories.dir.path().join("moved");
    fs::rename(repositories.checkout(), &moved).unwrap();
    let worktree = repositories.open_in(&moved, "origin").await.unwrap();
    save(&worktree, "data/state.json", "{\"moved\":true}\n").await;
}

#[tokio::test]
async fn two_processes_do_not_share_a_worktree() {
    let repositories = Repositories::new();
    let first = repositories.open().await;
    let mut impatient = settings(repositories.dir.path());
    impatient.patience = Duration::from_millis(1);
    let git = Git::find(impatient).await.unwrap();
    let remote = Remote::new("origin", Path::new("/")).unwrap();
    let root = repositories.root();
    let second = Worktree::open(&git, &root, &repositories.folder(), &remote).await;
    assert!(matches!(second, Err(GitError::Busy { .. })));
    // One that waits gets it.
    let (second, ()) = tokio::join!(repositories.open_in(&root, "origin"), async { drop(first) });
    save(&second.unwrap(), "data/state.json", "{\"second\":1}\n").await;
}

#[tokio::test]
async fn a_remote_may_be_a_name_a_path_or_an_address() {
    let repositories = Repositories::new();
    let checkout = repositories.checkout();
    git(&checkout, &["remote", "add", "relative", "../b.git"]);
    git(&checkout, &["remote", "add", "inside", "inside"]);
    std::os::unix::fs::symlink(repositories.bare(), checkout.join("inside")).unwrap();
    let address = format!("file://{}", repositories.bare().display());
    for (n, remote) in
        ["origin", "relative", "inside", "../b.git", &address].into_iter().enumerate()
    {
        let worktree = repositories.open_in(&repositories.root(), remote).await.unwrap();
        save(&worktree, "data/state.json", &format!("{{\"n\":{n}}}\n")).await;
        assert!(worktree.remote_address().contains('/'), "{remote}");
    }
}

#[tokio::test]
async fn errors_name_what_is_missing() {
    let repositories = Repositories::new();
    let mut without_git = settings(repositories.dir.path());
    without_git.path = "/nonexistent".into();
    let error = Git::find(without_git).await.err().unwrap();
    assert!(error.to_string().starts_with("git is not installed"), "{error}");

    let open = async |remote: &str| repositories.open_in(&repositories.root(), remote).await;
    let error = open("upstream").await.err().unwrap().to_string();
    assert!(error.contains("upstream") && error.contains("No such remote"), "{error}");
    let worktree = open("/nonexistent/x.git").await.unwrap();
    let error = worktree.fetch(&branch("main")).await.unwrap_err().to_string();
    assert!(error.contains("/nonexistent/x.git refuses"), "{error}");
    drop(worktree);
    let worktree = open("origin").await.unwrap();
    let error = worktree.fetch(&branch("nope")).await.unwrap_err();
    assert!(matches!(error, GitError::NoBranch { .. }), "{error}");
    assert_eq!(worktree.fetch_if_present(&branch("nope")).await.unwrap(), None);
    let outcome = worktree.push(&repositories.tip("main"), &branch("main"), None).await.unwrap();
    assert_eq!(outcome, PushOutcome::Pushed, "it is there already");

    let elsewhere = tempfile::tempdir().unwrap();
    let error = repositories.open_in(elsewhere.path(), "origin").await.err().unwrap();
    assert!(matches!(error, GitError::NotACheckout { .. }), "{error}");
}
