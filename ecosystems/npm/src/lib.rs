#![doc = include_str!("../README.md")]

mod classifier;
mod commands;
mod installer;
mod manifest;
mod names;
mod platforms;
mod quota;
mod recipe;
mod registry;
mod repository;
mod seeder;
#[cfg(test)]
mod tests;
mod version;

use batch_core::{
    model::EcosystemId,
    plugin::{EcosystemPlugin, RootProbe, Toolchain},
    register_ecosystem,
};

const ID: EcosystemId = EcosystemId::from_static("npm");

/// Implements every trait of the contract. It has no fields, because all input comes as arguments.
struct Npm;

register_ecosystem!(EcosystemPlugin {
    id: ID,
    rotation_rank: 2,
    aliases: &["node", "nodejs", "npmjs"],
    display_name: "npm",
    toolchain: Some(Toolchain { program: "npm", root_probe: RootProbe::RealPath("node") }),
    local_os: None,
    seeder: Some(&Npm),
    rate_limit: &Npm,
    classifier: &Npm,
    recipe_builder: Some(&Npm),
    installer: Some(&Npm),
    recipe_actions: &[recipe::STEP],
    names: &Npm,
});
