//! Lists records of the history, newest first: for a person up to a limit, as JSON one on each line.

use std::{fmt, ops::ControlFlow};

use batch_core::io::Visited;
use serde::Serialize;

use super::{
    Context,
    damage::{self, Damage},
    out::JsonLines,
};
use crate::{counted::counted, exit::Exit};

/// How many records a person sees without `--limit`.
const N_PRINTED: usize = 20;

/// How many records a command lists.
#[derive(Debug, clap::Args)]
pub(super) struct LimitArgs {
    /// Maximal number of records [default: 20, or all with --json]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// Takes records one by one. JSON is printed at once, so that no listing needs much memory.
#[derive(Debug)]
pub(super) struct Listing<T> {
    limit: Option<usize>,
    n_taken: usize,
    has_more: bool,
    pub(super) damage: Damage,
    sink: Sink<T>,
}

#[derive(Debug)]
enum Sink<T> {
    Kept(Vec<T>),
    Printed(JsonLines),
}

/// What was listed.
#[derive(Debug)]
pub(super) struct Listed<T> {
    /// The records for a person, newest first; empty if they were printed as JSON.
    pub(super) records: Vec<T>,
    /// Whether no record was listed.
    pub(super) is_empty: bool,
    /// The number of all records; `None` when there are more than the limit, because the others are
    /// not counted.
    pub(super) total: Option<usize>,
    /// What could not be read, each with file, position, reason and remedy.
    pub(super) problems: Vec<String>,
    pub(super) exit: Exit,
}

impl<T: Serialize> Listing<T> {
    pub(super) fn new(args: &LimitArgs, cx: &Context) -> Self {
        let is_json = cx.out.is_json();
        Self {
            limit: args.limit.or((!is_json).then_some(N_PRINTED)),
            n_taken: 0,
            has_more: false,
            damage: Damage::default(),
            sink: if is_json { Sink::Printed(JsonLines::to_stdout()) } else { Sink::Kept(vec![]) },
        }
    }

    /// Takes what a visitor of the history gets. The answer says whether more is wanted.
    pub(super) fn visit(&mut self, visited: Visited<T>) -> ControlFlow<()> {
        match visited {
            Visited::Damaged(damaged) => {
                self.damage.note(damaged);
                ControlFlow::Continue(())
            }
            Visited::Record(_) if self.limit.is_some_and(|limit| limit <= self.n_taken) => {
                self.has_more = true;
                ControlFlow::Break(())
            }
            Visited::Record(record) => {
                self.n_taken += 1;
                match &mut self.sink {
                    Sink::Kept(records) => {
                        records.push(record);
                        ControlFlow::Continue(())
                    }
                    Sink::Printed(lines) => lines.put(&record),
                }
            }
        }
    }

    /// Ends the listing. JSON has no place for problems, so they are reported on standard error.
    pub(super) fn end(self) -> anyhow::Result<Listed<T>> {
        let problems = self.damage.into_problems();
        let exit = damage::exit(self.n_taken, &problems);
        let records = match self.sink {
            Sink::Kept(records) => records,
            Sink::Printed(lines) => {
                lines.end()?;
                for problem in &problems {
                    // Part of a listing is worth a warning; that all of it is missing is an error.
                    if exit == Exit::Ok {
                        tracing::warn!("{problem}");
                    } else {
                        tracing::error!("{problem}");
                    }
                }
                vec![]
            }
        };
        let total = (!self.has_more).then_some(self.n_taken);
        Ok(Listed { records, is_empty: self.n_taken == 0, total, problems, exit })
    }
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
