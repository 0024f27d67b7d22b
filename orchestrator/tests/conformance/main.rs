//! Checks every plugin of the program against every rule of the contract, one test for each; a
//! failing test prints the report of `tsuku-batch ecosystem check`. Also tests the commands that
//! show the report to people.

mod commands;

use std::{path::Path, process::ExitCode};

use batch_conformance::{Outcome, Subject};
use batch_core::plugin::EcosystemPlugin;
use libtest_mimic::{Arguments, Failed, Trial};
use orchestrator::plugins;

fn subject(plugin: &'static EcosystemPlugin, all: &[&'static EcosystemPlugin]) -> Subject {
    let ecosystems = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ecosystems");
    Subject { plugin, all: all.to_vec(), home: ecosystems.join(plugin.id.as_str()) }
}

fn keeps_the_contract(subject: &Subject) -> Result<(), Failed> {
    let checked = batch_conformance::check(subject);
    let failed = checked.iter().filter_map(|checked| match &checked.outcome {
        Outcome::Fail(problems) => Some(format!("{}\n  {}", checked.rule, problems.join("\n  "))),
        Outcome::Pass | Outcome::NotApplicable(_) => None,
    });
    let failed: Vec<String> = failed.collect();
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n").into()) }
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let registry = plugins::registry().expect("the linked plugins are a registry");
    let all: Vec<&'static EcosystemPlugin> = registry.iter().collect();
    let trial = |&plugin: &&'static EcosystemPlugin| {
        let subject = subject(plugin, &all);
        Trial::test(format!("{} keeps to the contract", plugin.id), move || {
            keeps_the_contract(&subject)
        })
    };
    let fuzzed = |&plugin: &&'static EcosystemPlugin| {
        let subject = subject(plugin, &all);
        Trial::test(format!("fuzz_answers_{}", plugin.id), move || {
            batch_conformance::fuzz(&subject);
            Ok(())
        })
    };
    let trials = all.iter().map(trial).chain(all.iter().map(fuzzed)).chain(commands::trials());
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}
