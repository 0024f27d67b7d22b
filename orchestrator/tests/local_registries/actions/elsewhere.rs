//! What a machine of another environment reports: everything works there.

use std::{fmt::Write as _, path::Path};

use batch_core::{
    decide::ladder,
    io::{ArtifactFolder, ArtifactStage, FactWriter as _, RunIdentity},
    model::{Environment, Fact, Verdict},
};
use batch_sim::FactsAt;
use orchestrator::run::RunPlan;

use super::Run;

/// Reports that all recipes that are due in `environment` pass there, into the artifacts in `dir`.
pub(crate) fn validate(dir: &Path, environment: Environment, run: &Run<'_>) -> String {
    let folder = ArtifactFolder::new(dir);
    let plan: RunPlan = folder.plan().unwrap().unwrap();
    let identity = RunIdentity { run_id: &plan.run_id, program_version: &plan.program_version };
    let stage = ArtifactStage::Validate(environment);
    let mut told = String::new();
    for batch in &plan.batches {
        let artifacts = folder.read(batch, identity).unwrap();
        let started = artifacts.facts.iter().find_map(Fact::started).unwrap();
        let due = ladder::due(&artifacts.facts, started);
        let at = FactsAt { batch_id: batch.clone(), at: run.now.parse().unwrap() };
        let mut facts = vec![];
        for (package, _) in due.into_iter().filter(|(_, place)| *place == environment) {
            let _ = writeln!(told, "{package} passes in {environment}");
            facts.push(at.began(package.clone(), Some(environment), 1));
            let validated = at.validated(package, environment, Verdict::Pass);
            facts.push(Fact::Validated(Box::new(validated)));
        }
        let mut finished = at.finished(Some(environment), "registry.npmjs.org");
        (finished.requests, finished.pauses) = Default::default();
        facts.push(Fact::Finished(finished));
        folder.writer(stage).append(batch, &facts).unwrap();
        folder.seal(batch, stage, identity, std::iter::empty()).unwrap();
    }
    told
}
