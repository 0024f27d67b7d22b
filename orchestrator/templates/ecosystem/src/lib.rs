#![doc = include_str!("../README.md")]

mod package;
mod seeder;

use batch_core::{
    decide::patterns::PatternTable,
    model::{
        ActionShape, EcosystemId, Evidence, FailureKind, Finding, InvalidId, PackageName, Quota,
    },
    plugin::{EcosystemPlugin, FailureClassifier, Names, RateLimit, Spelling},
    register_ecosystem,
};

const ID: EcosystemId = EcosystemId::from_static("__ID__");
const HOST: &str = "__HOST__";
/// The step that installs all commands. The package manager defines its name and its parameters.
const STEP: ActionShape = ActionShape::of_commands("__ID___install");

/// Implements every trait of the contract; what varies comes in as an argument.
struct Ecosystem;

register_ecosystem!(EcosystemPlugin {
    id: ID,
    rotation_rank: __RANK__,
    aliases: &[],
    display_name: "__NAME__",
    toolchain: None,
    local_os: None,
    seeder: Some(&Ecosystem),
    rate_limit: &Ecosystem,
    classifier: &Ecosystem,
    recipe_builder: Some(&Ecosystem),
    installer: Some(&Ecosystem),
    recipe_actions: &[STEP],
    names: &Ecosystem,
});

impl RateLimit for Ecosystem {
    fn quotas(&self) -> &'static [Quota] {
        const { &[Quota::each_second(HOST)] }
    }
}

impl Names for Ecosystem {
    fn normalise(&self, spelling: &str) -> Result<PackageName, InvalidId> {
        Spelling::plain("package name", "-_").read(&spelling.to_ascii_lowercase())
    }
}

impl FailureClassifier for Ecosystem {
    fn classify(&self, evidence: &Evidence) -> Option<Finding> {
        const CAUSES: &[(&str, FailureKind)] = &[("no such package", FailureKind::PackageNotFound)];
        PatternTable::of_causes(&[HOST], CAUSES).read(&evidence.text)
    }
}

#[cfg(test)]
mod tests;
