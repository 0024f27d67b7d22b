//! `explain`: where a package stands and why, what happens next, and what a person can do.

mod facts;
mod history;
mod report;

use batch_core::{
    decide::explain::{self, Explanation, Reader},
    io::{HistoryFilter, StateReader as _},
    model::{EcosystemId, FailureRecord, PackageId, RunName},
    plugin::EcosystemPlugin,
};

pub(super) use report::ExplainReport;

use super::{Context, Refusal, damage::Damage, failures, names, runs};
use crate::{env::Root, exit::Exit, explained};
use facts::{Facts, turns};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A package, the id of a failure, or the id of a run
    #[arg(value_name = "PACKAGE ID|FAILURE ID|BATCH ID")]
    subject: String,
}

pub(super) fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    let mut damage = Damage::default();
    let word = &args.subject;
    let (package, explanation) = if word.contains(':') {
        let (plugin, package) = names::package(&cx.env.registry, word)?;
        let explanation = of_package(Some(plugin), &package, None, (&root, cx), &mut damage)?;
        (Some(package), explanation)
    } else if is_batch_id(word) {
        (None, of_run(word, (&root, cx), &mut damage)?)
    } else if let Some(failure) = failures::with_id(word, &root, &mut damage)? {
        let package = failure.package_id.clone();
        let plugin = cx.env.registry.resolve(package.ecosystem.as_str());
        let explanation = of_package(plugin, &package, Some(failure), (&root, cx), &mut damage)?;
        (Some(package), explanation)
    } else {
        // Some imported runs have ids of another form.
        (None, of_run(word, (&root, cx), &mut damage)?)
    };
    let problems = damage.into_problems();
    let subject = package.as_ref().filter(|_| word.contains(':')).map(ToString::to_string);
    cx.out.show(&ExplainReport {
        subject: subject.unwrap_or_else(|| word.clone()),
        package_id: package,
        explanation,
        problems,
    })?;
    Ok(Exit::Ok)
}

/// Whether `word` can only be the id of a run. A failure id begins with one, and may end like one.
fn is_batch_id(word: &str) -> bool {
    RunName::parse(word).is_some() && RunName::batch_of_failure(word).is_none()
}

/// Explains `package`. The attempt of `failure` is among its last attempts.
fn of_package(
    plugin: Option<&'static EcosystemPlugin>,
    package: &PackageId,
    failure: Option<FailureRecord>,
    (root, cx): (&Root, &Context),
    damage: &mut Damage,
) -> anyhow::Result<Explanation> {
    let facts = Facts::collect(plugin, package, failure, (root, cx), damage)?;
    let case = facts.case(package);
    if case.is_unknown() {
        let known: Vec<String> = facts.queue.keys().map(ToString::to_string).collect();
        let hint = names::nearest(&package.to_string(), &known);
        return Err(Refusal::not_found(format!("nothing is known about {package}{hint}")));
    }
    Ok(explain::package(&case))
}

fn of_run(
    id: &str,
    (root, cx): (&Root, &Context),
    damage: &mut Damage,
) -> anyhow::Result<Explanation> {
    let reader: Reader<'_> = &|record| explained::of_stored(record, &cx.env.registry);
    let of_batch = HistoryFilter::of_batch(id);
    let failures = root.state.failures(&of_batch)?;
    failures.quarantined.iter().for_each(|damaged| damage.note(damaged));
    let runs = root.state.runs(&of_batch)?;
    runs.quarantined.iter().for_each(|damaged| damage.note(damaged));
    if let Some(run) = runs.records.into_iter().next() {
        let ecosystem: Option<&EcosystemId> = run.ecosystem.as_ref();
        let turns = turns(ecosystem, cx);
        return Ok(explain::run::explained(&run, (failures.records, reader), turns));
    }
    let is_journalled = root.state.journals()?.iter().any(|batch| batch == id);
    if !failures.records.is_empty() || is_journalled {
        return Ok(explain::run::unrecorded(id, (failures.records, reader)));
    }
    if let Some(damaged) = runs.quarantined.first() {
        return Err(runs::unreadable("run", id, damaged));
    }
    if let Some(damaged) = failures.quarantined.first() {
        return Err(runs::unreadable("failure", id, damaged));
    }
    Err(Refusal::not_found(format!("nothing is known about {id:?}{}", near(id, root)?)))
}

/// What may have been meant by `word`, which is no known id: failures, runs or packages.
fn near(word: &str, root: &Root) -> anyhow::Result<String> {
    if RunName::batch_of_failure(word).is_some() {
        return Ok(names::nearest(word, &failures::known_near(word, root)?));
    }
    if is_batch_id(word) {
        return Ok(names::nearest(word, &runs::newest(root)?));
    }
    // A name without its ecosystem.
    let mut named = vec![];
    for ecosystem in root.state.queued_ecosystems()? {
        let Ok(Some(queue)) = root.state.queue(&ecosystem) else { continue };
        named.extend(queue.entries.keys().filter(|id| id.name.as_str() == word).cloned());
    }
    Ok(if named.is_empty() {
        "; write a package as <ecosystem>:<name>, for example npm:prettier".to_owned()
    } else {
        let named: Vec<String> = named.iter().map(ToString::to_string).collect();
        format!("; did you mean {}?", named.join(" or "))
    })
}
