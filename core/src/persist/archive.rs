//! Moves old records into the archives.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};

use crate::{
    decide::archive::{Digest, References, Tally},
    io::{
        ArchiveKind, FsState, HistoryRecord, OldFiles, Quarantined, StateError, StateWriter as _,
        Surveyed, TransitionLine, remove_archived,
    },
    model::{FailureRecord, Month, RunRecord},
};

/// Numbers of records of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the line above says it")]
pub struct ArchiveCounts {
    pub failures: u64,
    pub outputs: u64,
    pub runs: u64,
    pub breaker: u64,
}

/// What is old enough for the archive, and what there is in all.
#[derive(Debug, Default)]
pub struct ArchivePlan {
    before: DateTime<Utc>,
    failures: OldFiles,
    runs: OldFiles,
    transitions: BTreeMap<Month, Vec<TransitionLine>>,
    outputs: BTreeMap<Month, BTreeSet<Digest>>,
    /// Live outputs that were archived before.
    doubled_outputs: BTreeSet<Digest>,
    total: Totals,
    /// By file and place.
    left: BTreeMap<(String, u64), Quarantined>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Totals {
    failures: Tally,
    outputs: Tally,
    runs: Tally,
    breaker: Tally,
}

impl Totals {
    fn counts(&self) -> ArchiveCounts {
        ArchiveCounts {
            failures: self.failures.records,
            outputs: self.outputs.records,
            runs: self.runs.records,
            breaker: self.breaker.records,
        }
    }
}

/// A step of the work that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchiveStep {
    /// The archive of this kind and month contains what belongs there.
    Archived(Month, ArchiveKind),
    /// Every record was read again from where it will be read afterwards.
    Checked,
    /// This file, or its part, is only in the archive now.
    Removed(PathBuf),
}

/// The result of [`archive`].
#[derive(Debug)]
pub enum Archiving {
    /// Everything old is archived. These are all records, as they are read now.
    Done(ArchiveCounts),
    /// It was stopped after a step. Nothing is lost, and the next time it is completed.
    Stopped,
    /// What would be read afterwards is not what is read now. No record was removed.
    Unequal {
        /// Everything that is read now.
        before: ArchiveCounts,
        /// Everything that would be read.
        after: ArchiveCounts,
    },
}

impl ArchivePlan {
    /// What is moved, by month.
    pub fn months(&self) -> BTreeMap<Month, ArchiveCounts> {
        let mut months: BTreeMap<Month, ArchiveCounts> = BTreeMap::new();
        for (month, n) in &self.failures.n_records {
            months.entry(*month).or_default().failures = *n;
        }
        for (month, n) in &self.runs.n_records {
            months.entry(*month).or_default().runs = *n;
        }
        for (month, outputs) in &self.outputs {
            months.entry(*month).or_default().outputs = outputs.len() as u64;
        }
        for (month, transitions) in &self.transitions {
            months.entry(*month).or_default().breaker = transitions.len() as u64;
        }
        months
    }

    /// All records, archived or not.
    pub fn total(&self) -> ArchiveCounts {
        self.total.counts()
    }

    /// What cannot be read. It stays as it is, and so does the file that contains it.
    pub fn left(&self) -> impl Iterator<Item = &Quarantined> {
        self.left.values()
    }
}

/// What of `state` is older than `before`. Writes nothing.
pub fn plan_archive(state: &FsState, before: DateTime<Utc>) -> Result<ArchivePlan, StateError> {
    let mut references = References::default();
    let mut failures = state.old_files::<FailureRecord>(before, &mut |seen| match seen {
        Surveyed::Record(failure, month) => references.add(failure, month),
        Surveyed::Damaged(damaged) => references.add_damaged(&damaged.raw),
    })?;
    let mut runs = state.old_files::<RunRecord>(before, &mut |_| ())?;
    let mut left = std::mem::take(&mut failures.left);
    left.append(&mut runs.left);
    let transitions = state.old_transitions(before, &mut left)?;
    let archived = state.archived_digests(&mut left)?;
    let live = state.live_outputs()?;
    let total = Totals {
        failures: state.tally::<FailureRecord>(&BTreeSet::new(), &mut left)?,
        runs: state.tally::<RunRecord>(&BTreeSet::new(), &mut left)?,
        breaker: state.transition_tally(None, &mut left)?,
        outputs: tally_of(live.union(&archived)),
    };
    let mut plan = ArchivePlan { before, failures, runs, transitions, total, ..Default::default() };
    let mut is_whole = |output: &Digest| -> Result<bool, StateError> {
        let whole = state.whole_output(output)?;
        Ok(whole.map_err(|damaged| left.push(damaged)).is_ok())
    };
    for output in live.iter().filter(|it| references.is_old(it) && archived.contains(*it)) {
        if is_whole(output)? {
            plan.doubled_outputs.insert(*output);
        }
    }
    for (month, outputs) in references.old_outputs() {
        for output in outputs.into_iter().filter(|it| live.contains(it) && !archived.contains(it)) {
            if is_whole(&output)? {
                plan.outputs.entry(month).or_default().insert(output);
            }
        }
    }
    let keyed = left.into_iter().map(|it| ((it.file.clone(), it.place), it));
    plan.left = keyed.collect();
    Ok(plan)
}

fn tally_of<'a>(digests: impl IntoIterator<Item = &'a Digest>) -> Tally {
    let mut tally = Tally::default();
    digests.into_iter().for_each(|digest| tally.add(digest));
    tally
}

/// Moves what `plan` says into the archives. `on_step` is told each step and may stop the work.
///
/// First everything is added to the archives. Then all records are read again, as they will be read
/// when the files are gone. Only if these are the same records as before, the files are removed. A
/// record that is in its file and in the archive counts once, so that readers see the same records
/// at every moment, and an interruption loses and doubles nothing.
///
/// Nothing may change the state between the plan and the end of this.
pub fn archive(
    state: &FsState,
    plan: &ArchivePlan,
    on_step: &mut dyn FnMut(&ArchiveStep) -> ControlFlow<()>,
) -> Result<Archiving, StateError> {
    let _no_operator_in_between = state.exclusive()?;
    if fill(state, plan, on_step)?.is_break() {
        return Ok(Archiving::Stopped);
    }
    let after = totals_without_old_files(state, plan)?;
    if after != plan.total {
        let (before, after) = (plan.total.counts(), after.counts());
        return Ok(Archiving::Unequal { before, after });
    }
    if on_step(&ArchiveStep::Checked).is_break() || remove(state, plan, on_step)?.is_break() {
        return Ok(Archiving::Stopped);
    }
    Ok(Archiving::Done(after.counts()))
}

fn fill(
    state: &FsState,
    plan: &ArchivePlan,
    on_step: &mut dyn FnMut(&ArchiveStep) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, StateError> {
    for month in plan.months().into_keys() {
        for kind in ArchiveKind::ALL {
            match kind {
                ArchiveKind::Failures => {
                    fill_files::<FailureRecord>(state, &plan.failures, month)?;
                }
                ArchiveKind::Runs => fill_files::<RunRecord>(state, &plan.runs, month)?,
                ArchiveKind::Outputs => {
                    if let Some(outputs) = plan.outputs.get(&month) {
                        state.archive_outputs(month, outputs)?;
                    }
                }
                ArchiveKind::Breaker => {
                    if let Some(transitions) = plan.transitions.get(&month) {
                        state.archive_transitions(month, transitions)?;
                    }
                }
            }
            if on_step(&ArchiveStep::Archived(month, kind)).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn fill_files<T: HistoryRecord>(
    state: &FsState,
    old: &OldFiles,
    month: Month,
) -> Result<(), StateError> {
    let files = old.by_month.get(&month).map_or(&[][..], Vec::as_slice);
    if files.is_empty() { Ok(()) } else { state.archive_files::<T>(month, files) }
}

/// Everything that can be read when the old files are gone.
fn totals_without_old_files(state: &FsState, plan: &ArchivePlan) -> Result<Totals, StateError> {
    let names = |old: &OldFiles| old.by_month.values().flatten().cloned().collect();
    // What cannot be read is the same as before.
    let ignored = &mut vec![];
    let archived = state.archived_digests(ignored)?;
    let mut live = state.live_outputs()?;
    let moved = plan.outputs.values().flatten().chain(&plan.doubled_outputs);
    moved.for_each(|output| {
        live.remove(output);
    });
    let hidden_before = (!plan.transitions.is_empty()).then_some(plan.before);
    Ok(Totals {
        failures: state.tally::<FailureRecord>(&names(&plan.failures), ignored)?,
        runs: state.tally::<RunRecord>(&names(&plan.runs), ignored)?,
        breaker: state.transition_tally(hidden_before, ignored)?,
        outputs: tally_of(live.union(&archived)),
    })
}

fn remove(
    state: &FsState,
    plan: &ArchivePlan,
    on_step: &mut dyn FnMut(&ArchiveStep) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, StateError> {
    let layout = state.layout();
    let files = |dir: &Path, old: &OldFiles| -> Vec<PathBuf> {
        old.by_month.values().flatten().map(|name| dir.join(name)).collect()
    };
    let outputs = plan.outputs.values().flatten().chain(&plan.doubled_outputs);
    let outputs = outputs.filter_map(|output| layout.output(&hex::encode(output)));
    let mut old = files(&layout.failure_files(), &plan.failures);
    old.append(&mut files(&layout.metrics(), &plan.runs));
    old.extend(outputs);
    if remove_archived(&old, &mut |path| on_step(&ArchiveStep::Removed(path)))?.is_break() {
        return Ok(ControlFlow::Break(()));
    }
    if plan.transitions.is_empty() {
        return Ok(ControlFlow::Continue(()));
    }
    state.drop_transitions(plan.before)?;
    Ok(on_step(&ArchiveStep::Removed(layout.breaker_log())))
}
