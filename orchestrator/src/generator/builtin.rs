//! The built-in generator: it uses the builder of the ecosystem, with requests within the quotas.

use std::{collections::BTreeSet, error::Error, fmt::Write as _, sync::Arc};

use async_trait::async_trait;
use batch_core::{
    decide::{clean::Cleaner, gate, recipe, route::Overrides},
    io::Http,
    model::{
        ActionShape, CommandName, Failure, FailureKind, Finding, GeneratedRecipe, KnownRecipes,
        Missing, NotGenerated, PackageFacts, PackageId, RecipeName, Stage, Undiscovered,
    },
    plugin::{EcosystemPlugin, RecipeBuilder},
};

use crate::{
    failure::Source,
    generator::{Generator, NoRecipe},
};

/// Maximal number of notes that are kept for a package.
const MAX_NOTES: usize = 20;

/// Builds recipes from the facts of registries. It needs no tool on the machine.
pub struct BuiltinGenerator {
    /// The steps that only some recipes may use.
    pub actions: Vec<ActionShape>,
    /// The recipes that a recipe may depend on.
    pub known: KnownRecipes,
    /// Packages that a person has looked at. Their commands may have any names.
    pub looked_at: BTreeSet<PackageId>,
    /// The decisions of people, which may name recipes.
    pub overrides: Overrides,
    /// Cleans the texts of registries.
    pub cleaner: Arc<Cleaner>,
}

impl BuiltinGenerator {
    fn failure(&self, package: &PackageId, finding: Finding, message: &str) -> Failure {
        let source = Source { package, cleaner: &self.cleaner, works: None };
        source.failure(Stage::Generate, finding, message)
    }

    fn refused(&self, facts: PackageFacts, finding: Finding, message: &str) -> NotGenerated {
        let failure = Box::new(self.failure(&facts.id, finding, message));
        NotGenerated { facts: Some(Box::new(facts)), failure, draft: None }
    }

    fn not_built(&self, facts: PackageFacts, missing: Missing) -> NotGenerated {
        let mut refused = self.refused(facts, Finding::stated(missing.kind), &missing.reason);
        refused.failure.blocked_by = missing.blocked_by;
        refused.draft = missing.draft.map(|draft| draft.to_toml());
        refused
    }

    /// The name of the recipe that `builder` makes from `facts`: the one that a person gave to it, or
    /// else the builder's.
    fn recipe_name(&self, builder: &dyn RecipeBuilder, facts: &PackageFacts) -> RecipeName {
        let curated = self.overrides.recipe_name(&facts.id).cloned();
        curated.unwrap_or_else(|| builder.recipe_name(facts))
    }

    /// The notes about a package, each on one line that is safe to show, because notes quote
    /// packages.
    fn notes(&self, facts: &PackageFacts) -> Vec<String> {
        let line = |note: &String| recipe::one_line(&self.cleaner.text(note.as_bytes()));
        let lines = facts.notes.iter().map(line);
        lines.filter(|note| !note.is_empty()).take(MAX_NOTES).collect()
    }

    fn build(
        &self,
        builder: &dyn RecipeBuilder,
        facts: PackageFacts,
    ) -> Result<GeneratedRecipe, NotGenerated> {
        let facts = builder.resolve(facts, &self.known);
        let mut recipe = match builder.build(&facts) {
            Ok(recipe) => recipe,
            Err(missing) => return Err(self.not_built(facts, missing)),
        };
        let name = self.recipe_name(builder, &facts);
        name.as_str().clone_into(&mut recipe.metadata.name);
        if !self.looked_at.contains(&facts.id)
            && let Err(refusal) = gate::commands(&facts, builder.is_reviewed())
        {
            let finding = Finding::stated(refusal.kind);
            return Err(self.refused(facts, finding, &refusal.reason));
        }
        let toml = recipe::file(&recipe, &facts.notes);
        if let Err(error) = recipe::parse(&toml, &self.actions) {
            let finding = Finding::stated(FailureKind::SchemaInvalid);
            return Err(self.refused(facts, finding, &error.to_string()));
        }
        Ok(GeneratedRecipe { name, facts, toml })
    }

    fn no_builder(&self, plugin: &EcosystemPlugin, package: &PackageId) -> NotGenerated {
        let message = format!("the builder for {} is not available yet", plugin.id);
        self.none(package, Finding::stated(FailureKind::UnsupportedSource), &message)
    }

    /// The result for a package of which there are no facts.
    fn none(&self, package: &PackageId, finding: Finding, message: &str) -> NotGenerated {
        let failure = Box::new(self.failure(package, finding, message));
        NotGenerated { facts: None, failure, draft: None }
    }
}

#[async_trait]
impl Generator for BuiltinGenerator {
    fn name(&self) -> String {
        format!("builtin {}", env!("CARGO_PKG_VERSION"))
    }

    async fn generate(
        &self,
        http: &dyn Http,
        plugin: &EcosystemPlugin,
        package: &PackageId,
    ) -> Result<GeneratedRecipe, NoRecipe> {
        let none = |finding, message: &str| NoRecipe::from(self.none(package, finding, message));
        let name = plugin
            .names
            .normalise(package.name.as_str())
            .map_err(|error| none(Finding::stated(FailureKind::UnsafeName), &error.to_string()))?;
        let Some(builder) = plugin.recipe_builder else {
            return Err(self.no_builder(plugin, package).into());
        };
        match builder.inspect(http, &name).await {
            Ok(Some(facts)) => {
                let facts = PackageFacts { notes: self.notes(&facts), ..facts };
                if facts.needs_discovery() {
                    let name = self.recipe_name(builder, &facts);
                    return Err(NoRecipe::Undiscovered(Box::new(Undiscovered { facts, name })));
                }
                Ok(self.build(builder, facts)?)
            }
            Ok(None) => {
                let message = format!("{} has no package {name}", plugin.display_name);
                Err(none(Finding::stated(FailureKind::PackageNotFound), &message))
            }
            Err(error) => Err(match error.unsent_for_pause() {
                Some((host, until)) => NoRecipe::Paused { host: host.to_owned(), until },
                None => none(error.finding(), &chain(&error)),
            }),
        }
    }

    fn discovered(
        &self,
        plugin: &EcosystemPlugin,
        facts: &PackageFacts,
        names: BTreeSet<CommandName>,
    ) -> Result<GeneratedRecipe, NotGenerated> {
        let Some(builder) = plugin.recipe_builder else {
            return Err(self.no_builder(plugin, &facts.id));
        };
        self.build(builder, builder.discovered(facts.clone(), names))
    }
}

/// An error with its causes, each on a separate line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(text, "\ncaused by: {cause}");
        source = cause.source();
    }
    text
}
