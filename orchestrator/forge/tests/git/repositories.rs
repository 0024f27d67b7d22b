//! Repositories for tests: a bare one, and the checkout of a person.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use batch_core::io::SystemClock;
use batch_forge::git::{
    Author, BranchName, CommitId, Git, GitError, GitSettings, Remote, Worktree,
};
use chrono::{DateTime, Utc};
use tempfile::TempDir;

/// A bare repository `b.git` and its clone `checkout`, in which the root is `root`.
pub(crate) struct Repositories {
    pub(crate) dir: TempDir,
    root: &'static str,
}

pub(crate) fn at() -> DateTime<Utc> {
    "2026-11-21T13:00:05Z".parse().unwrap()
}

pub(crate) fn branch(name: &str) -> BranchName {
    name.parse().unwrap()
}

/// Runs git as a person would, and returns what it prints.
pub(crate) fn git(dir: &Path, args: &[&str]) -> String {
    let output = try_git(dir, args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {args:?} in {}: {stderr}", dir.display());
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

pub(crate) fn try_git(dir: &Path, args: &[&str]) -> std::process::Output {
    Command::new("git")
        .current_dir(dir)
        .args(args)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .envs(of_person(dir))
        .output()
        .unwrap()
}

fn of_person(home: &Path) -> [(&'static str, String); 6] {
    let name = |role| (role, "Joe Person".to_owned());
    [
        ("HOME", home.to_string_lossy().into_owned()),
        ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
        name("GIT_AUTHOR_NAME"),
        name("GIT_COMMITTER_NAME"),
        ("GIT_AUTHOR_EMAIL", "joe@example.com".to_owned()),
        ("GIT_COMMITTER_EMAIL", "joe@example.com".to_owned()),
    ]
}

pub(crate) fn settings(home: &Path) -> GitSettings {
    let variables = [("HOME", home.to_str().unwrap()), ("GIT_CONFIG_NOSYSTEM", "1")];
    GitSettings {
        path: std::env::var_os("PATH").unwrap(),
        variables: BTreeMap::from(variables.map(|(name, value)| (name.into(), value.into()))),
        author: Author { name: "batch".into(), email: "batch@example.com".into() },
        token: None,
        cleaner: Arc::default(),
        clock: Arc::new(SystemClock::default()),
        patience: Duration::from_secs(60),
    }
}

impl Repositories {
    pub(crate) fn new() -> Self {
        Self::with_root("")
    }

    /// With the root in a subfolder of the repository.
    pub(crate) fn with_root(root: &'static str) -> Self {
        let these = Self { dir: tempfile::tempdir().unwrap(), root };
        git(these.dir.path(), &["init", "-q", "--bare", "-b", "main", "b.git"]);
        git(these.dir.path(), &["init", "-q", "-b", "main", "checkout"]);
        let checkout = these.checkout();
        fs::create_dir_all(these.root().join("data")).unwrap();
        fs::write(these.root().join("data/state.json"), "{}\n").unwrap();
        fs::write(checkout.join("README"), "hello\n").unwrap();
        fs::create_dir_all(these.folder()).unwrap();
        fs::write(these.folder().join(".gitignore"), "*\n").unwrap();
        git(&checkout, &["add", "-A"]);
        git(&checkout, &["commit", "-q", "-m", "Begin"]);
        // An address, because git moves remote-tracking branches for these only.
        let address = format!("file://{}", these.bare().display());
        git(&checkout, &["remote", "add", "origin", &address]);
        git(&checkout, &["push", "-q", "-u", "origin", "main"]);
        these
    }

    pub(crate) fn bare(&self) -> PathBuf {
        self.dir.path().join("b.git")
    }

    pub(crate) fn checkout(&self) -> PathBuf {
        self.dir.path().join("checkout")
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.checkout().join(self.root)
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.root().join(".tsuku-batch")
    }

    /// Another clone, of which `clone` names the options.
    pub(crate) fn clone(&self, name: &str, options: &[&str]) -> PathBuf {
        let from = format!("file://{}", self.bare().display());
        git(self.dir.path(), &[&["clone", "-q"], options, &[&from, name]].concat());
        self.dir.path().join(name)
    }

    pub(crate) async fn open(&self) -> Worktree {
        self.open_in(&self.root(), "origin").await.unwrap()
    }

    pub(crate) async fn open_in(&self, root: &Path, remote: &str) -> Result<Worktree, GitError> {
        let git = Git::find(settings(self.dir.path())).await?;
        let remote = Remote::new(remote, root).unwrap();
        Worktree::open(&git, root, &root.join(".tsuku-batch"), &remote).await
    }

    /// The newest commit of a branch of the bare repository.
    pub(crate) fn tip(&self, branch: &str) -> CommitId {
        git(&self.bare(), &["rev-parse", &format!("refs/heads/{branch}")]).parse().unwrap()
    }

    /// A commit that somebody else pushes to `branch`, made on top of `from`.
    pub(crate) fn push_as_other(
        &self,
        branch: &str,
        from: &str,
        file: &str,
        text: &str,
    ) -> CommitId {
        let dir = tempfile::tempdir().unwrap();
        let bare = self.bare();
        git(dir.path(), &["clone", "-q", bare.to_str().unwrap(), "c"]);
        let clone = dir.path().join("c");
        git(&clone, &["checkout", "-q", "--detach", &format!("origin/{from}")]);
        fs::create_dir_all(clone.join(file).parent().unwrap()).unwrap();
        fs::write(clone.join(file), text).unwrap();
        git(&clone, &["add", "-A"]);
        git(&clone, &["commit", "-q", "-m", "Other work"]);
        git(&clone, &["push", "-q", "origin", &format!("HEAD:refs/heads/{branch}")]);
        self.tip(branch)
    }

    /// Everything of the person's checkout that must not change: files, index, HEAD, references,
    /// configuration, hooks.
    pub(crate) fn of_person(&self) -> BTreeMap<String, Vec<u8>> {
        let checkout = self.checkout();
        let mut all = BTreeMap::new();
        for at in ["HEAD", "index", "config", "packed-refs", "FETCH_HEAD", "ORIG_HEAD", "logs/HEAD"]
        {
            all.insert(at.to_owned(), fs::read(checkout.join(".git").join(at)).unwrap_or_default());
        }
        let mut add = |name: &str, args: &[&str]| {
            all.insert(name.to_owned(), git(&checkout, args).into_bytes());
        };
        add("references", &["for-each-ref"]);
        add("stash", &["stash", "list"]);
        let status = ["--no-optional-locks", "status", "--porcelain=v2", "--ignored", "-uall"];
        add("status", &status);
        for file in files(&checkout) {
            all.insert(format!("file {}", file.display()), fs::read(&file).unwrap());
        }
        // The private folder is ours.
        let text = String::from_utf8(all["status"].clone()).unwrap();
        let kept: Vec<&str> = text.lines().filter(|line| !line.contains(".tsuku-batch")).collect();
        all.insert("status".to_owned(), kept.join("\n").into_bytes());
        all
    }
}

/// Makes `script` decide which pushes the bare repository takes.
pub(crate) fn hook(repositories: &Repositories, script: &str) {
    let path = repositories.bare().join("hooks/pre-receive");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let ours = |path: &PathBuf| !path.ends_with(".git") && !path.ends_with(".tsuku-batch");
    let of = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    entries.filter(ours).flat_map(of).collect()
}

/// Writes `file` below the root of `worktree`, and commits and pushes it to main.
pub(crate) async fn save(worktree: &Worktree, file: &str, text: &str) -> CommitId {
    let main = branch("main");
    let base = worktree.fetch(&main).await.unwrap();
    worktree.reset_to(&base).await.unwrap();
    let path = worktree.root().join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    let commit = worktree.commit_all(&[Path::new(file)], "Save", at()).await.unwrap().unwrap();
    let outcome = worktree.push(&commit, &main, Some(&base)).await.unwrap();
    assert_eq!(outcome, batch_forge::git::PushOutcome::Pushed);
    commit
}
