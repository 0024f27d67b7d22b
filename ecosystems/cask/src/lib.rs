#![doc = include_str!("../README.md")]

mod artifacts;
mod cask;
mod classifier;
mod installer;
mod names;
mod quota;
mod recipe;
mod refusal;
mod registry;
mod seeder;
#[cfg(test)]
mod tests;

use batch_core::{
    model::{EcosystemId, Os},
    plugin::EcosystemPlugin,
    register_ecosystem,
};

const ID: EcosystemId = EcosystemId::from_static("cask");

/// Implements every trait of the contract. It has no fields, because all input comes as arguments.
struct Cask;

register_ecosystem!(EcosystemPlugin {
    id: ID,
    rotation_rank: 7,
    aliases: &[],
    display_name: "Homebrew Cask",
    toolchain: None,
    local_os: Some(Os::Darwin),
    seeder: Some(&Cask),
    rate_limit: &Cask,
    classifier: &Cask,
    recipe_builder: Some(&Cask),
    installer: Some(&Cask),
    recipe_actions: &[recipe::STEP],
    names: &Cask,
});
