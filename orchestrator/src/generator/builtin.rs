//! The built-in generator: the ecosystem's own builder, asked through the gates.

use std::{error::Error, fmt::Write as _, sync::Arc};

use async_trait::async_trait;
use batch_core::{
    decide::{clean::Cleaner, recipe},
    io::Http,
    model::{
        ActionShape, Failure, FailureKind, Finding, GeneratedRecipe, NotGenerated, PackageFacts,
        PackageId, Stage,
    },
    plugin::{EcosystemPlugin, RecipeBuilder},
};

use crate::{failure::Source, generator::Generator};

/// Builds recipes from registry facts. Needs no tool on the machine.
pub struct BuiltinGenerator {
    http: Arc<dyn Http>,
    actions: Vec<ActionShape>,
    cleaner: Arc<Cleaner>,
}

impl BuiltinGenerator {
    /// Asks by `http`; `actions` are the steps that a recipe may use besides the common ones;
    /// `cleaner` cleans what registries say.
    pub fn new(http: Arc<dyn Http>, actions: Vec<ActionShape>, cleaner: Arc<Cleaner>) -> Self {
        Self { http, actions, cleaner }
    }

    fn failure(&self, package: &PackageId, finding: Finding, message: &str) -> Failure {
        let source = Source { package, cleaner: &self.cleaner, works: None };
        source.failure(Stage::Generate, finding, message)
    }

    fn refused(&self, facts: PackageFacts, finding: Finding, message: &str) -> NotGenerated {
        let failure = Box::new(self.failure(&facts.id, finding, message));
        NotGenerated { facts: Some(Box::new(facts)), failure }
    }

    fn build(
        &self,
        builder: &dyn RecipeBuilder,
        facts: PackageFacts,
    ) -> Result<GeneratedRecipe, NotGenerated> {
        let recipe = match builder.build(&facts) {
            Ok(recipe) => recipe,
            Err(missing) => {
                let finding = Finding::stated(missing.kind);
                return Err(self.refused(facts, finding, &missing.reason));
            }
        };
        let toml = recipe.to_toml();
        if let Err(error) = recipe::parse(&toml, &self.actions) {
            let finding = Finding::stated(FailureKind::SchemaInvalid);
            return Err(self.refused(facts, finding, &error.to_string()));
        }
        Ok(GeneratedRecipe { name: builder.recipe_name(&facts), facts, toml })
    }
}

#[async_trait]
impl Generator for BuiltinGenerator {
    fn name(&self) -> String {
        format!("builtin {}", env!("CARGO_PKG_VERSION"))
    }

    async fn generate(
        &self,
        plugin: &EcosystemPlugin,
        package: &PackageId,
    ) -> Result<GeneratedRecipe, NotGenerated> {
        let none = |finding, message: &str| NotGenerated {
            facts: None,
            failure: Box::new(self.failure(package, finding, message)),
        };
        let name = plugin
            .names
            .normalise(package.name.as_str())
            .map_err(|error| none(Finding::stated(FailureKind::UnsafeName), &error.to_string()))?;
        let Some(builder) = plugin.recipe_builder else {
            let message = format!("builder not available yet for {}", plugin.id);
            return Err(none(Finding::stated(FailureKind::UnsupportedSource), &message));
        };
        match builder.inspect(&*self.http, &name).await {
            Ok(Some(facts)) => self.build(builder, facts),
            Ok(None) => {
                let message = format!("{} has no package {name}", plugin.display_name);
                Err(none(Finding::stated(FailureKind::PackageNotFound), &message))
            }
            Err(error) => Err(none(error.finding(), &chain(&error))),
        }
    }
}

/// An error with its causes, each on a line of its own.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(text, "\ncaused by: {cause}");
        source = cause.source();
    }
    text
}
