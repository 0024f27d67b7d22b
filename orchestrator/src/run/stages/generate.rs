//! The stage that generates the recipes of all batches.

use std::collections::BTreeMap;

use batch_core::{
    decide::ladder::to_generate,
    io::ArtifactStage,
    model::{Fact, Generation, PlannedPackage},
};
use futures_util::future::try_join_all;
use tokio::sync::Semaphore;
use tracing::Instrument as _;

use super::{Batch, RunPlan, StageEnd, Stages, identity, worst};
use crate::{
    run::{
        resume_pauses, span,
        work::{self, Work},
    },
    stage::{Facts, Stop},
};

impl Stages<'_> {
    /// Generates the recipes of all batches.
    pub async fn generate(&self, stop: &Stop) -> anyhow::Result<StageEnd> {
        let _lock = self.lock(ArtifactStage::Generate)?;
        let plan = self.plan()?;
        let batches = self.batches(&plan)?;
        resume_pauses(self.ports)?;
        let recipes = self.config.reserving_recipes(self.ports)?;
        let mut begun = BTreeMap::new();
        let (mut work, mut ends) = (vec![], vec![]);
        for batch in batches {
            if batch.artifacts.sealed.contains(&ArtifactStage::Generate) {
                continue;
            }
            if self.is_disabled(&batch.started.batch_id)? {
                ends.push(StageEnd::Disabled);
                continue;
            }
            let left = to_generate(&batch.artifacts.facts, &batch.started);
            begun.extend(left.iter().map(|(planned, n)| (planned.package_id.clone(), *n)));
            let packages: Vec<PlannedPackage> = left.into_iter().map(|(it, _)| it).collect();
            self.ports.progress.expect(packages.len());
            work.push((batch, packages));
        }
        let permits = Semaphore::new(self.jobs.max(1));
        let shared = self.shared(&recipes.name_registry, &begun, &[], &permits);
        let generated = work
            .into_iter()
            .map(|(batch, packages)| self.generate_batch(&plan, batch, packages, (shared, stop)));
        let generated = try_join_all(generated.collect::<Vec<_>>());
        ends.extend(generated.instrument(span(&plan)).await?);
        self.ports.progress.finish();
        Ok(worst(&ends))
    }

    async fn generate_batch(
        &self,
        plan: &RunPlan,
        batch: Batch,
        packages: Vec<PlannedPackage>,
        (shared, stop): (work::Shared<'_>, &Stop),
    ) -> anyhow::Result<StageEnd> {
        let stage = ArtifactStage::Generate;
        let Batch { started, artifacts } = batch;
        let work = Work::new(&started, shared)?;
        let mut journal = self.journal(&started, stage, artifacts.facts);
        let generating =
            async |facts: Facts, stop: &Stop| work.generate(packages, facts, stop).await;
        journal.during(self.ports.progress, stop, generating).await?;
        if stop.is_draining() {
            return Ok(StageEnd::Interrupted);
        }
        journal.append(vec![work.end(None, true)]).await?;
        let recipes = journal.facts().iter().filter_map(|fact| match fact {
            Fact::Generated(generated) => match &generated.made {
                Generation::Recipe(recipe) => Some(&**recipe),
                Generation::Undiscovered(_) | Generation::Nothing(_) => None,
            },
            Fact::Started(_)
            | Fact::Began(_)
            | Fact::Discovered(_)
            | Fact::Validated(_)
            | Fact::Deferred(_)
            | Fact::Recovered(_)
            | Fact::Finished(_) => None,
        });
        let recipes: Vec<_> = recipes.collect();
        for recipe in &recipes {
            self.folder.put_recipe(&started.batch_id, &recipe.name, &recipe.toml)?;
        }
        let names = recipes.iter().map(|recipe| &recipe.name);
        self.folder.seal(&started.batch_id, stage, identity(plan), names)?;
        Ok(StageEnd::Done)
    }
}
