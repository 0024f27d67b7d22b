//! Where recipes come from.

mod builtin;

use async_trait::async_trait;
use batch_core::{
    decide::recipe,
    model::{ActionShape, Failure, PackageFacts, PackageId, RecipeName, Verify},
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

impl Generated {
    /// The recipe with `verify`, which was seen to hold, for its verification. `actions` are the
    /// steps that it may use besides the common ones.
    pub fn verified_by(&self, verify: Option<&Verify>, actions: &[ActionShape]) -> String {
        match recipe::parse(&self.toml, actions) {
            Ok(mut recipe) if verify.is_some() && recipe.verify.as_ref() != verify => {
                recipe.verify = verify.cloned();
                recipe::file(&recipe, &self.facts.notes)
            }
            Ok(_) | Err(_) => self.toml.clone(),
        }
    }
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
