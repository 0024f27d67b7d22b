//! A run that is dropped at any moment, like a killed process, and the run after it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use batch_core::{
    decide::preflight::Choice,
    io::{Clock as _, FactSink as _, StateReader as _, StateWriter as _, within},
    model::{Control, Fact, FailureKind, PackageId, RunRecord, StatusLabel},
};
use orchestrator::schema;

use crate::test_ports::{
    SECOND, TestPorts, not_generated, not_passed, number_of, packages, passed, recipe, undiscovered,
};

/// Some packages have no recipe, some do not work, some fail with a fault, and some must be installed
/// to see their commands.
fn test_ports() -> TestPorts {
    let mut test_ports = TestPorts::new(&packages(&["npm", "cargo"], 6));
    test_ports.generator.script = Box::new(|plugin, id| {
        let made = match number_of(id) {
            "p01" => Err(not_generated(id, FailureKind::LibraryOnly)),
            "p04" => Err(undiscovered(plugin, id)),
            _ => Ok(recipe(plugin, id, &crate::test_ports::command_of(id))),
        };
        (SECOND, made)
    });
    test_ports.validator.script = Box::new(|recipe| {
        let id = &recipe.facts.id;
        let validation = match number_of(id) {
            "p02" => not_passed(id, FailureKind::InstallFailed),
            "p03" => not_passed(id, FailureKind::Timeout),
            _ => passed(),
        };
        (3 * SECOND, validation)
    });
    test_ports
}

fn statuses(test_ports: &TestPorts) -> BTreeMap<PackageId, StatusLabel> {
    let ecosystems = test_ports.state.queued_ecosystems().unwrap();
    let queues =
        ecosystems.iter().map(|ecosystem| test_ports.state.queue(ecosystem).unwrap().unwrap());
    let entries = queues.flat_map(|queue| Arc::unwrap_or_clone(queue).entries.into_values());
    entries.map(|entry| (entry.id.clone(), entry.status.label())).collect()
}

fn records(test_ports: &TestPorts) -> Vec<RunRecord> {
    let facts = test_ports.facts.all.lock().unwrap();
    let batches = facts.iter().filter_map(Fact::started).map(|it| it.batch_id.to_string());
    batches.filter_map(|batch| test_ports.state.run(&batch).unwrap()).collect()
}

#[test]
fn a_run_dropped_at_any_moment_is_recovered_and_nothing_is_lost() {
    let whole = test_ports();
    whole.clock.run(whole.run(Choice::All, 2)).unwrap();
    let (duration_of, expected) = (whole.clock.monotonic(), statuses(&whole));
    let mut n_lost = 0;
    for half_seconds in 0..duration_of.as_secs() * 2 {
        let test_ports = test_ports();
        let limit = Duration::from_millis(500 * half_seconds + 250);
        let killed =
            test_ports.clock.run(within(&test_ports.clock, limit, test_ports.run(Choice::All, 2)));
        assert!(killed.is_none(), "it ended within {limit:?}");
        let n_killed = test_ports.facts.pending().unwrap().len();
        // Lost attempts are retried after an hour.
        for _ in 0..3 {
            let summary = test_ports.clock.run(test_ports.run(Choice::All, 2)).unwrap();
            assert!(summary.batches.iter().all(|batch| batch.duration_seconds < 3600));
            test_ports.clock.run(test_ports.clock.sleep(3600 * SECOND));
        }
        assert_eq!(statuses(&test_ports), expected, "killed after {limit:?}");
        assert_eq!(test_ports.facts.pending().unwrap(), []);
        let records = records(&test_ports);
        assert_eq!(records.iter().filter(|record| record.interrupted).count(), n_killed);
        n_lost += records.iter().filter(|record| record.failed > 0).count();
    }
    assert!(n_lost > 0);
}

#[test]
fn every_fact_fits_its_schema() {
    let test_ports = test_ports();
    let limit = 4 * SECOND;
    test_ports.clock.run(within(&test_ports.clock, limit, test_ports.run(Choice::All, 2)));
    test_ports.clock.run(test_ports.run(Choice::All, 2)).unwrap();
    let schema = serde_json::from_str(&schema::all([])["fact"]).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let facts = test_ports.facts.all.lock().unwrap();
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
    let expected =
        ["began", "discovered", "finished", "generated", "recovered", "started", "validated"];
    assert_eq!(kinds.into_keys().collect::<Vec<_>>(), expected);
}

/// The control file says which batch was the last one; somebody puts an old one in its place.
#[test]
fn a_batch_has_an_id_of_its_own_whatever_becomes_of_the_control_file() {
    let mut test_ports = TestPorts::new(&packages(&["npm"], 30));
    // Nothing takes time, so that all batches start in one second.
    test_ports.generator.script = Box::new(|plugin, id| {
        (Duration::ZERO, Ok(recipe(plugin, id, &crate::test_ports::command_of(id))))
    });
    test_ports.validator.script = Box::new(|_| (Duration::ZERO, passed()));
    for n_batches in 1..=3 {
        let npm = "npm".parse().unwrap();
        test_ports.clock.run(test_ports.run(Choice::One(npm), 2)).unwrap();
        assert_eq!(records(&test_ports).len(), n_batches);
        test_ports.state.put_control(&Control::default()).unwrap();
    }
    let done = statuses(&test_ports).into_values().filter(|it| *it == StatusLabel::Success);
    assert_eq!(done.count(), 30, "a batch was taken for one that is recorded already");
}
