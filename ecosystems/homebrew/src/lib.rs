#![doc = include_str!("../README.md")]

mod bottle;
mod classifier;
mod contents;
mod facts;
mod formula;
mod installer;
mod names;
mod quota;
mod recipe;
mod refusal;
mod registry;
mod requirement;
mod resolution;
mod seeder;
#[cfg(test)]
mod tests;

use batch_core::{model::EcosystemId, plugin::EcosystemPlugin, register_ecosystem};

const ID: EcosystemId = EcosystemId::from_static("homebrew");

/// Implements every trait of the contract. It has no fields, because all input comes as arguments.
struct Homebrew;

register_ecosystem!(EcosystemPlugin {
    id: ID,
    rotation_rank: 0,
    aliases: &["brew"],
    display_name: "Homebrew",
    toolchain: None,
    local_os: None,
    seeder: Some(&Homebrew),
    rate_limit: &Homebrew,
    classifier: &Homebrew,
    recipe_builder: Some(&Homebrew),
    installer: Some(&Homebrew),
    recipe_actions: &[recipe::STEP],
    names: &Homebrew,
});
