//! The built-in generator: the ecosystem's own builder, asked through the gates.

use std::{collections::BTreeSet, error::Error, fmt::Write as _, sync::Arc};

use async_trait::async_trait;
use batch_core::{
    decide::{clean::Cleaner, gate, recipe},
    io::Http,
    model::{
        ActionShape, Failure, FailureKind, Finding, GeneratedRecipe, KnownRecipes, Missing,
        NotGenerated, PackageFacts, PackageId, Stage,
    },
    plugin::{EcosystemPlugin, RecipeBuilder},
};

use crate::{failure::Source, generator::Generator};

/// Most notes that are kept of a package.
const MOST_NOTES: usize = 20;

/// Builds recipes from registry facts. Needs no tool on the machine.
pub struct BuiltinGenerator {
    /// By which registries are asked.
    pub http: Arc<dyn Http>,
    /// The steps that a recipe may use besides the common ones.
    pub actions: Vec<ActionShape>,
    /// The recipes that a recipe may depend on.
    pub known: KnownRecipes,
    /// Packages that a person has looked at: their commands may be called as they like.
    pub looked_at: BTreeSet<PackageId>,
    /// Cleans what registries say.
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

    /// What is noted about a package, each in one line that can be shown: notes quote packages.
    fn notes(&self, facts: &PackageFacts) -> Vec<String> {
        let line = |note: &String| recipe::one_line(&self.cleaner.text(note.as_bytes()));
        let lines = facts.notes.iter().map(line);
        lines.filter(|note| !note.is_empty()).take(MOST_NOTES).collect()
    }

    fn build(
        &self,
        builder: &dyn RecipeBuilder,
        facts: PackageFacts,
    ) -> Result<GeneratedRecipe, NotGenerated> {
        let facts = builder.resolve(facts, &self.known);
        let recipe = match builder.build(&facts) {
            Ok(recipe) => recipe,
            Err(missing) => return Err(self.not_built(facts, missing)),
        };
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
            draft: None,
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
            Ok(Some(facts)) => {
                let notes = self.notes(&facts);
                self.build(builder, PackageFacts { notes, ..facts })
            }
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
