//! How cargo installs a crate into a separate folder. This is only data; the orchestrator runs the
//! steps.

use std::time::Duration;

use batch_core::{
    io::Origins,
    model::{Environment, InstallPlan, InstallStep, PackageFacts, Parameter, Recipe},
    plugin::NativeInstaller,
};

use crate::{Cargo, recipe, registry::INDEX};

/// Relative to the sandbox's work folder.
const PREFIX: &str = "prefix";
/// The folder into which cargo installs commands.
const BIN: &str = "prefix/bin";
const TO_COMPILE: Duration = Duration::from_secs(20 * 60);

/// Keeps the machine's own settings out, and limits the memory and the time of a build to what the
/// sandbox has. The check asks whether the crate compiles, links and starts; the speed of the
/// result does not matter.
const SETTINGS: &[(&str, &str)] = &[
    ("CARGO_HOME", "cargo-home"),
    ("CARGO_NET_RETRY", "2"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "false"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
    ("CARGO_TARGET_DIR", "target"),
    ("CARGO_TERM_PROGRESS_WHEN", "never"),
];

impl NativeInstaller for Cargo {
    fn longest_step(&self) -> Option<Duration> {
        Some(TO_COMPILE)
    }

    fn install(
        &self,
        recipe: &Recipe,
        facts: &PackageFacts,
        _: Environment,
        origins: &Origins,
    ) -> InstallPlan {
        let words = ["cargo", "install", "--locked", "--root", PREFIX, "--version"];
        let mut argv: Vec<String> = words.map(str::to_owned).to_vec();
        argv.push(format!("={}", facts.version));
        argv.extend(replacement(origins));
        argv.push(krate(facts));
        let run = InstallStep::run(argv.iter().map(String::as_str), SETTINGS, true);
        let executables = recipe.commands(recipe::STEP.name, recipe::EXECUTABLES);
        let inspect = InstallStep::Inspect { dir: BIN.to_owned(), executables };
        let (steps, bin_dirs) = (vec![run, inspect], vec![BIN.to_owned()]);
        InstallPlan { steps, bin_dirs }
    }
}

/// The name in the spelling of the registry.
fn krate(facts: &PackageFacts) -> String {
    match facts.install.parameters.get(recipe::CRATE) {
        Some(Parameter::Text(krate)) => krate.clone(),
        Some(Parameter::List(_) | Parameter::Flag(_)) | None => facts.id.name.to_string(),
    }
}

/// The settings that make cargo use a mirror, if one is configured.
fn replacement(origins: &Origins) -> Vec<String> {
    let mirror = origins.to_mirror(INDEX);
    if mirror == INDEX {
        return vec![];
    }
    let settings = [
        r#"source.crates-io.replace-with="mirror""#.to_owned(),
        format!(r#"source.mirror.registry="sparse+{}/""#, mirror.trim_end_matches('/')),
    ];
    settings.into_iter().flat_map(|setting| ["--config".to_owned(), setting]).collect()
}
