//! Every plugin of the program against every rule of the contract: one trial for each, which fails
//! with what `tsuku-batch ecosystem check` says. And the commands that show the same to people.

mod commands;

use std::{path::Path, process::ExitCode};

use batch_conformance::{Outcome, Subject};
use batch_core::plugin::EcosystemPlugin;
use libtest_mimic::{Arguments, Failed, Trial};
use orchestrator::plugins;

fn keeps_the_contract(
    plugin: &'static EcosystemPlugin,
    all: Vec<&'static EcosystemPlugin>,
) -> Result<(), Failed> {
    let ecosystems = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ecosystems");
    let subject = Subject { plugin, all, home: ecosystems.join(plugin.id.as_str()) };
    let checked = batch_conformance::check(&subject);
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
        let all = all.clone();
        Trial::test(format!("{} keeps to the contract", plugin.id), move || {
            keeps_the_contract(plugin, all)
        })
    };
    let trials = all.iter().map(trial).chain(commands::trials());
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}
