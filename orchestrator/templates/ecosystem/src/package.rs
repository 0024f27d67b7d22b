//! What the registry says about a package, the recipe that follows, and how it is installed.

use async_trait::async_trait;
use batch_core::{
    decide::recipe,
    io::{Http, Origins},
    model::{
        Environment, Executables, FailureKind, InstallPlan, PackageFacts, PackageId, PackageName,
        Recipe,
    },
    plugin::{Missing, NativeInstaller, RecipeBuilder, SourceError},
};

use crate::{Ecosystem, ID, STEP};

const NOT_WRITTEN: &str =
    "not written yet: ask the registry in RecipeBuilder::inspect (src/package.rs)";

#[async_trait]
impl RecipeBuilder for Ecosystem {
    async fn inspect(
        &self,
        _http: &dyn Http,
        name: &PackageName,
    ) -> Result<Option<PackageFacts>, SourceError> {
        let id = PackageId { ecosystem: ID, name: name.clone() };
        let facts = PackageFacts::of_commands(id, "unknown".to_owned(), STEP.name, &[]);
        let executables = Executables::unknown(FailureKind::UnsupportedSource, NOT_WRITTEN);
        Ok(Some(PackageFacts { executables, ..facts }))
    }

    fn build(&self, facts: &PackageFacts) -> Result<Recipe, Missing> {
        recipe::of_tool(facts, &self.recipe_name(facts))
    }
}

impl NativeInstaller for Ecosystem {
    /// As if every package were an archive with its commands in `bin`; change it if they are not.
    fn install(
        &self,
        _recipe: &Recipe,
        facts: &PackageFacts,
        environment: Environment,
        _origins: &Origins,
    ) -> InstallPlan {
        InstallPlan::of_archive(facts, environment, "bin")
    }
}
