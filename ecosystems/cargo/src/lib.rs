#![doc = include_str!("../README.md")]

mod classifier;
mod commands;
mod contents;
mod index;
mod installer;
mod manifest;
mod names;
mod quota;
mod recipe;
mod registry;
mod seeder;
mod subcommand;
#[cfg(test)]
mod tests;

use batch_core::{
    model::EcosystemId,
    plugin::{EcosystemPlugin, RootProbe, Toolchain},
    register_ecosystem,
};

const ID: EcosystemId = EcosystemId::from_static("cargo");

/// Implements every trait of the contract. It has no fields, because all input comes as arguments.
struct Cargo;

register_ecosystem!(EcosystemPlugin {
    id: ID,
    rotation_rank: 1,
    aliases: &["crates.io", "crates", "crates_io"],
    display_name: "Cargo",
    toolchain: Some(Toolchain {
        program: classifier::PROGRAM,
        root_probe: RootProbe::Printed(&["rustc", "--print", "sysroot"])
    }),
    local_os: None,
    seeder: Some(&Cargo),
    rate_limit: &Cargo,
    classifier: &Cargo,
    recipe_builder: Some(&Cargo),
    installer: Some(&Cargo),
    recipe_actions: &[recipe::STEP],
    names: &Cargo,
});
