//! Packages whose commands only an installation shows.

use batch_core::{
    decide::preflight::Choice,
    io::{HistoryFilter, StateReader as _},
    model::{ExecutablesFrom, Fact, FailureKind, Finding, NotGenerated, Stage, StatusLabel},
};
use orchestrator::{failure::failure, generator::NoRecipe};

use crate::test_ports::{SECOND, TestPorts, command_of, packages, recipe, undiscovered};

#[test]
fn a_package_with_two_answers_is_refused_and_only_unknown_commands_are_looked_for() {
    let mut test_ports = TestPorts::new(&packages(&["npm"], 4));
    test_ports.generator.script = Box::new(|plugin, id| {
        let made = match id.name.as_str() {
            // The registry's answers are clear.
            "p00" => Ok(recipe(plugin, id, &command_of(id))),
            "p01" => {
                let finding = Finding::stated(FailureKind::BinaryDiscoveryFailed);
                let why = failure(Stage::Generate, finding, "none", id);
                let failure = Box::new(why);
                Err(NoRecipe::Failed(NotGenerated { facts: None, draft: None, failure }))
            }
            _ => Err(undiscovered(plugin, id)),
        };
        (SECOND, made)
    });
    test_ports.validator.discovery = Box::new(|facts| {
        let set = |names: &str| names.split(' ').map(|name| name.parse().unwrap()).collect();
        let second = if facts.id.name.as_str() == "p02" { "x y" } else { "x z" };
        (SECOND, [set("x y"), set(second)])
    });
    let choice = Choice::One("npm".parse().unwrap());
    let summary = test_ports.clock.run(test_ports.run(choice, 2)).unwrap();
    let batch = &summary.batches[0];
    assert_eq!((batch.total, batch.succeeded, batch.failed), (4, 2, 2), "{summary}");
    assert!(summary.to_string().contains("(commands from installation)"), "{summary}");

    let facts = test_ports.facts.all.lock().unwrap();
    let looked_for: Vec<String> = facts
        .iter()
        .filter_map(|fact| {
            let Fact::Discovered(discovered) = fact else { return None };
            Some(discovered.package_id.to_string())
        })
        .collect();
    assert_eq!(looked_for, ["npm:p02", "npm:p03"]);
    let run = test_ports.state.run(&batch.batch_id.to_string()).unwrap().unwrap();
    let from: Vec<ExecutablesFrom> = run.executables_from.values().copied().collect();
    assert_eq!(from, [ExecutablesFrom::Installation]);
    let failures = test_ports.state.failures(&HistoryFilter::default()).unwrap().records;
    let refused = failures.iter().find(|it| it.package_id.name.as_str() == "p03").unwrap();
    assert_eq!(refused.kind(), FailureKind::BinaryDiscoveryFailed);
    assert!(refused.message.contains("the first x, y; the second x, z"), "{}", refused.message);
    let queue = test_ports.state.queue(&"npm".parse().unwrap()).unwrap().unwrap();
    let label = queue.entries[&refused.package_id].status.label();
    assert_eq!(label, StatusLabel::Failed);
}
