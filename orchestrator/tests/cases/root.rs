//! A temporary root, and the program that works on it.

use std::{collections::BTreeSet, process::Command};

use batch_core::model::Quota;
use orchestrator::plugins;
use serde_json::Value;

use crate::registries::Registries;

/// A root that asks copies of the registries, without delay.
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
        // Several plugins may ask one place.
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

    /// The report of `try` about `package`, which installs nothing.
    pub(crate) fn generated(&self, package: &str) -> Value {
        let args = ["try", package, "--generate-only", "--json"];
        let output = self.command(&args).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    }
}
