//! Everything that the pages are made of; it is read once.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::ControlFlow,
    sync::Arc,
};

use batch_core::{
    decide::ahead,
    io::{HistoryFilter, Quarantined, StateError, StateReader, Visited},
    model::{
        BreakerTransition, Control, CuratedSource, EcosystemId, FailureRecord, OutputRecord, Queue,
        RecipeName, RunRecord, SeedingRecord, SourceAudit,
    },
};
use chrono::{DateTime, TimeDelta, Timelike as _, Utc};

use crate::{path, text::Text, threads};

/// The time that pages show, before the newest record. Older records are on the pages of their months.
pub(crate) const WINDOW: TimeDelta = TimeDelta::days(90);

/// How many bytes of outputs are held in memory and shown whole; for older failures only the name
/// of the output is shown.
const OUTPUT_BUDGET_BYTES: u64 = 64 << 20;

/// The stored state, as far as pages show it.
#[derive(Debug, Default)]
pub struct Records {
    /// The control plane.
    pub control: Control,
    /// The queues that could be read.
    pub queues: BTreeMap<EcosystemId, Queue>,
    /// The start of the window; older runs and failures are not held in memory. `None` before the
    /// first record.
    pub since: Option<DateTime<Utc>>,
    /// Those of the window, newest first; each has a page of its own.
    pub runs: Vec<RunRecord>,
    /// Those of the window, newest first; each has a page of its own.
    pub failures: Vec<FailureRecord>,
    /// Newest first.
    pub transitions: Vec<BreakerTransition>,
    /// By SHA-256, for every output that a failure refers to.
    pub outputs: BTreeMap<String, StoredOutput>,
    /// The recipes of runs and entries that still exist.
    pub recipes: BTreeMap<RecipeName, String>,
    /// The names of all recipes.
    pub recipe_names: Vec<RecipeName>,
    /// Decisions of people about sources.
    pub sources: Vec<CuratedSource>,
    /// Decisions of the earlier pipeline about sources.
    pub audits: Vec<SourceAudit>,
    /// Seeding runs, newest first.
    pub seedings: Vec<SeedingRecord>,
    /// Records that could not be read, by file and place.
    pub problems: Vec<Problem>,
}

/// A stored output, as far as it can be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredOutput {
    /// All of the output.
    Whole(String),
    /// The output is stored, but too old to be shown on a page.
    TooOld,
    /// The output is not stored.
    Missing,
}

/// A record that no page can show.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Relative to the root.
    pub file: String,
    /// Line of a JSONL file, number of an entry in a queue; 0 for the file as a whole.
    pub place: u64,
    /// What is wrong with it.
    pub reason: String,
    /// The record as it stands, where there is one.
    pub raw: String,
}

/// The file, the place and the reason on one line.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, place, reason, raw } = self.clone();
        Quarantined { file, place, reason, raw }.fmt(f)
    }
}

impl Records {
    /// Reads all of `state`. A record, a recipe or a control file that cannot be read becomes a
    /// [`Problem`]. It is an error if a folder cannot be listed or the disk fails.
    pub fn read(state: &dyn StateReader, as_of: DateTime<Utc>) -> Result<Self, StateError> {
        // Both may be long, and neither needs the other.
        let (queued, records) = threads::both(
            || {
                let mut queued = Self::default();
                queued.read_queues(state).map(|()| queued)
            },
            || {
                let mut records = Self { since: start_of_window(state, as_of)?, ..Self::default() };
                records.read_history(state)?;
                records.read_outputs(state)?;
                Ok::<_, StateError>(records)
            },
        );
        let (queued, mut records) = (queued?, records?);
        records.queues = queued.queues;
        records.problems.extend(queued.problems);
        match state.control() {
            Ok(control) => records.control = control,
            Err(error) => records.problems.push(Problem::of_file(&error)),
        }
        records.read_recipes(state)?;
        records.read_sources(state)?;
        records.problems.sort();
        Ok(records)
    }

    fn read_queues(&mut self, state: &dyn StateReader) -> Result<(), StateError> {
        for ecosystem in state.queued_ecosystems()? {
            match state.queue(&ecosystem) {
                Ok(Some(file)) => {
                    let file = Arc::unwrap_or_clone(file);
                    self.problems.extend(file.quarantined.into_iter().map(Problem::from));
                    self.queues.insert(ecosystem, file.entries);
                }
                Ok(None) => {}
                // One damaged queue must not hide the others.
                Err(error) => self.problems.push(Problem::of_file(&error)),
            }
        }
        Ok(())
    }

    fn read_history(&mut self, state: &dyn StateReader) -> Result<(), StateError> {
        let window = HistoryFilter { since: self.since, ..HistoryFilter::default() };
        let runs = state.runs(&window)?;
        let failures = state.failures(&window)?;
        let transitions = state.breaker_log()?;
        let bad = [runs.quarantined, failures.quarantined, transitions.quarantined];
        self.problems.extend(bad.into_iter().flatten().map(Problem::from));

        self.runs = runs.records;
        self.runs.sort_by(|a, b| (b.timestamp, &b.batch_id).cmp(&(a.timestamp, &a.batch_id)));
        let again = keep_one_a_page(&mut self.runs, |run| path::run(&run.batch_id));
        self.problems.extend(again.iter().map(|run| Problem::same_id("run", &run.batch_id)));

        self.failures = failures.records;
        self.failures.sort_by(|a, b| (b.timestamp, &b.id).cmp(&(a.timestamp, &a.id)));
        let again = keep_one_a_page(&mut self.failures, |failure| path::failure(&failure.id));
        self.problems.extend(again.iter().map(|failure| Problem::same_id("failure", &failure.id)));

        self.transitions = transitions.records;
        self.transitions.sort_by(|a, b| (b.at, &b.ecosystem).cmp(&(a.at, &a.ecosystem)));
        Ok(())
    }

    fn read_outputs(&mut self, state: &dyn StateReader) -> Result<(), StateError> {
        let mut left = OUTPUT_BUDGET_BYTES;
        let mut shown = BTreeSet::new();
        for output in self.failures.iter().filter_map(|failure| failure.output.as_ref()) {
            if self.outputs.contains_key(&output.sha256) {
                continue;
            }
            let stored = match left.checked_sub(output.bytes) {
                None => StoredOutput::TooOld,
                Some(rest) => {
                    left = rest;
                    shown.insert(output.sha256.clone());
                    StoredOutput::Missing
                }
            };
            self.outputs.insert(output.sha256.clone(), stored);
        }
        state.visit_outputs(&shown, &mut |visited| {
            match visited {
                Visited::Record(OutputRecord { sha256, text, .. }) => {
                    self.outputs.insert(sha256, StoredOutput::Whole(text));
                }
                Visited::Damaged(damaged) => self.problems.push(damaged.into()),
            }
            ControlFlow::Continue(())
        })
    }

    fn read_sources(&mut self, state: &dyn StateReader) -> Result<(), StateError> {
        let curated = state.curated_sources()?;
        let audits = state.source_audits()?;
        let seedings = state.seeding_runs()?;
        let bad = [curated.quarantined, audits.quarantined, seedings.quarantined];
        self.problems.extend(bad.into_iter().flatten().map(Problem::from));
        self.sources = curated.records;
        self.audits = audits.records;
        self.seedings = seedings.records;
        self.seedings.sort_by(|a, b| (b.ended_at, &b.ecosystem).cmp(&(a.ended_at, &a.ecosystem)));
        Ok(())
    }

    fn read_recipes(&mut self, state: &dyn StateReader) -> Result<(), StateError> {
        self.recipe_names = state.recipe_names()?;
        let of_entries = self.queues.values().flat_map(BTreeMap::values);
        let of_entries = of_entries.filter_map(|entry| entry.recipe.as_ref());
        let of_runs = self.runs.iter().flat_map(|run| &run.recipes_generated);
        let made: BTreeSet<&RecipeName> = of_runs.chain(of_entries).collect();
        for name in made {
            if let Some(toml) = readable(state.recipe(name), &mut self.problems)? {
                self.recipes.insert(name.clone(), toml);
            }
        }
        Ok(())
    }
}

/// Midnight before the oldest record that is shown. A whole day, so that it moves once a day.
fn start_of_window(
    state: &dyn StateReader,
    as_of: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, StateError> {
    let mut newest: Option<DateTime<Utc>> = None;
    let mut note = |at: DateTime<Utc>| {
        // A wrong clock must not hide everything else.
        if ahead::is_ahead(at, as_of) {
            return ControlFlow::Continue(());
        }
        newest = newest.max(Some(at));
        ControlFlow::Break(())
    };
    let all = HistoryFilter::default();
    state.visit_runs(&all, &mut |visited| match visited {
        Visited::Record(run) => note(run.timestamp),
        Visited::Damaged(_) => ControlFlow::Continue(()),
    })?;
    state.visit_failure_summaries(&all, &mut |visited| match visited {
        Visited::Record(failure) => note(failure.timestamp),
        Visited::Damaged(_) => ControlFlow::Continue(()),
    })?;
    let start = newest.and_then(|at| at.checked_sub_signed(WINDOW));
    Ok(start.and_then(|at| at.with_hour(0)?.with_minute(0)?.with_second(0)?.with_nanosecond(0)))
}

/// The value that was read; `None` if this one file is damaged, which is recorded as a problem.
fn readable(
    read: Result<Option<String>, StateError>,
    problems: &mut Vec<Problem>,
) -> Result<Option<String>, StateError> {
    match read {
        Err(error) if error.kind.is_about_the_file() => {
            problems.push(Problem::of_file(&error));
            Ok(None)
        }
        read => read,
    }
}

/// Keeps the first of several records that would have the same page, and returns the others. Names
/// that differ only in case count as the same, because some file systems ignore case.
fn keep_one_a_page<T>(records: &mut Vec<T>, path: impl Fn(&T) -> String) -> Vec<T> {
    let mut seen = BTreeSet::new();
    records.extract_if(.., |record| !seen.insert(path(record).to_ascii_lowercase())).collect()
}

impl From<Quarantined> for Problem {
    fn from(bad: Quarantined) -> Self {
        Self { file: bad.file, place: bad.place, reason: bad.reason, raw: bad.raw }
    }
}

impl Problem {
    /// Names the file without its folder, because the folder depends on the machine.
    fn of_file(error: &StateError) -> Self {
        let file = error.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let reason = error.kind.to_string();
        Self { file, place: 0, reason, raw: String::new() }
    }

    fn same_id(noun: &str, id: &str) -> Self {
        let reason = format!("more than one {noun} has this id; the newest is shown");
        Self { file: Text::last_line(id, 200).to_string(), place: 0, reason, raw: String::new() }
    }
}
