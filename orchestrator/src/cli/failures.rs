//! `failures list`, `failures show` and `failures top`.

mod list;
mod show;
mod top;

use std::ops::ControlFlow;

use batch_core::{
    io::{HistoryFilter, StateError, StateReader as _, Visited},
    model::{FailureRecord, PackageId, RunName},
};

pub(super) use show::FailureReport;
pub(super) use top::TopReport;

use super::{Context, Refusal, damage::Damage, names, runs};
use crate::{env::Root, exit::Exit};

/// If an id does not exist, similar ids are searched among this many of the newest failures.
const N_HINTS: usize = 500;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List failures, newest first; with --json one record on each line, and all of them
    List(list::Args),
    /// Show the causes whose removal would help most packages
    Top(top::Args),
    /// Show one failure with its whole output
    Show {
        /// Id of the failure, as `failures list` prints it, or a package, of which the newest
        /// failure is shown
        #[arg(value_name = "FAILURE ID|PACKAGE ID")]
        id: String,
    },
}

pub(super) fn run(command: &Command, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    match command {
        Command::Show { id } => show::run(id, &root, cx),
        Command::List(args) => list::run(args, &root, cx),
        Command::Top(args) => top::run(args, &root, cx),
    }
}

/// The record of the failure with the id `word`, or the newest one of the package `word`. What else
/// cannot be read in the files that were read is added to `damage`.
pub(super) fn find(
    word: &str,
    root: &Root,
    cx: &Context,
    damage: &mut Damage,
) -> anyhow::Result<FailureRecord> {
    // No failure id contains a colon.
    if word.contains(':') {
        let (_, package) = names::package(&cx.env.registry, word)?;
        return newest_of(&package, root, damage);
    }
    if let Some(record) = with_id(word, root, damage)? {
        return Ok(record);
    }
    let hint = names::nearest(word, &known_near(word, root)?);
    Err(Refusal::not_found(format!("there is no failure {word:?}{hint}")))
}

/// The record of the failure `id`; `None` if there is no such failure. A record that may be it and
/// cannot be read is an error. What else cannot be read in its file is added to `damage`.
pub(super) fn with_id(
    id: &str,
    root: &Root,
    damage: &mut Damage,
) -> anyhow::Result<Option<FailureRecord>> {
    let found = root.state.failures(&HistoryFilter::of_failure(id))?;
    let record = found.records.into_iter().next();
    if record.is_none()
        && let Some(damaged) = found.quarantined.first()
    {
        return Err(runs::unreadable("failure", id, damaged));
    }
    found.quarantined.iter().for_each(|damaged| damage.note(damaged));
    Ok(record)
}

fn newest_of(
    package: &PackageId,
    root: &Root,
    damage: &mut Damage,
) -> anyhow::Result<FailureRecord> {
    let filter = HistoryFilter { package: Some(package.clone()), ..HistoryFilter::default() };
    let (mut newest, mut first_damaged) = (None, None);
    root.state.visit_failures(&filter, &mut |visited| match visited {
        Visited::Record(record) => {
            newest = Some(record);
            ControlFlow::Break(())
        }
        Visited::Damaged(damaged) => {
            damage.note(&damaged);
            first_damaged.get_or_insert(damaged);
            ControlFlow::Continue(())
        }
    })?;
    match (newest, first_damaged) {
        (Some(record), _) => Ok(record),
        (None, Some(damaged)) => Err(runs::unreadable("failure", &package.to_string(), &damaged)),
        (None, None) => {
            let known = newest_failures(&HistoryFilter::default(), root, |record| {
                record.package_id.to_string()
            })?;
            let hint = names::nearest(&package.to_string(), &known);
            Err(Refusal::not_found(format!("there is no failure of {package}{hint}")))
        }
    }
}

/// Ids that may have been meant by `id`: those of the same run, or else the newest ones.
pub(super) fn known_near(id: &str, root: &Root) -> Result<Vec<String>, StateError> {
    let of_run = RunName::batch_of_failure(id).map(HistoryFilter::of_batch);
    let mut known = vec![];
    for filter in of_run.into_iter().chain([HistoryFilter::default()]) {
        known = newest_failures(&filter, root, |record| record.id)?;
        if !known.is_empty() {
            break;
        }
    }
    Ok(known)
}

/// The names that `name` gives to the newest failures.
fn newest_failures(
    filter: &HistoryFilter,
    root: &Root,
    name: impl Fn(FailureRecord) -> String,
) -> Result<Vec<String>, StateError> {
    let mut known = vec![];
    root.state.visit_failures(filter, &mut |visited| {
        if let Visited::Record(record) = visited {
            let name = name(record);
            if !known.contains(&name) {
                known.push(name);
            }
        }
        if known.len() < N_HINTS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(known)
}
