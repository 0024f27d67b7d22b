//! The record of a slot in which nothing could be attempted.

use anyhow::Context as _;
use batch_core::{decide::record, model::RunRecord};

use super::{
    RunPlan, SkippedEcosystem,
    ports::{Ports, RunConfig},
};

/// A slot in which nothing could be attempted is recorded too, because a missing record must not
/// look like health.
pub(super) fn record_empty_slot(
    ports: &Ports<'_>,
    config: &RunConfig<'_>,
    plan: &RunPlan,
    n_released: u64,
) -> anyhow::Result<()> {
    let record = empty_slot(config, plan, n_released);
    ports.state.put_run(&record).context("cannot record that nothing could run")
}

/// The record of the slot of `plan`, in which nothing could be attempted.
pub(super) fn empty_slot(config: &RunConfig<'_>, plan: &RunPlan, n_released: u64) -> RunRecord {
    let reason = |it: &SkippedEcosystem| format!("{}: {}", it.ecosystem, it.message);
    let reasons: Vec<String> = plan.skipped.iter().map(reason).collect();
    let mut record = record::empty_slot(plan.slot.clone(), plan.at, reasons.join("; "));
    record.workflow_run_url.clone_from(&config.workflow_run_url);
    record.requeued = n_released;
    record
}
