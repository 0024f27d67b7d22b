//! Packages that need each other's recipes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use batch_core::{
    decide::{blockers, preflight::Choice, route::Queues},
    io::{Clock as _, HistoryFilter, StateReader as _},
    model::{EcosystemId, FailureKind, GeneratedRecipe, KnownRecipes, PackageId, Status},
};
use orchestrator::{generator::NoRecipe, plugins, routing::LinkedPlugins};

use crate::test_ports::{SECOND, TestPorts, command_of, id, not_generated, recipe};

const NPM: EcosystemId = EcosystemId::from_static("npm");
const LEVELS: usize = 8;

/// What a package needs: each level needs the next one, and two packages need each other.
fn needed(package: &PackageId) -> Option<String> {
    match package.name.as_str() {
        "round" => Some("back".to_owned()),
        "back" => Some("round".to_owned()),
        name => {
            let level: usize = name.strip_prefix("level").unwrap().parse().unwrap();
            (level < LEVELS).then(|| format!("level{}", level + 1))
        }
    }
}

/// Only the first level and one package of the cycle are queued. The others are found to be needed,
/// queued, made in the right order, and what waited is released.
#[test]
fn a_chain_of_eight_levels_is_made_from_its_end_and_a_cycle_is_reported() {
    let mut test_ports = TestPorts::new(&[id("npm:level1"), id("npm:round")]);
    let made: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    test_ports.generator.script = Box::new(move |plugin, package| {
        let mut made = made.lock().unwrap();
        let missing = needed(package).filter(|name| !made.contains(name));
        let result = match missing {
            None => {
                made.insert(package.name.to_string());
                let name = package.name.as_str().parse().unwrap();
                Ok(GeneratedRecipe { name, ..recipe(plugin, package, &command_of(package)) })
            }
            Some(name) => {
                let NoRecipe::Failed(mut missing) =
                    not_generated(package, FailureKind::RecipeMissing)
                else {
                    unreachable!("it is what was asked for")
                };
                missing.failure.blocked_by = vec![name.parse().unwrap()];
                Err(NoRecipe::Failed(missing))
            }
        };
        (SECOND, result)
    });
    for _ in 0..3 * LEVELS {
        test_ports.clock.run(test_ports.run(Choice::All, 1)).unwrap();
        test_ports.clock.run(test_ports.clock.sleep(3600 * SECOND));
    }
    let file = test_ports.state.queue(&NPM).unwrap().unwrap();
    for level in 1..=LEVELS {
        let status = &file.entries[&id(&format!("npm:level{level}"))].status;
        assert_eq!(*status, Status::Success, "level {level}");
    }
    let registry = plugins::registry().unwrap();
    let npm = NPM;
    let queues = Queues::from([(&npm, &file.entries)]);
    let found = blockers::blockers(&queues, &KnownRecipes::default(), &LinkedPlugins(&registry));
    assert_eq!(found.cycles.len(), 1);
    assert_eq!(found.cycles[0].packages, [id("npm:back"), id("npm:round")]);

    // Nothing is attempted in vain: each package once, and each that waited once more.
    let mut attempts: BTreeMap<String, usize> = BTreeMap::new();
    let mut n_requeued = 0;
    for run in test_ports.state.runs(&HistoryFilter::default()).unwrap().records {
        n_requeued += run.requeued;
        for package in run.packages_processed {
            *attempts.entry(package.name.to_string()).or_default() += 1;
        }
    }
    for (name, n) in &attempts {
        let once = ["level8", "round", "back"].contains(&name.as_str());
        assert_eq!(*n, if once { 1 } else { 2 }, "{name}");
    }
    assert_eq!(attempts.len(), LEVELS + 2);
    assert_eq!(n_requeued, LEVELS as u64 - 1, "each level but the last one waited once");
}
