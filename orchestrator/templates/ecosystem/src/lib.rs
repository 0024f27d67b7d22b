#![doc = include_str!("../README.md")]

mod package;
mod seeder;

use std::sync::LazyLock;

use batch_core::{
    decide::patterns::{PatternTable, Rules},
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

/// What the registry and its tool print, in lower case, and what it means.
const CAUSES: &[(&str, FailureKind)] = &[("no such package", FailureKind::PackageNotFound)];
static RULES: LazyLock<Rules> =
    LazyLock::new(|| Rules::new(PatternTable::of_causes(&[HOST], CAUSES)));

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
        RULES.read(&evidence.text)
    }
}

#[cfg(test)]
mod tests;
