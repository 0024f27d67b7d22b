#![doc = include_str!("../README.md")]

mod classifier;
mod contents;
mod installer;
mod names;
mod project;
mod quota;
mod recipe;
mod registry;
mod scripts;
mod seeder;
#[cfg(test)]
mod tests;
mod version;
mod wheel;

use batch_core::{
    model::EcosystemId,
    plugin::{EcosystemPlugin, RootProbe, Toolchain},
    register_ecosystem,
};

const ID: EcosystemId = EcosystemId::from_static("pypi");

/// Implements every trait of the contract. It has no fields, because all input comes as arguments.
struct Pypi;

register_ecosystem!(EcosystemPlugin {
    id: ID,
    rotation_rank: 3,
    aliases: &["python", "pip", "pypi.org"],
    display_name: "PyPI",
    toolchain: Some(Toolchain {
        program: classifier::PROGRAM,
        // The `python3` of a version manager is a script, and the one of a virtual environment is
        // only a part of the installation.
        root_probe: RootProbe::Printed(&[
            "python3",
            "-I",
            "-c",
            "import sys; print(sys.base_prefix)",
        ]),
    }),
    local_os: None,
    seeder: Some(&Pypi),
    rate_limit: &Pypi,
    classifier: &Pypi,
    recipe_builder: Some(&Pypi),
    installer: Some(&Pypi),
    recipe_actions: &[recipe::STEP],
    names: &Pypi,
});
