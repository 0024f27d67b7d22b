//! `runs list` and `runs show`.

use std::{fmt, ops::ControlFlow};

use batch_core::{
    io::{HistoryFilter, Quarantined, Records, StateError, StateReader as _, Visited},
    model::{FailureRecord, RunRecord, SlotOutcome},
};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Context, Refusal,
    damage::{self, Damage},
    names,
    out::table,
};
use crate::{env::Root, exit::Exit};

/// Newest runs among which an id that is not there is looked for by its likeness.
const N_HINTS: usize = 500;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Newest first
    List {
        /// Only of this ecosystem
        #[arg(long, short, value_name = "ID")]
        ecosystem: Option<String>,
        /// Only those that attempted this package
        #[arg(long, value_name = "PACKAGE ID")]
        package: Option<String>,
        #[command(flatten)]
        period: Period,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
    },
    /// One run with its packages and failures
    Show {
        /// As `runs list` prints it
        #[arg(value_name = "BATCH ID")]
        id: String,
    },
}

/// A part of history, by the starts of its runs.
#[derive(Debug, clap::Args)]
pub(super) struct Period {
    /// Only of runs that started then or later: a day, or an instant such as 2026-11-28T20:00:00Z
    #[arg(long, value_name = "DAY|INSTANT", value_parser = When::parse)]
    since: Option<When>,
    /// Only of runs that started then or earlier
    #[arg(long, value_name = "DAY|INSTANT", value_parser = When::parse)]
    until: Option<When>,
}

/// A day or an instant, in UTC.
#[derive(Debug, Clone, Copy)]
enum When {
    Day(NaiveDate),
    Instant(DateTime<Utc>),
}

impl When {
    fn parse(text: &str) -> Result<Self, String> {
        let day = text.parse().map(Self::Day).ok();
        let instant = || DateTime::parse_from_rfc3339(text).map(|at| Self::Instant(at.to_utc()));
        day.map_or_else(instant, Ok)
            .map_err(|_| "write a day such as 2026-11-28, or 2026-11-28T20:00:00Z".to_owned())
    }
}

impl Period {
    pub(super) fn since(&self) -> Option<DateTime<Utc>> {
        self.since.map(|when| match when {
            When::Day(day) => day.and_time(NaiveTime::MIN).and_utc(),
            When::Instant(at) => at,
        })
    }

    /// A day counts as a whole.
    pub(super) fn until(&self) -> Option<DateTime<Utc>> {
        self.until.map(|when| match when {
            When::Day(day) => {
                let next = day.succ_opt().unwrap_or(day).and_time(NaiveTime::MIN).and_utc();
                next - chrono::TimeDelta::seconds(1)
            }
            When::Instant(at) => at,
        })
    }
}

pub(super) fn run(command: &Command, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    match command {
        Command::Show { id } => {
            let (record, damaged) = find(id, &root)?;
            let failures = root.state.failures(&HistoryFilter::of_batch(id))?;
            let mut damage = Damage::default();
            damaged.iter().chain(&failures.quarantined).for_each(|damaged| damage.note(damaged));
            let (failures, problems) = (failures.records, damage.into_problems());
            cx.out.show(&RunReport { record, failures, problems })?;
            Ok(Exit::Ok)
        }
        Command::List { ecosystem, package, period, limit } => {
            let registry = &cx.env.registry;
            let ecosystem =
                ecosystem.as_deref().map(|word| names::ecosystem(registry, word)).transpose()?;
            let package =
                package.as_deref().map(|word| names::package(registry, word)).transpose()?;
            let filter = HistoryFilter {
                ecosystem: ecosystem.map(|plugin| plugin.id.clone()),
                package: package.map(|(_, id)| id),
                since: period.since(),
                until: period.until(),
                ..HistoryFilter::default()
            };
            list(&filter, *limit, &root, cx)
        }
    }
}

fn list(filter: &HistoryFilter, limit: usize, root: &Root, cx: &Context) -> anyhow::Result<Exit> {
    let (mut runs, mut damage, mut has_more) = (vec![], Damage::default(), false);
    root.state.visit_runs(filter, &mut |visited| {
        match visited {
            Visited::Damaged(damaged) => damage.note(damaged),
            Visited::Record(record) if runs.len() < limit => runs.push(record),
            Visited::Record(_) => {
                has_more = true;
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    })?;
    let total = (!has_more).then_some(runs.len());
    let problems = damage.into_problems();
    let exit = damage::exit(runs.len(), &problems);
    cx.out.show(&RunList { runs, total, problems })?;
    Ok(exit)
}

/// The record of the run `id`, with what else is in its file and cannot be read.
pub(super) fn find(id: &str, root: &Root) -> anyhow::Result<(RunRecord, Vec<Quarantined>)> {
    let Records { records, quarantined } = root.state.runs(&HistoryFilter::of_batch(id))?;
    if let Some(record) = records.into_iter().next() {
        return Ok((record, quarantined));
    }
    if let Some(damaged) = quarantined.first() {
        return Err(unreadable("run", id, damaged));
    }
    let hint = names::nearest(id, &newest(root)?);
    Err(Refusal::not_found(format!("there is no run {id:?}{hint}")))
}

fn newest(root: &Root) -> Result<Vec<String>, StateError> {
    let mut known = vec![];
    root.state.visit_runs(&HistoryFilter::default(), &mut |visited| {
        if let Visited::Record(record) = visited {
            known.push(record.batch_id);
        }
        if known.len() < N_HINTS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(known)
}

/// What was asked for by name is there, and damaged.
pub(super) fn unreadable(noun: &str, id: &str, damaged: &Quarantined) -> anyhow::Error {
    let message = format!("the record of {noun} {id:?} cannot be read: {damaged}");
    Refusal { exit: Exit::State, message }.into()
}

/// How many of how many a listing shows.
pub(super) fn write_count(
    f: &mut fmt::Formatter<'_>,
    n_shown: usize,
    total: Option<usize>,
    noun: &str,
) -> fmt::Result {
    match total {
        Some(total) => writeln!(f, "{n_shown} of {total} {noun}"),
        None => writeln!(f, "the newest {n_shown} {noun}; --limit shows more"),
    }
}

/// What `runs list --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RunList {
    /// Newest first.
    runs: Vec<RunRecord>,
    /// How many there are; absent where there are more than the limit, which are not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<usize>,
    /// What could not be read among what was looked at: file, place, reason and remedy.
    problems: Vec<String>,
}

/// Why there was no run, or why it was not the one whose turn it was.
fn remark(record: &RunRecord) -> String {
    let reason = record.skip_reason.as_deref().unwrap_or_default();
    match (&record.outcome, &record.slot) {
        (SlotOutcome::FellThrough, Some(slot)) => format!("in the slot of {slot}: {reason}"),
        (SlotOutcome::Ran | SlotOutcome::FellThrough | SlotOutcome::Skipped, _) => {
            reason.to_owned()
        }
    }
}

impl fmt::Display for RunList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |record: &RunRecord| {
            vec![
                record.batch_id.clone(),
                format!("{}/{}", record.succeeded, record.total),
                format!("{} s", record.duration_seconds),
                remark(record),
            ]
        };
        let rows: Vec<Vec<String>> = self.runs.iter().map(row).collect();
        write!(f, "{}", table(&["RUN", "VERIFIED", "TOOK", "REMARK"], &rows))?;
        write_count(f, self.runs.len(), self.total, "runs")?;
        damage::write_problems(f, &self.problems)
    }
}

/// What `runs show --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RunReport {
    /// As stored.
    record: RunRecord,
    /// As stored.
    failures: Vec<FailureRecord>,
    /// What could not be read of it: file, place, reason and remedy.
    problems: Vec<String>,
}

impl fmt::Display for RunReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RunRecord { batch_id, total, succeeded, duration_seconds, generator, .. } =
            &self.record;
        writeln!(f, "{batch_id}: {succeeded} of {total} verified in {duration_seconds} s")?;
        if self.record.skip_reason.is_some() {
            writeln!(f, "  {}", remark(&self.record))?;
        }
        writeln!(f, "  generator  {generator}")?;
        for (environment, counts) in &self.record.environments {
            let (tested, passed) = (counts.tested, counts.passed);
            writeln!(f, "  {environment}  {passed} of {tested} passed")?;
        }
        for (host, usage) in &self.record.requests {
            let (sent, throttled, waited) = (usage.sent, usage.throttled, usage.waited_ms);
            writeln!(f, "  {host}  {sent} requests, {throttled} throttled, {waited} ms waited")?;
        }
        for recipe in &self.record.recipes_generated {
            writeln!(f, "  recipe  {recipe}")?;
        }
        for failure in &self.failures {
            let kind = format!("{}/{}", failure.category(), failure.subcategory());
            writeln!(f, "  failed  {}  {kind}", failure.package_id)?;
            writeln!(f, "          tsuku-batch failures show {}", failure.id)?;
        }
        damage::write_problems(f, &self.problems)
    }
}
