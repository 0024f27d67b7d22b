//! Recipes that exist are tested again, and in one more environment.

use std::{collections::BTreeMap, sync::Mutex};

use batch_core::{
    decide::preflight::Choice,
    io::{Clock as _, HistoryFilter, StateReader as _},
    model::{Environment, FailureKind, RunRecord, Status, Sweep},
};
use orchestrator::{
    run::{SweepRequest, SweptRecipes},
    stage::Stop,
};

use crate::test_ports::{
    Around, SECOND, TestPorts, id, not_generated, not_passed, packages, passed, recipe,
};
use batch_sim::NoTraffic;

/// A root with five recipes, each made an hour after the one before.
fn five() -> TestPorts {
    let mut test_ports = TestPorts::new(&packages(&["npm"], 5));
    test_ports.batch_size = 1;
    for _ in 0..5 {
        let npm = Choice::One("npm".parse().unwrap());
        test_ports.clock.run(test_ports.run(npm, 1)).unwrap();
        test_ports.clock.run(test_ports.clock.sleep(3600 * SECOND));
    }
    test_ports
}

fn sweep(test_ports: &TestPorts, recipes: SweptRecipes) -> Vec<RunRecord> {
    let before = test_ports.state.runs(&HistoryFilter::default()).unwrap().records.len();
    let request = SweepRequest { choice: Choice::All, recipes, jobs: 2 };
    let around = Around {
        generator: &test_ports.generator,
        validator: &test_ports.validator,
        traffic: &NoTraffic,
    };
    let stop = Stop::default();
    let summary = test_ports.clock.run(test_ports.sweep(&around, &request, &stop)).unwrap();
    test_ports.clock.run(test_ports.clock.sleep(SECOND));
    let mut runs = test_ports.state.runs(&HistoryFilter::default()).unwrap().records;
    runs.sort_by_key(|run| run.timestamp);
    let runs = runs.split_off(before);
    // What is kept of it is called by the id that its records have.
    assert!(runs.iter().all(|run| run.run_id.as_deref() == Some(&*summary.run_id)));
    assert_eq!(runs.is_empty(), summary.run_id.is_empty());
    runs
}

fn statuses(test_ports: &TestPorts) -> BTreeMap<String, (Status, bool)> {
    let queue = test_ports.state.queue(&"npm".parse().unwrap()).unwrap().unwrap();
    let status = |entry: &batch_core::model::QueueEntry| {
        (entry.id.name.to_string(), (entry.status.clone(), entry.regressed_at.is_some()))
    };
    queue.entries.values().map(status).collect()
}

#[test]
fn the_oldest_recipes_are_verified_again_and_those_that_fail_have_regressed() {
    let mut test_ports = five();
    let names = test_ports.state.recipe_names().unwrap();
    test_ports.generator.script = Box::new(|plugin, id| match id.name.as_str() {
        "p00" => (SECOND, Err(not_generated(id, FailureKind::PackageNotFound))),
        // What a new version would be like does not matter: the recipe that exists is tested.
        _ => (SECOND, Ok(recipe(plugin, id, "other"))),
    });
    test_ports.validator.script = Box::new(|recipe| {
        assert!(recipe.toml.contains("npm-p0"), "{}", recipe.toml);
        let id = &recipe.facts.id;
        let validation = match id.name.as_str() {
            "p01" => not_passed(id, FailureKind::VerifyFailed),
            "p02" => not_passed(id, FailureKind::Timeout),
            _ => passed(),
        };
        (SECOND, validation)
    });
    let runs = sweep(&test_ports, SweptRecipes::Oldest(4));
    assert_eq!(runs.len(), 1);
    let run = &runs[0];
    assert_eq!((run.sweep, run.total, run.succeeded, run.merged), (Some(Sweep::Again), 4, 1, 0));
    let expected = [
        ("p00", (Status::Failed, true)),
        ("p01", (Status::Failed, true)),
        ("p02", (Status::Success, false)),
        ("p03", (Status::Success, false)),
        ("p04", (Status::Success, false)),
    ];
    assert_eq!(statuses(&test_ports), expected.map(|(it, status)| (it.to_owned(), status)).into());
    assert_eq!(test_ports.state.recipe_names().unwrap(), names, "no recipe is removed");

    // The next one looks at the recipe that no sweep has seen, and at the next one in order.
    let mut runs = sweep(&test_ports, SweptRecipes::Oldest(2));
    runs[0].packages_processed.sort();
    assert_eq!(runs[0].packages_processed, [id("npm:p02"), id("npm:p04")]);

    // A recipe that regressed is made again when it is due, and nothing before.
    test_ports.generator.script =
        Box::new(|plugin, id| (SECOND, Ok(recipe(plugin, id, &crate::test_ports::command_of(id)))));
    test_ports.validator.script = Box::new(|_| (SECOND, passed()));
    let npm = || Choice::One("npm".parse().unwrap());
    test_ports.batch_size = 10;
    let nothing = test_ports.clock.run(test_ports.run(npm(), 1)).unwrap();
    assert!(nothing.batches.is_empty());
    test_ports.clock.run(test_ports.clock.sleep(25 * 3600 * SECOND));
    let again = test_ports.clock.run(test_ports.run(npm(), 1)).unwrap();
    assert_eq!(again.batches[0].succeeded, 2);
    assert!(statuses(&test_ports).values().all(|it| *it == (Status::Success, false)));
}

#[test]
fn what_was_merged_lately_is_tested_in_one_more_environment_once() {
    let mut test_ports = five();
    let alpine = Environment::AlpineX86;
    test_ports.others = [("npm".parse().unwrap(), [alpine].into())].into();
    let tested = std::sync::Arc::new(Mutex::new(vec![]));
    let note = std::sync::Arc::clone(&tested);
    test_ports.validator.script = Box::new(move |recipe| {
        let id = &recipe.facts.id;
        note.lock().unwrap().push(id.name.to_string());
        let fails = id.name.as_str() == "p03";
        (SECOND, if fails { not_passed(id, FailureKind::LibcMismatch) } else { passed() })
    });
    // The last three were made in the last three hours.
    let since = test_ports.clock.now() - chrono::TimeDelta::minutes(190);
    let lately = SweptRecipes::Lately { environment: alpine, since };
    let runs = sweep(&test_ports, lately);
    tested.lock().unwrap().sort();
    assert_eq!(*tested.lock().unwrap(), ["p02", "p03", "p04"]);
    let counts = &runs[0].environments[&alpine];
    assert_eq!((counts.tested, counts.passed, counts.failed), (3, 2, 1));
    assert_eq!(runs[0].sweep, Some(Sweep::Elsewhere));
    let failures = test_ports.state.failures(&HistoryFilter::default()).unwrap().records;
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].environment, Some(alpine));
    assert!(statuses(&test_ports).values().all(|it| *it == (Status::Success, false)));
    // All of them have a result now.
    assert_eq!(sweep(&test_ports, lately), []);
}

#[test]
fn a_cell_that_a_recipe_lost_is_tried_again_from_its_day_on_and_comes_back_when_it_passes() {
    let mut test_ports = TestPorts::new(&packages(&["npm"], 1));
    let alpine = Environment::AlpineX86;
    test_ports.others = [("npm".parse().unwrap(), [alpine].into())].into();
    // The first test is in this machine's environment, the second one on Alpine.
    let n_tests = std::sync::Arc::new(Mutex::new(0));
    let counted = std::sync::Arc::clone(&n_tests);
    test_ports.validator.script = Box::new(move |recipe| {
        let mut n = counted.lock().unwrap();
        *n += 1;
        let fails = *n >= 2;
        let id = &recipe.facts.id;
        (SECOND, if fails { not_passed(id, FailureKind::LibcMismatch) } else { passed() })
    });
    let npm = Choice::One("npm".parse().unwrap());
    test_ports.clock.run(test_ports.run(npm, 1)).unwrap();
    let name = test_ports.state.recipe_names().unwrap().remove(0);
    let text = || test_ports.state.recipe(&name).unwrap().unwrap();
    let restriction = || {
        let queue = test_ports.state.queue(&"npm".parse().unwrap()).unwrap().unwrap();
        let entry = queue.entries.values().next().unwrap().clone();
        assert_eq!(entry.status, Status::Success);
        entry.restriction
    };
    assert_eq!(*n_tests.lock().unwrap(), 2);
    let lost = restriction().unwrap();
    assert_eq!(lost.removed[0].failed_in, [alpine]);
    let restricted = text();
    assert!(restricted.contains("unsupported_platforms"), "{restricted}");

    let month = 31 * 24 * 3600 * SECOND;
    assert!(sweep(&test_ports, SweptRecipes::Lost(5)).is_empty(), "its day has not come");
    test_ports.clock.run(test_ports.clock.sleep(month));
    let runs = sweep(&test_ports, SweptRecipes::Lost(5));
    let run = &runs[0];
    assert_eq!((run.sweep, run.total, run.succeeded), (Some(Sweep::Recheck), 1, 0));
    assert!(lost.recheck_at < restriction().unwrap().recheck_at);
    assert_eq!(text(), restricted, "it still fails there");
    assert!(sweep(&test_ports, SweptRecipes::Lost(5)).is_empty(), "not before another month");

    test_ports.clock.run(test_ports.clock.sleep(month));
    *n_tests.lock().unwrap() = 0;
    let runs = sweep(&test_ports, SweptRecipes::Lost(5));
    let run = &runs[0];
    assert_eq!((run.total, run.succeeded, run.merged), (1, 1, 1));
    assert_eq!(restriction(), None);
    assert!(!text().contains("unsupported_"), "{}", text());
    assert!(sweep(&test_ports, SweptRecipes::Lost(5)).is_empty(), "nothing is lost any more");
}
