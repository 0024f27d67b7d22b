//! Notes what is carried out for a package, so that a failure can be repeated.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use batch_core::model::{Failure, InstallStep, RanStep};
use batch_sandbox::Job;

use crate::failure::Source;

/// Maximal number of steps that are noted for one attempt.
const MAX_STEPS: usize = 200;

/// Everything that was carried out for one attempt, in this order.
#[derive(Debug, Default)]
pub struct RanSteps(Mutex<Vec<RanStep>>);

impl RanSteps {
    /// Notes a job of the sandbox that ended with `exit_code`; `None` if it was stopped or could not
    /// be started.
    pub fn job(&self, job: &Job, exit_code: Option<i32>, source: &Source<'_>) {
        let path = job.path_dirs.iter().map(|dir| source.text(&dir.to_string_lossy())).collect();
        self.add(RanStep::Program {
            argv: texts(&job.argv, source),
            variables: variables(&job.env, source),
            path,
            is_sandboxed: true,
            has_network: job.network.is_some(),
            exit_code,
        });
    }

    /// Notes a program that ran outside of the sandbox, with network.
    pub fn call(
        &self,
        argv: &[String],
        env: &BTreeMap<String, String>,
        exit_code: Option<i32>,
        source: &Source<'_>,
    ) {
        self.add(RanStep::Program {
            argv: texts(argv, source),
            variables: variables(env, source),
            path: vec![],
            is_sandboxed: false,
            has_network: true,
            exit_code,
        });
    }

    /// Notes a step that this program carries out itself.
    pub fn own(&self, step: &InstallStep, source: &Source<'_>) {
        self.add(RanStep::Own { what: source.text(&described(step)) });
    }

    /// `failure` with everything that was carried out until then.
    pub fn before(&self, failure: Failure) -> Failure {
        let steps = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Failure { steps, ..failure }
    }

    fn add(&self, step: RanStep) {
        let mut steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if steps.len() < MAX_STEPS {
            steps.push(step);
        }
    }
}

/// `argv`, cleaned.
fn texts(argv: &[String], source: &Source<'_>) -> Vec<String> {
    argv.iter().map(|word| source.text(word)).collect()
}

/// `env`, cleaned.
fn variables(env: &BTreeMap<String, String>, source: &Source<'_>) -> BTreeMap<String, String> {
    env.iter().map(|(name, value)| (name.clone(), source.text(value))).collect()
}

/// In words for a person.
fn described(step: &InstallStep) -> String {
    match step {
        InstallStep::Fetch { artifact, to, .. } => {
            format!("download {} ({}) to {to}", artifact.url, artifact.digest)
        }
        InstallStep::Unpack { archive, to } => format!("unpack {archive} into {to}"),
        InstallStep::Link { at, to } => format!("link {at} to {to}"),
        InstallStep::LinkEntries { of, into } => format!("link each entry of {of} into {into}"),
        InstallStep::Substitute { within, placeholders } => {
            let pairs: Vec<String> =
                placeholders.iter().map(|(from, to)| format!("{from} by {to}")).collect();
            format!("replace below {within}: {}", pairs.join(", "))
        }
        InstallStep::Export { folders } => format!("set for commands: {folders:?}"),
        InstallStep::Inspect { dir, executables } => {
            let names: Vec<String> = executables.iter().map(ToString::to_string).collect();
            format!("look in {dir} for the commands {}", names.join(", "))
        }
        InstallStep::Present { within, paths } => {
            format!("look in {within} for {}", paths.join(", "))
        }
        InstallStep::Run { argv, .. } => argv.join(" "),
    }
}
