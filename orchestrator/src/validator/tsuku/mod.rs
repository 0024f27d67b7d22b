//! The validator that runs the package manager's own program, which checks, plans, installs and verifies
//! a recipe.
//!
//! Package code runs in a container that the program starts. If the program finds no container runtime, it
//! runs in our own sandbox itself. Without a sandbox nothing is installed then.

mod contained;
mod trial;

use std::{path::PathBuf, sync::atomic::AtomicBool};

use async_trait::async_trait;
use batch_core::{
    decide::{clean::Cleaner, tsuku::PROGRAM},
    model::{ActionShape, Environment, FailureKind, Finding, GeneratedRecipe, PackageFacts, Stage},
    plugin::EcosystemPlugin,
};

use crate::{
    failure::Source,
    ran::RanSteps,
    tsuku::Found,
    validator::{
        Discovery, NativeValidator, NoVerdict, Validation, ValidationContext, Validator,
        no_discovery, work::clear,
    },
};
use trial::Trial;

/// A validator that runs the package manager's own program.
pub struct TsukuValidator<'a> {
    /// The program. If it was not found, nothing is validated, because it was requested explicitly and no
    /// other validator is used instead.
    pub program: Found,
    /// The sandbox for the program where there is no container runtime; `None` without a sandbox.
    pub native: Option<NativeValidator<'a>>,
    /// The environment of this machine.
    pub environment: Option<Environment>,
    /// Cleans the output of the program.
    pub cleaner: &'a Cleaner,
    /// The steps that a recipe may use in addition to the common ones.
    pub actions: Vec<ActionShape>,
    /// The folder for validations. Each validation has its own folder in it.
    pub work: PathBuf,
    /// Whether the program has reported that there is no container runtime.
    pub has_no_container: AtomicBool,
}

#[async_trait]
impl Validator for TsukuValidator<'_> {
    async fn clean_up(&self) -> anyhow::Result<()> {
        clear(&self.work).await
    }

    async fn validate(
        &self,
        plugin: &EcosystemPlugin,
        generated: &GeneratedRecipe,
        environment: Environment,
        context: ValidationContext<'_>,
    ) -> Result<Validation, NoVerdict> {
        let source =
            Source { package: &generated.facts.id, cleaner: self.cleaner, works: Some(&self.work) };
        let program = match &self.program {
            Ok(program) => program,
            Err(not_found) => {
                let finding = Finding::stated(FailureKind::ToolMissing).of_service(PROGRAM);
                let message = format!("{}; nothing takes its place", not_found.reason);
                let failure = Box::new(source.failure(Stage::Validate, finding, &message));
                return Ok(Validation::Failed { sandbox: PROGRAM.to_owned(), failure });
            }
        };
        let ran = &RanSteps::default();
        let validator = self;
        let trial =
            Trial { validator, program, plugin, generated, environment, context, source, ran };
        let (sandbox, tried) = trial.run().await;
        Validation::of(sandbox, tried, ran)
    }

    /// The program installs only recipes, so the ecosystem's own tool installs here.
    async fn discover(
        &self,
        plugin: &EcosystemPlugin,
        facts: &PackageFacts,
        environment: Environment,
        context: ValidationContext<'_>,
    ) -> Result<Discovery, NoVerdict> {
        match &self.native {
            Some(native) if self.environment == Some(environment) => {
                native.discover(plugin, facts, environment, context).await
            }
            Some(_) | None => Ok(no_discovery(facts)),
        }
    }
}
