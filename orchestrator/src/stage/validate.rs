//! From recipes to what one environment says of them. Never touches a recipe.

use batch_core::{
    io::Clock,
    model::{
        BatchId, Began, Consequence, Environment, Fact, Failure, GeneratedRecipe, SCHEMA_VERSION,
        Validated, ValidationSkip, Verdict,
    },
    plugin::EcosystemPlugin,
};
use futures_util::{Stream, StreamExt as _};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::{
    progress::Progress,
    stage::{Facts, elapsed_ms},
    validator::{Onlookers, Validation, Validator},
};

/// What the stage works with.
#[expect(missing_docs, reason = "the types say it")]
pub struct Tools<'a> {
    pub batch: &'a BatchId,
    pub plugin: &'static EcosystemPlugin,
    pub validator: &'a dyn Validator,
    pub environment: Environment,
    pub clock: &'a dyn Clock,
    /// One permit for each validation at once. All batches of a process share it: a validation may
    /// take gigabytes.
    pub permits: &'a Semaphore,
    pub facts: &'a Facts,
    pub progress: &'a Progress,
    pub cancel: &'a CancellationToken,
}

/// Validates `recipes` as they come, each as soon as there is a permit for it.
pub async fn run(recipes: impl Stream<Item = GeneratedRecipe>, tools: &Tools<'_>) {
    recipes.for_each_concurrent(None, |recipe| one(recipe, tools)).await;
}

async fn one(recipe: GeneratedRecipe, tools: &Tools<'_>) {
    let permit = tokio::select! {
        permit = tools.permits.acquire() => permit,
        () = tools.cancel.cancelled() => return,
    };
    // Nobody closes it.
    let Ok(_permit) = permit else { return };
    if tools.cancel.is_cancelled() {
        return;
    }
    let Tools { batch, plugin, environment, clock, progress, cancel, .. } = *tools;
    let package = &recipe.facts.id;
    let _ = tools.facts.send(Fact::Began(Began {
        schema_version: SCHEMA_VERSION,
        batch_id: batch.clone(),
        at: clock.now(),
        package_id: package.clone(),
        environment: Some(environment),
        tries: 1,
    }));
    let started = clock.monotonic();
    let onlookers = Onlookers { progress, cancel };
    let validated = tools.validator.validate(plugin, &recipe, environment, onlookers).await;
    let Some(validation) = validated else { return };
    let (result, sandbox, failure, verify) = match validation {
        Validation::Passed { sandbox, verify } => (Verdict::Pass, sandbox, None, verify),
        Validation::Failed { sandbox, failure } => {
            (verdict(&failure), sandbox, Some(failure), None)
        }
    };
    let _ = tools.facts.send(Fact::Validated(Box::new(Validated {
        schema_version: SCHEMA_VERSION,
        batch_id: batch.clone(),
        at: clock.now(),
        package_id: package.clone(),
        environment,
        result,
        tries: 1,
        duration_ms: elapsed_ms(clock, started),
        sandbox: Some(sandbox),
        failure,
        verify,
    })));
}

/// What a failed validation says of its recipe.
fn verdict(failure: &Failure) -> Verdict {
    match failure.finding.kind.consequence() {
        Consequence::Blocked => Verdict::Blocked,
        // A passing fault says nothing about the recipe.
        Consequence::Spared => Verdict::Skipped { reason: ValidationSkip::Fault },
        Consequence::Excluded | Consequence::RequiresManual | Consequence::Failed => Verdict::Fail,
    }
}
