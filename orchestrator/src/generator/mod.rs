//! Where recipes come from.

mod builtin;

use async_trait::async_trait;
use batch_core::{
    model::{Failure, PackageFacts, PackageId, RecipeName},
    plugin::EcosystemPlugin,
};
use serde::{Deserialize, Serialize};

pub use builtin::BuiltinGenerator;

/// Makes recipes, deterministically.
#[async_trait]
pub trait Generator: Send + Sync {
    /// Name and version, as records carry them.
    fn name(&self) -> String;

    /// The recipe of `package`, which is one of `plugin`'s.
    async fn generate(
        &self,
        plugin: &EcosystemPlugin,
        package: &PackageId,
    ) -> Result<Generated, NotGenerated>;
}

/// A recipe, and what it was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Generated {
    /// What the registry says.
    pub facts: PackageFacts,
    /// What the recipe is called.
    pub name: RecipeName,
    /// The recipe, as the strict reader accepts it.
    pub toml: String,
}

/// No recipe.
#[derive(Debug, Clone, PartialEq)]
pub struct NotGenerated {
    /// What the registry said, if it said anything.
    pub facts: Option<Box<PackageFacts>>,
    /// Why there is none.
    pub failure: Box<Failure>,
    /// What it will be as soon as the recipes are there that it waits for, as TOML.
    pub draft: Option<String>,
}
