//! A temporary root, and the program that works on it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

/// A temporary root whose Homebrew is a server of the test.
pub(crate) struct TestRoot {
    dir: tempfile::TempDir,
}

impl TestRoot {
    /// A root mirrored to `origin`; `settings` is added to `pipeline.toml`.
    pub(crate) fn new(origin: &str, settings: &str) -> Self {
        let root = Self { dir: tempfile::tempdir().unwrap() };
        assert!(root.run(&["init"]).status.success());
        let fast = "{ period_ms = 5, burst = 10, concurrency = 8 }";
        let text = format!(
            "[origins]\n\"https://formulae.brew.sh\" = \"{origin}/brew\"\n\
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

    /// The report of `try`, and its exit code.
    pub(crate) fn attempt(&self, package: &str) -> (Value, Option<i32>) {
        let output = self.run(&["try", package, "--json"]);
        let report = serde_json::from_slice(&output.stdout);
        (report.unwrap_or_else(|_| panic!("{output:?}")), output.status.code())
    }
}

/// The program under test.
fn program() -> &'static Path {
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
