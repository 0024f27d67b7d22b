//! The stage that tests recipes in one environment.

use std::collections::BTreeMap;

use batch_core::{
    decide::{
        ladder::{Climb, climbs},
        name_registry::NameRegistry,
    },
    io::ArtifactStage,
    model::{Environment, Started},
};
use futures_util::{future::try_join_all, stream};
use tokio::sync::Semaphore;
use tracing::Instrument as _;

use super::{Batch, RunPlan, StageEnd, StageError, Stages, identity, worst};
use crate::{
    run::{
        resume_pauses, span,
        work::{self, Work},
    },
    stage::{Facts, Stop},
};

impl Stages<'_> {
    /// Tests the recipes that are due in `environment`.
    pub async fn validate(
        &self,
        environment: Environment,
        stop: &Stop,
    ) -> anyhow::Result<StageEnd> {
        let _lock = self.lock(ArtifactStage::Validate(environment))?;
        let plan = self.plan()?;
        let batches = self.batches(&plan)?;
        for Batch { started, .. } in &batches {
            let batch = &started.batch_id;
            let can_run = self.ports.machine.can_run(batch.ecosystem(), environment);
            if is_planned(started, environment) && !can_run && !self.is_disabled(batch)? {
                return Err(StageError::other_machine(batch, environment).into());
            }
        }
        if let Some(validator) = self.ports.validator {
            validator.clean_up().await?;
        }
        resume_pauses(self.ports)?;
        let (names, begun, environments) =
            (NameRegistry::default(), BTreeMap::new(), [environment]);
        let permits = Semaphore::new(self.jobs.max(1));
        let shared = self.shared(&names, &begun, &environments, &permits);
        let tested = batches
            .into_iter()
            .map(|batch| self.validate_batch(&plan, batch, environment, (shared, stop)));
        let tested = try_join_all(tested.collect::<Vec<_>>());
        let ends = tested.instrument(span(&plan)).await?;
        self.ports.progress.finish();
        Ok(worst(&ends))
    }

    async fn validate_batch(
        &self,
        plan: &RunPlan,
        batch: Batch,
        environment: Environment,
        (shared, stop): (work::Shared<'_>, &Stop),
    ) -> anyhow::Result<StageEnd> {
        let stage = ArtifactStage::Validate(environment);
        let Batch { started, artifacts } = batch;
        if artifacts.sealed.contains(&stage) || !is_planned(&started, environment) {
            return Ok(StageEnd::Done);
        }
        if self.is_disabled(&started.batch_id)? {
            return Ok(StageEnd::Disabled);
        }
        if !artifacts.sealed.contains(&ArtifactStage::Generate) {
            let (batch, dir) = (&started.batch_id, self.folder.path());
            return Err(StageError::not_generated(batch, self.root, dir).into());
        }
        let climbs = climbs(&artifacts.facts, &started);
        let is_due = |climb: &&Climb| climb.due(&started.plan).contains(&environment);
        let due: Vec<Climb> = climbs.iter().filter(is_due).cloned().collect();
        let is_early = climbs.iter().any(|climb| climb.is_later(environment, &started.plan));
        self.ports.progress.expect(due.len());
        let work = Work::new(&started, shared)?;
        let mut journal = self.journal(&started, stage, artifacts.facts);
        let testing =
            async |facts: Facts, stop: &Stop| work.test(stream::iter(due), facts, stop).await;
        journal.during(self.ports.progress, stop, testing).await??;
        if stop.is_draining() {
            return Ok(StageEnd::Interrupted);
        }
        if is_early {
            return Ok(StageEnd::Waiting);
        }
        journal.append(vec![work.end(Some(environment), true)]).await?;
        self.folder.seal(&started.batch_id, stage, identity(plan), std::iter::empty())?;
        Ok(StageEnd::Done)
    }
}

/// Whether something of the batch of `started` may have to be tested in `environment`.
fn is_planned(started: &Started, environment: Environment) -> bool {
    started.plan.packages.iter().any(|it| it.environments.contains(&environment))
}
