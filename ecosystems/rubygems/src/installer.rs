//! How `gem` installs into a separate folder. This is only data; the orchestrator runs the steps.

use batch_core::{
    io::Origins,
    model::{Environment, InstallPlan, InstallStep, PackageFacts, Recipe},
    plugin::NativeInstaller,
};

use crate::{RubyGems, recipe, registry::ORIGIN};

/// Relative to the sandbox's work folder.
const GEMS: &str = "gems";
const BIN: &str = "bin";

/// `--norc` keeps the machine's own settings out; dependencies for development are never installed.
const FLAGS: &[&str] = &[
    "--norc",
    "--no-document",
    "--no-user-install",
    "--no-post-install-message",
    "--minimal-deps",
    "--install-dir=gems",
    "--bindir=bin",
    "--clear-sources",
];

/// The folders in which gems are searched: only ours, during the installation and afterwards.
const FOLDERS: &[(&str, &str)] = &[("GEM_HOME", GEMS), ("GEM_PATH", GEMS)];
/// Keeps the machine's own settings out.
const SETTINGS: &[(&str, &str)] = &[("GEM_SPEC_CACHE", "spec-cache"), ("GEMRC", "/dev/null")];

impl NativeInstaller for RubyGems {
    fn install(
        &self,
        recipe: &Recipe,
        facts: &PackageFacts,
        _: Environment,
        origins: &Origins,
    ) -> InstallPlan {
        let from = format!("--source={}/", origins.to_mirror(ORIGIN));
        let version = format!("--version={}", facts.version);
        let argv = ["gem", "install"].iter().chain(FLAGS).copied();
        let argv = argv.chain([&*from, &*version, facts.id.name.as_str()]);
        let run = InstallStep::run(argv, &[FOLDERS, SETTINGS].concat(), true);
        let executables = recipe.commands(recipe::STEP.name, recipe::EXECUTABLES);
        let inspect = InstallStep::Inspect { dir: BIN.to_owned(), executables };
        InstallPlan {
            steps: vec![run, inspect, InstallStep::export(FOLDERS)],
            bin_dirs: vec![BIN.to_owned()],
        }
    }
}
