//! Writes a batch into the state.

use std::{collections::BTreeSet, sync::Arc};

use batch_core::{
    decide::{apply::Rules, fold::fold, recipe, route::Plugins as _, tsuku::PROGRAM},
    io::run_blocking,
    model::{Attempt, Consequence, Delta, EcosystemId, Fact, Outcome, Quota, Started},
    persist::{Persisted, persist},
    plugin::Registry,
};

use super::ports::{Ports, RunConfig};
use crate::{routing::LinkedPlugins, stage::preflight::Recipes};

/// Decides the batch of `started` from `facts` and writes it into the state. `recipes` are the
/// existing ones; those of the batch are added.
pub(super) async fn commit(
    started: &Started,
    facts: &[Fact],
    recipes: &mut Arc<Recipes>,
    (ports, config): (&Ports<'_>, &RunConfig<'_>),
) -> anyhow::Result<(Arc<Delta>, Persisted)> {
    let actions = config.actions();
    let context = config.fold_context(started, &actions, recipes);
    let delta = Arc::new(fold(facts, &context, ports.clock.now()));
    for refused in &delta.refused {
        tracing::warn!("{}: {} counts for nothing: {}", delta.batch, refused.fact, refused.reason);
    }
    let (state, of_batch) = (Arc::clone(&ports.state), Arc::clone(&delta));
    let mut own_services = own_services(config.registry, delta.batch.ecosystem());
    own_services.extend(started.generator.starts_with(PROGRAM).then_some(PROGRAM));
    let (backoff, breaker, merging) =
        (config.backoff.clone(), config.breaker.clone(), config.merging);
    // Each write waits for the disk. Other batches continue meanwhile.
    let persisted = run_blocking(move || {
        let rules = Rules { own_services, backoff: &backoff, breaker: &breaker, merging };
        persist(&*state, &of_batch, &rules)
    });
    let persisted = persisted.await?;
    let frees = |attempt: &Attempt| frees_name(attempt, recipes, config.registry);
    if delta.attempts.iter().any(frees) {
        Arc::make_mut(recipes).is_rerouting_due = true;
    }
    for attempt in &delta.attempts {
        if let Outcome::Succeeded { recipe: name, toml, .. } = &attempt.outcome
            && let Ok(recipe) = recipe::parse(toml, &actions)
        {
            Arc::make_mut(recipes).add(name, &recipe);
        }
    }
    Ok((delta, persisted))
}

/// Whether `attempt` ended so that its package wants its recipe no longer, and another package does.
fn frees_name(attempt: &Attempt, recipes: &Recipes, registry: &Registry) -> bool {
    let Outcome::Failed(failure) = &attempt.outcome else { return false };
    let is_over = match failure.finding.kind.consequence() {
        Consequence::Excluded | Consequence::RequiresManual => true,
        Consequence::Blocked | Consequence::Spared | Consequence::Failed => false,
    };
    let name = || LinkedPlugins(registry).usual_name(&attempt.package);
    is_over && recipes.name_registry.reserved().is_contested(&name())
}

/// Hosts and tools that `ecosystem` uses for building. Only their failures count for its breaker.
fn own_services(registry: &Registry, ecosystem: &EcosystemId) -> BTreeSet<&'static str> {
    let plugin = registry.get(ecosystem);
    let quotas = plugin.map(|plugin| plugin.rate_limit.quotas()).unwrap_or_default();
    let tool = plugin.and_then(|plugin| plugin.toolchain.as_ref()).map(|tool| tool.program);
    Quota::hosts_for_building(quotas).chain(tool).collect()
}
