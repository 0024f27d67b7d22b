//! `runs list` and `runs show`.

use std::fmt;

use batch_core::{
    io::StateReader as _,
    model::{FailureRecord, RunRecord, SlotOutcome},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Context, Refusal, names, out::table};
use crate::exit::Exit;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Newest first
    List {
        /// Only of this ecosystem
        #[arg(long, short, value_name = "ID")]
        ecosystem: Option<String>,
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

pub(super) fn run(command: &Command, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    let runs = root.state.runs()?.records;
    match command {
        Command::Show { id } => {
            let Some(record) = runs.iter().find(|record| record.batch_id == *id) else {
                let known: Vec<String> =
                    runs.iter().rev().map(|record| record.batch_id.clone()).collect();
                let hint = names::nearest(id, &known);
                return Err(Refusal::not_found(format!("there is no run {id:?}{hint}")));
            };
            let failures = root.state.failures_of(id)?.records;
            cx.out.show(&RunReport { record: record.clone(), failures })?;
        }
        Command::List { ecosystem, limit } => {
            let chosen = ecosystem
                .as_deref()
                .map(|word| names::ecosystem(&cx.env.registry, word))
                .transpose()?;
            let is_wanted = |record: &&RunRecord| {
                chosen.is_none_or(|plugin| record.ecosystem.as_ref() == Some(&plugin.id))
            };
            let wanted: Vec<&RunRecord> = runs.iter().rev().filter(is_wanted).collect();
            let total = wanted.len();
            let runs = wanted.into_iter().take(*limit).cloned().collect();
            cx.out.show(&RunList { runs, total })?;
        }
    }
    Ok(Exit::Ok)
}

/// What `runs list --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RunList {
    /// Newest first.
    runs: Vec<RunRecord>,
    /// How many there are, limit aside.
    total: usize,
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
        writeln!(f, "{} of {} runs", self.runs.len(), self.total)
    }
}

/// What `runs show --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RunReport {
    /// As stored.
    record: RunRecord,
    /// As stored.
    failures: Vec<FailureRecord>,
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
        Ok(())
    }
}
