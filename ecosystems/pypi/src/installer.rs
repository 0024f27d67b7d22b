//! How pip installs a project into a separate environment. This is only data; the orchestrator runs
//! the steps.

use batch_core::{
    io::Origins,
    model::{
        DiscoveryPlan, Environment, ExecutablesFrom, InstallPlan, InstallStep, PackageFacts, Recipe,
    },
    plugin::NativeInstaller,
};

use crate::{Pypi, classifier::PROGRAM, names::normalised, recipe, registry::ORIGIN, scripts};

/// Relative to the sandbox's work folder.
const ENVIRONMENT: &str = "venv";
/// The folder into which pip installs commands.
const BIN: &str = "venv/bin";
const PIP: &str = "venv/bin/pip";

const FLAGS: &[&str] = &["--no-input", "--disable-pip-version-check", "--no-compile"];
/// Only wheels are installed, so no code of a package runs.
const WHEELS_ONLY: &str = "--only-binary=:all:";
/// A project without a wheel is built, and so are dependencies that have none.
const SOURCES_TOO: &str = "--prefer-binary";
/// Prints the files that the project in its argument installed into the environment, as its own
/// records list them. It looks only at `bin`, because there may be thousands of others, and runs no
/// code of the project.
const LISTING: &str = "import glob, importlib.metadata, json, os, sys
path = glob.glob('venv/lib/python*/site-packages')
found = importlib.metadata.Distribution.discover(name=sys.argv[1], path=path)
files = [os.path.normpath(file.locate()) for it in found for file in it.files or []]
print(json.dumps([file for file in files if os.path.dirname(file) == 'venv/bin']))";

/// Keeps the machine's own settings and the packages of its user out.
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
        let sources = match facts.executables_from {
            ExecutablesFrom::Registry => WHEELS_ONLY,
            ExecutablesFrom::Installation => SOURCES_TOO,
        };
        let mut plan = by_pip(&requirement(recipe, facts), facts, sources, origins);
        let executables = recipe.commands(recipe::STEP.name, recipe::EXECUTABLES);
        plan.steps.push(InstallStep::Inspect { dir: BIN.to_owned(), executables });
        plan
    }

    fn discovery(
        &self,
        facts: &PackageFacts,
        _: Environment,
        origins: &Origins,
    ) -> Option<DiscoveryPlan> {
        let name = facts.id.name.as_str();
        let install = by_pip(name, facts, SOURCES_TOO, origins);
        let listing = [PROGRAM, "-I", "-S", "-c", LISTING, name].map(str::to_owned).to_vec();
        Some(DiscoveryPlan { install, listing })
    }
}

/// Installs the release of `facts`, named by `requirement`, with its dependencies.
fn by_pip(
    requirement: &str,
    facts: &PackageFacts,
    sources: &str,
    origins: &Origins,
) -> InstallPlan {
    let package = format!("{requirement}=={}", facts.version);
    let index = origins.to_mirror(&format!("{ORIGIN}/simple"));
    let from = format!("--index-url={}/", index.trim_end_matches('/'));
    let words = [PIP, "install", sources].into_iter().chain(FLAGS.iter().copied());
    let pip = words.chain([&*from, &*package]);
    let steps = vec![
        InstallStep::run([PROGRAM, "-m", "venv", ENVIRONMENT], SETTINGS, false),
        InstallStep::run(pip, SETTINGS, true),
    ];
    InstallPlan { steps, bin_dirs: vec![BIN.to_owned()] }
}

/// The project as the recipe names it, with extras if it has any. Recipes may come from anywhere,
/// so only extras of this project are accepted.
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
