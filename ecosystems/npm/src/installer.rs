//! How npm installs a package into a folder of its own. Data: the orchestrator runs it.

use batch_core::{
    io::Origins,
    model::{Environment, InstallPlan, InstallStep, PackageFacts, Recipe},
    plugin::NativeInstaller,
};

use crate::{Npm, recipe, registry::ORIGIN};

/// Below the sandbox's work folder.
const PREFIX: &str = "prefix";
/// Where npm links the commands of what it installs globally.
const BIN: &str = "prefix/bin";

/// Optional dependencies stay: many tools ship their binaries in them, one package per platform.
const FLAGS: &[&str] =
    &["--global", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev", "--loglevel=error"];

/// Nothing of the machine's own settings. The two files do not exist, and must be two: npm 11
/// refuses to start when both names lead to one file.
const SETTINGS: &[(&str, &str)] = &[
    ("npm_config_cache", "cache"),
    ("npm_config_globalconfig", "no-global-npmrc"),
    ("npm_config_update_notifier", "false"),
    ("npm_config_userconfig", "no-user-npmrc"),
];

impl NativeInstaller for Npm {
    fn install(
        &self,
        recipe: &Recipe,
        facts: &PackageFacts,
        _: Environment,
        origins: &Origins,
    ) -> InstallPlan {
        let package = format!("{}@{}", facts.id.name, facts.version);
        let from = format!("--registry={}", origins.to_mirror(ORIGIN));
        let prefix = format!("--prefix={PREFIX}");
        let argv = ["npm", "install", &*prefix].into_iter().chain(FLAGS.iter().copied());
        let run = InstallStep::run(argv.chain([&*from, &*package]), SETTINGS, true);
        let executables = recipe.commands(recipe::STEP.name, recipe::EXECUTABLES);
        let inspect = InstallStep::Inspect { dir: BIN.to_owned(), executables };
        let (steps, bin_dirs) = (vec![run, inspect], vec![BIN.to_owned()]);
        InstallPlan { steps, bin_dirs, runs_package_code: false }
    }
}
