//! The program on this machine, and calls of it outside the sandbox.

use std::{
    collections::BTreeMap,
    future::Future,
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use batch_core::decide::tsuku::PROGRAM;
use batch_sandbox::{
    Call, CallReport, Host, SandboxError, TemporaryDir, call,
    program::{find_program, is_executable},
    remove_tree,
};

use super::variables::{Setting, variables};

/// How long calls may take and how much they may print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLimits {
    /// The deadline of `create` and `eval`, which send requests to registries.
    pub create: Duration,
    /// The deadline of calls that need no network.
    pub check: Duration,
    /// The deadline of `install --sandbox`. Its container has another deadline.
    pub container: Duration,
    /// The time between TERM and KILL after a deadline.
    pub grace: Duration,
    /// The most bytes on both streams together.
    pub output_bytes: u64,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            create: Duration::from_secs(180),
            check: Duration::from_secs(60),
            container: Duration::from_secs(20 * 60),
            grace: Duration::from_secs(2),
            output_bytes: 64 << 20,
        }
    }
}

/// Where the program is searched, and what its calls receive.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// This file and no other. `None` means the first one on the host's `PATH`.
    pub program: Option<PathBuf>,
    /// The program that supervises calls.
    pub host: Host,
    /// Variables of this machine for calls outside the sandbox.
    pub passed_on: BTreeMap<String, String>,
    /// Variables for every call.
    pub variables: BTreeMap<String, String>,
    /// Files and folders that a call in the sandbox can read, in addition to the program itself.
    pub needs: Vec<PathBuf>,
    /// The folder that holds `recipes/`.
    pub registry: Option<PathBuf>,
    /// The limits of calls.
    pub limits: CallLimits,
}

/// The program does not exist, or it does not print its version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct NotFound {
    /// The reason, as a sentence without a full stop.
    pub reason: String,
}

/// The result of a search for the program.
pub type Found = Result<Tsuku, NotFound>;

/// The program, which has printed its version.
#[derive(Debug, Clone)]
pub struct Tsuku {
    /// Its file, with all symbolic links resolved.
    pub program: PathBuf,
    /// The version that it prints, such as `v0.5.0`.
    pub version: String,
    /// What its calls receive.
    pub wanted: Wanted,
}

/// A home and a temporary folder for one call.
#[derive(Debug)]
pub struct PrivateFolder {
    dir: tempfile::TempDir,
}

impl PrivateFolder {
    /// Creates one in `work`, which is created if it does not exist.
    pub fn new_in(work: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(work)?;
        let work = work.canonicalize()?;
        let dir = tempfile::Builder::new().prefix("tsuku-").tempdir_in(work)?;
        for below in ["home", "tmp", "out"] {
            std::fs::create_dir(dir.path().join(below))?;
        }
        Ok(Self { dir })
    }

    /// The folder itself, without symbolic links.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The path of an output or input file of a call.
    pub fn output(&self, name: &str) -> PathBuf {
        self.path().join("out").join(name)
    }

    /// Writes the input file `name`.
    pub fn put(&self, name: &str, text: &str) -> std::io::Result<PathBuf> {
        let file = self.output(name);
        std::fs::File::create(&file).and_then(|mut created| created.write_all(text.as_bytes()))?;
        Ok(file)
    }

    /// The program's home.
    pub fn home(&self) -> PathBuf {
        self.path().join("home")
    }

    /// The temporary folder.
    pub fn tmp(&self) -> PathBuf {
        self.path().join("tmp")
    }

    /// Removes it, on a blocking thread, because it can contain a whole toolchain.
    pub async fn remove(self) {
        let dir = self.dir.keep();
        // Whatever remains is in the caller's folder, which is cleared before the next run.
        let _ = tokio::task::spawn_blocking(move || remove_tree(&dir)).await;
    }
}

impl Tsuku {
    /// Searches the program and reads its version.
    pub async fn find(wanted: Wanted) -> Found {
        let file = match &wanted.program {
            Some(file) if is_executable(file) => file.clone(),
            Some(file) => {
                let reason = format!("{} is no program that can be run", file.display());
                return Err(NotFound { reason });
            }
            None => find_program(PROGRAM, &wanted.host.path)
                .ok_or_else(|| NotFound { reason: format!("{PROGRAM} is not on PATH") })?,
        };
        let program = file.canonicalize().map_err(|error| NotFound {
            reason: format!("{} cannot be found: {error}", file.display()),
        })?;
        let mut found = Self { program, version: String::new(), wanted };
        found.version = found.ask_version().await?;
        Ok(found)
    }

    async fn ask_version(&self) -> Result<String, NotFound> {
        let silent = |why: String| NotFound {
            reason: format!("{} does not say its version: {why}", self.program.display()),
        };
        let scratch = TemporaryDir::new().map_err(|error| silent(error.to_string()))?;
        let argv = vec![self.program.to_string_lossy().into_owned(), "--version".to_owned()];
        let folder = PrivateFolder::new_in(&scratch.path().join("version"))
            .map_err(|error| silent(error.to_string()))?;
        let report =
            self.call(argv, &folder, self.wanted.limits.check, std::future::pending()).await;
        let report = report.map_err(|error| silent(error.to_string()))?;
        let said = report.stdout.lines().next().unwrap_or_default();
        // What follows the version, such as a commit, is left out.
        let mut words = said.split_whitespace();
        let is_own = words.next() == Some(PROGRAM) && words.next() == Some("version");
        match words.next().filter(|version| is_own && is_version(version)) {
            Some(version) if report.exit_code == Some(0) => Ok(version.to_owned()),
            Some(_) | None => Err(silent(format!("it prints {:?}", shortened(said)))),
        }
    }

    /// Its name and version, as in records.
    pub fn name(&self) -> String {
        format!("{PROGRAM} {}", self.version)
    }

    /// All variables of a call in `folder`.
    pub fn environment(&self, folder: &PrivateFolder) -> BTreeMap<String, String> {
        let (home, tmp) = (folder.home(), folder.tmp());
        let setting = Setting { home: &home, tmp: &tmp, registry: self.wanted.registry.as_deref() };
        let mut env = self.wanted.passed_on.clone();
        env.extend(self.wanted.variables.clone());
        let mut env = variables(setting, &env);
        env.insert("PATH".to_owned(), self.wanted.host.path.to_string_lossy().into_owned());
        env
    }

    /// Runs a call in `folder`, at most until `deadline` or `cancel`.
    pub async fn call(
        &self,
        argv: Vec<String>,
        folder: &PrivateFolder,
        deadline: Duration,
        cancel: impl Future<Output = ()>,
    ) -> Result<CallReport, SandboxError> {
        let env = self.environment(folder);
        let CallLimits { grace, output_bytes, .. } = self.wanted.limits;
        let dir = folder.path().to_owned();
        call(&self.wanted.host, &Call { argv, env, dir, deadline, grace, output_bytes }, cancel)
            .await
    }
}

/// A version appears in records and on pages, so it must be a plain word.
fn is_version(text: &str) -> bool {
    const LONGEST: usize = 64;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".+-_".contains(c);
    !text.is_empty() && text.len() <= LONGEST && text.chars().all(is_plain)
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}
