//! What is wrong with overrides, as far as that can be seen without a registry.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    decide::route::{Overrides, Plugins, Queues, overrides::concerned},
    model::{CuratedSource, EcosystemId, PackageId, PackageName, QueueEntry, Status},
};

/// Something that a person should correct, or know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The tool of the override.
    pub tool: PackageName,
    /// What it is, as a sentence without full stop.
    pub problem: String,
}

/// The problems of `sources`, of which `overrides` are in force, by tool.
#[must_use]
pub fn lint(
    sources: &[CuratedSource],
    (overrides, reference): (&Overrides, Option<&EcosystemId>),
    queues: &Queues<'_>,
    plugins: &dyn Plugins,
) -> Vec<Problem> {
    let mut problems = vec![];
    let mut tools: BTreeSet<&PackageName> = BTreeSet::new();
    for source in sources {
        if !tools.insert(&source.tool) {
            problems.push(problem(source, "there are several lines about it; the last one counts"));
        }
        if !overrides.iter().any(|it| it == source) {
            if let Some(at) = source.expires_at {
                let text = format!("it ended on {} and has no effect", at.date_naive());
                problems.push(problem(source, &text));
            }
            continue;
        }
        problems.extend(of_selection(source, plugins));
        if overrides.selected(source).is_none() {
            let text = format!("the overrides lead from {} back to it", source.selected);
            problems.push(problem(source, &text));
        }
        for id in concerned(source, reference) {
            let entry = queues.get(&id.ecosystem).and_then(|queue| queue.get(&id));
            problems.extend(of_concerned(source, &id, entry, overrides));
        }
    }
    problems.sort_by(|a, b| (&a.tool, &a.problem).cmp(&(&b.tool, &b.problem)));
    problems
}

fn problem(source: &CuratedSource, text: &str) -> Problem {
    Problem { tool: source.tool.clone(), problem: text.to_owned() }
}

fn of_selection(source: &CuratedSource, plugins: &dyn Plugins) -> Vec<Problem> {
    let mut problems = vec![];
    if source.alternatives.contains(&source.selected) {
        problems.push(problem(source, "it redirects the package that it selects"));
    }
    if let Some(why) = plugins.unsupported(&source.selected) {
        let text = format!("{} cannot be built: {why}", source.selected);
        problems.push(problem(source, &text));
    }
    problems
}

fn of_concerned(
    source: &CuratedSource,
    id: &PackageId,
    entry: Option<&QueueEntry>,
    overrides: &Overrides,
) -> Vec<Problem> {
    let mut problems = vec![];
    let other = overrides.of(id).filter(|other| other.tool != source.tool);
    if let Some(other) = other {
        let text = format!("{id} is also redirected by the override of {}", other.tool);
        problems.push(problem(source, &text));
    }
    let recipe = entry
        .filter(|entry| entry.status == Status::Success)
        .and_then(|entry| entry.recipe.as_ref());
    if let Some(recipe) = recipe {
        let text = format!(
            "{id} has the recipe {recipe}, which stays; remove it if it installs another program"
        );
        problems.push(problem(source, &text));
    }
    problems
}

/// The entries that have a recipe although a package of a reviewed registry has the same name, each
/// with that package. They may be another program.
#[must_use]
pub fn doubtful_recipes<'a>(
    queues: &Queues<'a>,
    plugins: &dyn Plugins,
) -> Vec<(&'a PackageId, &'a PackageId)> {
    let all = || queues.values().flat_map(|queue| queue.values());
    let is_tool = |entry: &&QueueEntry| {
        plugins.is_reviewed(&entry.id.ecosystem) && !matches!(entry.status, Status::Excluded { .. })
    };
    let tools: BTreeMap<_, &PackageId> =
        all().filter(is_tool).map(|entry| (plugins.usual_name(&entry.id), &entry.id)).collect();
    let is_made = |entry: &&QueueEntry| {
        entry.status == Status::Success && !plugins.is_reviewed(&entry.id.ecosystem)
    };
    let doubtful = all().filter(is_made);
    doubtful
        .filter_map(|entry| Some((&entry.id, *tools.get(&plugins.usual_name(&entry.id))?)))
        .collect()
}
