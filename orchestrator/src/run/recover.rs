//! Repairs at the start of a run: batches that died are recorded, and queues are brought up to date.

use std::{collections::BTreeMap, sync::Arc};

use batch_core::{
    decide::{fold::has_ended, preflight::Choice},
    io::{Journal, StateError},
    model::{BatchId, Delta, EcosystemId, Fact, Recovered, SCHEMA_VERSION},
    persist::Persisted,
};

use super::{
    commit::commit,
    ports::{Ports, RunConfig},
};
use crate::{
    stage::preflight::Recipes,
    upkeep::{self, UpkeepInput},
};

/// Writes batches into the state that ended without being written, and returns their ids.
///
/// A problem with one of them stops neither the others nor the run. A journal that cannot be used is
/// set aside. If the queue of a batch cannot be read, its journal stays for later: that ecosystem
/// attempts nothing until somebody repairs the file. A journal also stays if the machine refuses to
/// write, for example because the disk is full.
pub(super) async fn pending(
    ports: &Ports<'_>,
    config: &RunConfig<'_>,
    recipes: &mut Arc<Recipes>,
) -> anyhow::Result<Vec<BatchId>> {
    let mut recovered = vec![];
    for journal in ports.facts.pending()? {
        let batch = journal.batch_id.clone();
        let unreadable = journal.unreadable.clone();
        for damaged in &unreadable {
            tracing::warn!("passed over: {damaged}");
        }
        match one(ports, config, recipes, journal).await {
            Ok(Recovery::Nothing) => (),
            Ok(Recovery::Later(reason)) => tracing::warn!("{batch} is not recorded yet: {reason}"),
            Ok(Recovery::Unusable(reason)) => set_aside(ports, &batch, &reason),
            Ok(Recovery::Recorded(..)) => {
                tracing::warn!(batch.id = %batch, "the process of {batch} died; its results are recorded now");
                recovered.push(batch.clone());
                // What could not be read of it is not thrown away.
                if let Some(damaged) = unreadable.first() {
                    set_aside(ports, &batch, &damaged.to_string());
                } else if let Err(error) = ports.facts.discard(&batch) {
                    tracing::warn!("the journal of {batch}, which is recorded, stays: {error}");
                }
            }
            Err(error) if is_about_the_machine(&error) => {
                tracing::warn!("{batch} is not recorded yet: {error:#}");
            }
            Err(error) => set_aside(ports, &batch, &format!("{error:#}")),
        }
    }
    Ok(recovered)
}

/// The result of recovering one journal.
pub(crate) enum Recovery {
    /// Its batch is in the state: what it adds, and whether it was written now.
    Recorded(Arc<Delta>, Persisted),
    /// The journal was created, and nothing was written into it.
    Nothing,
    /// Something else must be repaired first; the text says what.
    Later(String),
    /// The plan of the batch cannot be read; the text says why.
    Unusable(String),
}

/// Writes the batch of `journal` into the state. Its journal stays.
pub(crate) async fn one(
    ports: &Ports<'_>,
    config: &RunConfig<'_>,
    recipes: &mut Arc<Recipes>,
    mut journal: Journal,
) -> anyhow::Result<Recovery> {
    if journal.is_empty() {
        ports.facts.discard(&journal.batch_id)?;
        return Ok(Recovery::Nothing);
    }
    let Some(started) = journal.started().cloned() else {
        let reason = match journal.unreadable.first() {
            Some(damaged) => damaged.to_string(),
            None => "it does not say how the batch started".to_owned(),
        };
        return Ok(Recovery::Unusable(reason));
    };
    if let Err(error) = ports.state.queue(journal.batch_id.ecosystem()) {
        return Ok(Recovery::Later(error.to_string()));
    }
    end(ports, &mut journal)?;
    let (delta, persisted) = commit(&started, &journal.facts, recipes, (ports, config)).await?;
    Ok(Recovery::Recorded(delta, persisted))
}

/// Whether the same may succeed another time.
pub(crate) fn is_about_the_machine(error: &anyhow::Error) -> bool {
    let state = error.chain().find_map(|cause| cause.downcast_ref::<StateError>());
    state.is_some_and(|error| error.kind.is_about_the_machine())
}

pub(crate) fn set_aside(ports: &Ports<'_>, batch: &BatchId, reason: &str) {
    match ports.facts.set_aside(batch) {
        Ok(to) => tracing::warn!(
            "the journal of {batch} cannot be used and was moved to {}: {reason}",
            to.display()
        ),
        Err(error) => tracing::warn!(
            "the journal of {batch} cannot be used ({reason}), nor be moved away: {error}"
        ),
    }
}

/// Notes that the batch was found without its end, unless it ended or this was noted before.
fn end(ports: &Ports<'_>, journal: &mut Journal) -> anyhow::Result<()> {
    let is_over = journal.started().is_some_and(|started| has_ended(&journal.facts, started));
    if !is_over {
        let fact = Fact::Recovered(Recovered {
            schema_version: SCHEMA_VERSION,
            batch_id: journal.batch_id.clone(),
            at: ports.clock.now(),
        });
        ports.facts.append(&journal.batch_id, std::slice::from_ref(&fact))?;
        journal.facts.push(fact);
    }
    Ok(())
}

/// What was brought up to date.
pub(crate) struct KeptUp {
    /// Number of entries that changed because recipes were added or removed.
    pub(super) n_reconciled: usize,
    /// Number of all other entries that changed.
    pub(super) n_requeued: usize,
    /// Number of entries that became due again, by ecosystem.
    pub(super) released: BTreeMap<EcosystemId, u64>,
}

impl KeptUp {
    /// Both together.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.n_reconciled += other.n_reconciled;
        self.n_requeued += other.n_requeued;
        for (ecosystem, n) in other.released {
            *self.released.entry(ecosystem).or_default() += n;
        }
        self
    }
}

/// Brings the queues of the ecosystems of `choice` up to date. `recipes` keep free what belongs to
/// packages without recipes. `generator` is the one that makes recipes next; `None` if nothing is made, and
/// its change makes nothing due.
pub(crate) fn upkeep(
    ports: &Ports<'_>,
    config: &RunConfig<'_>,
    recipes: &mut Arc<Recipes>,
    (choice, generator): (&Choice, Option<&str>),
) -> anyhow::Result<KeptUp> {
    let input = UpkeepInput {
        registry: config.registry,
        looked_at: &config.looked_at,
        recipes,
        choice,
        generator,
        now: ports.clock.now(),
    };
    let _no_operator_in_between = ports.state.exclusive()?;
    let mut upkeep = upkeep::decide(&*ports.state, &input)?;
    for problem in &upkeep.problems {
        tracing::warn!("passed over: {problem}");
    }
    let (n_reconciled, released) = (upkeep.n_reconciled, std::mem::take(&mut upkeep.released));
    let reserved = upkeep.reserved.take();
    let has_new = upkeep.changes.iter().any(|(before, _)| before.is_none());
    let n_changed = upkeep::write(&*ports.state, upkeep, &input)?;
    match reserved {
        Some(reserved) => {
            let recipes = Arc::make_mut(recipes);
            recipes.name_registry.reserve(reserved);
            recipes.is_rerouting_due = false;
        }
        None if has_new => Arc::make_mut(recipes).is_rerouting_due = true,
        None => (),
    }
    let n_requeued = n_changed.saturating_sub(n_reconciled);
    Ok(KeptUp { n_reconciled, n_requeued, released })
}
