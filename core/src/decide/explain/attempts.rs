//! The last attempts at a package, from the records of runs and failures.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    decide::headline::{Headline, Remedy},
    model::{Environment, FailureRecord, PackageId, RunName, RunRecord, Sweep, Verdict},
};

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptResult {
    /// Its recipe passed, wherever it was tested.
    Passed,
    /// Its recipe passed in some environments and failed in others.
    PassedInPart,
    /// It failed.
    Failed,
}

/// One attempt at a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LastAttempt {
    /// The package.
    pub package_id: PackageId,
    /// The run.
    pub batch_id: String,
    /// When the attempt, or else the run, ended or began, as far as it is known.
    pub at: DateTime<Utc>,
    /// How it ended.
    pub result: AttemptResult,
    /// Why an existing recipe was tested; absent if a recipe was to be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sweep: Option<Sweep>,
    /// The failures; several if it failed in several environments.
    pub causes: Vec<Cause>,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[expect(missing_docs, reason = "FailureRecord says it")]
pub struct Cause {
    pub failure_id: String,
    pub category: String,
    pub subcategory: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    pub message: String,
    /// What happened, to what, and whose fault it is; one line.
    pub headline: String,
    /// What a person can do about it.
    pub remedy: Remedy,
}

/// Finds the headline and the remedy of a failure. The classifier of its ecosystem may know more
/// than the rules for any tool.
pub type Reader<'a> = &'a dyn Fn(&FailureRecord) -> (Headline, Remedy);

impl Cause {
    fn new(record: FailureRecord, reader: Reader<'_>) -> Self {
        let (headline, remedy) = reader(&record);
        Self {
            category: record.category().to_owned(),
            subcategory: record.subcategory().to_owned(),
            headline: headline.line,
            remedy,
            failure_id: record.id,
            environment: record.environment,
            service: record.service,
            message: record.message,
        }
    }
}

/// The last attempts at `package`, at most `limit`, the newest first: one for each run that has a
/// record or a failure of it. Records of other packages are ignored.
pub fn last_attempts(
    package: &PackageId,
    runs: impl IntoIterator<Item = RunRecord>,
    (failures, reader): (impl IntoIterator<Item = FailureRecord>, Reader<'_>),
    limit: usize,
) -> Vec<LastAttempt> {
    let mut attempts: BTreeMap<String, LastAttempt> = BTreeMap::new();
    for run in runs.into_iter().filter(|run| run.packages_processed.contains(package)) {
        let attempt = of_record(package, &run);
        attempts.insert(run.batch_id, attempt);
    }
    for failure in failures.into_iter().filter(|failure| failure.package_id == *package) {
        let batch = failure.batch_id.clone();
        attempts.entry(batch).or_insert_with(|| of_failure(&failure)).add(failure, reader);
    }
    let mut attempts: Vec<LastAttempt> = attempts.into_values().map(with_result).collect();
    // The order of the runs, as everywhere in the history.
    let start = |attempt: &LastAttempt| {
        RunName::parse(&attempt.batch_id).and_then(RunName::started_at).unwrap_or(attempt.at)
    };
    attempts.sort_by(|a, b| (start(b), &b.batch_id).cmp(&(start(a), &a.batch_id)));
    attempts.truncate(limit);
    attempts
}

/// The attempts of one run, sorted by package; `run` is its record, if it has one.
pub(super) fn of_run(
    run: Option<&RunRecord>,
    (failures, reader): (impl IntoIterator<Item = FailureRecord>, Reader<'_>),
) -> Vec<LastAttempt> {
    let recorded = run.into_iter().flat_map(|run| {
        run.packages_processed.iter().map(move |id| (id.clone(), of_record(id, run)))
    });
    let mut attempts: BTreeMap<PackageId, LastAttempt> = recorded.collect();
    for failure in failures {
        let id = failure.package_id.clone();
        attempts.entry(id).or_insert_with(|| of_failure(&failure)).add(failure, reader);
    }
    attempts.into_values().map(with_result).collect()
}

/// As far as the record of the run says.
fn of_record(package: &PackageId, run: &RunRecord) -> LastAttempt {
    let has_passed = run
        .results
        .iter()
        .any(|result| result.package_id == *package && result.result == Verdict::Pass);
    LastAttempt {
        package_id: package.clone(),
        batch_id: run.batch_id.clone(),
        at: run.timestamp,
        // Without a failure it passed; a failure changes that.
        result: if has_passed { AttemptResult::PassedInPart } else { AttemptResult::Passed },
        sweep: run.sweep,
        causes: vec![],
    }
}

/// An attempt of which only `failure` is known, which is not added yet.
fn of_failure(failure: &FailureRecord) -> LastAttempt {
    LastAttempt {
        package_id: failure.package_id.clone(),
        batch_id: failure.batch_id.clone(),
        at: failure.timestamp,
        result: AttemptResult::Failed,
        sweep: None,
        causes: vec![],
    }
}

impl LastAttempt {
    fn add(&mut self, failure: FailureRecord, reader: Reader<'_>) {
        if self.causes.is_empty() || self.at < failure.timestamp {
            self.at = failure.timestamp;
        }
        self.causes.push(Cause::new(failure, reader));
    }
}

fn with_result(mut attempt: LastAttempt) -> LastAttempt {
    attempt.result = match (attempt.causes.is_empty(), attempt.result) {
        (true, AttemptResult::PassedInPart) => AttemptResult::Passed,
        (false, AttemptResult::Passed) => AttemptResult::Failed,
        (_, result) => result,
    };
    attempt
}
