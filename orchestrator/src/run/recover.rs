//! What the start of a run makes good: runs that died, and recipes that came or went.

use std::collections::BTreeSet;

use anyhow::Context as _;
use batch_core::{
    decide::{claims::Claims, journal, reconcile},
    io::{self, StateReader as _, StateWriter as _},
    model::{ActionShape, BatchId, PackageName},
    persist::persist,
    plugin::EcosystemPlugin,
};
use batch_sandbox::remove_tree;

use crate::{
    env::{Env, Root},
    stage::preflight::{self, Recipes},
};

/// Applies the journals of runs that ended without persisting. Gives their ids. A journal whose
/// queue cannot be read stays for later: that ecosystem attempts nothing until somebody mends the
/// file, and stops no other.
pub(super) fn pending(env: &Env, root: &Root) -> anyhow::Result<Vec<BatchId>> {
    let mut recovered = vec![];
    for mut pending in io::pending(&root.layout)? {
        pending.recover(env.clock.now())?;
        if let Some(delta) = journal::delta(&pending.lines, env.clock.now()) {
            let (backoff, breaker) =
                (root.settings.backoff_policy(), root.settings.breaker_policy());
            let rules = preflight::rules(env, delta.batch.ecosystem(), &backoff, &breaker);
            if let Err(error) = root.state.queue(delta.batch.ecosystem()) {
                tracing::warn!("{} cannot be recorded yet: {error}", delta.batch);
                continue;
            }
            persist(&root.state, &delta, &rules)?;
            tracing::warn!(batch.id = %delta.batch, "recorded {}, whose run had died", delta.batch);
            recovered.push(delta.batch);
        }
        pending.discard()?;
    }
    clear_work(root)?;
    Ok(recovered)
}

/// Whatever lies in the work folder belongs to a run that is no more, and is hostile.
fn clear_work(root: &Root) -> anyhow::Result<()> {
    let work = root.layout.work();
    if !work.exists() {
        return Ok(());
    }
    remove_tree(&work).with_context(|| format!("cannot clear {}", work.display()))
}

/// Brings every queue up to date with the recipes that are there. Gives the number of entries
/// that changed.
pub(super) fn reconcile(env: &Env, root: &Root, recipes: &Recipes) -> anyhow::Result<usize> {
    let mut n_changed = 0;
    let _no_operator_in_between = root.state.exclusive()?;
    for plugin in env.registry.iter() {
        let Ok(Some(mut queue)) = root.state.queue(&plugin.id) else { continue };
        let installed = installed(&recipes.claims, plugin);
        let changes = reconcile::queue(&mut queue.entries, &installed, &recipes.known);
        if changes != reconcile::Changes::default() {
            queue.header.updated_at = env.clock.now();
            root.state.put_queue(&queue)?;
            n_changed += changes.merged + changes.vanished + changes.released;
        }
    }
    Ok(n_changed)
}

fn installed(claims: &Claims, plugin: &EcosystemPlugin) -> BTreeSet<PackageName> {
    let naming = |action: &ActionShape| Some((action.name, *action.required.first()?));
    let actions: Vec<(&str, &str)> = plugin.recipe_actions.iter().filter_map(naming).collect();
    claims.installed(&actions).into_iter().collect()
}
