//! The health of the pipeline. It is decided in one place for the terminal, the pages and monitors.
//!
//! A [`Digest`] collects the records, newest first; [`evaluate`] decides. Reasons are data; whoever
//! shows them turns them into sentences.

mod coverage;
mod darwin;
mod digest;
mod outage;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Serialize;

pub use self::digest::Digest;
use crate::{
    decide::{ahead, breaker},
    model::{Control, Open},
};

/// How far back records are read. It is further if fewer than [`MAX_RUNS_WITHOUT_SUCCESS`] runs lie
/// within.
pub const WINDOW: TimeDelta = TimeDelta::days(7);

/// After this time without a record the pipeline counts as stalled. Slots come every hour, and CI
/// drops some of them: two may be missing.
pub const STALLED_AFTER: TimeDelta = TimeDelta::hours(3);

/// This many runs in a row without a verified recipe, including slots in which nothing ran, are not
/// a coincidence.
pub const MAX_RUNS_WITHOUT_SUCCESS: u64 = 24;

/// After this time an open pull request counts as abandoned.
const OLD_PULL_REQUEST: TimeDelta = TimeDelta::hours(48);

/// Whether the pipeline is working.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "PipelineStatus")]
pub enum Pipeline {
    /// Runs leave records, whatever their results.
    Running,
    /// No record for [`STALLED_AFTER`].
    Stalled,
    /// An operator stopped it.
    Paused,
}

/// The health in one word: the worst that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "HealthVerdict")]
pub enum Verdict {
    /// There is nothing to look at.
    Healthy,
    /// It runs, and somebody should look at the reasons.
    Degraded,
    /// It does not run, although it should.
    Stalled,
    /// An operator stopped it.
    Paused,
    /// There is no record of any run.
    NeverRun,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "HealthCode")]
#[expect(missing_docs, reason = "`meaning` says it")]
pub enum Code {
    DataStale,
    ClockAhead,
    DeadRun,
    StateQuarantined,
    CorrelatedOutage,
    BreakerOpen,
    HostPaused,
    Drought,
    CoverageStuck,
    DarwinUnproven,
    QueueEmpty,
    PrOld,
    UnclassifiedUp,
}

impl Pipeline {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stalled => "stalled",
            Self::Paused => "paused",
        }
    }
}

impl Verdict {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Stalled => "stalled",
            Self::Paused => "paused",
            Self::NeverRun => "never_run",
        }
    }
}

impl Code {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DataStale => "data_stale",
            Self::ClockAhead => "clock_ahead",
            Self::DeadRun => "dead_run",
            Self::StateQuarantined => "state_quarantined",
            Self::CorrelatedOutage => "correlated_outage",
            Self::BreakerOpen => "breaker_open",
            Self::HostPaused => "host_paused",
            Self::Drought => "drought",
            Self::CoverageStuck => "coverage_stuck",
            Self::DarwinUnproven => "darwin_unproven",
            Self::QueueEmpty => "queue_empty",
            Self::PrOld => "pr_old",
            Self::UnclassifiedUp => "unclassified_up",
        }
    }

    /// What it says about the subject: the end of a sentence that begins with the subject.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::DataStale => "is the newest record; check whether the schedule still starts runs",
            Self::ClockAhead => {
                "has a time in the future and is ignored in decisions; check the clock of the machine that wrote it"
            }
            Self::DeadRun => "ended without a record; the next run records what it did",
            Self::StateQuarantined => {
                "cannot be read completely; correct it, or restore it from version control"
            }
            Self::CorrelatedOutage => {
                "stopped working within two hours of each other; look for a cause that they share, such as the network of the machine"
            }
            Self::BreakerOpen => {
                "has an open circuit breaker: it attempts nothing, or only a few probes"
            }
            Self::HostPaused => "asked for a pause",
            Self::Drought => "had no verified recipe in its newest runs",
            Self::CoverageStuck => {
                "has attempted packages for a week, and none of them got a recipe; look for what its failures have in common"
            }
            Self::DarwinUnproven => {
                "tested recipes in its newest runs and passed none; check the machine with macOS and its sandbox"
            }
            Self::QueueEmpty => "has nothing left to attempt in its queue",
            Self::PrOld => "has a pull request that has been open for more than two days",
            Self::UnclassifiedUp => {
                "is the kind of more failures than before; a classifier lacks a rule"
            }
        }
    }
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "HealthReason")]
pub struct Reason {
    /// The problem.
    pub code: Code,
    /// What has the problem: an ecosystem or several, a host, a run or a file. It may contain
    /// hostile text.
    pub subject: String,
    /// Since when, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// The command that shows more about it or repairs it; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// The health of the pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "PipelineHealth")]
pub struct Health {
    /// The health in one word.
    pub verdict: Verdict,
    /// Whether the pipeline is working.
    pub pipeline: Pipeline,
    /// The problems, the most serious one first; empty when there are none.
    pub reasons: Vec<Reason>,
}

/// Decides from `digest` and `control`, both as of the time of the digest.
pub fn evaluate(digest: &Digest, control: &Control) -> Health {
    let now = digest.now();
    let newest = digest.newest_record();
    let is_silent = newest.is_none_or(|at| STALLED_AFTER < now.signed_duration_since(at));
    let pipeline = match () {
        () if !control.enabled || control.pause_of_all(now).is_some() => Pipeline::Paused,
        () if is_silent && !digest.is_under_way => Pipeline::Stalled,
        () => Pipeline::Running,
    };
    let mut reasons = digest.reasons(control);
    reasons.extend(control_reasons(control, now));
    if pipeline == Pipeline::Stalled
        && let Some((id, at)) = digest.newest_run()
    {
        reasons.push(reason(Code::DataStale, id, Some(at), Some("tsuku-batch run".to_owned())));
    }
    reasons.sort_by(|a, b| (a.code, &a.subject).cmp(&(b.code, &b.subject)));
    let verdict = match pipeline {
        Pipeline::Paused => Verdict::Paused,
        _ if !digest.has_run() => Verdict::NeverRun,
        Pipeline::Stalled => Verdict::Stalled,
        Pipeline::Running if reasons.is_empty() => Verdict::Healthy,
        Pipeline::Running => Verdict::Degraded,
    };
    Health { verdict, pipeline, reasons }
}

/// The problems that the control file shows.
fn control_reasons(control: &Control, now: DateTime<Utc>) -> Vec<Reason> {
    let mut reasons = vec![];
    for id in control.ecosystems.keys() {
        let breaker = control.breaker(id);
        let opened_ahead = |_: &&Open| breaker::was_opened_ahead(&breaker, now);
        let opened_at = breaker.open.as_ref().filter(opened_ahead);
        let opened_at =
            opened_at.map(|open| open.since.max(breaker.last_failure_at.unwrap_or(open.since)));
        let ran_at = breaker.last_run_at.filter(|&at| ahead::is_ahead(at, now));
        if let Some(at) = opened_at.or(ran_at) {
            let command = format!("tsuku-batch ecosystem show {id}");
            reasons.push(reason(Code::ClockAhead, id.as_str(), Some(at), Some(command)));
        }
        if let Some(open) = &breaker.open
            && opened_at.is_none()
            && !control.is_stopped_by_itself(id, now)
        {
            let since = Some(open.since).filter(|&at| at <= now);
            let command = format!("tsuku-batch failures list --ecosystem {id}");
            reasons.push(reason(Code::BreakerOpen, id.as_str(), since, Some(command)));
        }
    }
    for (host, pause) in &control.hosts {
        if ahead::is_paused(pause.paused_until, now) {
            let command = Some("tsuku-batch plan".to_owned());
            reasons.push(reason(Code::HostPaused, host, None, command));
        } else if now < pause.paused_until {
            reasons.push(reason(Code::ClockAhead, host, Some(pause.paused_until), None));
        }
    }
    reasons
}

fn reason(
    code: Code,
    subject: &str,
    since: Option<DateTime<Utc>>,
    command: Option<String>,
) -> Reason {
    Reason { code, subject: subject.to_owned(), since, command }
}

/// Hosts that must not be asked at `now`, and until when.
pub fn paused_hosts(control: &Control, now: DateTime<Utc>) -> BTreeMap<&str, DateTime<Utc>> {
    let pauses = control.hosts.iter().map(|(host, pause)| (host.as_str(), pause.paused_until));
    pauses.filter(|&(_, until)| ahead::is_paused(until, now)).collect()
}

#[cfg(test)]
mod tests;
