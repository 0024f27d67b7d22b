#![doc = include_str!("../README.md")]

mod classifier;
mod contents;
mod facts;
#[cfg(test)]
mod fuzz;
mod installer;
mod names;
mod perl;
mod quota;
mod recipe;
mod registry;
mod release;
mod scripts;
mod seeder;
#[cfg(test)]
mod tests;
mod values;
mod variables;

use batch_core::{
    model::EcosystemId,
    plugin::{EcosystemPlugin, RootProbe, Toolchain},
    register_ecosystem,
};

const ID: EcosystemId = EcosystemId::from_static("cpan");

/// Implements every trait of the contract. It has no fields, because all input comes as arguments.
struct Cpan;

register_ecosystem!(EcosystemPlugin {
    id: ID,
    rotation_rank: 6,
    aliases: &["metacpan", "perl"],
    display_name: "CPAN",
    toolchain: Some(Toolchain {
        program: classifier::PROGRAM,
        root_probe: RootProbe::RealPath("perl")
    }),
    local_os: None,
    seeder: Some(&Cpan),
    rate_limit: &Cpan,
    classifier: &Cpan,
    recipe_builder: Some(&Cpan),
    installer: Some(&Cpan),
    recipe_actions: &[recipe::STEP],
    names: &Cpan,
});
