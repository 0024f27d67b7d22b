//! Validators: they decide whether a recipe works.

mod discover;
mod job;
mod native;
mod place;
mod steps;
mod tsuku;
mod verify;
mod work;

use std::collections::BTreeSet;

use async_trait::async_trait;
use batch_core::{
    io::Http,
    model::{
        CommandName, Environment, Failure, FailureKind, Finding, GeneratedRecipe, PackageFacts,
        Stage, Verify,
    },
    plugin::EcosystemPlugin,
};
use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use crate::{failure::failure, progress::Progress, ran::RanSteps};
use native::Stop;

pub use native::NativeValidator;
pub use tsuku::TsukuValidator;

/// Installs a recipe and runs its verify command in a sandbox.
#[async_trait]
pub trait Validator: Send + Sync {
    /// Removes the files of validations that were killed. To be called before the first validation,
    /// with the run lock.
    async fn clean_up(&self) -> anyhow::Result<()>;

    /// Validates `recipe` in `environment`. The error says why there is no verdict.
    async fn validate(
        &self,
        plugin: &EcosystemPlugin,
        recipe: &GeneratedRecipe,
        environment: Environment,
        context: ValidationContext<'_>,
    ) -> Result<Validation, NoVerdict>;

    /// Installs the package of `facts`, whose commands its registry cannot tell, twice in
    /// `environment`, each time in a fresh sandbox, and returns the commands that it put on `PATH`.
    /// The error says why there is no result.
    ///
    /// A validator that installs nothing without a recipe cannot do this. That is a fault of the
    /// machine, and not of the package.
    async fn discover(
        &self,
        _plugin: &EcosystemPlugin,
        facts: &PackageFacts,
        _environment: Environment,
        _context: ValidationContext<'_>,
    ) -> Result<Discovery, NoVerdict> {
        Ok(no_discovery(facts))
    }
}

/// The result of a validator that cannot install the package of `facts` without a recipe.
fn no_discovery(facts: &PackageFacts) -> Discovery {
    let finding = Finding::stated(FailureKind::ToolMissing).of_service(SANDBOX);
    let message =
        "only an installation shows the commands, and nothing here installs without a recipe";
    let failure = Box::new(failure(Stage::Validate, finding, message, &facts.id));
    Discovery::Failed { sandbox: NO_SANDBOX.to_owned(), failure }
}

/// The missing service where nothing can be installed without a recipe.
const SANDBOX: &str = "sandbox";
/// The sandbox of a result for which nothing was run.
const NO_SANDBOX: &str = "none";

/// Receives the progress of a validation, can cancel it, and downloads for it.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "the line above says it")]
pub struct ValidationContext<'a> {
    pub progress: &'a Progress,
    pub cancel: &'a CancellationToken,
    pub http: &'a dyn Http,
}

/// Why a validation gave no verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoVerdict {
    /// It was cancelled.
    Cancelled,
    /// A host asked for a pause before the files of the recipe were downloaded.
    Paused {
        /// Which.
        host: String,
        /// The end of the pause.
        until: DateTime<Utc>,
    },
}

/// The result of installing a package twice to see its commands. `sandbox` is the backend that was
/// used.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the lines above and below say it")]
pub enum Discovery {
    /// Both installations succeeded. Whether they showed the same commands is for others to judge.
    Installed { sandbox: String, installations: [BTreeSet<CommandName>; 2] },
    /// An installation failed.
    Failed { sandbox: String, failure: Box<Failure> },
}

/// The result of a validation. `sandbox` is the backend that was used. `verify` is the verification
/// that was seen to hold: the recipe's own, or one that proves more; `None` for a recipe without a
/// verification.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the usual words")]
pub enum Validation {
    Passed { sandbox: String, verify: Option<Verify> },
    Failed { sandbox: String, failure: Box<Failure> },
}

impl Validation {
    /// The result of an installation in `sandbox` that ended with `tried`, after `ran`.
    fn of(
        sandbox: String,
        tried: Result<Option<Verify>, Stop>,
        ran: &RanSteps,
    ) -> Result<Self, NoVerdict> {
        match tried {
            Ok(verify) => Ok(Self::Passed { sandbox, verify }),
            Err(Stop::Failed(failure)) => {
                Ok(Self::Failed { sandbox, failure: Box::new(ran.before(*failure)) })
            }
            Err(Stop::NoVerdict(why)) => Err(why),
        }
    }
}
