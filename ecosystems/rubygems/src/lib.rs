#![doc = include_str!("../README.md")]

mod classifier;
mod names;
mod quota;

use batch_core::{
    model::EcosystemId,
    plugin::{ActionShape, EcosystemPlugin, RootProbe, Toolchain},
    register_ecosystem,
};

struct RubyGems;

register_ecosystem!(EcosystemPlugin {
    id: EcosystemId::from_static("rubygems"),
    rotation_rank: 4,
    aliases: &["gem", "gems", "rubygems.org"],
    display_name: "RubyGems",
    toolchain: Some(Toolchain {
        program: classifier::PROGRAM,
        root_probe: RootProbe::RealPath("ruby")
    }),
    local_os: None,
    seeder: None,
    rate_limit: &RubyGems,
    classifier: &RubyGems,
    recipe_builder: None,
    installer: None,
    recipe_actions: &[ActionShape { name: "gem_install", required: &["gem", "executables"] }],
    names: &RubyGems,
});
