//! How a plan ends: it looks for every command, where commands lie afterwards.

use std::collections::BTreeSet;

use super::{CasePlan, of_plans};
use crate::{Harness, Outcome};
use batch_core::model::{CommandName, Executables, InstallStep};

pub(crate) fn inspect_the_commands(harness: &Harness) -> Outcome {
    of_plans(harness, |made| {
        let steps = &made.plan.steps;
        let Some(first) = steps.iter().position(is_inspection) else {
            return vec![
                "it never looks whether the commands are there; end with Inspect".to_owned(),
            ];
        };
        let mut problems: Vec<String> = steps.iter().filter_map(|step| empty(step, made)).collect();
        let installs = |step: &InstallStep| {
            !is_inspection(step) && !matches!(step, InstallStep::Export { .. })
        };
        if first == 0 || steps[first..].iter().any(installs) {
            problems.push("it looks before all is installed; end with Inspect".to_owned());
        }
        let seen = seen(steps);
        let unseen: Vec<&str> = known(made).filter(|name| !seen.contains(name)).collect();
        if !unseen.is_empty() {
            problems.push(format!("it does not look for {unseen:?}; Inspect all commands"));
        }
        if made.plan.bin_dirs.is_empty() && known(made).next().is_some() {
            problems.push("bin_dirs is empty, so no command is found on PATH".to_owned());
        }
        problems
    })
}

fn is_inspection(step: &InstallStep) -> bool {
    matches!(step, InstallStep::Inspect { .. } | InstallStep::Present { .. })
}

/// What a look overlooks by itself.
fn empty(step: &InstallStep, made: &CasePlan<'_>) -> Option<String> {
    if let InstallStep::Inspect { dir, executables } = step {
        if executables.is_empty() {
            return Some("it inspects no command; hand Inspect those of the recipe".to_owned());
        }
        let is_on_path = made.plan.bin_dirs.contains(dir);
        return (!is_on_path).then(|| {
            format!("it inspects {dir}, which is not among bin_dirs, so PATH does not have it")
        });
    }
    let InstallStep::Present { paths, .. } = step else { return None };
    let problem = "it looks for no path; hand Present those of the recipe".to_owned();
    paths.is_empty().then_some(problem)
}

/// The commands that the facts state.
fn known<'a>(made: &CasePlan<'a>) -> impl Iterator<Item = &'a str> + use<'a> {
    let names: &[CommandName] = match &made.facts.executables {
        Executables::Known(names) => names,
        Executables::Unknown(_) => &[],
    };
    names.iter().map(CommandName::as_str)
}

/// Names of the commands and files that `steps` look for.
fn seen(steps: &[InstallStep]) -> BTreeSet<&str> {
    let mut seen = BTreeSet::new();
    for step in steps {
        if let InstallStep::Inspect { executables, .. } = step {
            seen.extend(executables.iter().map(CommandName::as_str));
        }
        if let InstallStep::Present { paths, .. } = step {
            seen.extend(paths.iter().map(|path| path.rsplit('/').next().unwrap_or(path)));
        }
    }
    seen
}
