//! Repairs at the start of a run: batches that died are recorded, and queues are compared with the
//! recipes.

use std::sync::Arc;

use batch_core::{
    decide::{fold::has_ended, preflight::Choice, reconcile},
    io::{Journal, StateError},
    model::{BatchId, Fact, PackageFacts, PackageId, RecipeName, Recovered, SCHEMA_VERSION},
    plugin::EcosystemPlugin,
};

use super::{
    commit::commit,
    ports::{Ports, RunConfig},
};
use crate::stage::preflight::Recipes;

/// Writes batches into the state that ended without being written, and returns their ids.
///
/// A problem with one of them stops neither the others nor the run. A journal that cannot be used is
/// set aside. If the queue of a batch cannot be read, its journal stays for later: that ecosystem
/// attempts nothing until somebody repairs the file. A journal also stays if the machine refuses to
/// write, for example because the disk is full.
pub(super) async fn pending(
    ports: &Ports<'_>,
    config: &RunConfig<'_>,
    recipes: &mut Arc<Recipes>,
) -> anyhow::Result<Vec<BatchId>> {
    let mut recovered = vec![];
    for journal in ports.facts.pending()? {
        let batch = journal.batch_id.clone();
        let unreadable = journal.unreadable.clone();
        for damaged in &unreadable {
            tracing::warn!("passed over: {damaged}");
        }
        match one(ports, config, recipes, journal).await {
            Ok(Recovery::Nothing) => (),
            Ok(Recovery::Later(reason)) => tracing::warn!("{batch} is not recorded yet: {reason}"),
            Ok(Recovery::Unusable(reason)) => set_aside(ports, &batch, &reason),
            Ok(Recovery::Recorded) => {
                tracing::warn!(batch.id = %batch, "the process of {batch} died; its results are recorded now");
                recovered.push(batch.clone());
                // What could not be read of it is not thrown away.
                if let Some(damaged) = unreadable.first() {
                    set_aside(ports, &batch, &damaged.to_string());
                } else if let Err(error) = ports.facts.discard(&batch) {
                    tracing::warn!("the journal of {batch}, which is recorded, stays: {error}");
                }
            }
            Err(error) if is_about_the_machine(&error) => {
                tracing::warn!("{batch} is not recorded yet: {error:#}");
            }
            Err(error) => set_aside(ports, &batch, &format!("{error:#}")),
        }
    }
    Ok(recovered)
}

/// The result of recovering one journal.
enum Recovery {
    /// Its batch is in the state.
    Recorded,
    /// The journal was created, and nothing was written into it.
    Nothing,
    /// Something else must be repaired first; the text says what.
    Later(String),
    /// The plan of the batch cannot be read; the text says why.
    Unusable(String),
}

async fn one(
    ports: &Ports<'_>,
    config: &RunConfig<'_>,
    recipes: &mut Arc<Recipes>,
    mut journal: Journal,
) -> anyhow::Result<Recovery> {
    if journal.is_empty() {
        ports.facts.discard(&journal.batch_id)?;
        return Ok(Recovery::Nothing);
    }
    let Some(started) = journal.started().cloned() else {
        let reason = match journal.unreadable.first() {
            Some(damaged) => damaged.to_string(),
            None => "it does not say how the batch started".to_owned(),
        };
        return Ok(Recovery::Unusable(reason));
    };
    if let Err(error) = ports.state.queue(journal.batch_id.ecosystem()) {
        return Ok(Recovery::Later(error.to_string()));
    }
    end(ports, &mut journal)?;
    commit(&started, &journal.facts, recipes, (ports, config)).await?;
    Ok(Recovery::Recorded)
}

/// Whether the same may succeed another time.
fn is_about_the_machine(error: &anyhow::Error) -> bool {
    let state = error.chain().find_map(|cause| cause.downcast_ref::<StateError>());
    state.is_some_and(|error| error.kind.is_about_the_machine())
}

fn set_aside(ports: &Ports<'_>, batch: &BatchId, reason: &str) {
    match ports.facts.set_aside(batch) {
        Ok(to) => tracing::warn!(
            "the journal of {batch} cannot be used and was moved to {}: {reason}",
            to.display()
        ),
        Err(error) => tracing::warn!(
            "the journal of {batch} cannot be used ({reason}), nor be moved away: {error}"
        ),
    }
}

/// Notes that the batch was found without its end, unless it ended or this was noted before.
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

/// Updates the queues of the ecosystems of `choice` according to the existing recipes. Returns the
/// number of entries that changed.
pub(super) fn reconcile(
    ports: &Ports<'_>,
    config: &RunConfig<'_>,
    recipes: &Recipes,
    choice: &Choice,
) -> anyhow::Result<usize> {
    let mut n_changed = 0;
    let _no_operator_in_between = ports.state.exclusive()?;
    for plugin in config.registry.iter().filter(|plugin| choice.includes(&plugin.id)) {
        let Ok(Some(file)) = ports.state.queue(&plugin.id) else { continue };
        let Recipes { name_registry, known } = recipes;
        let installed = name_registry.installed(plugin.recipe_actions);
        let recipes = reconcile::Recipes {
            name_registry,
            installed: &|package| installed.recipe_of(package),
            known,
            usual: &usual_name(plugin),
        };
        let (changed, changes) = reconcile::changed_entries(&file.entries, recipes);
        if !changed.is_empty() {
            ports.state.put_entries(file, changed, ports.clock.now())?;
            n_changed += changes.merged + changes.vanished + changes.released;
        }
    }
    Ok(n_changed)
}

/// What a recipe of `plugin` is called where nothing but the name of its package is known.
fn usual_name(plugin: &EcosystemPlugin) -> impl Fn(&PackageId) -> RecipeName {
    let builder = plugin.recipe_builder;
    move |id| match builder {
        Some(builder) => {
            let facts = PackageFacts::of_commands(id.clone(), String::new(), "", &[]);
            builder.recipe_name(&facts)
        }
        None => RecipeName::nearest(id.name.as_str()),
    }
}
