//! `plan`: shows what a run would do now.

use std::fmt;

use batch_core::{
    decide::preflight::Preflight,
    model::{BatchId, PackageId, Plan, Skip, SkipReason},
};
use chrono::SubsecRound as _;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Context,
    programs::ProgramArgs,
    run::{Selection, Wanted},
};
use crate::{
    exit::Exit,
    machine::LocalMachine,
    run::SkippedEcosystem,
    stage::preflight::{PreflightInput, Situation},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    programs: ProgramArgs,
}

pub(super) async fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    show(&Wanted::selected(&args.selection, cx)?, &args.programs, cx).await
}

/// Prints the plan of the run for `wanted`.
pub(super) async fn show(
    wanted: &Wanted,
    programs: &ProgramArgs,
    cx: &Context,
) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    let programs = programs.find(&cx.env, &root.settings, Some(&cx.root)).await;
    let Wanted { choice, only, batch_limit } = wanted;
    let machine = LocalMachine::detect(&cx.env, &root.settings, choice.clone()).await;
    let input = PreflightInput {
        registry: &cx.env.registry,
        state: &root.state,
        machine: &machine.offers(&cx.env.registry, programs.tester()),
        breaker: &root.settings.breaker_policy(),
        now: cx.env.clock.now(),
    };
    let situation = Situation::read(input, choice)?;
    let situation = if only.is_empty() { situation } else { situation.only(only) };
    let preflight = situation.decide(choice, *batch_limit);
    let skipped = |plan: &Plan| situation.skipped(plan, batch_limit.tier);
    let plan = PlanReport::new(preflight, &skipped);
    cx.out.show(&plan)?;
    Ok(if plan.batches.is_empty() { Exit::Unavailable } else { Exit::Ok })
}

/// What `plan --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PlanReport {
    /// The batches in rotation order.
    batches: Vec<PlannedBatch>,
    /// The ecosystems that are skipped.
    skipped: Vec<SkippedEcosystem>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct PlannedBatch {
    /// The id that the batch would have if it started now.
    batch_id: BatchId,
    /// Whether its attempts are probes of a half-open breaker.
    probing: bool,
    /// The packages to attempt, in this order.
    attempts: Vec<PackageId>,
    /// All other entries, with the reasons why they are skipped.
    skipped: Vec<Skip>,
}

impl PlanReport {
    fn new(preflight: Preflight, skipped: &dyn Fn(&Plan) -> Vec<Skip>) -> Self {
        let batch = |plan: Plan| PlannedBatch {
            skipped: skipped(&plan),
            batch_id: plan.batch,
            probing: plan.probing,
            attempts: plan.attempts,
        };
        Self {
            batches: preflight.batches.into_iter().map(|planned| batch(planned.plan)).collect(),
            skipped: preflight.skipped.iter().map(Into::into).collect(),
        }
    }
}

impl fmt::Display for PlanReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for batch in &self.batches {
            let kind = if batch.probing { "probes" } else { "attempts" };
            writeln!(f, "{}: {} {kind}", batch.batch_id, batch.attempts.len())?;
            for package in &batch.attempts {
                writeln!(f, "  {package}")?;
            }
            let mut reasons = std::collections::BTreeMap::<String, usize>::new();
            let mut retries = vec![];
            for skip in &batch.skipped {
                if let SkipReason::BackingOff { until } = skip.reason {
                    retries.push(until);
                } else {
                    *reasons.entry(skip.reason.to_string()).or_default() += 1;
                }
            }
            if let Some(first) = retries.iter().min() {
                let (n, first) = (retries.len(), first.trunc_subsecs(0));
                writeln!(f, "  skipped: {n} (waiting after a failure, the first until {first})")?;
            }
            for (reason, n) in reasons {
                writeln!(f, "  skipped: {n} ({reason})")?;
            }
        }
        if self.batches.is_empty() {
            writeln!(f, "Nothing can be attempted:")?;
        }
        for skipped in &self.skipped {
            writeln!(f, "{}: {}", skipped.ecosystem, skipped.message)?;
        }
        Ok(())
    }
}
