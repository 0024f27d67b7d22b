//! The first part of a validation whose recipe does not exist yet: it installs the package to see its
//! commands, and makes the recipe.

use std::collections::BTreeSet;

use batch_core::{
    decide::discovery,
    model::{
        CommandName, Discovered, Environment, Fact, Failure, Finding, GeneratedRecipe,
        PackageFacts, SCHEMA_VERSION, Stage,
    },
    plugin::EcosystemPlugin,
};

use crate::{
    failure::failure,
    generator::Generator,
    stage::{
        elapsed_ms,
        generate::check_names,
        validate::{Test, Tools},
    },
    validator::{Discovery, NoVerdict, Validation, ValidationContext, Validator},
};

/// Who discovers the commands of a package, and who makes its recipe.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "the types say it")]
pub struct Discoverer<'a> {
    pub plugin: &'static EcosystemPlugin,
    pub validator: &'a dyn Validator,
    pub generator: &'a dyn Generator,
    pub environment: Environment,
}

/// What two installations of a package showed.
#[derive(Debug)]
pub struct Found {
    /// The sandbox backend that was used.
    pub sandbox: String,
    /// The commands that the package put on `PATH` in each installation.
    pub installations: [BTreeSet<CommandName>; 2],
    /// The recipe with these commands. The error says why there is none: the installations differ, or
    /// no recipe can have these commands.
    pub recipe: Result<GeneratedRecipe, Box<Failure>>,
}

impl Discoverer<'_> {
    /// Installs the package of `facts` twice and makes its recipe. The inner error is the failed
    /// installation.
    pub async fn find(
        &self,
        facts: &PackageFacts,
        context: ValidationContext<'_>,
    ) -> Result<Result<Found, Validation>, NoVerdict> {
        let Self { plugin, validator, environment, .. } = *self;
        Ok(match validator.discover(plugin, facts, environment, context).await? {
            Discovery::Installed { sandbox, installations } => {
                let recipe = self.recipe(facts, &installations);
                Ok(Found { sandbox, installations, recipe })
            }
            Discovery::Failed { sandbox, failure } => Err(Validation::Failed { sandbox, failure }),
        })
    }

    fn recipe(
        &self,
        facts: &PackageFacts,
        installations: &[BTreeSet<CommandName>; 2],
    ) -> Result<GeneratedRecipe, Box<Failure>> {
        let names = discovery::agreed(facts, installations).map_err(|missing| {
            let finding = Finding::stated(missing.kind);
            Box::new(failure(Stage::Validate, finding, &missing.reason, &facts.id))
        })?;
        self.generator.discovered(self.plugin, facts, names).map_err(|nothing| {
            let failure = *nothing.failure;
            Box::new(Failure { stage: Stage::Validate, ..failure })
        })
    }
}

/// The recipe of the package of `facts`, whose commands are discovered. What the installations showed
/// is recorded. The inner error is the failed validation of a package without a recipe.
pub(super) async fn recipe(
    facts: &PackageFacts,
    test: &Test<'_>,
    tools: &Tools<'_>,
    context: ValidationContext<'_>,
) -> Result<Result<GeneratedRecipe, Validation>, NoVerdict> {
    let Tools { plugin, validator, generator, clock, .. } = *tools;
    let Test { environment, tries, .. } = *test;
    let started = clock.measured();
    let discoverer = Discoverer { plugin, validator, generator, environment };
    let Found { sandbox, installations, recipe } = match discoverer.find(facts, context).await? {
        Ok(found) => found,
        Err(failed) => return Ok(Err(failed)),
    };
    let recipe = recipe.and_then(|recipe| {
        check_names(Stage::Validate, &recipe.name, &recipe.facts, tools.name_registry)?;
        Ok(recipe)
    });
    let fact = Discovered {
        schema_version: SCHEMA_VERSION,
        batch_id: tools.batch.clone(),
        at: clock.now(),
        package_id: facts.id.clone(),
        environment,
        tries,
        duration_ms: elapsed_ms(clock, started),
        sandbox: sandbox.clone(),
        installations,
        recipe: recipe.as_ref().ok().cloned().map(Box::new),
    };
    tools.tell(Fact::Discovered(Box::new(fact))).await;
    Ok(recipe.map_err(|failure| Validation::Failed { sandbox, failure }))
}
