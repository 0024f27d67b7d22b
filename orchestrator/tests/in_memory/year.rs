//! A year of hourly runs.

use std::sync::Mutex;

use batch_core::{
    decide::preflight::Choice,
    io::{Clock as _, FactSink as _, HistoryFilter, StateReader as _},
    model::{FailureKind, SlotOutcome, Status},
};

use crate::test_ports::{
    SECOND, TestPorts, command_of, not_generated, not_passed, number_of, packages, passed, recipe,
};

const HOURS: u32 = 8_760;

#[test]
fn a_year_of_hourly_runs_needs_no_disk() {
    // The slots of an ecosystem without a queue go to other ecosystems.
    let all = ["homebrew", "cargo", "npm", "pypi", "rubygems", "go", "cpan"];
    let mut test_ports = TestPorts::new(&packages(&all, 12));
    let (jitter, other) =
        (Mutex::new(fastrand::Rng::with_seed(7)), Mutex::new(fastrand::Rng::with_seed(8)));
    test_ports.generator.script = Box::new(move |plugin, id| {
        let made = match jitter.lock().unwrap().u8(0..10) {
            0 => Err(not_generated(id, FailureKind::UpstreamUnavailable)),
            1..=4 => Err(not_generated(id, FailureKind::BinaryDiscoveryFailed)),
            _ => Ok(recipe(plugin, id, &command_of(id))),
        };
        (SECOND, made)
    });
    test_ports.validator.script = Box::new(move |recipe| {
        let id = &recipe.facts.id;
        let validation = match other.lock().unwrap().u8(0..10) {
            0 => not_passed(id, FailureKind::BuildTimeout),
            // A few packages work; the others fail, as in a real backlog.
            _ if number_of(id) == "p07" => passed(),
            _ => not_passed(id, FailureKind::InstallFailed),
        };
        (60 * SECOND, validation)
    });
    let mut n_attempts = 0;
    let mut n_empty = 0;
    for hour in 1..=HOURS {
        let summary = test_ports.clock.run(test_ports.run(Choice::Auto, 2)).unwrap();
        n_attempts += summary.batches.iter().map(|batch| batch.total).sum::<u64>();
        n_empty += u32::from(summary.batches.is_empty());
        let left = (hour * 3600 * SECOND).saturating_sub(test_ports.clock.monotonic());
        test_ports.clock.run(test_ports.clock.sleep(left));
    }
    assert_eq!(test_ports.facts.pending().unwrap(), []);
    let runs = test_ports.state.runs(&HistoryFilter::default()).unwrap().records;
    assert_eq!(runs.len(), HOURS as usize, "each slot has its record");
    let n_skipped = runs.iter().filter(|run| run.outcome == SlotOutcome::Skipped).count();
    assert_eq!(n_skipped, n_empty as usize);
    assert_eq!(runs.iter().map(|run| run.total).sum::<u64>(), n_attempts);
    assert!(n_attempts > 1_000, "{n_attempts}");
    let recipes = test_ports.state.recipe_names().unwrap();
    assert_eq!(recipes.len(), all.len(), "{recipes:?}");
    for ecosystem in test_ports.state.queued_ecosystems().unwrap() {
        let queue = test_ports.state.queue(&ecosystem).unwrap().unwrap();
        for entry in queue.entries.values() {
            assert!(entry.last_attempt_at.is_some(), "{} was never attempted", entry.id);
            assert_eq!(entry.status == Status::Success, number_of(&entry.id) == "p07");
        }
    }
}
