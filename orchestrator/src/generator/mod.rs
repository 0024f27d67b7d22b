//! Where recipes come from.

mod builtin;

use async_trait::async_trait;
use batch_core::{
    model::{GeneratedRecipe, NotGenerated, PackageId},
    plugin::EcosystemPlugin,
};

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
    ) -> Result<GeneratedRecipe, NotGenerated>;
}
