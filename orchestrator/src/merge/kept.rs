//! What is kept until it is pushed.

use std::collections::BTreeSet;

use batch_core::{
    io::{FactSink as _, FactWriter as _, Journal, Layout, Outbox},
    model::{Fact, PackageId},
};

use super::{KeptReport, KeptSlots};
use crate::run::Collected;

/// Keeps `journal` in `unpushed` until its batch is pushed. If it is kept already, nothing is done, unless
/// a process died while it kept it.
pub(super) fn keep(unpushed: &Outbox, journal: &Journal) -> anyhow::Result<()> {
    let Some(started) = journal.started() else { return Ok(()) };
    let pending = unpushed.pending()?;
    let kept = pending.iter().find(|it| it.batch_id == journal.batch_id);
    if kept.is_some_and(|kept| journal.facts.len() <= kept.facts.len()) {
        return Ok(());
    }
    unpushed.discard(&journal.batch_id)?;
    unpushed.begin(started)?;
    let rest: Vec<Fact> =
        journal.facts.iter().filter(|fact| fact.started().is_none()).cloned().collect();
    Ok(unpushed.append(&journal.batch_id, &rest)?)
}

/// Keeps what the stages of a run have told until it is pushed.
pub fn keep_all(layout: &Layout, collected: &Collected) -> anyhow::Result<KeptReport> {
    let unpushed = Outbox::unpushed(layout);
    for journal in &collected.journals {
        keep(&unpushed, journal)?;
    }
    if let Some(record) = &collected.empty_slot {
        KeptSlots::new(layout).keep(record)?;
    }
    Ok(KeptReport {
        folder: layout.unpushed(),
        batches: collected.journals.iter().map(|journal| journal.batch_id.clone()).collect(),
        slot: collected.empty_slot.as_ref().map(|record| record.batch_id.clone()),
    })
}

/// The packages of the batches that are to be pushed from the root at `layout`.
pub fn unpushed_packages(layout: &Layout) -> anyhow::Result<BTreeSet<PackageId>> {
    let pending = Outbox::unpushed(layout).pending()?;
    let planned = pending.iter().filter_map(Journal::started).flat_map(|it| &it.plan.packages);
    Ok(planned.map(|planned| planned.package_id.clone()).collect())
}
