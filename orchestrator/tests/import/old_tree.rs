//! A temporary old tree, the root into which it is imported, and the program.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

/// An old tree that a test writes, and an empty folder for the root.
pub(crate) struct OldTree {
    dir: tempfile::TempDir,
}

impl OldTree {
    /// A tree with these files.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let tree = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir_all(tree.old().join("data")).unwrap();
        for (file, text) in files {
            tree.put(file, text);
        }
        tree
    }

    pub(crate) fn old(&self) -> PathBuf {
        self.dir.path().join("old")
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    /// Writes a file of the old tree.
    pub(crate) fn put(&self, file: &str, text: &str) {
        let path = self.old().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Imports, and returns the report.
    pub(crate) fn import(&self, more: &[&str]) -> Value {
        import(&self.old(), &self.root(), more)
    }

    /// The entries of an imported queue by id.
    pub(crate) fn queue(&self, ecosystem: &str) -> BTreeMap<String, Value> {
        let file = self.root().join(format!("data/queues/priority-queue-{ecosystem}.json"));
        let file: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let entries = file["packages"].as_array().unwrap().clone();
        entries.into_iter().map(|e| (e["id"].as_str().unwrap().to_owned(), e)).collect()
    }

    /// The records of an imported file.
    pub(crate) fn lines(&self, file: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.root().join(file)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

pub(crate) fn run(root: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tsuku-batch"));
    command.arg("--root").arg(root).args(args).env("TSUKU_BATCH_NOW", "2026-11-28T12:00:00Z");
    command.output().unwrap()
}

/// Imports `old` into `root`, and returns the report.
pub(crate) fn import(old: &Path, root: &Path, more: &[&str]) -> Value {
    let old = old.to_str().unwrap();
    let args: Vec<&str> = ["import", old, "--json"].iter().chain(more).copied().collect();
    let output = run(root, &args);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Every file below `folder` with its content, except for locks.
pub(crate) fn bytes(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(bytes(&path));
        } else if path.extension().is_some() {
            let content = std::fs::read(&path).unwrap();
            found.insert(path, content);
        }
    }
    found
}
