//! The records that are older than the window: a line for each on the page of its month, and the
//! whole records in a file beside the page. They are read and written month by month, so that years
//! of history need the memory of one month.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    ops::ControlFlow,
};

use batch_core::{
    decide::headline::headline,
    io::{HistoryFilter, StateError, StateReader, Visited},
    model::{FailureRecord, RunName, RunRecord},
    plugin::Registry,
};
use chrono::{DateTime, TimeDelta, Utc};
use flate2::{Compression, write::GzEncoder};
use serde::Serialize;

use crate::{
    page::Page,
    path,
    records::Problem,
    text::{Text, Timestamp},
};

/// The key of records whose ids do not say when their run started.
const OTHER: &str = "other";

/// What a month holds of one kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Failures,
    Runs,
}

impl Kind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Failures => "failures",
            Self::Runs => "runs",
        }
    }
}

/// The lines about one month.
pub(crate) struct OldMonth {
    pub(crate) kind: Kind,
    /// As in `2026-03`.
    pub(crate) month: String,
    pub(crate) lines: Vec<OldLine>,
}

/// What the page of a month says about a record.
pub(crate) struct OldLine {
    pub(crate) id: Text,
    pub(crate) anchor: String,
    pub(crate) at: Timestamp,
    pub(crate) subject: Text,
    pub(crate) environment: &'static str,
    pub(crate) headline: Text,
}

/// How many records a month has.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) n_failures: usize,
    pub(crate) n_runs: usize,
}

/// What was found before the window.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Months as in `2026-03`.
    pub(crate) months: BTreeMap<String, Counts>,
    pub(crate) problems: Vec<Problem>,
}

/// Passes the months before `since` and the files with their records to `put`.
pub(crate) fn visit<E: From<StateError>>(
    state: &dyn StateReader,
    registry: Option<&Registry>,
    since: Option<DateTime<Utc>>,
    put: &mut impl FnMut(Part) -> Result<(), E>,
) -> Result<Found, E> {
    let mut found = Found::default();
    let Some(since) = since else { return Ok(found) };
    // The filter includes its end, and counts in whole seconds.
    let until = since.checked_sub_signed(TimeDelta::seconds(1));
    let filter = HistoryFilter { until, ..HistoryFilter::default() };

    let mut failures = Collector::new(Kind::Failures, &mut found, put);
    state.visit_failures(&filter, &mut |visited| {
        let line = |record: &FailureRecord| OldLine {
            id: Text::new(&record.id),
            anchor: path::anchor(Kind::Failures, &record.id),
            at: Timestamp(record.timestamp),
            subject: Text::of(&record.package_id),
            environment: record.environment.map_or("", |environment| environment.as_str()),
            headline: Text::of(headline(&crate::site::view(registry, record))),
        };
        failures.visit(visited, |record| &record.batch_id, line)
    })?;
    failures.end()?;
    let mut runs = Collector::new(Kind::Runs, &mut found, put);
    state.visit_runs(&filter, &mut |visited| {
        let line = |record: &RunRecord| OldLine {
            id: Text::new(&record.batch_id),
            anchor: path::anchor(Kind::Runs, &record.batch_id),
            at: Timestamp(record.timestamp),
            subject: record.ecosystem.as_ref().map(Text::of).unwrap_or_default(),
            environment: "",
            headline: Text::new(&format!(
                "{} of {} verified, {} failed, {} blocked, {} merged",
                record.succeeded, record.total, record.failed, record.blocked, record.merged
            )),
        };
        runs.visit(visited, |record| &record.batch_id, line)
    })?;
    runs.end()?;
    Ok(found)
}

/// A page or a file of a month.
pub(crate) enum Part {
    Month(OldMonth),
    File(Page),
}

/// Collects the records of one month after the other.
struct Collector<'c, P, E> {
    kind: Kind,
    found: &'c mut Found,
    put: &'c mut P,
    /// The month that is being collected.
    month: Option<String>,
    lines: Vec<OldLine>,
    archive: GzEncoder<Vec<u8>>,
    /// Months that are written, to which nothing can be added.
    done: BTreeSet<String>,
    other: Vec<OldLine>,
    other_archive: GzEncoder<Vec<u8>>,
    error: Option<E>,
}

fn archive() -> GzEncoder<Vec<u8>> {
    GzEncoder::new(vec![], Compression::default())
}

impl<'c, P: FnMut(Part) -> Result<(), E>, E> Collector<'c, P, E> {
    fn new(kind: Kind, found: &'c mut Found, put: &'c mut P) -> Self {
        Self {
            kind,
            found,
            put,
            month: None,
            lines: vec![],
            archive: archive(),
            done: BTreeSet::new(),
            other: vec![],
            other_archive: archive(),
            error: None,
        }
    }

    fn visit<T: Serialize>(
        &mut self,
        visited: Visited<T>,
        batch: impl Fn(&T) -> &str,
        line: impl Fn(&T) -> OldLine,
    ) -> ControlFlow<()> {
        let record = match visited {
            Visited::Record(record) => record,
            Visited::Damaged(damaged) => {
                self.found.problems.push(damaged.into());
                return ControlFlow::Continue(());
            }
        };
        let month = RunName::parse(batch(&record)).and_then(RunName::month);
        let month = month.map(|month| month.to_string());
        let is_late = month.as_ref().is_none_or(|month| self.done.contains(month));
        let (lines, archive) = if is_late {
            (&mut self.other, &mut self.other_archive)
        } else {
            if self.month != month {
                if let Err(error) = self.flush() {
                    self.error = Some(error);
                    return ControlFlow::Break(());
                }
                self.month = month;
            }
            (&mut self.lines, &mut self.archive)
        };
        lines.push(line(&record));
        let json = serde_json::to_string(&record).expect("all keys of its maps are strings");
        writeln!(archive, "{json}").expect("it is written into memory");
        ControlFlow::Continue(())
    }

    fn flush(&mut self) -> Result<(), E> {
        let Some(month) = self.month.take() else { return Ok(()) };
        self.done.insert(month.clone());
        let lines = std::mem::take(&mut self.lines);
        let archive = std::mem::replace(&mut self.archive, archive());
        self.put_month(month, lines, archive)
    }

    fn put_month(
        &mut self,
        month: String,
        lines: Vec<OldLine>,
        archive: GzEncoder<Vec<u8>>,
    ) -> Result<(), E> {
        let counts = self.found.months.entry(month.clone()).or_default();
        match self.kind {
            Kind::Failures => counts.n_failures = lines.len(),
            Kind::Runs => counts.n_runs = lines.len(),
        }
        let body = archive.finish().expect("it is written into memory");
        (self.put)(Part::File(Page { path: path::archive(self.kind, &month), body }))?;
        (self.put)(Part::Month(OldMonth { kind: self.kind, month, lines }))
    }

    fn end(mut self) -> Result<(), E> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        self.flush()?;
        let other = std::mem::take(&mut self.other);
        if other.is_empty() {
            return Ok(());
        }
        let archive = std::mem::replace(&mut self.other_archive, archive());
        self.put_month(OTHER.to_owned(), other, archive)
    }
}
