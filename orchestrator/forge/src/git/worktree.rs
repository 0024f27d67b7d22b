//! A private worktree of the person's repository.
//!
//! It shares the objects of the repository and nothing else: its HEAD is detached, its index is its
//! own, and what is fetched gets references of this worktree only (`refs/worktree/`). The person's
//! checkout, index, branches and remote-tracking branches stay as they are.
//!
//! Every command names the repository of the worktree (`GIT_DIR`) and its folder (`GIT_WORK_TREE`),
//! so that git never searches for a repository: above a damaged worktree it would find the
//! person's.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Write as _},
    path::{Component, Path, PathBuf},
};

use batch_core::io::read_within;

use crate::{
    git::{Answer, Command, Git, GitError, NETWORK, Remote, error},
    lock::lock,
};

/// A private worktree, which no other process uses as long as this exists.
pub struct Worktree {
    git: Git,
    /// Its folder.
    dir: PathBuf,
    /// Its own part of the repository.
    git_dir: PathBuf,
    /// The root, relative to the top of the repository.
    prefix: PathBuf,
    remote: Remote,
    places: Places,
    /// It is the standard input of every git that works here. A git that outlives a killed process
    /// keeps the lock, so that the next process waits for it.
    lock: File,
}

/// The addresses of a remote.
#[derive(Clone)]
pub(super) struct Places {
    pub(super) fetch: OsString,
    pub(super) push: OsString,
}

/// The person's checkout.
struct Checkout {
    /// Its uppermost folder.
    top: PathBuf,
    /// The repository, without what belongs to one worktree.
    common_dir: PathBuf,
}

impl Worktree {
    /// Opens the worktree `worktree` in `folder`, which is made if it does not exist, or was damaged
    /// by a process that was killed. `folder` must be ignored by git. It belongs to the repository in
    /// whose checkout `root` is, and commits of `remote` are fetched and pushed.
    ///
    /// Waits while another process uses it.
    pub async fn open(
        git: &Git,
        root: &Path,
        folder: &Path,
        remote: &Remote,
    ) -> Result<Self, GitError> {
        let root = root.canonicalize().map_err(files(root))?;
        fs::create_dir_all(folder).map_err(files(folder))?;
        let folder = folder.canonicalize().map_err(files(folder))?;
        let checkout = Checkout::of(git, &root).await?;
        let prefix = root.strip_prefix(&checkout.top).unwrap_or(Path::new("")).to_owned();
        let places = checkout.places(git, remote).await?;
        let path = folder.join("worktree.lock");
        let locked = lock(&*git.clock, git.patience, &path).await.map_err(files(&path))?;
        let lock = locked.ok_or(GitError::Busy { lock: path })?;
        let dir = folder.join("worktree");
        let of = |git_dir| Self {
            git: git.clone(),
            dir: dir.clone(),
            git_dir,
            prefix: prefix.clone(),
            remote: remote.clone(),
            places: places.clone(),
            lock,
        };
        if let Some(git_dir) = checkout.registered(&dir) {
            let found = of(git_dir);
            remove_locks(&found.git_dir)?;
            if found.settle().await.is_ok() {
                return Ok(found);
            }
            found.remake(&checkout).await
        } else {
            of(PathBuf::new()).remake(&checkout).await
        }
    }

    /// The folder of the root in this worktree. It exists when the checked out commit has it.
    pub fn root(&self) -> PathBuf {
        self.dir.join(&self.prefix)
    }

    /// The remote, as messages name it.
    pub fn remote(&self) -> &Remote {
        &self.remote
    }

    /// The address that is pushed to, with the person's own rules applied. It may contain a password.
    pub fn remote_address(&self) -> String {
        self.places.push.to_string_lossy().into_owned()
    }

    pub(super) fn places(&self) -> &Places {
        &self.places
    }

    /// Makes the worktree anew.
    async fn remake(self, checkout: &Checkout) -> Result<Self, GitError> {
        match fs::remove_dir_all(&self.dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(files(&self.dir)(error));
            }
            Ok(()) | Err(_) => (),
        }
        // Given twice, it replaces what is left of a worktree at the same place. `git worktree
        // prune` would remove worktrees of the person too, whose disk is not mounted.
        let add = ["worktree", "add", "--force", "--force", "--detach", "--no-checkout"];
        let mut command = Command::new(&checkout.top, add);
        command.args.extend([self.dir.clone().into(), "HEAD".into()]);
        command.stdin = Some(self.lock.try_clone().map_err(files(&self.dir))?);
        self.git.run(command).await?.succeeded()?;
        let git_dir = checkout.registered(&self.dir).ok_or_else(|| GitError::Failed {
            command: "git worktree".to_owned(),
            reason: format!("it made no worktree in {}", self.dir.display()),
        })?;
        let made = Self { git_dir, ..self };
        made.settle().await?;
        Ok(made)
    }

    /// Ends what a killed process began, and checks out HEAD.
    async fn settle(&self) -> Result<(), GitError> {
        let head = self.run(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]).await?;
        self.reset_to(&head.commit()?).await
    }

    /// A command in this worktree.
    pub(super) fn command<'a>(&'a self, args: impl IntoIterator<Item = &'a str>) -> Command<'a> {
        let mut command = Command::new(&self.dir, args);
        command.env.push(("GIT_DIR", self.git_dir.clone().into()));
        command.env.push(("GIT_WORK_TREE", self.dir.clone().into()));
        // Without it, the worktree is locked all the same, except for this one command.
        command.stdin = self.lock.try_clone().ok();
        command
    }

    /// The answer to a command that succeeded.
    pub(super) async fn run<'a>(
        &'a self,
        args: impl IntoIterator<Item = &'a str>,
    ) -> Result<Answer, GitError> {
        self.ask(self.command(args)).await?.succeeded()
    }

    /// The answer to `command`, whatever its exit code.
    pub(super) async fn ask(&self, command: Command<'_>) -> Result<Answer, GitError> {
        self.git.run(command).await
    }

    /// The answer of the remote to `command`, whatever the exit code.
    pub(super) async fn ask_remote(&self, mut command: Command<'_>) -> Result<Answer, GitError> {
        command.deadline = NETWORK;
        self.git.run(command).await
    }

    /// The error of a command that failed at the remote.
    pub(super) fn of_remote(&self, answer: &Answer) -> GitError {
        GitError::Remote {
            remote: self.remote.to_string(),
            trouble: error::trouble(&answer.stderr),
            reason: error::reason(&answer.stderr, answer.code),
        }
    }

    pub(super) fn cleaned(&self, bytes: &[u8]) -> String {
        self.git.cleaner.text(bytes)
    }

    /// The path in the repository of `path`, which is relative to the root.
    pub(super) fn in_repository(&self, path: &Path) -> Result<PathBuf, GitError> {
        let is_inside = path.components().all(|part| matches!(part, Component::Normal(_)));
        let joined = self.prefix.join(path);
        match () {
            () if !is_inside => Err(GitError::Outside { path: path.to_owned() }),
            () if joined.as_os_str().is_empty() => Ok(".".into()),
            () => Ok(joined),
        }
    }

    /// The path relative to the root of `path`, which is one in the repository; `None` outside.
    pub(super) fn in_root(&self, path: &Path) -> Option<PathBuf> {
        path.strip_prefix(&self.prefix).ok().map(Path::to_owned)
    }

    /// Writes an argument of a command that may be longer than a command line.
    pub(super) fn argument_file(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, GitError> {
        let path = self.git_dir.join(name);
        let written = File::create(&path).and_then(|mut file| file.write_all(bytes));
        written.map_err(files(&path))?;
        Ok(path)
    }
}

impl Checkout {
    async fn of(git: &Git, root: &Path) -> Result<Self, GitError> {
        let ask = async |what| {
            let command = Command::new(root, ["rev-parse", "--path-format=absolute", what]);
            let answer = git.run(command).await?;
            if answer.code != 0 {
                let reason = error::reason(&answer.stderr, answer.code);
                return Err(GitError::NotACheckout { dir: root.to_owned(), reason });
            }
            Ok(answer.path())
        };
        Ok(Self { top: ask("--show-toplevel").await?, common_dir: ask("--git-common-dir").await? })
    }

    /// The part of the repository that belongs to the worktree in `dir`; `None` unless both name
    /// each other.
    fn registered(&self, dir: &Path) -> Option<PathBuf> {
        let link = dir.join(".git");
        let git_dir = PathBuf::from(line(&link)?.strip_prefix("gitdir: ")?);
        let is_ours = git_dir.parent() == Some(&self.common_dir.join("worktrees"))
            && Path::new(&line(&git_dir.join("gitdir"))?) == link;
        is_ours.then_some(git_dir)
    }

    /// Where `remote` is. The name of a remote is never given to git: with it, each fetch and push
    /// would move the person's remote-tracking branches, and its relative path would be read from
    /// another folder.
    async fn places(&self, git: &Git, remote: &Remote) -> Result<Places, GitError> {
        if !remote.is_name() {
            let place = remote.arg().to_owned();
            return Ok(Places { fetch: place.clone(), push: place });
        }
        let ask = async |options: &[&str]| {
            let mut command = Command::new(&self.top, ["remote", "get-url"]);
            command.args.extend(options.iter().map(OsString::from));
            command.args.push(remote.arg().to_owned());
            let answer = git.run(command).await?;
            let refused = |reason| GitError::Remote {
                remote: remote.to_string(),
                trouble: error::trouble(&answer.stderr),
                reason,
            };
            if answer.code != 0 {
                return Err(refused(error::reason(&answer.stderr, answer.code)));
            }
            let place = Remote::new(answer.line()?, &self.top);
            let place = place.map_err(|odd| refused(odd.to_string()))?;
            // In a configuration, a path may be a single word.
            let path = self.top.join(place.arg()).into_os_string();
            Ok(if place.is_name() { path } else { place.arg().to_owned() })
        };
        Ok(Places { fetch: ask(&[]).await?, push: ask(&["--push"]).await? })
    }
}

/// Removes the lock files of a git that was killed. Nobody else works in this folder, because its
/// lock is held.
#[expect(clippy::disallowed_methods, reason = "this is where the files of a worktree are listed")]
fn remove_locks(dir: &Path) -> Result<(), GitError> {
    for entry in fs::read_dir(dir).map_err(files(dir))? {
        let path = entry.map_err(files(dir))?.path();
        if path.is_dir() && !path.is_symlink() {
            remove_locks(&path)?;
        } else if path.extension().is_some_and(|extension| extension == "lock") {
            fs::remove_file(&path).map_err(files(&path))?;
        }
    }
    Ok(())
}

/// The first line of a small file.
fn line(path: &Path) -> Option<String> {
    const LONGEST: u64 = 8 << 10;
    let text = String::from_utf8(read_within(path, LONGEST).ok()??).ok()?;
    text.lines().next().map(str::to_owned)
}

pub(super) fn files(path: &Path) -> impl Fn(io::Error) -> GitError + '_ {
    |source| GitError::Files { path: path.to_owned(), source }
}
