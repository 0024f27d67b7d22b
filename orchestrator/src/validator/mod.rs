//! What tells whether a recipe works.

mod native;
mod steps;
mod verify;

use async_trait::async_trait;
use batch_core::{
    model::{Environment, Failure, GeneratedRecipe, Verify},
    plugin::EcosystemPlugin,
};
use tokio_util::sync::CancellationToken;

use crate::progress::Progress;

pub use native::NativeValidator;

/// Installs a recipe and runs its verify command, in a sandbox.
#[async_trait]
pub trait Validator: Send + Sync {
    /// Removes what validations left behind that nobody ended. To be called before the first
    /// validation, under the lock of the run.
    async fn clean_up(&self) -> anyhow::Result<()>;

    /// What `environment` says of `recipe`; `None` when it was cancelled first.
    async fn validate(
        &self,
        plugin: &EcosystemPlugin,
        recipe: &GeneratedRecipe,
        environment: Environment,
        onlookers: Onlookers<'_>,
    ) -> Option<Validation>;
}

/// Who is shown how a validation goes, and who may end it.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "the line above says it")]
pub struct Onlookers<'a> {
    pub progress: &'a Progress,
    pub cancel: &'a CancellationToken,
}

/// How a validation ended. `sandbox` is the backend that contained it, `verify` the verification
/// that was seen to hold: the recipe's own, or one that proves more; `None` for a recipe without.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the usual words")]
pub enum Validation {
    Passed { sandbox: String, verify: Option<Verify> },
    Failed { sandbox: String, failure: Box<Failure> },
}
