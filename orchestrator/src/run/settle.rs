//! From the facts of a batch to the state.

use std::{collections::BTreeSet, sync::Arc};

use batch_core::{
    decide::{
        apply::Rules,
        claims::Claims,
        fold::{Context, fold},
        recipe,
    },
    io::aside,
    model::{Delta, EcosystemId, Fact, Outcome, Started},
    persist::{Persisted, persist},
    plugin::Registry,
};

use super::ports::{Ports, Rulebook};

/// Judges the batch of `started` by `facts` and puts it into the state. `claims` are those of the
/// recipes that are there; those of the batch are added.
pub(super) async fn settle(
    started: &Started,
    facts: &[Fact],
    claims: &mut Claims,
    (ports, rulebook): (&Ports<'_>, &Rulebook<'_>),
) -> anyhow::Result<(Arc<Delta>, Persisted)> {
    let actions = rulebook.actions();
    let context = Context { plan: started, actions: &actions, claims };
    let delta = Arc::new(fold(facts, &context, ports.clock.now()));
    for refused in &delta.refused {
        tracing::warn!("{}: {} counts for nothing: {}", delta.batch, refused.fact, refused.reason);
    }
    for attempt in &delta.attempts {
        if let Outcome::Succeeded { recipe: name, toml } = &attempt.outcome
            && let Ok(recipe) = recipe::parse(toml, &actions)
        {
            claims.add(name, &recipe);
        }
    }
    let (state, of_batch) = (Arc::clone(&ports.state), Arc::clone(&delta));
    let own_services = own_services(rulebook.registry, delta.batch.ecosystem());
    let (backoff, breaker) = (rulebook.backoff.clone(), rulebook.breaker.clone());
    // Each write waits for the disk, and other batches go on meanwhile.
    let persisted = aside(move || {
        let rules = Rules { own_services, backoff: &backoff, breaker: &breaker };
        persist(&*state, &of_batch, &rules)
    });
    Ok((delta, persisted.await?))
}

/// Hosts and tools of `ecosystem`: only their faults count for its breaker.
fn own_services(registry: &Registry, ecosystem: &EcosystemId) -> BTreeSet<&'static str> {
    let plugin = registry.get(ecosystem);
    let hosts = plugin.into_iter().flat_map(|plugin| plugin.rate_limit.quotas());
    let tool = plugin.and_then(|plugin| plugin.toolchain.as_ref()).map(|tool| tool.program);
    hosts.map(|quota| quota.host).chain(tool).collect()
}
