#![doc = include_str!("../README.md")]

mod classifier;
mod facts;
#[cfg(test)]
mod fuzz;
mod gemspec;
mod index;
mod installer;
mod names;
mod platform;
mod quota;
mod recipe;
mod registry;
mod seeder;
#[cfg(test)]
mod tests;
mod version;
mod yaml;

use batch_core::{
    model::EcosystemId,
    plugin::{EcosystemPlugin, RootProbe, Toolchain},
    register_ecosystem,
};

const ID: EcosystemId = EcosystemId::from_static("rubygems");

/// Implements every trait of the contract. It has no fields, because all input comes as arguments.
struct RubyGems;

register_ecosystem!(EcosystemPlugin {
    id: ID,
    rotation_rank: 4,
    aliases: &["gem", "gems", "rubygems.org"],
    display_name: "RubyGems",
    toolchain: Some(Toolchain {
        program: classifier::PROGRAM,
        root_probe: RootProbe::RealPath("ruby")
    }),
    local_os: None,
    seeder: Some(&RubyGems),
    rate_limit: &RubyGems,
    classifier: &RubyGems,
    recipe_builder: Some(&RubyGems),
    installer: Some(&RubyGems),
    recipe_actions: &[recipe::STEP],
    names: &RubyGems,
});
