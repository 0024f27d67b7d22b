#![doc = include_str!("../README.md")]

mod classifier;
mod names;
mod quota;

use batch_core::{
    model::{EcosystemId, Os},
    plugin::{ActionShape, EcosystemPlugin},
    register_ecosystem,
};

struct Cask;

register_ecosystem!(EcosystemPlugin {
    id: EcosystemId::from_static("cask"),
    rotation_rank: 7,
    aliases: &[],
    display_name: "Homebrew Cask",
    toolchain: None,
    local_os: Some(Os::Darwin),
    seeder: None,
    rate_limit: &Cask,
    classifier: &Cask,
    recipe_builder: None,
    installer: None,
    recipe_actions: &[ActionShape {
        name: "app_bundle",
        required: &["url", "checksum", "app_name"]
    }],
    names: &Cask,
});
