#![doc = include_str!("../README.md")]

mod classifier;
mod constraint;
mod facts;
mod folders;
mod gomod;
mod installer;
mod main_packages;
mod majors;
mod names;
mod paths;
mod quota;
mod recipe;
mod registry;
mod seeder;
mod source;
#[cfg(test)]
mod tests;
mod versions;

use batch_core::{
    model::EcosystemId,
    plugin::{EcosystemPlugin, RootProbe, Toolchain},
    register_ecosystem,
};

const ID: EcosystemId = EcosystemId::from_static("go");

/// Implements every trait of the contract. It has no fields, because all input comes as arguments.
struct Go;

register_ecosystem!(EcosystemPlugin {
    id: ID,
    rotation_rank: 5,
    aliases: &["golang"],
    display_name: "Go",
    toolchain: Some(Toolchain {
        program: classifier::PROGRAM,
        root_probe: RootProbe::Printed(&["go", "env", "GOROOT"])
    }),
    local_os: None,
    seeder: Some(&Go),
    rate_limit: &Go,
    classifier: &Go,
    recipe_builder: Some(&Go),
    installer: Some(&Go),
    recipe_actions: &[recipe::STEP],
    names: &Go,
});
