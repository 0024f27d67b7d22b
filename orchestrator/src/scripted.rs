//! A generator and a validator that need neither network nor sandbox: a script says what they say,
//! and how long they take on the clock of the run. For simulation and tests.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use batch_core::{
    decide::recipe,
    io::Clock,
    model::{
        Action, ActionShape, CommandName, Environment, Executables, GeneratedRecipe, NotGenerated,
        PackageFacts, PackageId, Parameter, RecipeName,
    },
    plugin::EcosystemPlugin,
};

use crate::{
    generator::Generator,
    progress::Phase,
    validator::{Onlookers, Validation, Validator},
};

/// What a scripted generator says of a package, and how long that takes.
pub type GeneratorScript = dyn Fn(&EcosystemPlugin, &PackageId) -> (Duration, Result<GeneratedRecipe, NotGenerated>)
    + Send
    + Sync;

/// What a scripted validator says of a recipe, and how long that takes.
pub type ValidatorScript = dyn Fn(&GeneratedRecipe) -> (Duration, Validation) + Send + Sync;

/// A generator that follows a script.
pub struct ScriptedGenerator {
    /// Measures how long it takes.
    pub clock: Arc<dyn Clock>,
    /// Asked once for each package.
    pub script: Box<GeneratorScript>,
}

/// A validator that follows a script.
pub struct ScriptedValidator {
    /// Measures how long it takes.
    pub clock: Arc<dyn Clock>,
    /// Asked once for each recipe.
    pub script: Box<ValidatorScript>,
}

#[async_trait]
impl Generator for ScriptedGenerator {
    fn name(&self) -> String {
        "scripted 1".to_owned()
    }

    async fn generate(
        &self,
        plugin: &EcosystemPlugin,
        package: &PackageId,
    ) -> Result<GeneratedRecipe, NotGenerated> {
        let (takes, made) = (self.script)(plugin, package);
        self.clock.sleep(takes).await;
        made
    }
}

#[async_trait]
impl Validator for ScriptedValidator {
    async fn clean_up(&self) -> anyhow::Result<()> {
        Ok(())
    }

    async fn validate(
        &self,
        _plugin: &EcosystemPlugin,
        recipe: &GeneratedRecipe,
        _environment: Environment,
        onlookers: Onlookers<'_>,
    ) -> Option<Validation> {
        let (takes, validation) = (self.script)(recipe);
        onlookers.progress.phase(&recipe.facts.id, Phase::Install);
        tokio::select! {
            () = self.clock.sleep(takes) => Some(validation),
            () = onlookers.cancel.cancelled() => None,
        }
    }
}

/// A recipe for `version` of `package` that provides `command`, by the first step that recipes of
/// `plugin` use; `None` where it has no step of its own.
pub fn recipe_of(
    plugin: &EcosystemPlugin,
    package: &PackageId,
    version: &str,
    command: &CommandName,
) -> Option<GeneratedRecipe> {
    let ActionShape { name: step, required, .. } = plugin.recipe_actions.first()?;
    let parameter = |key: &&str| match *key {
        "executables" | "binaries" => Parameter::List(vec![command.to_string()]),
        _ => Parameter::Text(package.name.to_string()),
    };
    let parameters = required.iter().map(|key| ((*key).to_owned(), parameter(key))).collect();
    let commands = [command.to_string()];
    let facts = PackageFacts::of_commands(package.clone(), version.to_owned(), step, &commands);
    let facts = PackageFacts {
        executables: Executables::Known(vec![command.clone()]),
        install: Action { name: (*step).to_owned(), parameters },
        ..facts
    };
    let name = RecipeName::nearest(&package.name.as_str().replace('/', "-"));
    let toml = recipe::of_tool(&facts, &name).ok()?.to_toml();
    Some(GeneratedRecipe { facts, name, toml })
}
