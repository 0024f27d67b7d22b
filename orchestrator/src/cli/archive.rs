//! `archive`: moves old records into compressed files.

use std::{fmt, ops::ControlFlow};

use batch_core::{
    model::Month,
    persist::{ArchiveCounts, ArchivePlan, ArchiveStep, Archiving, archive, plan_archive},
};
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Context,
    damage::{self, Damage},
    out::table,
    period,
    push::{self, Outcome, PushArgs},
    signal::drain_on_signal,
};
use crate::{env::Root, exit::Exit};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Archive what is older than this: a number of hours or days, such as 12h or 90d
    #[arg(long, value_name = "PERIOD", default_value = "90d", value_parser = period::age)]
    older_than: TimeDelta,
    /// Show what would be archived, and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    push: PushArgs,
}

pub(super) async fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    if !args.dry_run {
        drain_on_signal(cx);
    }
    push::change(&args.push, "archive old records", cx, |root| carry_out(args, (root, cx))).await
}

fn carry_out(args: &Args, (root, cx): (&Root, &Context)) -> Outcome<ArchiveReport> {
    let now = cx.env.clock.now();
    let before = now - args.older_than;
    if args.dry_run {
        let plan = plan_archive(&root.state, before)?;
        return Ok(reported(&plan, before, End::DryRun));
    }
    let _no_run_in_between = root.state.lock(now)?;
    let plan = plan_archive(&root.state, before)?;
    let archiving = archive(&root.state, &plan, &mut |step| {
        match step {
            ArchiveStep::Archived(month, kind) => {
                tracing::debug!("the {} of {month} are archived", kind.as_str());
            }
            ArchiveStep::Checked => tracing::debug!("all records can be read in the archives"),
            ArchiveStep::Removed(path) => tracing::trace!("removed {}", path.display()),
        }
        if cx.stop.is_draining() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    match archiving {
        Archiving::Done(after) => Ok(reported(&plan, before, End::Done(after))),
        Archiving::Stopped => Ok(reported(&plan, before, End::Stopped)),
        Archiving::Unequal { before, after } => anyhow::bail!(
            "nothing was removed, because the archives would not contain everything: there are {}, \
             and there would be {}; run it again, and if this is repeated, report it",
            Total::of(before),
            Total::of(after)
        ),
    }
}

#[derive(Clone, Copy)]
enum End {
    DryRun,
    Done(ArchiveCounts),
    Stopped,
}

fn reported(plan: &ArchivePlan, before: DateTime<Utc>, end: End) -> (ArchiveReport, Exit) {
    let mut damage = Damage::default();
    plan.left().for_each(|left| damage.note(left));
    let month = |(month, counts): (Month, ArchiveCounts)| {
        let ArchiveCounts { failures, outputs, runs, breaker } = counts;
        ArchivedMonth { month: month.to_string(), failures, outputs, runs, breaker }
    };
    let report = ArchiveReport {
        before: before.trunc_subsecs(0),
        dry_run: matches!(end, End::DryRun),
        interrupted: matches!(end, End::Stopped),
        months: plan.months().into_iter().map(month).collect(),
        total_before: Total::of(plan.total()),
        total_after: match end {
            End::Done(after) => Some(Total::of(after)),
            End::DryRun | End::Stopped => None,
        },
        problems: damage.into_problems(),
    };
    let exit = match end {
        End::Stopped => Exit::Interrupted,
        End::DryRun | End::Done(_) => damage::exit(report.months.len(), &report.problems),
    };
    (report, exit)
}

/// What `archive --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ArchiveReport {
    /// Records of runs that started before this are archived.
    before: DateTime<Utc>,
    /// Whether nothing was written.
    dry_run: bool,
    /// Whether it was interrupted. Nothing is lost; the same command completes it.
    interrupted: bool,
    /// What is moved to the archive of each month, oldest first. With `interrupted`, only a part of
    /// it was moved.
    months: Vec<ArchivedMonth>,
    /// All records of the root before, archived or not.
    total_before: Total,
    /// The same afterwards, as they were read from where they are now. The numbers are equal, or
    /// the command fails before it removes anything. Absent if nothing was written, and if it was
    /// interrupted.
    #[serde(skip_serializing_if = "Option::is_none")]
    total_after: Option<Total>,
    /// What cannot be read, each with file, position and reason. It stays as it is, and so does the
    /// file that contains it.
    problems: Vec<String>,
}

/// Numbers of records.
#[derive(Debug, Serialize, JsonSchema)]
struct ArchivedMonth {
    /// Such as `2026-03`.
    month: String,
    failures: u64,
    outputs: u64,
    runs: u64,
    /// Changes of breakers.
    breaker: u64,
}

/// Numbers of records.
#[derive(Debug, Serialize, JsonSchema)]
struct Total {
    failures: u64,
    outputs: u64,
    runs: u64,
    /// Changes of breakers.
    breaker: u64,
}

impl Total {
    fn of(counts: ArchiveCounts) -> Self {
        let ArchiveCounts { failures, outputs, runs, breaker } = counts;
        Self { failures, outputs, runs, breaker }
    }
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { failures, outputs, runs, breaker } = self;
        write!(
            f,
            "failures: {failures}, outputs: {outputs}, runs: {runs}, changes of breakers: {breaker}"
        )
    }
}

impl fmt::Display for ArchiveReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.months.is_empty() {
            writeln!(f, "nothing to archive is older than {}", self.before)?;
        } else {
            let row = |month: &ArchivedMonth| {
                let counts = [month.failures, month.outputs, month.runs, month.breaker];
                let counts = counts.iter().map(u64::to_string);
                [month.month.clone()].into_iter().chain(counts).collect()
            };
            let rows: Vec<Vec<String>> = self.months.iter().map(row).collect();
            let headings = ["MONTH", "FAILURES", "OUTPUTS", "RUNS", "BREAKER CHANGES"];
            write!(f, "{}", table(&headings, &rows))?;
        }
        writeln!(f, "all records before  {}", self.total_before)?;
        if let Some(after) = &self.total_after {
            writeln!(f, "all records after   {after}")?;
        }
        if self.dry_run {
            writeln!(f, "nothing was written (--dry-run)")?;
        }
        if self.interrupted {
            writeln!(f, "interrupted; nothing is lost, and the same command completes it")?;
        }
        damage::write_problems(f, &self.problems)
    }
}
