//! A host that asks for a pause while a batch is under way.

use batch_core::{
    decide::preflight::Choice,
    io::{Clock as _, HistoryFilter, StateReader as _, StateWriter as _},
    model::{FailureKind, HostPause},
};
use chrono::{DateTime, TimeDelta, Utc};
use orchestrator::generator::NoRecipe;

use crate::test_ports::{SECOND, TestPorts, command_of, not_generated, packages, recipe};

const HOST: &str = "registry.npmjs.org";

fn until() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::hours(1)
}

/// The first two packages are built, the third is answered with the pause, and nobody asks about the
/// others.
#[test]
fn packages_that_were_not_asked_about_are_deferred_and_one_record_says_why() {
    let mut test_ports = TestPorts::new(&packages(&["npm"], 10));
    test_ports.generator.script = Box::new(|plugin, id| {
        let made = match id.name.as_str() {
            "p00" | "p01" => Ok(recipe(plugin, id, &command_of(id))),
            "p02" => Err(not_generated(id, FailureKind::RateLimited)),
            _ => Err(NoRecipe::Paused { host: HOST.to_owned(), until: until() }),
        };
        (SECOND, made)
    });
    let npm = "npm".parse().unwrap();
    let before = test_ports.state.queue(&npm).unwrap().unwrap().entries.clone();
    let summary = test_ports.clock.run(test_ports.run(Choice::One(npm.clone()), 2)).unwrap();

    let batch = &summary.batches[0];
    assert_eq!((batch.total, batch.succeeded, batch.failed, batch.deferred), (3, 2, 1, 7));
    let text = summary.to_string();
    let why = format!("7 packages are not attempted and still due: {HOST} asked for a pause until");
    assert!(text.contains(&why), "{text}");

    let failures = test_ports.state.failures(&HistoryFilter::default()).unwrap().records;
    assert_eq!(failures.len(), 1);
    let run = test_ports.state.run(&batch.batch_id.to_string()).unwrap().unwrap();
    assert_eq!(run.deferred.len(), 7);
    assert_eq!(run.deferred_for, [(HOST.to_owned(), until())].into());
    let after = test_ports.state.queue(&npm).unwrap().unwrap().entries.clone();
    for id in &run.deferred {
        assert_eq!(after[id], before[id], "an attempt is held against {id}");
    }
    // They come first as soon as they can be asked about.
    test_ports.clock.run(test_ports.clock.sleep(3600 * SECOND));
    test_ports.generator.script =
        Box::new(|plugin, id| (SECOND, Ok(recipe(plugin, id, &command_of(id)))));
    let summary = test_ports.clock.run(test_ports.run(Choice::One(npm), 2)).unwrap();
    assert_eq!(summary.batches[0].succeeded, 8);
}

/// Whether pypi is attempted during the pause of 50 minutes that `host` has asked for.
fn is_attempted_while_paused(host: &str) -> bool {
    let test_ports = TestPorts::new(&packages(&["pypi"], 1));
    let mut control = test_ports.state.control().unwrap();
    let pause = HostPause { paused_until: DateTime::UNIX_EPOCH + TimeDelta::minutes(50) };
    control.hosts.insert(host.to_owned(), pause);
    test_ports.state.put_control(&control).unwrap();
    let pypi = "pypi".parse().unwrap();
    let summary = test_ports.clock.run(test_ports.run(Choice::One(pypi), 1)).unwrap();
    summary.batches.len() == 1
}

#[test]
fn a_pause_of_a_host_that_only_seeding_asks_stops_no_batch() {
    assert!(is_attempted_while_paused("hugovk.dev"), "it lists downloads, and no recipe needs it");
    assert!(!is_attempted_while_paused("pypi.org"));
}
