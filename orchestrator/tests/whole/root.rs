//! A temporary root, and the program that works on it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
};

use serde_json::Value;

/// A temporary root whose npm registry is a server of the test.
pub(crate) struct TestRoot {
    pub(crate) dir: tempfile::TempDir,
}

impl TestRoot {
    /// A root with one empty queue whose registry is mirrored to `origin`; `settings` is added to
    /// `pipeline.toml`. No other ecosystem has anything to attempt, so tests ask no real registry.
    pub(crate) fn new(origin: &str, settings: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = Self { dir };
        root.ok(&["init"]);
        std::fs::remove_dir_all(root.path("data/queues")).unwrap();
        std::fs::create_dir(root.path("data/queues")).unwrap();
        let limits = "\"registry.npmjs.org/\" = { period_ms = 5, burst = 10, concurrency = 8 }";
        let text = format!(
            "[origins]\n\"https://registry.npmjs.org\" = \"{origin}\"\n[limits]\n{limits}\n{settings}\n"
        );
        std::fs::write(root.path("pipeline.toml"), text).unwrap();
        root.put_queue("[]");
        root
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// Replaces npm's queue; `packages` is the JSON of its entries.
    pub(crate) fn put_queue(&self, packages: &str) {
        let text = format!(
            r#"{{"schema_version":2,"ecosystem":"npm","updated_at":"2026-01-01T00:00:00Z",
                "tiers":{{"1":"curated","2":"popular","3":"rest"}},"packages":{packages}}}"#
        );
        std::fs::write(self.path("data/queues/priority-queue-npm.json"), text).unwrap();
    }

    /// Replaces npm's queue by pending entries.
    pub(crate) fn put_pending(&self, names: &[&str]) {
        let entry = |name: &&str| {
            format!(
                r#"{{"id":"npm:{name}","tier":1,"status":"pending","added_at":"2026-01-01T00:00:00Z"}}"#
            )
        };
        let entries: Vec<String> = names.iter().map(entry).collect();
        self.put_queue(&format!("[{}]", entries.join(",")));
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.arg("--root").arg(self.dir.path()).args(args);
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// The standard output of a command that must succeed.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The JSON output of a command that must succeed.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        serde_json::from_str(&self.ok(&args)).unwrap()
    }

    /// The JSON output of a command that must succeed and prints one document on each line.
    pub(crate) fn json_lines(&self, args: &[&str]) -> Vec<Value> {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        self.ok(&args).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// npm's queue by id.
    pub(crate) fn queue(&self) -> std::collections::BTreeMap<String, Value> {
        let text = std::fs::read_to_string(self.path("data/queues/priority-queue-npm.json"));
        let file: Value = serde_json::from_str(&text.unwrap()).unwrap();
        let entries = file["packages"].as_array().unwrap().clone();
        entries.into_iter().map(|e| (e["id"].as_str().unwrap().to_owned(), e)).collect()
    }
}

/// The program under test.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_tsuku-batch"))
}

/// Why npm packages cannot be installed here; `None` if they can.
pub(crate) fn obstacle_to_npm() -> Option<String> {
    static OBSTACLE: LazyLock<Option<String>> = LazyLock::new(|| {
        let output = Command::new("npm").arg("--version").output();
        if !output.is_ok_and(|output| output.status.success()) {
            return Some("npm is not installed".to_owned());
        }
        SANDBOXES["chosen"].is_null().then(|| "no sandbox works on this machine".to_owned())
    });
    OBSTACLE.clone()
}

/// What `sandbox check` says about this machine. It starts dozens of processes, so it is asked
/// once.
static SANDBOXES: LazyLock<Value> = LazyLock::new(|| {
    let check = Command::new(program()).args(["sandbox", "check", "--json"]).output().unwrap();
    serde_json::from_slice(&check.stdout).unwrap()
});

/// The sandbox backends that work here.
pub(crate) fn usable_backends() -> Vec<String> {
    let backends = SANDBOXES["walls"].as_array().unwrap();
    let usable = backends.iter().filter(|backend| backend["usable"] == true);
    usable.map(|backend| backend["name"].as_str().unwrap().to_owned()).collect()
}
