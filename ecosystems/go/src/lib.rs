#![doc = include_str!("../README.md")]

mod classifier;
mod names;
mod quota;

use batch_core::{
    model::EcosystemId,
    plugin::{ActionShape, EcosystemPlugin, RootProbe, Toolchain},
    register_ecosystem,
};

struct Go;

register_ecosystem!(EcosystemPlugin {
    id: EcosystemId::from_static("go"),
    rotation_rank: 5,
    aliases: &["golang"],
    display_name: "Go",
    toolchain: Some(Toolchain {
        program: classifier::PROGRAM,
        root_probe: RootProbe::Printed(&["go", "env", "GOROOT"])
    }),
    local_os: None,
    seeder: None,
    rate_limit: &Go,
    classifier: &Go,
    recipe_builder: None,
    installer: None,
    recipe_actions: &[ActionShape { name: "go_install", required: &["module", "executables"] }],
    names: &Go,
});
