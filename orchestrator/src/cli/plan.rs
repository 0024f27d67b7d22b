//! `plan`: shows what a run would do now.

use std::fmt;

use batch_core::{
    decide::{
        preflight::{Choice, Preflight},
        upcoming::{Expected, UpcomingSlot},
    },
    model::{BatchId, EcosystemId, PackageId, Plan, Skip, SkipReason, Turn},
};
use chrono::{DateTime, SubsecRound as _, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Context, Refusal,
    programs::{ProgramArgs, Programs},
    run::{Selection, Wanted},
    stops,
};
use crate::{
    counted::counted,
    exit::Exit,
    machine::Machine,
    merge,
    run::SkippedEcosystem,
    stage::preflight::{PreflightInput, Situation},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    selection: Selection,
    /// Show instead which ecosystems the next N slots serve, one slot each hour, and why
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    slots: Option<u16>,
    #[command(flatten)]
    programs: ProgramArgs,
}

pub(super) async fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let Args { selection, slots, programs } = args;
    let wanted = Wanted::selected(selection, cx)?;
    match slots {
        None => show(&wanted, programs, cx).await,
        Some(n) if wanted.choice == Choice::Auto => {
            let upcoming = |situation: &Situation<'_>| {
                let slots = situation.upcoming(wanted.batch_limit, (*n).into());
                cx.out.show(&SlotsReport::new(slots))?;
                Ok(Exit::Ok)
            };
            in_situation(&wanted, programs, cx, upcoming).await
        }
        Some(_) => Err(Refusal::usage(
            "--slots shows how slots go from one ecosystem to the next; leave out --ecosystem",
        )),
    }
}

/// Prints the plan of the run for `wanted`.
pub(super) async fn show(
    wanted: &Wanted,
    programs: &ProgramArgs,
    cx: &Context,
) -> anyhow::Result<Exit> {
    let batch_limit = wanted.batch_limit;
    let plan = |situation: &Situation<'_>| {
        let preflight = situation.decide(&wanted.choice, batch_limit);
        let skipped = |plan: &Plan| situation.skipped(plan, batch_limit.tier);
        let plan = PlanReport::new(preflight, &skipped);
        cx.out.show(&plan)?;
        Ok(if plan.batches.is_empty() { Exit::Unavailable } else { Exit::Ok })
    };
    in_situation(wanted, programs, cx, plan).await
}

/// Looks at the state and at this machine for a run for `wanted`. To show a plan neither
/// tools nor a sandbox are started: testing them takes longer than all the rest.
async fn in_situation<T>(
    wanted: &Wanted,
    programs: &ProgramArgs,
    cx: &Context,
    look: impl FnOnce(&Situation<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let root = cx.open_root()?;
    let Wanted { choice, only, .. } = wanted;
    let stops = stops::now(cx, &root)?;
    let programs = if stops::is_all_stopped(&cx.env.registry, choice, &stops) {
        Programs::none()
    } else {
        programs.find(&cx.env, &root.settings, Some(&cx.root)).await
    };
    let (looked_for, tester) = ((choice, &stops), programs.tester());
    let machine = Machine::at_first_look(&cx.env, &root.settings, looked_for, tester).await;
    let input = PreflightInput {
        registry: &cx.env.registry,
        state: &root.state,
        machine: &machine,
        breaker: &root.settings.breaker_policy(),
        now: cx.env.clock.now(),
    };
    let situation = Situation::read(input, choice)?;
    let situation = situation.without(&merge::unpushed_packages(&root.layout)?);
    look(&if only.is_empty() { situation } else { situation.only(only) })
}

/// What `plan --slots --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SlotsReport {
    /// The slots, the present one first, if nothing but time changes.
    slots: Vec<PlannedSlot>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PlannedSlot {
    /// When it begins.
    at: DateTime<Utc>,
    /// The ecosystem that owns it.
    owner: Option<EcosystemId>,
    /// The ecosystem that runs in it; absent if nothing can be attempted.
    ecosystem: Option<EcosystemId>,
    /// How many packages it attempts.
    attempts: usize,
    /// Whether they are probes of a half-open breaker.
    probing: bool,
    /// Why another ecosystem than the owner runs, or why nothing can be attempted.
    reason: Option<String>,
}

impl SlotsReport {
    fn new(slots: Vec<UpcomingSlot>) -> Self {
        Self { slots: slots.into_iter().map(PlannedSlot::of).collect() }
    }
}

impl PlannedSlot {
    pub(super) fn of(UpcomingSlot { at, owner, expected }: UpcomingSlot) -> Self {
        let (ecosystem, attempts, probing, reason) = match expected {
            Expected::Runs { ecosystem, turn, n_attempts, probing } => {
                let reason = match turn {
                    Turn::Own => None,
                    Turn::FellThrough { reason, .. } => Some(reason),
                };
                (Some(ecosystem), n_attempts, probing, reason)
            }
            Expected::Nothing(reason) => (None, 0, false, reason),
        };
        let reason = reason.map(|reason| reason.to_string());
        Self { at: at.trunc_subsecs(0), owner, ecosystem, attempts, probing, reason }
    }

    /// The slot in a few words.
    pub(super) fn brief(&self) -> String {
        let Self { at, ecosystem, attempts, probing, .. } = self;
        let at = at.format("%H:%M");
        let kind = if *probing { "probe" } else { "package" };
        match ecosystem {
            Some(ecosystem) => {
                format!("{at} {ecosystem} ({})", counted(*attempts, kind, &format!("{kind}s")))
            }
            None => format!("{at} nothing"),
        }
    }
}

impl fmt::Display for SlotsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for PlannedSlot { at, owner, ecosystem, attempts, probing, reason } in &self.slots {
            let at = at.format("%Y-%m-%d %H:%M");
            let kind = if *probing { "probe" } else { "package" };
            let what = counted(*attempts, kind, &format!("{kind}s"));
            let owner = owner.as_ref().map_or("nobody", EcosystemId::as_str);
            let because = reason.as_ref().map(|reason| format!(" ({owner}: {reason})"));
            let because = because.unwrap_or_default();
            match ecosystem {
                Some(ecosystem) => writeln!(f, "{at}  {ecosystem}: {what}{because}")?,
                None => writeln!(f, "{at}  nothing can be attempted{because}")?,
            }
        }
        writeln!(f, "This is expected if nothing but time changes.")
    }
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
            // Many entries that follow each other have the same reason, which is written once.
            for equal in batch.skipped.chunk_by(|a, b| a.reason == b.reason) {
                if let SkipReason::BackingOff { until } = equal[0].reason {
                    retries.extend(std::iter::repeat_n(until, equal.len()));
                } else {
                    *reasons.entry(equal[0].reason.to_string()).or_default() += equal.len();
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
