//! Runs and failures that contradict each other. Records are added one by one: what is kept of them
//! grows with the number of runs, not with that of failures.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, SubsecRound as _, Utc};

use super::{Finding, FindingCode, Findings, OLD, Place};
use crate::{
    decide::{
        ahead,
        shares::{self, EvidenceShares, percentage},
    },
    model::{EcosystemId, FailureRecord, RecipeName, RunRecord},
};

/// From this share on, many failures have no known cause.
const MANY: f64 = 0.1;

/// Fewer failures than this say nothing about a share.
const FEW: u64 = 20;

/// A record, where it is, and whether its run belongs there.
#[derive(Debug, Clone, Copy)]
pub struct Placed<'a, T> {
    /// The record.
    pub record: &'a T,
    /// Where it is.
    pub file: &'a Arc<str>,
    /// The line, from 1.
    pub line: u64,
    /// Whether the file is an archive, which may contain what is elsewhere too.
    pub is_archived: bool,
    /// Whether the file is the one of its run.
    pub is_at_home: bool,
}

impl<T> Placed<'_, T> {
    fn place(&self) -> Place<'_> {
        Place { file: self.file, line: self.line }
    }
}

/// Collects runs, and then failures.
pub struct HistoryCheck {
    now: DateTime<Utc>,
    runs: BTreeMap<String, RunSeen>,
    /// Batches of failures that have no run, each with its first failure and the number of them.
    without_run: BTreeMap<String, (Arc<str>, u64, u64)>,
    shares: BTreeMap<EcosystemId, EvidenceShares>,
    made: BTreeMap<RecipeName, String>,
    findings: Findings,
}

struct RunSeen {
    file: Arc<str>,
    line: u64,
    is_archived: bool,
    /// The number of failures that should be recorded.
    n_failed: u64,
    has_failures: bool,
}

impl HistoryCheck {
    /// Nothing is added yet.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self {
            now,
            runs: BTreeMap::new(),
            without_run: BTreeMap::new(),
            shares: BTreeMap::new(),
            made: BTreeMap::new(),
            findings: Findings::default(),
        }
    }

    /// Adds the record of a run.
    pub fn run(&mut self, placed: &Placed<'_, RunRecord>) {
        let (run, at) = (placed.record, placed.place());
        let id = &run.batch_id;
        if !placed.is_at_home {
            let message = format!("the record of {id} is in the file of another run");
            self.findings.add(Finding::new(FindingCode::BatchIdTwice, at, id, message));
        }
        if ahead::is_ahead(run.timestamp, self.now) {
            let message = format!("{id} started at {}", run.timestamp.trunc_subsecs(0));
            self.findings.add(Finding::new(FindingCode::RecordAhead, at, id, message));
        }
        // A sweep makes no recipes.
        if run.sweep.is_none() {
            let made = run.recipes_generated.iter().map(|name| (name.clone(), id.clone()));
            self.made.extend(made);
        }
        let seen = RunSeen {
            file: Arc::clone(placed.file),
            line: placed.line,
            is_archived: placed.is_archived,
            // The earlier pipeline named no generator, and did not keep all failures.
            n_failed: if run.generator.is_empty() { 0 } else { run.failed + run.blocked },
            has_failures: false,
        };
        match self.runs.get(id) {
            None => {
                self.runs.insert(id.clone(), seen);
            }
            // An archive command that was interrupted leaves a record in both places.
            Some(other) if other.is_archived != placed.is_archived => (),
            Some(other) => {
                let message =
                    format!("{id} is also recorded in {}, line {}", other.file, other.line);
                self.findings.add(Finding::new(FindingCode::BatchIdTwice, at, id, message));
            }
        }
    }

    /// Adds a failure. `is_stored` says whether an output is there, given its digest.
    pub fn failure(
        &mut self,
        placed: &Placed<'_, FailureRecord>,
        is_stored: &mut dyn FnMut(&str) -> bool,
    ) {
        let (failure, at) = (placed.record, placed.place());
        let (id, batch) = (&failure.id, &failure.batch_id);
        for output in failure.output.iter().chain(&failure.repro) {
            if !is_stored(&output.sha256) {
                let message = format!("{id} names the output {}", output.sha256);
                self.findings.add(Finding::new(FindingCode::OutputMissing, at, id, message));
            }
        }
        if !placed.is_at_home {
            let message = format!("{id} belongs to {batch}");
            self.findings.add(Finding::new(FindingCode::FailureElsewhere, at, id, message));
        }
        if ahead::is_ahead(failure.timestamp, self.now) {
            let message = format!("{id} ended at {}", failure.timestamp.trunc_subsecs(0));
            self.findings.add(Finding::new(FindingCode::RecordAhead, at, id, message));
        } else if self.now.signed_duration_since(failure.timestamp) <= OLD {
            shares::add(&mut self.shares, failure);
        }
        match self.runs.get_mut(batch) {
            Some(run) => run.has_failures = true,
            // The earlier pipeline did not say to which run a failure belongs.
            None if failure.origin.is_some() => (),
            None => {
                let first = || (Arc::clone(placed.file), placed.line, 0);
                self.without_run.entry(batch.clone()).or_insert_with(first).2 += 1;
            }
        }
    }

    /// The recipes that runs made, each with the run.
    pub fn made(&self) -> &BTreeMap<RecipeName, String> {
        &self.made
    }

    /// Whether the run `batch` is recorded.
    pub fn has_run(&self, batch: &str) -> bool {
        self.runs.contains_key(batch)
    }

    /// What is wrong. `is_kept` says whether a batch is still to be recorded.
    pub fn end(mut self, is_kept: &dyn Fn(&str) -> bool) -> Findings {
        for (id, run) in &self.runs {
            if run.n_failed > 0 && !run.has_failures {
                let at = Place { file: &run.file, line: run.line };
                let message = format!("{id} counts {} failures", run.n_failed);
                self.findings.add(Finding::new(FindingCode::RunWithoutFailures, at, id, message));
            }
        }
        let lost = self.without_run.iter().filter(|(batch, _)| !is_kept(batch));
        for (batch, (file, line, n)) in lost {
            let at = Place { file, line: *line };
            let message = format!("{batch} has {n} failures and no record");
            self.findings.add(Finding::new(FindingCode::FailureWithoutRun, at, batch, message));
        }
        for (ecosystem, counts) in &self.shares {
            let at = Place { file: "data/failures", line: 0 };
            let mut add = |code, share: Option<f64>, of: u64, what: &str| {
                let is_large = FEW <= of && share.is_some_and(|share| MANY < share);
                if is_large {
                    let message =
                        format!("{} of {of} failures of {ecosystem} {what}", percentage(share));
                    self.findings.add(Finding::new(code, at, ecosystem.as_str(), message));
                }
            };
            let with_evidence = counts.failures - counts.evidence_lost;
            let code = FindingCode::UnclassifiedShare;
            add(
                code,
                counts.unclassified_share(),
                with_evidence,
                "have a cause that no rule knows",
            );
            let code = FindingCode::EvidenceLostShare;
            add(code, counts.lost_share(), counts.failures, "have lost their evidence");
        }
        self.findings
    }
}
