//! What the start of a run makes good: batches that died, and recipes that came or went.

use std::collections::BTreeSet;

use batch_core::{
    decide::{claims::Claims, fold::has_ended, reconcile},
    io::Journal,
    model::{ActionShape, BatchId, Fact, PackageName, Recovered, SCHEMA_VERSION},
    plugin::EcosystemPlugin,
};

use super::{
    ports::{Ports, Rulebook},
    settle::settle,
};
use crate::stage::preflight::Recipes;

/// Puts batches into the state that ended without that. Gives their ids. A journal whose queue
/// cannot be read stays for later: that ecosystem attempts nothing until somebody mends the file,
/// and stops no other.
pub(super) async fn pending(
    ports: &Ports<'_>,
    rulebook: &Rulebook<'_>,
    claims: &mut Claims,
) -> anyhow::Result<Vec<BatchId>> {
    let mut recovered = vec![];
    for mut journal in ports.facts.pending()? {
        let batch = journal.batch_id.clone();
        for line in &journal.unreadable {
            let (file, place, reason) = (&line.file, line.place, &line.reason);
            tracing::warn!("{file}, line {place} is passed over: {reason}");
        }
        let Some(started) = journal.started().cloned() else {
            if journal.is_empty() {
                ports.facts.discard(&batch)?;
            } else {
                let remedy = "mend its first line, or remove the file";
                tracing::warn!("the journal of {batch} cannot be used; {remedy}");
            }
            continue;
        };
        if let Err(error) = ports.state.queue(batch.ecosystem()) {
            tracing::warn!("{batch} cannot be recorded yet: {error}");
            continue;
        }
        end(ports, &mut journal)?;
        settle(&started, &journal.facts, claims, (ports, rulebook)).await?;
        tracing::warn!(batch.id = %batch, "recorded {batch}, whose run had died");
        ports.facts.discard(&batch)?;
        recovered.push(batch);
    }
    Ok(recovered)
}

/// Notes that the batch was found without its end, unless it ended by itself or that is noted.
fn end(ports: &Ports<'_>, journal: &mut Journal) -> anyhow::Result<()> {
    let is_over = journal.started().is_some_and(|started| has_ended(&journal.facts, started));
    if !is_over {
        let fact = Fact::Recovered(Recovered {
            schema_version: SCHEMA_VERSION,
            batch_id: journal.batch_id.clone(),
            at: ports.clock.now(),
        });
        ports.facts.append(&journal.batch_id, std::slice::from_ref(&fact))?;
        journal.facts.push(fact);
    }
    Ok(())
}

/// Brings every queue up to date with the recipes that are there. Gives the number of entries
/// that changed.
pub(super) fn reconcile(
    ports: &Ports<'_>,
    rulebook: &Rulebook<'_>,
    recipes: &Recipes,
) -> anyhow::Result<usize> {
    let mut n_changed = 0;
    let _no_operator_in_between = ports.state.exclusive()?;
    for plugin in rulebook.registry.iter() {
        let Ok(Some(mut queue)) = ports.state.queue(&plugin.id) else { continue };
        let installed = installed(&recipes.claims, plugin);
        let changes = reconcile::queue(&mut queue.entries, &installed, &recipes.known);
        if changes != reconcile::Changes::default() {
            queue.header.updated_at = ports.clock.now();
            ports.state.put_queue(&queue)?;
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
