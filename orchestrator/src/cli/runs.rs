//! `runs list` and `runs show`.

mod environments;

use std::{fmt, ops::ControlFlow};

use batch_core::{
    decide::headline::shell_word,
    io::{HistoryFilter, Quarantined, Records, StateError, StateReader as _, Visited},
    model::{RunRecord, SlotOutcome},
};
use chrono::{DateTime, NaiveDate, NaiveTime, SubsecRound as _, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use environments::write_environments;

use super::{
    Context, Refusal,
    damage::{self, Damage},
    names,
    out::table,
};
use crate::{counted::counted, env::Root, exit::Exit, explained::ExplainedFailure};

/// If an id does not exist, similar ids are searched among this many of the newest runs.
const N_HINTS: usize = 500;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List runs, newest first
    List {
        /// Only runs of this ecosystem
        #[arg(long, short, value_name = "ID")]
        ecosystem: Option<String>,
        /// Only runs that attempted this package
        #[arg(long, value_name = "PACKAGE ID")]
        package: Option<String>,
        #[command(flatten)]
        period: Period,
        /// Maximal number of runs
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
    },
    /// Show one run with its packages and failures
    Show {
        /// Id of the run, as `runs list` prints it
        #[arg(value_name = "BATCH ID")]
        id: String,
    },
}

/// A period of history, by the starts of the runs.
#[derive(Debug, clap::Args)]
pub(super) struct Period {
    /// Only runs that started at this time or later: a day, or an instant such as
    /// 2026-11-28T20:00:00Z
    #[arg(long, value_name = "DAY|INSTANT", value_parser = When::parse)]
    since: Option<When>,
    /// Only runs that started at this time or earlier
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

    /// The end of the period. A day is included completely.
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
            let explained = |record| ExplainedFailure::new(record, &cx.env.registry);
            let failures = failures.records.into_iter().map(explained).collect();
            let problems = damage.into_problems();
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

/// The record of the run `id`, and what else in its file cannot be read.
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

/// The error for a record that exists but is damaged.
pub(super) fn unreadable(noun: &str, id: &str, damaged: &Quarantined) -> anyhow::Error {
    let message = format!("the record of {noun} {id:?} cannot be read: {damaged}");
    Refusal { exit: Exit::State, message }.into()
}

/// Writes how many of how many records are shown.
pub(super) fn write_count(
    f: &mut fmt::Formatter<'_>,
    n_shown: usize,
    total: Option<usize>,
    [one, many]: [&str; 2],
) -> fmt::Result {
    match total {
        Some(total) => writeln!(f, "{n_shown} of {}", counted(total, one, many)),
        None => writeln!(f, "the newest {}; --limit shows more", counted(n_shown, one, many)),
    }
}

/// What `runs list --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RunList {
    /// Newest first.
    runs: Vec<RunRecord>,
    /// The number of all runs; absent when there are more than the limit, because the others are
    /// not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<usize>,
    /// What could not be read, each with file, position, reason and remedy.
    problems: Vec<String>,
}

/// Why there was no run, or why another ecosystem used the slot.
fn remark(record: &RunRecord) -> String {
    let reason = record.skip_reason.as_deref().unwrap_or_default();
    let slot = match (&record.outcome, &record.slot) {
        (SlotOutcome::FellThrough, Some(slot)) => format!("in the slot of {slot}: {reason}"),
        (SlotOutcome::Ran | SlotOutcome::FellThrough | SlotOutcome::Skipped, _) => {
            reason.to_owned()
        }
    };
    let parts = [Some(slot), deferral(record)].into_iter().flatten();
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

/// What was planned and not attempted, and why; `None` where the plan was done.
fn deferral(record: &RunRecord) -> Option<String> {
    if !record.interrupted {
        return None;
    }
    let packages = counted(record.deferred.len(), "package is", "packages are");
    let hosts: Vec<String> = record
        .deferred_for
        .iter()
        .map(|(host, until)| format!("{host} asked for a pause until {}", until.trunc_subsecs(0)))
        .collect();
    Some(if hosts.is_empty() {
        format!("interrupted; {packages} deferred")
    } else {
        format!("{packages} deferred: {}", hosts.join(", "))
    })
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
        write_count(f, self.runs.len(), self.total, ["run", "runs"])?;
        damage::write_problems(f, &self.problems)
    }
}

/// What `runs show --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RunReport {
    /// As stored.
    record: RunRecord,
    /// Each as stored, with its headline.
    failures: Vec<ExplainedFailure>,
    /// What could not be read, each with file, position, reason and remedy.
    problems: Vec<String>,
}

impl fmt::Display for RunReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RunRecord { batch_id, total, succeeded, duration_seconds, generator, .. } =
            &self.record;
        writeln!(f, "{batch_id}: {succeeded} of {total} verified in {duration_seconds} s")?;
        let remark = remark(&self.record);
        if !remark.is_empty() {
            writeln!(f, "  {remark}")?;
        }
        writeln!(f, "  generator  {generator}")?;
        write_environments(f, &self.record.environments)?;
        for (host, usage) in &self.record.requests {
            let (sent, throttled, waited) = (usage.sent, usage.throttled, usage.waited_ms);
            let sent = counted(sent, "request", "requests");
            writeln!(f, "  {host}  {sent}, {throttled} throttled, {waited} ms waited")?;
        }
        for recipe in &self.record.recipes_generated {
            match self.record.executables_from.get(recipe) {
                Some(from) => writeln!(f, "  recipe  {recipe}  commands from {from}")?,
                None => writeln!(f, "  recipe  {recipe}")?,
            }
        }
        for ExplainedFailure { record, headline, .. } in &self.failures {
            let kind = format!("{}/{}", record.category(), record.subcategory());
            writeln!(f, "  failed  {}  {kind}", record.package_id)?;
            writeln!(f, "          {headline}")?;
            writeln!(f, "          tsuku-batch failures show {}", shell_word(&record.id))?;
        }
        damage::write_problems(f, &self.problems)
    }
}
