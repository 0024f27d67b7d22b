#![doc = include_str!("../README.md")]

mod classifier;
mod names;
mod quota;

use batch_core::{
    model::EcosystemId,
    plugin::{ActionShape, EcosystemPlugin, RootProbe, Toolchain},
    register_ecosystem,
};

struct Cargo;

register_ecosystem!(EcosystemPlugin {
    id: EcosystemId::from_static("cargo"),
    rotation_rank: 1,
    aliases: &["crates.io", "crates", "crates_io"],
    display_name: "Cargo",
    toolchain: Some(Toolchain {
        program: classifier::PROGRAM,
        root_probe: RootProbe::Printed(&["rustc", "--print", "sysroot"])
    }),
    local_os: None,
    seeder: None,
    rate_limit: &Cargo,
    classifier: &Cargo,
    recipe_builder: None,
    installer: None,
    recipe_actions: &[ActionShape { name: "cargo_install", required: &["crate", "executables"] }],
    names: &Cargo,
});
