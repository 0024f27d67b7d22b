//! How recipes are made.

mod builtin;
mod tsuku;
mod turns;

use std::collections::BTreeSet;

use async_trait::async_trait;
use batch_core::{
    io::Http,
    model::{CommandName, GeneratedRecipe, NotGenerated, PackageFacts, PackageId, Undiscovered},
    plugin::EcosystemPlugin,
};
use chrono::{DateTime, Utc};

pub use builtin::BuiltinGenerator;
pub use tsuku::TsukuGenerator;
pub use turns::Turns;

/// Makes recipes, deterministically.
#[async_trait]
pub trait Generator: Send + Sync {
    /// Name and version for records.
    fn name(&self) -> String;

    /// Makes the recipe of `package`, which belongs to `plugin`. Sends requests to registries with
    /// `http`.
    async fn generate(
        &self,
        http: &dyn Http,
        plugin: &EcosystemPlugin,
        package: &PackageId,
    ) -> Result<GeneratedRecipe, NoRecipe>;

    /// The recipe of the package of `facts`, after two installations showed the commands `names`.
    /// Sends no request: equal arguments give equal recipes.
    fn discovered(
        &self,
        plugin: &EcosystemPlugin,
        facts: &PackageFacts,
        names: BTreeSet<CommandName>,
    ) -> Result<GeneratedRecipe, NotGenerated>;
}

/// Why there is no recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoRecipe {
    /// The attempt ended without a recipe.
    Failed(NotGenerated),
    /// Only an installation shows the commands.
    Undiscovered(Box<Undiscovered>),
    /// There was no attempt, because a host asked for a pause before the first request about the
    /// package.
    Paused {
        /// Which.
        host: String,
        /// The end of the pause.
        until: DateTime<Utc>,
    },
}

impl From<NotGenerated> for NoRecipe {
    fn from(nothing: NotGenerated) -> Self {
        Self::Failed(nothing)
    }
}
