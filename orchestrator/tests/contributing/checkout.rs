//! A copy of this checkout that a test may change.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use crate::compiler;

/// Folders that are not part of a checkout.
const NOT_COPIED: &[&str] = &["target", ".git", "site", ".tsuku-batch"];
/// Files that get new times, because cargo must notice their changes.
const CHANGED: &[&str] = &["orchestrator/Cargo.toml", "orchestrator/src/plugins.rs", "Cargo.lock"];

/// The package whose build contains the path of its checkout.
const OWN_PATH: &str = "orchestrator";

/// The copy, always in the same folder, with its build results. It starts with the build results of
/// this checkout, so only differences are compiled.
pub(crate) struct Checkout {
    pub(crate) dir: PathBuf,
    target: PathBuf,
    /// Only one test at a time; released when the process ends.
    _lock: File,
    server_may_run: bool,
}

pub(crate) fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

impl Checkout {
    pub(crate) fn fresh() -> Self {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("contributing");
        fs::create_dir_all(&place).unwrap();
        let lock = File::create(place.join("lock")).unwrap();
        lock.lock().unwrap();
        let (dir, target) = (place.join("checkout"), place.join("target"));
        if dir.exists() {
            fs::remove_dir_all(&dir).unwrap();
        }
        let of = workspace_root();
        for path in files(&of, NOT_COPIED) {
            let to = dir.join(&path);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            if CHANGED.iter().any(|changed| path == Path::new(changed)) {
                fs::copy(of.join(&path), &to).unwrap();
            } else {
                copy_with_time(&of.join(&path), &to);
            }
        }
        share_build(&target.join("debug"));
        Self { dir, target, _lock: lock, server_may_run: false }
    }

    /// The text of every source file, by path.
    pub(crate) fn contents(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let read = |path: PathBuf| {
            let text = fs::read(self.dir.join(&path)).unwrap();
            (path, text)
        };
        files(&self.dir, &["target"]).into_iter().map(read).collect()
    }

    pub(crate) fn put(&self, path: &Path, text: &str) {
        let path = self.dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Runs the commands at the top of the checkout; all of them must succeed.
    pub(crate) fn type_in(&mut self, commands: &str) -> Result<String, String> {
        self.server_may_run = true;
        let mut shell = self.command("sh");
        let output = shell.args(["-eu", "-c", commands]).stdin(Stdio::null()).output().unwrap();
        let printed = printed(&output);
        let is_well = output.status.success();
        if is_well { Ok(printed) } else { Err(format!("{commands}\nended badly:\n{printed}")) }
    }

    /// Checks that the server was stopped regularly.
    pub(crate) fn server_is_stopped(&mut self) {
        self.server_may_run = false;
    }

    /// Runs the built program on the root of the walk-through and returns its output; standard
    /// error is ignored if it prints JSON.
    pub(crate) fn ask(&self, arguments: &[&str]) -> String {
        let root = self.dir.join("target/zoo/root");
        let mut program = self.command(self.target.join("debug/tsuku-batch"));
        let mut output = program.arg("--root").arg(root).args(arguments).output().unwrap();
        if arguments.contains(&"--json") {
            output.stderr.clear();
        }
        printed(&output)
    }

    /// Runs tests of the project in the copy.
    pub(crate) fn test(&self, arguments: &[&str]) -> Result<(), String> {
        let output = self.command(env!("CARGO")).args(["test", "-q"]).args(arguments).output();
        let output = output.unwrap();
        if output.status.success() { Ok(()) } else { Err(printed(&output)) }
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.dir);
        command.env("CARGO_TARGET_DIR", &self.target).env("CARGO_NET_OFFLINE", "true");
        // The same tests are run with all cases where nothing was added; here it matters that one more
        // ecosystem breaks none of them.
        command.env("PROPTEST_CASES", "16");
        compiler::keeps_its_state(&mut command, &self.dir, &self.target.join("compiler-state"));
        command
    }
}

/// Stops the server after any error.
impl Drop for Checkout {
    fn drop(&mut self) {
        let text = fs::read_to_string(self.dir.join("target/zoo/server.pid")).unwrap_or_default();
        let id = text.trim().parse().ok().and_then(rustix::process::Pid::from_raw);
        if let (true, Some(id)) = (self.server_may_run, id) {
            let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        }
    }
}

/// Keeps the time of the file, because cargo uses times to find changes.
fn copy_with_time(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
    let file = File::open(to).unwrap();
    file.set_modified(fs::metadata(from).unwrap().modified().unwrap()).unwrap();
}

/// Copies the build results of this checkout into `profile`, a folder of cargo, and replaces older
/// results of the same crates. Libraries and programs become links, because cargo replaces them
/// when it builds; everything else is copied, because cargo overwrites it.
fn share_build(profile: &Path) {
    let of = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../debug");
    // The lock that cargo holds while it builds.
    let Ok(lock) = File::open(of.join(".cargo-lock")) else { return };
    lock.lock_shared().unwrap();
    for path in
        [".fingerprint", "build", "deps", "examples"].into_iter().flat_map(|kind| built(&of, kind))
    {
        let (from, to) = (of.join(&path), profile.join(&path));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&to);
        let is_output = path.starts_with("deps") || path.starts_with("examples");
        let is_replaced = is_output && path.extension().is_none_or(|it| it != "d");
        if !is_replaced || fs::hard_link(&from, &to).is_err() {
            copy_with_time(&from, &to);
        }
    }
}

/// Files of one kind below `profile`, as relative paths.
fn built(profile: &Path, kind: &str) -> Vec<PathBuf> {
    let mut found = files(&profile.join(kind), &[]);
    let is_own = |path: &PathBuf| path.to_string_lossy().starts_with(&format!("{OWN_PATH}-"));
    found.retain(|path| !is_own(path));
    found.into_iter().map(|path| Path::new(kind).join(path)).collect()
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Every file below `dir`, as a relative path, except those in the top folders `not`.
pub(crate) fn files(dir: &Path, not: &[&str]) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = PathBuf::from(entry.file_name());
        if not.iter().any(|not| name == Path::new(not)) {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path(), &[]).into_iter().map(|path| name.join(path)));
        } else {
            found.push(name);
        }
    }
    found
}
