//! How pip installs a project into an environment of its own. Data: the orchestrator runs it.

use batch_core::{
    io::Origins,
    model::{Environment, InstallPlan, InstallStep, PackageFacts, Recipe},
    plugin::NativeInstaller,
};

use crate::{Pypi, classifier::PROGRAM, names::normalised, recipe, registry::ORIGIN, scripts};

/// Below the sandbox's work folder.
const ENVIRONMENT: &str = "venv";
/// Where pip puts the commands of what it installs into it.
const BIN: &str = "venv/bin";
const PIP: &str = "venv/bin/pip";

/// Wheels only, so nothing of any package runs.
const FLAGS: &[&str] = &[
    "install",
    "--only-binary=:all:",
    "--no-input",
    "--disable-pip-version-check",
    "--no-compile",
];

/// Nothing of the machine's own settings, and nothing of what its user has installed.
const SETTINGS: &[(&str, &str)] = &[
    ("PIP_CACHE_DIR", "cache"),
    ("PIP_CONFIG_FILE", "/dev/null"),
    ("PIP_PROGRESS_BAR", "off"),
    ("PYTHONDONTWRITEBYTECODE", "1"),
    ("PYTHONNOUSERSITE", "1"),
];

impl NativeInstaller for Pypi {
    fn install(
        &self,
        recipe: &Recipe,
        facts: &PackageFacts,
        _: Environment,
        origins: &Origins,
    ) -> InstallPlan {
        let package = format!("{}=={}", requirement(recipe, facts), facts.version);
        let index = origins.to_mirror(&format!("{ORIGIN}/simple"));
        let from = format!("--index-url={}/", index.trim_end_matches('/'));
        let pip = [PIP].into_iter().chain(FLAGS.iter().copied()).chain([&*from, &*package]);
        let executables = recipe.commands(recipe::STEP.name, recipe::EXECUTABLES);
        let steps = vec![
            InstallStep::run([PROGRAM, "-m", "venv", ENVIRONMENT], SETTINGS, false),
            InstallStep::run(pip, SETTINGS, true),
            InstallStep::Inspect { dir: BIN.to_owned(), executables },
        ];
        InstallPlan { steps, bin_dirs: vec![BIN.to_owned()], runs_package_code: false }
    }
}

/// What the recipe calls the project: with extras, if it carries any. A recipe may come from
/// anywhere, so of what it says only extras of this project are handed on.
fn requirement(recipe: &Recipe, facts: &PackageFacts) -> String {
    let steps = recipe.steps.iter().filter(|step| step.action == recipe::STEP.name);
    let packages = steps.filter_map(|step| step.params.get(recipe::PACKAGE)?.as_str());
    let extras = packages.filter_map(|package| {
        let (name, extras) = package.strip_suffix(']')?.split_once('[')?;
        (normalised(name) == facts.id.name.as_str()).then_some(extras)
    });
    let extras: Vec<&str> = extras.flat_map(scripts::extras).collect();
    match &*extras.join(",") {
        "" => facts.id.name.to_string(),
        extras => format!("{}[{extras}]", facts.id.name),
    }
}
