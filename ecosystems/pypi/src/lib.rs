#![doc = include_str!("../README.md")]

mod classifier;
mod names;
mod quota;

use batch_core::{
    model::EcosystemId,
    plugin::{ActionShape, EcosystemPlugin, RootProbe, Toolchain},
    register_ecosystem,
};

struct Pypi;

register_ecosystem!(EcosystemPlugin {
    id: EcosystemId::from_static("pypi"),
    rotation_rank: 3,
    aliases: &["python", "pip", "pypi.org"],
    display_name: "PyPI",
    toolchain: Some(Toolchain {
        program: classifier::PROGRAM,
        root_probe: RootProbe::RealPath("python3")
    }),
    local_os: None,
    seeder: None,
    rate_limit: &Pypi,
    classifier: &Pypi,
    recipe_builder: None,
    installer: None,
    recipe_actions: &[ActionShape { name: "pipx_install", required: &["package", "executables"] }],
    names: &Pypi,
});
