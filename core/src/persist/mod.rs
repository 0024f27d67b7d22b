//! A run goes into the stored state: where decisions meet the ports.

mod seeding;

pub use seeding::{Errand, persist_seeding};

use crate::{
    decide::{
        apply::{self, Applied, Rules},
        evidence, record,
    },
    io::{QueueFile, StateError, StateWriter},
    model::{
        BreakerTransition, Delta, EcosystemState, FailureRecord, Health, Outcome, Queue, Status,
    },
};

/// What became of a run that was to go into the state.
#[derive(Debug, Clone, PartialEq)]
pub enum Persisted {
    /// It is in.
    Now {
        /// What it said about its ecosystem.
        health: Health,
        /// Where the breaker moved.
        transition: Option<BreakerTransition>,
    },
    /// It was in before: its record is there. Nothing was written.
    Before,
}

/// Puts `delta` into the newest state.
///
/// Each step can be repeated, and the record that says "all of it is in" comes last: whatever
/// breaks this off, calling it again leaves the state as if nothing had.
pub fn persist<S: StateWriter + ?Sized>(
    state: &S,
    delta: &Delta,
    rules: &Rules,
) -> Result<Persisted, StateError> {
    let _no_operator_in_between = state.exclusive()?;
    let run = record::run(delta);
    if state.run(&run.batch_id)?.is_some() {
        return Ok(Persisted::Before);
    }
    let control = state.control()?;
    let ecosystem = delta.batch.ecosystem();
    let file = state.queue(ecosystem)?;
    let queue = file.as_ref().map(|file| file.entries.clone()).unwrap_or_default();
    let before = EcosystemState { queue, breaker: control.breaker(ecosystem) };
    let applied = apply::delta(before, delta, rules);

    let failures = put_outputs(state, delta)?;
    put_recipes(state, delta, &applied.state.queue)?;
    if !failures.is_empty() {
        state.put_failures(&run.batch_id, &failures)?;
    }
    if let Some(file) = file {
        put_queue(state, file, delta, &applied)?;
    }
    // Before the control plane, whose breaker says that this run is in.
    if let Some(transition) = &applied.transition {
        state.put_transition(transition)?;
    }
    state.put_control(&apply::to_control(control, delta, &applied))?;
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
        records.push(noted.record);
    }
    Ok(records)
}

/// A recipe of an entry that someone took out while the run was under way is not wanted any more.
fn put_recipes<S: StateWriter + ?Sized>(
    state: &S,
    delta: &Delta,
    queue: &Queue,
) -> Result<(), StateError> {
    for attempt in &delta.attempts {
        let is_wanted =
            queue.get(&attempt.package).is_none_or(|entry| entry.status == Status::Success);
        if let Outcome::Succeeded { recipe, toml } = &attempt.outcome
            && is_wanted
        {
            state.put_recipe(recipe, toml)?;
        }
    }
    Ok(())
}

fn put_queue<S: StateWriter + ?Sized>(
    state: &S,
    mut file: QueueFile,
    delta: &Delta,
    applied: &Applied,
) -> Result<(), StateError> {
    if file.entries == applied.state.queue {
        return Ok(());
    }
    file.entries.clone_from(&applied.state.queue);
    file.header.updated_at = file.header.updated_at.max(delta.ended_at);
    state.put_queue(&file)
}
