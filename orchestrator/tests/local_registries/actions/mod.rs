//! Plays a workflow of GitHub Actions on this machine: its jobs in their order, each in a folder of its
//! own, with real processes, a real repository, and artifacts that are folders.
//!
//! What it does not know, it refuses: an action, a function or a key that is not listed here fails the
//! test, so that a workflow cannot do something that was never played.

pub(crate) mod elsewhere;
mod expression;
mod job;
mod uses;

use std::{collections::BTreeMap, path::PathBuf};

use fake_github::FakeGithub;
use serde_json::{Map, Value, json};

pub(crate) use expression::follows_the_rules;
use expression::{Scope, asks_for_status};
use job::Job;

/// A service of workflows, for one repository.
pub(crate) struct Actions {
    /// The repository, with its pull requests and artifacts.
    pub(crate) github: FakeGithub,
    /// The address of its API.
    pub(crate) api: String,
    /// Where artifacts are, by workflow run.
    pub(crate) artifacts: PathBuf,
    /// The program.
    pub(crate) program: PathBuf,
    /// Secrets and variables of the repository.
    pub(crate) secrets: Map<String, Value>,
    pub(crate) vars: Map<String, Value>,
}

/// A run of a workflow.
pub(crate) struct Run<'a> {
    pub(crate) number: u64,
    /// The workflow, as in its file.
    pub(crate) workflow: &'a Value,
    pub(crate) event: &'a str,
    pub(crate) inputs: Value,
    /// The time of all its processes.
    pub(crate) now: String,
    /// The jobs whose machines are lost, and when.
    pub(crate) deaths: BTreeMap<String, Death>,
}

/// When the machine of a job is lost.
#[derive(Debug, Clone)]
pub(crate) enum Death {
    /// Before the step whose command or action has this in it.
    Before(&'static str),
    /// So many milliseconds after its process began, with everything that it had started.
    During(&'static str, u64),
    /// After it.
    After(&'static str),
}

/// How a job ended.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    /// `success`, `failure` or `skipped`.
    pub(crate) result: &'static str,
    pub(crate) outputs: Map<String, Value>,
    /// What its steps printed.
    pub(crate) printed: String,
    /// Its page.
    pub(crate) summary: String,
}

/// The keys of jobs that are known.
const OF_JOBS: &[&str] = &[
    "env",
    "if",
    "needs",
    "outputs",
    "permissions",
    "runs-on",
    "steps",
    "strategy",
    "timeout-minutes",
];

impl Actions {
    /// Plays `run`. Returns how each job ended; a job with several machines counts as one.
    pub(crate) fn play(&self, run: &Run<'_>) -> BTreeMap<String, Ended> {
        let jobs = run.workflow["jobs"].as_object().expect("jobs");
        let mut ended: BTreeMap<String, Ended> = BTreeMap::new();
        while ended.len() < jobs.len() {
            let ready = jobs.iter().find(|(id, job)| {
                !ended.contains_key(*id) && needs(job).iter().all(|need| ended.contains_key(need))
            });
            let (id, job) = ready.expect("no circle of jobs");
            let unknown =
                job.as_object().expect("a job").keys().find(|key| !OF_JOBS.contains(&&***key));
            assert_eq!(unknown, None, "the job {id}");
            let end = self.job(run, id, job, &ended);
            ended.insert(id.clone(), end);
        }
        ended
    }

    fn job(&self, run: &Run<'_>, id: &str, job: &Value, ended: &BTreeMap<String, Ended>) -> Ended {
        let needs = needs(job);
        let is_success = needs.iter().all(|need| ended[need].result == "success");
        let of_needs: Map<String, Value> = needs
            .iter()
            .map(|need| {
                let Ended { result, outputs, .. } = &ended[need];
                (need.clone(), json!({ "result": result, "outputs": outputs }))
            })
            .collect();
        let mut contexts = json!({
            "github": github_context(run), "inputs": run.inputs, "needs": of_needs,
            "vars": self.vars, "secrets": self.secrets, "steps": {}, "matrix": {}, "env": {},
        });
        let mut scope = Scope { contexts: contexts.clone(), is_success };
        let condition = job["if"].as_str().unwrap_or("success()");
        let is_met = (asks_for_status(condition) || is_success) && scope.holds(condition);
        if !is_met {
            return Ended::new("skipped");
        }
        let matrix = &job["strategy"]["matrix"];
        let includes = match matrix {
            Value::Null => vec![json!({})],
            Value::String(text) => {
                let matrix = scope.filled(text);
                let include = matrix["include"].as_array().expect("include").clone();
                assert!(!include.is_empty(), "{id}: GitHub refuses an empty matrix");
                include
            }
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                panic!("{id}: {matrix}")
            }
        };
        let mut all = Ended::new("success");
        for include in includes {
            contexts["matrix"] = include;
            scope.contexts = contexts.clone();
            scope.is_success = true;
            let machine = Job::new(self, run, id, job);
            let one = machine.play(&mut scope);
            if one.result == "failure" {
                all.result = "failure";
            }
            all.outputs.extend(one.outputs);
            all.printed += &one.printed;
            all.summary += &one.summary;
        }
        all
    }
}

impl Ended {
    fn new(result: &'static str) -> Self {
        Self { result, outputs: Map::new(), printed: String::new(), summary: String::new() }
    }
}

/// What a run says of itself.
fn github_context(run: &Run<'_>) -> Value {
    json!({
        "event_name": run.event, "run_id": run.number.to_string(), "ref_name": "main",
        "token": "ghs_of_the_job", "repository": job::REPOSITORY,
    })
}

fn needs(job: &Value) -> Vec<String> {
    match &job["needs"] {
        Value::Null => vec![],
        Value::String(one) => vec![one.clone()],
        Value::Array(several) => {
            several.iter().map(|need| need.as_str().expect("a job").to_owned()).collect()
        }
        needs @ (Value::Bool(_) | Value::Number(_) | Value::Object(_)) => panic!("{needs}"),
    }
}
