//! What operators and breakers stop now. Nothing is asked and nothing is started for it, not even a
//! tool to see whether it is there.

use std::collections::BTreeMap;

use batch_core::{
    decide::{
        breaker::{Admission, BreakerPolicy},
        preflight::{Choice, admission},
    },
    io::ArtifactFolder,
    model::{Control, EcosystemId, SkipReason},
    plugin::Registry,
};
use chrono::{DateTime, Utc};

use super::Context;
use crate::{env::Root, run::RunPlan};

/// The ecosystems that may attempt nothing, with the reasons.
pub(super) type Stops = BTreeMap<EcosystemId, SkipReason>;

/// What operators and breakers stop now in `root`.
pub(super) fn now(cx: &Context, root: &Root) -> anyhow::Result<Stops> {
    let control = root.control(&cx.env.registry)?;
    let (now, policy) = (cx.env.clock.now(), root.settings.breaker_policy());
    let stop = |id: &EcosystemId| reason(id, &control, (now, &policy));
    let ids = cx.env.registry.iter().map(|plugin| &plugin.id);
    Ok(ids.filter_map(|id| Some((id.clone(), stop(id)?))).collect())
}

/// What is stopped for a stage that continues the run of `folder`: what operators stop, and all that
/// the run is not about. A breaker that opens during a run does not end it.
pub(super) fn during_run(
    cx: &Context,
    root: &Root,
    folder: &ArtifactFolder,
) -> anyhow::Result<Stops> {
    let control = root.control(&cx.env.registry)?;
    let now = cx.env.clock.now();
    let batches = folder.plan::<RunPlan>()?.map_or(vec![], |plan| plan.batches);
    let stop = |id: &EcosystemId| {
        let is_of_run = batches.iter().any(|batch| batch.ecosystem() == id);
        control.stop(id, now).or((!is_of_run).then_some(SkipReason::NothingEligible))
    };
    let ids = cx.env.registry.iter().map(|plugin| &plugin.id);
    Ok(ids.filter_map(|id| Some((id.clone(), stop(id)?))).collect())
}

/// Why `ecosystem` may attempt nothing at `now`; `None` if it may.
pub(super) fn reason(
    ecosystem: &EcosystemId,
    control: &Control,
    (now, policy): (DateTime<Utc>, &BreakerPolicy),
) -> Option<SkipReason> {
    match admission(ecosystem, control, (now, policy)) {
        Admission::Nothing(reason) => Some(reason),
        Admission::Batch | Admission::Probes(_) | Admission::FirstOfQueue(_) => None,
    }
}

/// `reason` in words, with what the operator said.
pub(super) fn in_words(
    reason: &SkipReason,
    ecosystem: &EcosystemId,
    (control, now): (&Control, DateTime<Utc>),
) -> String {
    if let SkipReason::BreakerOpen { .. } = reason {
        let breaker = control.breaker(ecosystem);
        let why = breaker.open.map(|open| open.reason).unwrap_or_default();
        let command = format!("tsuku-batch breaker close {ecosystem} --reason TEXT");
        return format!("{reason}: {why}; `{command}` lets it go on at once");
    }
    let why = control.stop_reason(ecosystem, now).unwrap_or("no reason given");
    format!("{reason}: {why}")
}

/// Whether nothing of `choice` may be attempted.
pub(super) fn is_all_stopped(registry: &Registry, choice: &Choice, stops: &Stops) -> bool {
    let mut chosen = registry.iter().filter(|plugin| choice.includes(&plugin.id));
    chosen.all(|plugin| stops.contains_key(&plugin.id))
}
