//! The records that are older than the window: a line for each on the page of its month, the whole
//! records in a file beside the page, and their outputs in another. They are read and written month by
//! month, so that years of history need the memory of some months.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    thread,
};

use batch_core::{
    io::{HistoryFilter, StateError, StateReader, Visited},
    model::{OutputRecord, RunName},
    plugin::Registry,
};
use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    jobs::{Queue, Workers},
    old::{Kind, Old, OldMonth, OldOutputs, by_run, packed},
    page::{self, Page},
    path,
    records::Problem,
};

/// The key of records whose ids do not say when their run started.
const OTHER: &str = "other";

/// How many bytes of outputs of old failures are in the site, before they are compressed; the newest
/// ones. The terminal shows all.
const OUTPUT_BUDGET_BYTES: u64 = 64 << 20;

/// How many records a month has.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) n_failures: usize,
    pub(crate) n_runs: usize,
    pub(crate) has_outputs: bool,
}

/// What was found before the window.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Months as in `2026-03`.
    pub(crate) months: BTreeMap<String, Counts>,
    pub(crate) problems: Vec<Problem>,
}

/// Passes the pages of the months before `since` and the files with their records to `put`.
pub(crate) fn visit<E: From<StateError>>(
    state: &dyn StateReader,
    registry: Option<&Registry>,
    since: Option<DateTime<Utc>>,
    put: &mut impl FnMut(Page) -> Result<(), E>,
) -> Result<Found, E> {
    let mut found = Found::default();
    let Some(since) = since else { return Ok(found) };
    // The filter includes its end, and counts in whole seconds.
    let until = since.checked_sub_signed(TimeDelta::seconds(1));
    let filter = HistoryFilter { until, ..HistoryFilter::default() };
    let queue = Queue::default();
    thread::scope(|scope| {
        let workers = Workers::start(scope, &queue);
        let (found, left) = (&mut found, OUTPUT_BUDGET_BYTES);
        let mut months = Months { state, registry, found, put, workers, left };
        let mut failures = Collector::new(&mut months);
        state.visit_failures(&filter, &mut |visited| failures.visit(visited))?;
        failures.end()?;
        let mut runs = Collector::new(&mut months);
        state.visit_runs(&filter, &mut |visited| runs.visit(visited))?;
        runs.end()?;
        months.workers.end(months.put)
    })?;
    Ok(found)
}

/// Where months go that are complete.
struct Months<'m, 'j, P> {
    state: &'m dyn StateReader,
    registry: Option<&'j Registry>,
    found: &'m mut Found,
    put: &'m mut P,
    workers: Workers<'j>,
    /// Bytes of outputs that still fit.
    left: u64,
}

impl<P: FnMut(Page) -> Result<(), E>, E: From<StateError>> Months<'_, '_, P> {
    fn put<T: Old + 'static>(&mut self, month: String, records: Vec<T>) -> Result<(), E> {
        let (outputs, texts) = self.outputs(&records)?;
        let counts = self.found.months.entry(month.clone()).or_default();
        match T::KIND {
            Kind::Failures => counts.n_failures = records.len(),
            Kind::Runs => counts.n_runs = records.len(),
        }
        counts.has_outputs |= outputs == OldOutputs::InFile;
        let registry = self.registry;
        let job = Box::new(move || {
            let lines = records.iter().map(|record| (record.batch(), record.line(registry)));
            let old = OldMonth { kind: T::KIND, runs: by_run(lines), outputs, month };
            let mut pages = vec![page::month(&old)];
            let archive = path::archive(T::KIND, &old.month);
            pages.push(Page { path: archive, body: packed(&records) });
            if outputs == OldOutputs::InFile {
                pages.push(Page { path: path::outputs(&old.month), body: packed(&texts) });
            }
            pages
        });
        self.workers.give(job, self.put)
    }

    /// The outputs of `records`, each once, if they fit.
    fn outputs<T: Old>(&mut self, records: &[T]) -> Result<(OldOutputs, Vec<OutputRecord>), E> {
        let wanted: BTreeMap<&str, u64> = records.iter().filter_map(Old::output).collect();
        if wanted.is_empty() {
            return Ok((OldOutputs::None, vec![]));
        }
        let Some(left) = self.left.checked_sub(wanted.values().sum()) else {
            return Ok((OldOutputs::TooMany, vec![]));
        };
        self.left = left;
        let wanted: BTreeSet<String> = wanted.into_keys().map(str::to_owned).collect();
        let mut texts = vec![];
        self.state.visit_outputs(&wanted, &mut |visited| {
            match visited {
                Visited::Record(output) => texts.push(output),
                Visited::Damaged(damaged) => self.found.problems.push(damaged.into()),
            }
            ControlFlow::Continue(())
        })?;
        // They come in no order.
        texts.sort_by(|a, b| a.sha256.cmp(&b.sha256));
        let outputs = if texts.is_empty() { OldOutputs::None } else { OldOutputs::InFile };
        Ok((outputs, texts))
    }
}

/// Collects the records of one month after the other.
struct Collector<'c, 'm, 'j, T, P, E> {
    months: &'c mut Months<'m, 'j, P>,
    /// The month that is being collected.
    month: Option<String>,
    records: Vec<T>,
    /// Months that are complete, to which nothing can be added.
    done: BTreeSet<String>,
    other: Vec<T>,
    error: Option<E>,
}

impl<'c, 'm, 'j, T: Old + 'static, P, E> Collector<'c, 'm, 'j, T, P, E>
where
    P: FnMut(Page) -> Result<(), E>,
    E: From<StateError>,
{
    fn new(months: &'c mut Months<'m, 'j, P>) -> Self {
        let (records, other) = (vec![], vec![]);
        Self { months, month: None, records, done: BTreeSet::new(), other, error: None }
    }

    fn visit(&mut self, visited: Visited<T>) -> ControlFlow<()> {
        let record = match visited {
            Visited::Record(record) => record,
            Visited::Damaged(damaged) => {
                self.months.found.problems.push(damaged.into());
                return ControlFlow::Continue(());
            }
        };
        let month = RunName::parse(record.batch()).and_then(RunName::month);
        let month = month.map(|month| month.to_string());
        if month.as_ref().is_none_or(|month| self.done.contains(month)) {
            self.other.push(record);
            return ControlFlow::Continue(());
        }
        if self.month != month {
            if let Err(error) = self.flush() {
                self.error = Some(error);
                return ControlFlow::Break(());
            }
            self.month = month;
        }
        self.records.push(record);
        ControlFlow::Continue(())
    }

    fn flush(&mut self) -> Result<(), E> {
        let Some(month) = self.month.take() else { return Ok(()) };
        self.done.insert(month.clone());
        self.months.put(month, std::mem::take(&mut self.records))
    }

    fn end(mut self) -> Result<(), E> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        self.flush()?;
        if self.other.is_empty() {
            return Ok(());
        }
        let mut other = std::mem::take(&mut self.other);
        // The runs of which the records are stay together.
        other.sort_by(|a, b| a.batch().cmp(b.batch()));
        self.months.put(OTHER.to_owned(), other)
    }
}
