//! From package ids to recipes.

use batch_core::{
    decide::claims::Claims,
    io::Clock,
    model::{
        BatchId, Began, Fact, Finding, Generated, GeneratedRecipe, Made, NotGenerated, PackageId,
        SCHEMA_VERSION, Stage,
    },
    plugin::EcosystemPlugin,
};
use futures_util::{Stream, StreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use crate::{
    failure::failure,
    generator::Generator,
    progress::{Phase, Progress},
    stage::{Facts, elapsed_ms},
};

/// What the stage works with.
#[expect(missing_docs, reason = "the types say it")]
pub struct Tools<'a> {
    pub batch: &'a BatchId,
    pub plugin: &'static EcosystemPlugin,
    pub generator: &'a dyn Generator,
    /// Names and commands of the recipes that are there. Of two that want one name or command
    /// within the batch, its judge decides.
    pub claims: &'a Claims,
    pub clock: &'a dyn Clock,
    /// Packages that are generated at once.
    pub jobs: usize,
    pub facts: &'a Facts,
    pub progress: &'a Progress,
    pub cancel: &'a CancellationToken,
}

/// Generates `packages`, begun in this order, and gives their recipes as they are ready: a slow one
/// keeps no other waiting. What an interruption left out is missing.
pub fn run<'a>(
    packages: Vec<PackageId>,
    tools: &'a Tools<'a>,
) -> impl Stream<Item = GeneratedRecipe> + 'a {
    let made = stream::iter(packages).map(|package| one(package, tools));
    made.buffer_unordered(tools.jobs.max(1)).filter_map(async |recipe| recipe)
}

/// `None` where there is no recipe, or the run was interrupted before there was one.
async fn one(package: PackageId, tools: &Tools<'_>) -> Option<GeneratedRecipe> {
    if tools.cancel.is_cancelled() {
        return None;
    }
    let (at, started) = (tools.clock.now(), tools.clock.monotonic());
    let batch_id = || tools.batch.clone();
    let _ = tools.facts.send(Fact::Began(Began {
        schema_version: SCHEMA_VERSION,
        batch_id: batch_id(),
        at,
        package_id: package.clone(),
        environment: None,
        tries: 1,
    }));
    tools.progress.phase(&package, Phase::Generate);
    let generated = tokio::select! {
        generated = tools.generator.generate(tools.plugin, &package) => generated,
        () = tools.cancel.cancelled() => return None,
    };
    let made = match generated.and_then(|recipe| unclaimed(recipe, tools.claims)) {
        Ok(recipe) => Made::Recipe(Box::new(recipe)),
        Err(nothing) => Made::Nothing(nothing),
    };
    let recipe = match &made {
        Made::Recipe(recipe) => Some(GeneratedRecipe::clone(recipe)),
        Made::Nothing(_) => None,
    };
    let _ = tools.facts.send(Fact::Generated(Box::new(Generated {
        schema_version: SCHEMA_VERSION,
        batch_id: batch_id(),
        at: tools.clock.now(),
        package_id: package,
        duration_ms: elapsed_ms(tools.clock, started),
        made,
    })));
    recipe
}

/// A recipe whose name or commands belong to one that is there is none: found here, before
/// anything is installed.
fn unclaimed(recipe: GeneratedRecipe, claims: &Claims) -> Result<GeneratedRecipe, NotGenerated> {
    match claims.check(&recipe.name, &recipe.facts) {
        Ok(()) => Ok(recipe),
        Err(taken) => {
            let (finding, id) = (Finding::stated(taken.kind), &recipe.facts.id);
            let failure = Box::new(failure(Stage::Generate, finding, &taken.reason, id));
            Err(NotGenerated { facts: Some(Box::new(recipe.facts)), failure, draft: None })
        }
    }
}
