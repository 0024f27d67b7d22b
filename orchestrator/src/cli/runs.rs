//! `runs list` and `runs show`.

mod environments;
mod list;
mod show;

use std::ops::ControlFlow;

use batch_core::{
    io::{HistoryFilter, Quarantined, Records, StateError, StateReader as _, Visited},
    model::{RunRecord, SlotOutcome},
};
use chrono::SubsecRound as _;

pub(super) use show::RunReport;

use super::{Context, Refusal, names};
use crate::{counted::counted, env::Root, exit::Exit};

/// If an id does not exist, similar ids are searched among this many of the newest runs.
const N_HINTS: usize = 500;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List runs, newest first; with --json one record on each line, and all of them
    List(list::Args),
    /// Show one run with its packages and failures
    Show(show::Args),
}

pub(super) fn run(command: &Command, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    match command {
        Command::Show(args) => show::run(args, &root, cx),
        Command::List(args) => list::run(args, &root, cx),
    }
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

/// The ids of the newest runs.
pub(super) fn newest(root: &Root) -> Result<Vec<String>, StateError> {
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
