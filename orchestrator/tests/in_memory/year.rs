//! A year of hourly runs.

use std::sync::Mutex;

use batch_core::{
    decide::preflight::Choice,
    io::{Clock as _, FactSink as _, HistoryFilter, StateReader as _},
    model::{FailureKind, SlotOutcome, Status},
};

use crate::world::{
    SECOND, World, command_of, not_generated, not_passed, packages, passed, recipe,
};

const HOURS: u32 = 8_760;

#[test]
fn a_year_of_hourly_runs_needs_no_disk() {
    // The slots of an ecosystem without a queue fall through to others.
    let all = ["homebrew", "cargo", "npm", "pypi", "rubygems", "go", "cpan"];
    let mut world = World::new(&packages(&all, 12));
    let (luck, other) =
        (Mutex::new(fastrand::Rng::with_seed(7)), Mutex::new(fastrand::Rng::with_seed(8)));
    world.generator.script = Box::new(move |plugin, id| {
        let made = match luck.lock().unwrap().u8(0..10) {
            0 => Err(not_generated(id, FailureKind::UpstreamUnavailable)),
            1..=4 => Err(not_generated(id, FailureKind::BinaryDiscoveryFailed)),
            _ => Ok(recipe(plugin, id, &command_of(id))),
        };
        (SECOND, made)
    });
    world.validator.script = Box::new(move |recipe| {
        let id = &recipe.facts.id;
        let validation = match other.lock().unwrap().u8(0..10) {
            0 => not_passed(id, FailureKind::BuildTimeout),
            // A few work; the rest is what a backlog is made of.
            _ if id.name.as_str() == "p07" => passed(),
            _ => not_passed(id, FailureKind::InstallFailed),
        };
        (60 * SECOND, validation)
    });
    let mut n_attempts = 0;
    let mut n_empty = 0;
    for hour in 1..=HOURS {
        let summary = world.clock.run(world.run(Choice::Auto, 2)).unwrap();
        n_attempts += summary.batches.iter().map(|batch| batch.total).sum::<u64>();
        n_empty += u32::from(summary.batches.is_empty());
        let left = (hour * 3600 * SECOND).saturating_sub(world.clock.monotonic());
        world.clock.run(world.clock.sleep(left));
    }
    assert_eq!(world.facts.pending().unwrap(), []);
    let runs = world.state.runs(&HistoryFilter::default()).unwrap().records;
    assert_eq!(runs.len(), HOURS as usize, "each slot has its record");
    let n_skipped = runs.iter().filter(|run| run.outcome == SlotOutcome::Skipped).count();
    assert_eq!(n_skipped, n_empty as usize);
    assert_eq!(runs.iter().map(|run| run.total).sum::<u64>(), n_attempts);
    assert!(n_attempts > 1_000, "{n_attempts}");
    let recipes = world.state.recipe_names().unwrap();
    assert_eq!(recipes.len(), all.len(), "{recipes:?}");
    for ecosystem in world.state.queued_ecosystems().unwrap() {
        let queue = world.state.queue(&ecosystem).unwrap().unwrap();
        for entry in queue.entries.values() {
            assert!(entry.last_attempt_at.is_some(), "{} was never attempted", entry.id);
            assert_eq!(entry.status == Status::Success, entry.id.name.as_str() == "p07");
        }
    }
}
