//! The container runtime of the tests (`tests/fake-docker`).

use std::{
    ffi::OsString,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use batch_sandbox::program::find_program;

/// A folder with programs. It is the `PATH` on which they are found.
pub(crate) struct FakeRuntime {
    dir: tempfile::TempDir,
}

impl FakeRuntime {
    /// Why it does not work on this machine; `None` if it does.
    #[expect(clippy::disallowed_methods, reason = "the tests use the machine as it is")]
    pub(crate) fn why_not() -> Option<String> {
        let args = ["--ro-bind", "/", "/", "--unshare-net", "true"];
        let bwrap = Command::new("bwrap").args(args).output();
        if !bwrap.is_ok_and(|it| it.status.success()) {
            return Some("bwrap does not work".to_owned());
        }
        if find_program("setpriv", &machine_path()).is_none() {
            return Some("setpriv is not on PATH".to_owned());
        }
        python().is_none().then(|| "python3 is not on PATH, or older than 3.10".to_owned())
    }

    /// An empty folder.
    pub(crate) fn empty() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary folder") }
    }

    /// The runtimes called `programs`, which can download `images`: names, and texts of
    /// `/etc/os-release`.
    pub(crate) fn new(programs: &[&str], images: &[(&str, &str)]) -> Self {
        let fake = Self::empty();
        let source = include_str!("../fake-docker");
        let (_, rest) = source.split_once('\n').expect("a first line");
        let text = format!("#!{} -IS\n{rest}", python().expect("python3"));
        for program in programs {
            fake.put(program, &text);
        }
        // The only other programs on its `PATH`.
        for program in ["bwrap", "setpriv"] {
            let found = find_program(program, &machine_path()).expect("a program");
            std::os::unix::fs::symlink(found, fake.path().join(program)).expect("a link");
        }
        let images: std::collections::BTreeMap<_, _> = images.iter().copied().collect();
        fake.put("remote.json", &serde_json::to_string(&images).expect("JSON"));
        fake
    }

    /// Adds an executable file.
    pub(crate) fn put(&self, name: &str, text: &str) {
        let file = self.path().join(name);
        std::fs::File::create(&file)
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
            .expect("a file");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(file, mode).expect("a program");
    }

    /// The real path of the folder.
    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().canonicalize().expect("its real path")
    }

    /// The names of the containers that exist.
    pub(crate) fn containers(&self) -> Vec<OsString> {
        // A killed client may leave a file that it has not yet renamed.
        let is_state = |name: &OsString| !name.to_string_lossy().ends_with('~');
        names(&self.path().join("containers")).into_iter().filter(is_state).collect()
    }
}

#[expect(clippy::disallowed_methods, reason = "the tests use the machine as it is")]
fn names(dir: &Path) -> Vec<OsString> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut names: Vec<OsString> = entries.map(|entry| entry.file_name()).collect();
    names.sort();
    names
}

#[expect(clippy::disallowed_methods, reason = "the tests use the machine as it is")]
fn machine_path() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

/// The interpreter itself, because a shim of a version manager needs variables.
#[expect(clippy::disallowed_methods, reason = "the tests use the machine as it is")]
pub(crate) fn python() -> Option<String> {
    let said = Command::new("python3")
        .args(["-c", "import sys; print(sys.version_info >= (3, 10) and sys.executable)"])
        .output()
        .ok()?;
    let program = String::from_utf8(said.stdout).ok()?.trim().to_owned();
    program.starts_with('/').then_some(program)
}
