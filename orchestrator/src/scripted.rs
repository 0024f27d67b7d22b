//! A generator and a validator without network and sandbox: a script decides their results, and how
//! long they take on the clock of the run. For simulation and tests.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use batch_core::{
    decide::recipe,
    io::{Clock, Http},
    model::{
        Action, ActionShape, CommandName, Environment, Executables, Finding, GeneratedRecipe,
        NotGenerated, PackageFacts, PackageId, Parameter, RecipeName, Stage,
    },
    plugin::EcosystemPlugin,
};

use crate::{
    failure::failure,
    generator::{Generator, NoRecipe},
    progress::Phase,
    validator::{Discovery, NoVerdict, Validation, ValidationContext, Validator},
};

/// The result of a scripted generator for a package, and how long it takes.
pub type GeneratorScript = dyn Fn(&EcosystemPlugin, &PackageId) -> (Duration, Result<GeneratedRecipe, NoRecipe>)
    + Send
    + Sync;

/// The result of a scripted validator for a recipe, and how long it takes.
pub type ValidatorScript = dyn Fn(&GeneratedRecipe) -> (Duration, Validation) + Send + Sync;

/// The commands that two scripted installations of a package show, and how long both take together.
pub type DiscoveryScript =
    dyn Fn(&PackageFacts) -> (Duration, [BTreeSet<CommandName>; 2]) + Send + Sync;

/// A generator that follows a script.
pub struct ScriptedGenerator {
    /// Measures how long it takes.
    pub clock: Arc<dyn Clock>,
    /// Called once for each package.
    pub script: Box<GeneratorScript>,
}

/// A validator that follows a script.
pub struct ScriptedValidator {
    /// Measures how long it takes.
    pub clock: Arc<dyn Clock>,
    /// Called once for each recipe.
    pub script: Box<ValidatorScript>,
    /// Called once for each package whose commands are not known.
    pub discovery: Box<DiscoveryScript>,
}

#[async_trait]
impl Generator for ScriptedGenerator {
    fn name(&self) -> String {
        "scripted 1".to_owned()
    }

    async fn generate(
        &self,
        _http: &dyn Http,
        plugin: &EcosystemPlugin,
        package: &PackageId,
    ) -> Result<GeneratedRecipe, NoRecipe> {
        let (takes, made) = (self.script)(plugin, package);
        self.clock.sleep(takes).await;
        made
    }

    fn discovered(
        &self,
        _plugin: &EcosystemPlugin,
        facts: &PackageFacts,
        names: BTreeSet<CommandName>,
    ) -> Result<GeneratedRecipe, NotGenerated> {
        let facts = facts.clone().discovered(names);
        let name = RecipeName::nearest(&facts.id.name.as_str().replace('/', "-"));
        match recipe::of_tool(&facts, &name) {
            Ok(recipe) => Ok(GeneratedRecipe { facts, name, toml: recipe.to_toml() }),
            Err(missing) => {
                let finding = Finding::stated(missing.kind);
                let failure = failure(Stage::Generate, finding, &missing.reason, &facts.id);
                let failure = Box::new(failure);
                Err(NotGenerated { facts: Some(Box::new(facts)), failure, draft: None })
            }
        }
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
        context: ValidationContext<'_>,
    ) -> Result<Validation, NoVerdict> {
        let (takes, validation) = (self.script)(recipe);
        context.progress.phase(&recipe.facts.id, Phase::Install);
        tokio::select! {
            () = self.clock.sleep(takes) => Ok(validation),
            () = context.cancel.cancelled() => Err(NoVerdict::Cancelled),
        }
    }

    async fn discover(
        &self,
        _plugin: &EcosystemPlugin,
        facts: &PackageFacts,
        _environment: Environment,
        context: ValidationContext<'_>,
    ) -> Result<Discovery, NoVerdict> {
        let (takes, installations) = (self.discovery)(facts);
        let sandbox = "none".to_owned();
        tokio::select! {
            () = self.clock.sleep(takes) => Ok(Discovery::Installed { sandbox, installations }),
            () = context.cancel.cancelled() => Err(NoVerdict::Cancelled),
        }
    }
}

/// A recipe for `version` of `package` that provides `command`, with the first step of `plugin`;
/// `None` when it has no step of its own. It has the name of the package.
pub fn recipe_of(
    plugin: &EcosystemPlugin,
    package: &PackageId,
    version: &str,
    command: &CommandName,
) -> Option<GeneratedRecipe> {
    let name = RecipeName::nearest(&package.name.as_str().replace('/', "-"));
    recipe_called(name, plugin, package, version, command)
}

/// The same with the name `name`.
pub fn recipe_called(
    name: RecipeName,
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
    let toml = recipe::of_tool(&facts, &name).ok()?.to_toml();
    Some(GeneratedRecipe { facts, name, toml })
}
