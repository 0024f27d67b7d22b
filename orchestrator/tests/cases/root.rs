//! A temporary root, and the program that works on it.

use std::{collections::BTreeSet, process::Command};

use batch_core::model::Quota;
use orchestrator::plugins;
use serde_json::Value;

use crate::registries::Registries;

/// A root that asks copies of the registries without delays.
pub(crate) struct TestRoot {
    dir: tempfile::TempDir,
}

impl TestRoot {
    pub(crate) fn new(registries: &Registries) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = Self { dir };
        let output = root.command(&["init"]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let fast = "{ period_ms = 1, burst = 10, concurrency = 8 }";
        let origins = registries.origins();
        // Several plugins may use the same host.
        let registry = plugins::registry().unwrap();
        let is_here = |quota: &Quota| origins.iter().any(|(host, _)| *host == quota.host);
        let places: BTreeSet<String> = registry
            .quotas()
            .filter(is_here)
            .map(|quota| format!("\"{}{}\" = {fast}", quota.host, quota.path_prefix))
            .collect();
        let mirrors: Vec<String> =
            origins.iter().map(|(host, at)| format!("\"https://{host}\" = \"{at}\"")).collect();
        let limits = places.into_iter().collect::<Vec<_>>().join("\n");
        let settings = format!("[origins]\n{}\n[limits]\n{limits}\n", mirrors.join("\n"));
        std::fs::write(root.dir.path().join("pipeline.toml"), settings).unwrap();
        root
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tsuku-batch"));
        command.arg("--root").arg(self.dir.path()).args(args);
        command
    }

    /// The report of `try` about `package`; it is installed only if `installs` is set.
    pub(crate) fn tried(&self, package: &str, installs: bool) -> Value {
        let mut args = vec!["try", package, "--json"];
        if !installs {
            args.push("--generate-only");
        }
        let output = self.command(&args).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    }
}

/// The installation tools by ecosystem; the other ecosystems need none.
const TOOLS: &[(&str, &str)] = &[
    ("cargo", "cargo"),
    ("cpan", "cpanm"),
    ("go", "go"),
    ("npm", "npm"),
    ("pypi", "python3"),
    ("rubygems", "gem"),
];

/// Why `package` cannot be installed here; `None` if it can.
pub(crate) fn obstacle(package: &str) -> Option<String> {
    let ecosystem = package.split(':').next();
    let tool = TOOLS.iter().find(|(id, _)| Some(*id) == ecosystem).map(|(_, tool)| *tool);
    let is_there = |tool: &str| Command::new(tool).arg("--help").output().is_ok();
    if let Some(tool) = tool.filter(|tool| !is_there(tool)) {
        return Some(format!("{tool} is not installed"));
    }
    let program = env!("CARGO_BIN_EXE_tsuku-batch");
    let check = Command::new(program).args(["sandbox", "check", "--json"]).output().unwrap();
    let check: Value = serde_json::from_slice(&check.stdout).unwrap();
    let walls = check["walls"].as_array().unwrap();
    let works = walls.iter().any(|wall| wall["usable"] == true);
    (!works).then(|| "no sandbox works on this machine".to_owned())
}
