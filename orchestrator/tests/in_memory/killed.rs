//! A run that is dropped at any moment, as a killed process is, and the next one.

use std::{collections::BTreeMap, time::Duration};

use batch_core::{
    decide::preflight::Choice,
    io::{Clock as _, FactSink as _, StateReader as _, within},
    model::{Fact, FailureKind, PackageId, RunRecord, StatusLabel},
};
use orchestrator::schema;

use crate::world::{SECOND, World, not_generated, not_passed, packages, passed, recipe};

/// Some have no recipe, some do not work, some meet a fault.
fn world() -> World {
    let mut world = World::new(&packages(&["npm", "cargo"], 6));
    world.generator.script = Box::new(|plugin, id| {
        let made = match id.name.as_str() {
            "p01" => Err(not_generated(id, FailureKind::LibraryOnly)),
            _ => Ok(recipe(plugin, id, &crate::world::command_of(id))),
        };
        (SECOND, made)
    });
    world.validator.script = Box::new(|recipe| {
        let id = &recipe.facts.id;
        let validation = match id.name.as_str() {
            "p02" => not_passed(id, FailureKind::InstallFailed),
            "p03" => not_passed(id, FailureKind::Timeout),
            _ => passed(),
        };
        (3 * SECOND, validation)
    });
    world
}

fn statuses(world: &World) -> BTreeMap<PackageId, StatusLabel> {
    let ecosystems = world.state.queued_ecosystems().unwrap();
    let queues = ecosystems.iter().map(|ecosystem| world.state.queue(ecosystem).unwrap().unwrap());
    let entries = queues.flat_map(|queue| queue.entries.into_values());
    entries.map(|entry| (entry.id.clone(), entry.status.label())).collect()
}

fn records(world: &World) -> Vec<RunRecord> {
    let facts = world.facts.all.lock().unwrap();
    let batches = facts.iter().filter_map(Fact::started).map(|it| it.batch_id.to_string());
    batches.filter_map(|batch| world.state.run(&batch).unwrap()).collect()
}

#[test]
fn a_run_dropped_at_any_moment_is_recovered_and_nothing_is_lost() {
    let whole = world();
    whole.clock.run(whole.run(Choice::All, 2)).unwrap();
    let (lasts, expected) = (whole.clock.monotonic(), statuses(&whole));
    let mut n_lost = 0;
    for half_seconds in 0..lasts.as_secs() * 2 {
        let world = world();
        let limit = Duration::from_millis(500 * half_seconds + 250);
        let killed = world.clock.run(within(&world.clock, limit, world.run(Choice::All, 2)));
        assert!(killed.is_none(), "it ended within {limit:?}");
        let n_killed = world.facts.pending().unwrap().len();
        // Whatever was lost waits for an hour.
        for _ in 0..3 {
            let summary = world.clock.run(world.run(Choice::All, 2)).unwrap();
            assert!(summary.batches.iter().all(|batch| batch.duration_seconds < 3600));
            world.clock.run(world.clock.sleep(3600 * SECOND));
        }
        assert_eq!(statuses(&world), expected, "killed after {limit:?}");
        assert_eq!(world.facts.pending().unwrap(), []);
        let records = records(&world);
        assert_eq!(records.iter().filter(|record| record.interrupted).count(), n_killed);
        n_lost += records.iter().filter(|record| record.failed > 0).count();
    }
    assert!(n_lost > 0);
}

#[test]
fn every_fact_fits_its_schema() {
    let world = world();
    let limit = 4 * SECOND;
    world.clock.run(within(&world.clock, limit, world.run(Choice::All, 2)));
    world.clock.run(world.run(Choice::All, 2)).unwrap();
    let schema = serde_json::from_str(&schema::all([])["fact"]).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let facts = world.facts.all.lock().unwrap();
    let mut kinds = BTreeMap::<String, usize>::new();
    for fact in &*facts {
        let document = serde_json::to_value(fact).unwrap();
        let errors: Vec<String> = validator.iter_errors(&document).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?} in {document:#}");
        assert_eq!(serde_json::from_value::<Fact>(document.clone()).unwrap(), *fact);
        *kinds.entry(document["fact"].as_str().unwrap().to_owned()).or_default() += 1;
        let mut odd = document;
        odd["unheard_of"] = 1.into();
        assert!(!validator.is_valid(&odd) && serde_json::from_value::<Fact>(odd).is_err());
    }
    let expected = ["began", "finished", "generated", "recovered", "started", "validated"];
    assert_eq!(kinds.into_keys().collect::<Vec<_>>(), expected);
}
