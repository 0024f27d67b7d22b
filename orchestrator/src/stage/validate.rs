//! From recipes to what one environment says of them. Never touches a recipe.

use batch_core::{
    io::Clock,
    model::{Environment, EnvironmentResult, Failure, PackageId, Verdict, Verify},
    plugin::EcosystemPlugin,
};
use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::{
    generator::Generated,
    stage::{Event, Events, elapsed_ms},
    validator::{Onlookers, Validation, Validator},
};

/// What to validate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Where.
    pub environment: Environment,
    /// Recipes with the facts that they were made from.
    pub recipes: Vec<Generated>,
}

/// What the environment said: `results-<environment>.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// In the order of the input; those that an interruption left out are missing.
    pub items: Vec<Item>,
}

/// One recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Whose recipe.
    pub package: PackageId,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// How long it took, in milliseconds.
    pub worked_ms: u64,
    /// What the environment said.
    pub result: EnvironmentResult,
    /// The cause, unless it passed.
    pub failure: Option<Box<Failure>>,
    /// The verification that was seen to hold, where it passed and the recipe has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verify>,
}

/// What the stage works with.
#[expect(missing_docs, reason = "the types say it")]
pub struct Tools<'a> {
    pub plugin: &'static EcosystemPlugin,
    pub validator: &'a dyn Validator,
    pub clock: &'a dyn Clock,
    pub jobs: usize,
    pub events: &'a Events,
    pub cancel: &'a CancellationToken,
}

/// Validates every recipe of `input`, at most `jobs` at a time.
pub async fn run(input: Input, tools: &Tools<'_>) -> Output {
    let environment = input.environment;
    let recipes = stream::iter(input.recipes);
    let items = recipes.map(|recipe| one(recipe, environment, tools)).buffered(tools.jobs.max(1));
    let items = items.filter_map(async |item| item);
    Output { items: items.collect().await }
}

/// `None` when the run was interrupted before it ended.
async fn one(generated: Generated, environment: Environment, tools: &Tools<'_>) -> Option<Item> {
    let Tools { plugin, validator, events, cancel, .. } = *tools;
    if cancel.is_cancelled() {
        return None;
    }
    let started = tools.clock.monotonic();
    let validation =
        validator.validate(plugin, &generated, environment, Onlookers { events, cancel }).await?;
    let (verdict, sandbox, failure, verify) = match validation {
        Validation::Passed { sandbox, verify } => (Verdict::Pass, sandbox, None, verify),
        Validation::Failed { sandbox, failure } => {
            // A passing fault says nothing about the recipe.
            let is_fault = failure.finding.kind.spares_package();
            let verdict = if is_fault { Verdict::Skipped } else { Verdict::Fail };
            (verdict, sandbox, Some(failure), None)
        }
    };
    let result = EnvironmentResult { environment, verdict, sandbox: Some(sandbox) };
    let package = generated.facts.id.clone();
    let (ended_at, worked_ms) = (tools.clock.now(), elapsed_ms(tools.clock, started));
    let item = Item { package, ended_at, worked_ms, result, failure, verify };
    let _ = events.send(Event::Validated(Box::new(item.clone())));
    Some(item)
}
