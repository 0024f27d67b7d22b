#![doc = include_str!("../README.md")]

mod classifier;
mod names;
mod quota;

use batch_core::{
    model::EcosystemId,
    plugin::{ActionShape, EcosystemPlugin},
    register_ecosystem,
};

struct Homebrew;

register_ecosystem!(EcosystemPlugin {
    id: EcosystemId::from_static("homebrew"),
    rotation_rank: 0,
    aliases: &["brew"],
    display_name: "Homebrew",
    toolchain: None,
    local_os: None,
    seeder: None,
    rate_limit: &Homebrew,
    classifier: &Homebrew,
    recipe_builder: None,
    installer: None,
    recipe_actions: &[ActionShape { name: "homebrew", required: &["formula"] }],
    names: &Homebrew,
});
