//! How npm installs a package into a separate folder. This is only data; the orchestrator runs the
//! steps.

use batch_core::{
    io::Origins,
    model::{Environment, InstallPlan, InstallStep, PackageFacts, Recipe},
    plugin::NativeInstaller,
};

use crate::{Npm, recipe, registry::ORIGIN};

/// Relative to the sandbox's work folder.
const PREFIX: &str = "prefix";
/// The folder into which npm links the commands of globally installed packages.
const BIN: &str = "prefix/bin";

/// Optional dependencies are installed, because many tools ship their binaries in them, with one
/// package per platform.
const FLAGS: &[&str] =
    &["--global", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev", "--loglevel=error"];

/// Keeps the machine's own settings out. The two files do not exist, and they must be different:
/// npm 11 does not start if both names lead to the same file.
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
        InstallPlan { steps, bin_dirs }
    }
}
