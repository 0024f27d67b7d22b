//! A temporary root, and the program that works on it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

/// A temporary root whose Homebrew registry is a server of the test.
pub(crate) struct TestRoot {
    dir: tempfile::TempDir,
}

impl TestRoot {
    /// A root mirrored to `origin`; `settings` is added to `pipeline.toml`.
    pub(crate) fn new(origin: &str, settings: &str) -> Self {
        Self::with(origin, "", settings)
    }

    /// The same, with `settings` that belong to no table.
    pub(crate) fn with_settings_before(origin: &str, settings: &str) -> Self {
        Self::with(origin, settings, "")
    }

    fn with(origin: &str, before: &str, settings: &str) -> Self {
        let root = Self { dir: tempfile::tempdir().unwrap() };
        assert!(root.run(&["init"]).status.success());
        let fast = "{ period_ms = 5, burst = 10, concurrency = 8 }";
        let text = format!(
            "{before}[origins]\n\"https://formulae.brew.sh\" = \"{origin}/brew\"\n\
             \"https://ghcr.io\" = \"{origin}/ghcr\"\n\
             [limits]\n\"formulae.brew.sh/\" = {fast}\n\"ghcr.io/\" = {fast}\n{settings}\n"
        );
        std::fs::write(root.path("pipeline.toml"), text).unwrap();
        root
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(program());
        command.arg("--root").arg(self.dir.path()).args(args);
        command.output().unwrap()
    }

    /// The same with programs of `folder` first on `PATH`.
    pub(crate) fn run_with_path(&self, folder: &Path, args: &[&str]) -> Output {
        let mut command = Command::new(program());
        let rest = std::env::var_os("PATH").unwrap_or_default();
        let dirs = [folder.to_owned()].into_iter().chain(std::env::split_paths(&rest));
        command.env("PATH", std::env::join_paths(dirs).unwrap());
        command.arg("--root").arg(self.dir.path()).args(args);
        command.output().unwrap()
    }

    /// Adds the recipe called `name`.
    pub(crate) fn add_recipe(&self, name: &str, text: &str) {
        let folder = self.path("recipes").join(&name[..1]);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.toml")), text).unwrap();
    }

    /// Runs a batch and returns the entry of `package`, which is queued first if necessary.
    pub(crate) fn entry_after_run(&self, package: &str) -> Value {
        let queue = self.path("data/queues/priority-queue-homebrew.json");
        let text = std::fs::read_to_string(&queue).unwrap_or_default();
        if !text.contains(&format!("{package:?}")) {
            std::fs::remove_file(&queue).unwrap();
            assert!(self.run(&["queue", "add", package]).status.success());
        }
        let output = self.run(&["run", "--ecosystem", "homebrew", "-q", "--json"]);
        assert!(matches!(output.status.code(), Some(0 | 4)), "{output:?}");
        let list = self.run(&["queue", "list", "--json"]);
        let mut entries = serde_json::Deserializer::from_slice(&list.stdout).into_iter::<Value>();
        entries.find_map(|entry| entry.ok().filter(|it| it["id"] == package)).unwrap()
    }

    /// The report of `try` and its exit code.
    pub(crate) fn attempt(&self, package: &str) -> (Value, Option<i32>) {
        let output = self.run(&["try", package, "--json"]);
        let report = serde_json::from_slice(&output.stdout);
        (report.unwrap_or_else(|_| panic!("{output:?}")), output.status.code())
    }
}

/// The program under test.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_tsuku-batch"))
}

/// The sandbox backends that work here.
pub(crate) fn usable_backends() -> Vec<String> {
    let check = Command::new(program()).args(["sandbox", "check", "--json"]).output().unwrap();
    let check: Value = serde_json::from_slice(&check.stdout).unwrap();
    let backends = check["walls"].as_array().unwrap().clone();
    let usable = backends.iter().filter(|backend| backend["usable"] == true);
    usable.map(|backend| backend["name"].as_str().unwrap().to_owned()).collect()
}
