//! A repository whose workflow is played.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    process::Command,
};

use chrono::{DateTime, TimeDelta, Utc};
use fake_github::{Bare, FakeGithub};
use serde_json::{Map, Value, json};

use super::{
    git,
    registries::{ABSENT, Numbers, Registries},
};
use crate::{
    actions::{Actions, Death, Ended, Run},
    root::{program, put},
};

/// The first slot.
const START: &str = "2031-02-03T00:23:00Z";

/// The check that pull requests must pass.
pub(crate) const CHECK: &str = "validate-recipes";

/// A registry of recipes with the pipeline.
pub(crate) struct Pipeline {
    dir: tempfile::TempDir,
    pub(crate) actions: Actions,
    workflow: Value,
    n_runs: u64,
    registries: Registries,
}

impl Pipeline {
    /// One whose queues have the packages of all registries, with this project's own workflow.
    pub(crate) fn new(numbers: Numbers) -> Self {
        let registries = Registries::serve(numbers);
        let dir = tempfile::tempdir().unwrap();
        let start = dir.path().join("start");
        fs::create_dir(&start).unwrap();
        let init = Command::new(program()).arg("init").arg(&start).output().unwrap();
        assert!(init.status.success(), "{init:?}");
        registries.fill(&start);
        let project = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
        let setup = ".github/actions/setup/action.yml";
        put(&start.join(setup), fs::read(project.join(setup)).unwrap());
        let workflow = project.join(".github/workflows/batch-generate.yml");
        let text = fs::read_to_string(workflow).unwrap();
        git(&start, &["init", "--quiet", "-b", "main"]);
        git(&start, &["add", "--all"]);
        git(&start, &["commit", "--quiet", "-m", "A registry"]);
        git(dir.path(), &["clone", "--quiet", "--bare", "start", "registry.git"]);
        Self::over(dir, &text, registries)
    }

    /// One over the bare repository `registry.git` in `dir`, with the workflow `text`.
    pub(crate) fn over(dir: tempfile::TempDir, text: &str, registries: Registries) -> Self {
        let bare = Bare::at(dir.path().join("registry.git"));
        let github = FakeGithub::new(bare, "owner/registry");
        let actions = Actions {
            api: github.serve(),
            github,
            artifacts: dir.path().join("artifacts"),
            program: program().to_owned(),
            secrets: map(&json!({
                "TSUKU_BATCH_GENERATOR_APP_ID": "1", "TSUKU_BATCH_GENERATOR_PRIVATE_KEY": "key",
                "BATCH_TOKEN": "ghs_of_the_app_0123456789abcdefghijklmnopqrst",
            })),
            vars: map(
                &json!({ "TSUKU_BATCH_GENERATOR": "builtin", "TSUKU_BATCH_VALIDATOR": "native" }),
            ),
        };
        let workflow = serde_yaml_ng::from_str(text).unwrap();
        Self { dir, actions, workflow, n_runs: 0, registries }
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
        let now = time(slot).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        self.actions.github.set_now(&now);
        let number = self.n_runs;
        let run = Run { number, workflow: &self.workflow, event, inputs, now, deaths };
        self.actions.play(&run)
    }

    /// Somebody queues one more package of npm, while the pipeline goes on.
    pub(crate) fn queue_one(&mut self, slot: u64) {
        let Some(name) = self.registries.later.pop() else { return };
        let checkout = self.dir.path().join("operator");
        if !checkout.exists() {
            git(self.dir.path(), &["clone", "--quiet", "registry.git", "operator"]);
        }
        let mut add = Command::new(program());
        add.arg("--root").arg(&checkout).args(["-q", "queue", "add", "--push", "--tier", "1"]);
        add.arg(format!("npm:{name}")).env("TSUKU_BATCH_NOW", time(slot).to_rfc3339());
        let output = add.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let (_, names) = self.registries.packages.iter_mut().find(|it| it.0 == "npm").unwrap();
        names.push(name);
    }

    /// The checks of all open pull requests end as `conclusion` says of their branches.
    pub(crate) fn checks_end(&self, conclusion: impl Fn(&str) -> Option<&'static str>) {
        let github = &self.actions.github;
        for (branch, commit) in github.open_pull_requests() {
            github.set_checks(&commit, &[(CHECK, conclusion(&branch), "")]);
        }
        // GitHub merges what can be merged now.
        let _ = github.open_pull_requests();
    }

    /// The files of main below `folder`.
    pub(crate) fn files(&self, folder: &str) -> Vec<String> {
        let listed = git(self.bare(), &["ls-tree", "-r", "--name-only", "main", folder]);
        listed.lines().map(str::to_owned).collect()
    }

    fn bare(&self) -> &std::path::Path {
        self.actions.github.bare().path()
    }

    /// The content of a file of main.
    pub(crate) fn file(&self, path: &str) -> String {
        git(self.bare(), &["show", &format!("main:{path}")])
    }

    /// The records of runs by the ids of their batches and slots.
    pub(crate) fn records(&self) -> BTreeMap<String, Value> {
        let files = self.files("data/metrics/").into_iter();
        let files = files.filter(|file| file.contains("batch-runs-"));
        let record = |file: String| serde_json::from_str::<Value>(&self.file(&file)).unwrap();
        let records = files.map(record);
        records.map(|record| (record["batch_id"].as_str().unwrap().to_owned(), record)).collect()
    }

    /// What `record` says is what must have happened to its packages: those that are there were verified
    /// or not attempted, and the others failed, each with one record.
    pub(crate) fn check_record(&self, record: &Value) {
        let id = record["batch_id"].as_str().unwrap();
        let number = |key: &str| record[key].as_u64().unwrap_or(0);
        if id.starts_with("slot-") {
            assert_eq!(number("total"), 0, "{record:#}");
            return;
        }
        let (succeeded, failed) = (number("succeeded"), number("failed"));
        assert_eq!(number("total"), succeeded + failed + number("blocked"), "{record:#}");
        let is_interrupted = record["interrupted"] == true;
        let recipes = record["recipes_generated"].as_array().map_or(0, Vec::len);
        assert_eq!(recipes as u64, succeeded, "{record:#}");
        let file = format!("data/failures/{id}.jsonl");
        let has_failures = self.files("data/failures/").contains(&file);
        let failures = if has_failures { self.file(&file) } else { String::new() };
        let mut failing = BTreeSet::new();
        for line in failures.lines() {
            let failure: Value = serde_json::from_str(line).unwrap();
            let package = failure["package_id"].as_str().unwrap().to_owned();
            let is_expected = !works(&package) && failure["subcategory"] == "package_not_found";
            assert!(is_expected, "{failure:#}");
            failing.insert(package);
        }
        assert_eq!(failing.len() as u64, failed, "{record:#}\n{failures}");
        let processed = record["packages_processed"].as_array().unwrap();
        for package in processed {
            let package = package.as_str().or_else(|| package["package_id"].as_str()).unwrap();
            let is_right = failing.contains(package) != works(package);
            assert!(is_right || is_interrupted, "{package} in {record:#}");
        }
        let run = record["workflow_run_url"].as_str().unwrap();
        assert!(run.starts_with("https://github.com/owner/registry/actions/runs/"), "{run}");
    }

    /// Each batch is in one commit of the state, and its recipes in one commit at most.
    pub(crate) fn check_that_nothing_was_pushed_twice(&self) {
        let format = "--format=%s%x09%(trailers:key=Batch-Id,valueonly,separator=%x2C)";
        let log = git(self.bare(), &["log", "--first-parent", format, "main"]);
        let mut seen = BTreeSet::new();
        for line in log.lines() {
            let (subject, batches) = line.split_once('\t').unwrap_or((line, ""));
            let kind = subject.split(':').next().unwrap();
            for batch in batches.split(',').filter(|batch| !batch.is_empty()) {
                assert!(seen.insert((kind.to_owned(), batch.to_owned())), "{batch} twice: {log}");
            }
        }
        assert!(!seen.is_empty(), "{log}");
        let merges = git(self.bare(), &["rev-list", "--merges", "--count", "main"]);
        assert_eq!(merges, "0");
    }

    /// Every package that works has its recipe on main, which passes the strict reader; nothing else has.
    pub(crate) fn check_entries_and_recipes(&self, n_slots: u64) {
        let checkout = self.dir.path().join("last");
        git(self.dir.path(), &["clone", "--quiet", "registry.git", "last"]);
        let recipes = self.files("recipes/");
        let mut expected = 0;
        for (ecosystem, names) in &self.registries.packages {
            let text = self.file(&format!("data/queues/priority-queue-{ecosystem}.json"));
            let queue: Value = serde_json::from_str(&text).unwrap();
            for entry in queue["packages"].as_array().unwrap() {
                let id = entry["id"].as_str().unwrap();
                let status = entry["status"].as_str().unwrap();
                let allowed: &[&str] = if works(id) {
                    expected += 1;
                    // What the last run has proposed is merged, and the next run would note it.
                    &["success", "in_progress"]
                } else {
                    &["failed", "pending"]
                };
                assert!(allowed.contains(&status), "after {n_slots} slots: {entry:#}");
            }
            assert_eq!(queue["packages"].as_array().unwrap().len(), names.len());
        }
        assert_eq!(recipes.len(), expected, "{recipes:#?}");
        let mut check = Command::new(program());
        check.arg("--root").arg(&checkout).args(["recipe", "check"]);
        check.args(recipes.iter().map(|file| checkout.join(file)));
        let output = check.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

/// Whether a registry has the package, and this machine can install it.
fn works(package: &str) -> bool {
    !package.ends_with(ABSENT)
}

/// The time of `slot`, as batches are named after it.
pub(crate) fn file_time(slot: u64) -> String {
    time(slot).format("%Y-%m-%dT%H-%M-%SZ").to_string()
}

/// The time of a slot.
fn time(slot: u64) -> DateTime<Utc> {
    let start: DateTime<Utc> = START.parse().unwrap();
    start + TimeDelta::hours(i64::try_from(slot).unwrap())
}

fn map(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}
