//! A repository whose workflow is played.

use std::{collections::BTreeMap, fs, path::PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use fake_github::{Bare, FakeGithub};
use serde_json::{Map, Value, json};

use super::{
    git,
    registries::{Numbers, Registries},
};
use crate::{
    actions::{Actions, Death, Ended, Run},
    root::{program, put},
};

/// The first slot.
const START: &str = "2031-02-03T00:23:00Z";

/// A registry of recipes with the pipeline.
pub(crate) struct Pipeline {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) actions: Actions,
    workflow: Value,
    n_runs: u64,
    _registries: Registries,
}

impl Pipeline {
    /// One whose queues have the packages of all registries.
    pub(crate) fn new(numbers: Numbers) -> Self {
        let registries = Registries::serve(numbers);
        let dir = tempfile::tempdir().unwrap();
        let start = dir.path().join("start");
        fs::create_dir(&start).unwrap();
        let init = std::process::Command::new(program()).arg("init").arg(&start).output().unwrap();
        assert!(init.status.success(), "{init:?}");
        fs::remove_dir_all(start.join("data/queues")).unwrap();
        for (ecosystem, names) in &registries.packages {
            let file = format!("data/queues/priority-queue-{ecosystem}.json");
            put(&start.join(file), Registries::queue(ecosystem, names, "2031-02-01T00:00:00Z"));
        }
        put(&start.join("pipeline.toml"), &registries.settings);
        let project = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
        for file in [".github/actions/setup/action.yml", ".github/workflows/batch-generate.yml"] {
            put(&start.join(file), fs::read(project.join(file)).unwrap());
        }
        let text =
            fs::read_to_string(project.join(".github/workflows/batch-generate.yml")).unwrap();
        git(&start, &["init", "--quiet", "-b", "main"]);
        git(&start, &["add", "--all"]);
        git(&start, &["commit", "--quiet", "-m", "A registry"]);
        git(dir.path(), &["clone", "--quiet", "--bare", "start", "registry.git"]);
        let bare = Bare::at(dir.path().join("registry.git"));
        let github = FakeGithub::new(bare, "owner/registry");
        let actions = Actions {
            api: github.serve(),
            github,
            artifacts: dir.path().join("artifacts"),
            program: program().to_owned(),
            secrets: map(json!({
                "TSUKU_BATCH_GENERATOR_APP_ID": "1", "TSUKU_BATCH_GENERATOR_PRIVATE_KEY": "key",
            })),
            vars: map(
                json!({ "TSUKU_BATCH_GENERATOR": "builtin", "TSUKU_BATCH_VALIDATOR": "native" }),
            ),
        };
        let workflow = serde_yaml_ng::from_str(&text).unwrap();
        Self { dir, actions, workflow, n_runs: 0, _registries: registries }
    }

    /// Plays the run of the slot number `slot`.
    pub(crate) fn slot(
        &mut self,
        slot: u64,
        event: &str,
        inputs: Value,
        deaths: BTreeMap<String, Death>,
    ) -> BTreeMap<String, Ended> {
        self.n_runs += 1;
        let start: DateTime<Utc> = START.parse().unwrap();
        let now = start + TimeDelta::hours(i64::try_from(slot).unwrap());
        let now = now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        self.actions.github.set_now(&now);
        let number = self.n_runs;
        let run = Run { number, workflow: &self.workflow, event, inputs, now, deaths };
        self.actions.play(&run)
    }
}

fn map(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}
