//! How `gem` installs into a folder of its own. Data: the orchestrator runs it.

use std::collections::BTreeMap;

use batch_core::{
    io::Origins,
    model::{Environment, InstallPlan, InstallStep, PackageFacts, Recipe},
    plugin::NativeInstaller,
};

use crate::{RubyGems, recipe, registry::ORIGIN};

/// Below the sandbox's work folder.
const GEMS: &str = "gems";
const BIN: &str = "bin";

/// `--norc` keeps this machine's settings out; dependencies for development stay away anyhow.
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

/// Where gems are looked for: in our folder only, while installing and afterwards.
const FOLDERS: &[(&str, &str)] = &[("GEM_HOME", GEMS), ("GEM_PATH", GEMS)];

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
        let folders = pairs(FOLDERS);
        let settings = pairs(&[("GEM_SPEC_CACHE", "spec-cache"), ("GEMRC", "/dev/null")]);
        let run = InstallStep::Run {
            argv: argv
                .chain([&*from, &*version, facts.id.name.as_str()])
                .map(str::to_owned)
                .collect(),
            env: folders.clone().into_iter().chain(settings).collect(),
            network: true,
        };
        let executables = recipe.commands(recipe::STEP.name, recipe::EXECUTABLES);
        let inspect = InstallStep::Inspect { dir: BIN.to_owned(), executables };
        InstallPlan {
            steps: vec![run, inspect, InstallStep::Export { folders }],
            bin_dirs: vec![BIN.to_owned()],
            // No flag keeps an extension from being built, and every dependency may have one.
            runs_package_code: true,
        }
    }
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}
