//! Writes a run into the stored state. This is where decisions and ports meet.

mod archive;
mod import;
mod reclassify;
mod seeding;

pub use archive::{ArchiveCounts, ArchivePlan, ArchiveStep, Archiving, archive, plan_archive};
pub use import::{ImportChanges, persist_import};
pub use reclassify::Reclassification;
pub use seeding::{SeedingTraffic, persist_seeding};

use crate::{
    decide::{
        apply::{self, Applied, Merging, Rules},
        evidence, record, route,
    },
    io::{StateError, StateWriter},
    model::{BreakerTransition, Delta, FailureRecord, Health, Queue, QueueEntry, RecipeName},
};

/// Maximal size of what repeats an attempt, in bytes.
const MAX_REPRO: usize = 1 << 20;

/// The result of writing a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Persisted {
    /// It was written.
    Now {
        /// What the run says about the health of its ecosystem.
        health: Health,
        /// The change of the breaker, if it changed.
        transition: Option<BreakerTransition>,
    },
    /// It was written earlier: its record exists. Nothing was written now.
    Before,
}

/// Writes `delta` into the newest state.
///
/// Each step can be repeated, and the record that says that everything is written comes last.
/// Whatever interrupts this function, calling it again completes the work.
pub fn persist<S: StateWriter + ?Sized>(
    state: &S,
    delta: &Delta,
    rules: &Rules,
) -> Result<Persisted, StateError> {
    let _no_operator_in_between = state.exclusive()?;
    let mut run = record::run(delta);
    if state.run(&run.batch_id)?.is_some() {
        return Ok(Persisted::Before);
    }
    let control = state.control()?;
    let ecosystem = delta.batch.ecosystem();
    let file = state.queue(ecosystem)?;
    let (no_entries, breaker) = (Queue::new(), control.breaker(ecosystem));
    let queue = file.as_ref().map_or(&no_entries, |file| &file.entries);
    let applied = apply::delta(queue, &breaker, delta, rules);

    let redirections = if route::has_redirections(queue, &delta.attempts) {
        route::used(queue, &delta.attempts, &state.curated_sources()?.records)
    } else {
        vec![]
    };

    let failures = put_outputs(state, delta)?;
    let n_merged = match rules.merging {
        Merging::AtOnce => put_recipes(state, delta, &applied, queue)?,
        Merging::PullRequest => 0,
    };
    if !failures.is_empty() {
        state.put_failures(&run.batch_id, &failures)?;
    }
    if let Some(file) = file.filter(|_| !applied.entries.is_empty()) {
        state.put_entries(file, applied.entries.clone(), delta.ended_at)?;
    }
    // Before the control file, whose breaker says that this run is written.
    if let Some(transition) = &applied.transition {
        state.put_transition(transition)?;
    }
    state.put_control(&apply::to_control(control, delta, &applied))?;
    run.merged = n_merged;
    run.used_disambiguation = u64::try_from(redirections.len()).unwrap_or(u64::MAX);
    run.disambiguations = redirections;
    state.put_run(&run)?;
    Ok(Persisted::Now { health: applied.health, transition: applied.transition })
}

fn put_outputs<S: StateWriter + ?Sized>(
    state: &S,
    delta: &Delta,
) -> Result<Vec<FailureRecord>, StateError> {
    let mut records = vec![];
    for mut noted in record::failures(delta) {
        if !noted.output.is_empty() {
            let (text, truncated) = evidence::cap(&noted.output);
            noted.record.output = Some(state.put_output(&text, truncated)?);
        }
        // A part of it would be of no use.
        if !noted.repro.is_empty() && noted.repro.len() <= MAX_REPRO {
            noted.record.repro = Some(state.put_output(&noted.repro, false)?);
        }
        records.push(noted.record);
    }
    Ok(records)
}

/// Whether a recipe of `delta` may take the place of one that is there: it is known that the recipe of
/// `entry` does not work any more, or it was just tested to get cells back.
pub fn may_replace(delta: &Delta, entry: Option<&QueueEntry>) -> bool {
    delta.sweep.is_some() || entry.is_some_and(|entry| entry.regressed_at.is_some())
}

/// Writes a recipe. A file that is there stays as it is, unless it `may_replace` it, because somebody
/// wrote a recipe for the package in the meantime.
pub fn put_recipe<S: StateWriter + ?Sized>(
    state: &S,
    (recipe, toml): (&RecipeName, &str),
    may_replace: bool,
) -> Result<(), StateError> {
    if may_replace || state.recipe(recipe)?.is_none() {
        state.put_recipe(recipe, toml)?;
    }
    Ok(())
}

/// Writes the wanted recipes, and returns the number of those that are there now.
fn put_recipes<S: StateWriter + ?Sized>(
    state: &S,
    delta: &Delta,
    applied: &Applied,
    queue: &Queue,
) -> Result<u64, StateError> {
    let mut n = 0;
    for (package, recipe, toml) in apply::wanted_recipes(delta, &applied.wanted) {
        put_recipe(state, (recipe, toml), may_replace(delta, queue.get(package)))?;
        n += 1;
    }
    Ok(n)
}
