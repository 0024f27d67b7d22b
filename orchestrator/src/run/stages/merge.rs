//! The stage that writes all batches into the state.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::Context as _;
use batch_core::{
    decide::{fold::fold, record},
    io::{ArtifactStage, Journal},
    model::{BatchId, Delta, Environment, Fact, Recovered, RunRecord, SCHEMA_VERSION, Started},
};

use super::{Batch, StageError, Stages};
use crate::{
    run::{
        Summary,
        commit::commit,
        slot,
        summary::{BatchSummary, Recording},
    },
    stage::preflight::Recipes,
};

/// What the stages of a run have told.
pub struct Collected {
    /// The journals of its batches.
    pub journals: Vec<Journal>,
    /// The record of a slot in which nothing could be attempted.
    pub empty_slot: Option<RunRecord>,
}

impl Stages<'_> {
    /// Writes all batches into the state, in the order of the plan. A batch that was recorded before
    /// is not changed. If a stage has not ended, nothing is written, unless `incomplete` asks for it:
    /// then what no stage has reported is recorded as interrupted.
    pub async fn merge(&self, incomplete: bool) -> anyhow::Result<Summary> {
        let _lock = self.ports.state.lock_run(self.ports.clock.now())?;
        let plan = self.plan()?;
        let batches = self.batches(&plan)?;
        let mut summary = Summary { run_id: plan.run_id.clone(), ..Summary::default() };
        if batches.is_empty() {
            slot::record_empty_slot(self.ports, self.config, &plan, 0)?;
            summary.skipped = plan.skipped;
            return Ok(summary);
        }
        summary.skipped.clone_from(&plan.skipped);
        let mut recipes = Arc::new(self.config.reserving_recipes(self.ports)?);
        if !incomplete {
            self.check_complete(&batches, &recipes)?;
        }
        for Batch { started, artifacts } in batches {
            let before = self.ports.state.run(&started.batch_id.to_string())?;
            let facts = self.ended(&started, artifacts.facts, &recipes);
            if let Some(before) = before {
                let found = record::run(&self.delta(&started, &facts, &recipes));
                summary.batches.push(recorded_before(&started.batch_id, &before, &found));
                continue;
            }
            let around = (self.ports, self.config);
            let (delta, persisted) = commit(&started, &facts, &mut recipes, around)
                .await
                .with_context(|| format!("cannot write {} into the state", started.batch_id))?;
            summary.batches.push(BatchSummary::new(&delta, &persisted, self.config.registry));
        }
        Ok(summary)
    }

    /// What the stages of the run have told, for a push: as [`Self::merge`], but nothing is written.
    pub fn collect(&self, incomplete: bool) -> anyhow::Result<Collected> {
        let plan = self.plan()?;
        let batches = self.batches(&plan)?;
        let recipes = self.config.recipes(self.ports)?;
        if !incomplete {
            self.check_complete(&batches, &recipes)?;
        }
        let journal = |Batch { started, artifacts }: Batch| Journal {
            facts: self.ended(&started, artifacts.facts, &recipes),
            batch_id: started.batch_id,
            unreadable: vec![],
        };
        let journals: Vec<Journal> = batches.into_iter().map(journal).collect();
        let empty_slot = journals.is_empty().then(|| slot::empty_slot(self.config, &plan, 0));
        Ok(Collected { journals, empty_slot })
    }

    /// `facts` with the fact that no more come, if some are missing.
    fn ended(&self, started: &Started, mut facts: Vec<Fact>, recipes: &Recipes) -> Vec<Fact> {
        let delta = self.delta(started, &facts, recipes);
        if delta.waiting.is_empty() {
            return facts;
        }
        for waiting in &delta.waiting {
            let places: Vec<&str> =
                waiting.environments.iter().map(|&it| Environment::as_str(it)).collect();
            let (package, places) = (&waiting.package_id, places.join(", "));
            let is_made =
                |it: &Fact| matches!(it, Fact::Generated(it) if it.package_id == *package);
            if !places.is_empty() {
                tracing::warn!("{package} has no result: nothing was reported from {places}");
            } else if facts.iter().any(is_made) {
                tracing::warn!(
                    "{package} has no result: it wants the name or a command of an earlier package \
                     that has none"
                );
            } else {
                tracing::warn!("{package} has no result: its recipe was not generated");
            }
        }
        facts.push(Fact::Recovered(Recovered {
            schema_version: SCHEMA_VERSION,
            batch_id: started.batch_id.clone(),
            at: self.ports.clock.now(),
        }));
        facts
    }

    fn delta(&self, started: &Started, facts: &[Fact], recipes: &Recipes) -> Delta {
        let actions = self.config.actions();
        let context = self.config.fold_context(started, &actions, recipes);
        fold(facts, &context, self.ports.clock.now())
    }

    /// Refuses `batches` if a stage that concerns one of them has not ended.
    fn check_complete(&self, batches: &[Batch], recipes: &Recipes) -> anyhow::Result<()> {
        let mut missing = vec![];
        for Batch { started, artifacts } in batches {
            let batch = &started.batch_id;
            if self.ports.state.run(&batch.to_string())?.is_some() {
                continue;
            }
            if !artifacts.sealed.contains(&ArtifactStage::Generate) {
                missing.push(format!("{batch}: generate"));
                continue;
            }
            let waiting = self.delta(started, &artifacts.facts, recipes).waiting;
            let places: BTreeSet<Environment> =
                waiting.into_iter().flat_map(|it| it.environments).collect();
            missing.extend(places.iter().map(|place| format!("{batch}: validate in {place}")));
        }
        if missing.is_empty() {
            return Ok(());
        }
        Err(StageError::OutOfOrder(format!(
            "not all stages have ended: {}; run them first, or record what is there as interrupted \
             with `merge --incomplete`: then later results cannot be used",
            missing.join(", ")
        ))
        .into())
    }
}

/// The summary of a batch whose record is `before`; its artifacts give the record `found` now.
fn recorded_before(batch: &BatchId, before: &RunRecord, found: &RunRecord) -> BatchSummary {
    // The other fields also depend on the recipes that exist now.
    let is_same = before.environments == found.environments
        && before.packages_processed == found.packages_processed;
    let recorded = if is_same { Recording::Before } else { Recording::BeforeWithOtherResults };
    BatchSummary::of_record(batch.clone(), before, recorded)
}
