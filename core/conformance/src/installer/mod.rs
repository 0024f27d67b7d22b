//! Plans of installation: data that must name no shell, no place of this machine and no stranger.

mod arguments;
mod hostile;
mod inspections;
mod network;

use std::collections::{BTreeMap, BTreeSet};

use super::{Harness, Outcome};
use batch_core::{
    decide::recipe::allowed_cells,
    io::Origins,
    model::{Environment, InstallPlan, InstallStep, PackageFacts},
    plugin::EcosystemPlugin,
};

pub(super) use arguments::{name_no_local_path, run_no_shell};
pub(super) use hostile::obeyed;
pub(super) use inspections::inspect_the_commands;
pub(super) use network::{
    ask_only_declared_hosts, fetch_what_can_be_checked, use_the_network_only_to_ask,
};

const MIRROR: &str = "http://127.0.0.1:4873/";

/// A plan, and what it was made for.
struct CasePlan<'a> {
    of: String,
    facts: &'a PackageFacts,
    environment: Environment,
    plan: InstallPlan,
    mirrored: InstallPlan,
    again: InstallPlan,
}

/// A mirror on this machine for every declared host.
fn mirrors(plugin: &EcosystemPlugin) -> Origins {
    let hosts: BTreeSet<&str> = plugin.rate_limit.quotas().iter().map(|quota| quota.host).collect();
    let pairs: Vec<(String, String)> =
        hosts.iter().map(|host| (format!("https://{host}"), format!("{MIRROR}{host}"))).collect();
    let pairs = pairs.iter().map(|(registry, mirror)| (&**registry, &**mirror));
    Origins::new(pairs).unwrap_or_default()
}

fn plans(harness: &Harness) -> Vec<CasePlan<'_>> {
    let plugin = harness.subject.plugin;
    let Some(installer) = plugin.installer else { return vec![] };
    let mirrors = mirrors(plugin);
    let mut made = vec![];
    for (case, facts, recipe) in harness.recipes() {
        let cells = allowed_cells(&recipe.metadata);
        let fit = Environment::ALL.iter().copied().filter(|it| cells.contains(&it.cell()));
        for environment in fit {
            let plan = |origins: &Origins| installer.install(recipe, facts, environment, origins);
            made.push(CasePlan {
                of: format!("{} in {environment}", case.name),
                facts,
                environment,
                plan: plan(&Origins::default()),
                mirrored: plan(&mirrors),
                again: plan(&Origins::default()),
            });
        }
    }
    made
}

/// One message for each problem, however many plans have it.
fn of_plans(harness: &Harness, check: impl Fn(&CasePlan<'_>) -> Vec<String>) -> Outcome {
    if harness.subject.plugin.installer.is_none() {
        return Outcome::NotApplicable(
            "the plugin has no installer yet; write NativeInstaller and set `installer`".to_owned(),
        );
    }
    let plans = plans(harness);
    if plans.is_empty() {
        return Outcome::no_recipe();
    }
    let mut found = BTreeMap::new();
    for made in &plans {
        for problem in check(made) {
            found.entry(problem).or_insert(&made.of);
        }
    }
    found.iter().map(|(problem, of)| format!("{of}: {problem}")).collect::<Vec<_>>().into()
}

fn runs(plan: &InstallPlan) -> impl Iterator<Item = (&[String], &BTreeMap<String, String>, bool)> {
    plan.steps.iter().filter_map(|step| match step {
        InstallStep::Run { argv, env, network } => Some((argv.as_slice(), env, *network)),
        InstallStep::Fetch { .. }
        | InstallStep::Unpack { .. }
        | InstallStep::Link { .. }
        | InstallStep::LinkEntries { .. }
        | InstallStep::Substitute { .. }
        | InstallStep::Export { .. }
        | InstallStep::Inspect { .. }
        | InstallStep::Present { .. } => None,
    })
}

pub(super) fn are_the_same_again(harness: &Harness) -> Outcome {
    of_plans(harness, |made| {
        let is_same = made.plan == made.again;
        let problem = "two plans for one recipe differ; sort what comes from a map".to_owned();
        if is_same { vec![] } else { vec![problem] }
    })
}
