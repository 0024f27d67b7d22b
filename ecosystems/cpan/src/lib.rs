#![doc = include_str!("../README.md")]

mod classifier;
mod names;
mod quota;

use batch_core::{
    model::EcosystemId,
    plugin::{ActionShape, EcosystemPlugin, RootProbe, Toolchain},
    register_ecosystem,
};

struct Cpan;

register_ecosystem!(EcosystemPlugin {
    id: EcosystemId::from_static("cpan"),
    rotation_rank: 6,
    aliases: &["metacpan", "perl"],
    display_name: "CPAN",
    toolchain: Some(Toolchain {
        program: classifier::PROGRAM,
        root_probe: RootProbe::RealPath("perl")
    }),
    local_os: None,
    seeder: None,
    rate_limit: &Cpan,
    classifier: &Cpan,
    recipe_builder: None,
    installer: None,
    recipe_actions: &[ActionShape {
        name: "cpan_install",
        required: &["distribution", "executables"]
    }],
    names: &Cpan,
});
