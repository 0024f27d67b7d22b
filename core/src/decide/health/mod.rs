//! How the pipeline does: decided once, for the terminal, the pages and monitors alike.
//!
//! A [`Digest`] takes in what is known, newest first; [`judge`] decides. Reasons are data; whoever
//! shows them makes sentences of them.

mod digest;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Serialize;

pub use self::digest::Digest;
use crate::{
    decide::{ahead, breaker},
    model::{Control, EcosystemId, Open},
};

/// How far back records are looked at; further where fewer than [`DROUGHT`] runs lie within.
pub const WINDOW: TimeDelta = TimeDelta::days(7);

/// Slots come hourly, and CI drops some: two may be missing.
pub const STALLED_AFTER: TimeDelta = TimeDelta::hours(3);

/// Runs in a row without a verified recipe, slots that ran nothing included, that are no accident.
pub const DROUGHT: u64 = 24;

/// Age at which an open pull request is nobody's any more.
const OLD_PULL_REQUEST: TimeDelta = TimeDelta::hours(48);

/// Whether the pipeline does its work at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "PipelineStatus")]
pub enum Pipeline {
    /// Runs leave records, whatever comes of them.
    Running,
    /// No record for [`STALLED_AFTER`].
    Stalled,
    /// An operator stopped it.
    Paused,
}

/// The one word on its health: the worst that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "HealthVerdict")]
pub enum Verdict {
    /// There is no reason to look.
    Healthy,
    /// It runs, and somebody should look at the reasons.
    Degraded,
    /// It does not run, though it should.
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
    BreakerOpen,
    HostPaused,
    Drought,
    QueueEmpty,
    PrOld,
    UnclassifiedUp,
}

impl Pipeline {
    /// As it is written in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stalled => "stalled",
            Self::Paused => "paused",
        }
    }
}

impl Verdict {
    /// As it is written in JSON.
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
    /// As it is written in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DataStale => "data_stale",
            Self::ClockAhead => "clock_ahead",
            Self::DeadRun => "dead_run",
            Self::StateQuarantined => "state_quarantined",
            Self::BreakerOpen => "breaker_open",
            Self::HostPaused => "host_paused",
            Self::Drought => "drought",
            Self::QueueEmpty => "queue_empty",
            Self::PrOld => "pr_old",
            Self::UnclassifiedUp => "unclassified_up",
        }
    }

    /// What it says about the subject, as the end of a sentence that the subject begins.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::DataStale => "is the newest record; look whether the schedule still starts runs",
            Self::ClockAhead => {
                "has a time in the future, which decides nothing; check the clock of the machine that wrote it"
            }
            Self::DeadRun => "ended without a record; the next run records what it did",
            Self::StateQuarantined => {
                "cannot be read, at least in part; mend it or restore it from version control"
            }
            Self::BreakerOpen => {
                "has an open circuit breaker: nothing, or only a few probes, is attempted"
            }
            Self::HostPaused => "asked to be left alone for a while",
            Self::Drought => "had no verified recipe in its newest runs",
            Self::QueueEmpty => "has nothing left to attempt in its queue",
            Self::PrOld => "has a pull request that has been open for more than two days",
            Self::UnclassifiedUp => {
                "is the kind of more failures than before; the classifiers lack a rule"
            }
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "HealthReason")]
pub struct Reason {
    /// What.
    pub code: Code,
    /// With whom: an ecosystem, a host, a run, a file. Hostile.
    pub subject: String,
    /// Since when, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// What shows more of it, or mends it; absent where no command does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// How the pipeline does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "PipelineHealth")]
pub struct Health {
    /// The one word.
    pub verdict: Verdict,
    /// Whether it does its work at all.
    pub pipeline: Pipeline,
    /// What is wrong, the gravest first; empty when nothing is.
    pub reasons: Vec<Reason>,
}

/// Decides from `digest` and `control`, both as of the time of the digest.
pub fn judge(digest: &Digest, control: &Control) -> Health {
    let now = digest.now();
    let newest = digest.newest_record();
    let is_silent = newest.is_none_or(|at| STALLED_AFTER < now.signed_duration_since(at));
    let pipeline = match () {
        () if !control.enabled => Pipeline::Paused,
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

/// What the control file alone shows.
fn control_reasons(control: &Control, now: DateTime<Utc>) -> Vec<Reason> {
    let mut reasons = vec![];
    for id in control.ecosystems.keys() {
        let breaker = control.breaker(id);
        let opened_ahead = |open: &&Open| breaker::was_opened_ahead(open, now);
        let opened_at = breaker.open.as_ref().filter(opened_ahead).map(|open| open.since);
        let ran_at = breaker.last_run_at.filter(|&at| ahead::is_ahead(at, now));
        if let Some(at) = opened_at.or(ran_at) {
            let command = format!("tsuku-batch ecosystem show {id}");
            reasons.push(reason(Code::ClockAhead, id.as_str(), Some(at), Some(command)));
        }
        if let Some(open) = &breaker.open
            && opened_at.is_none()
            && may_run(control, id)
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

/// Hosts that are left alone at `now`, and until when.
pub fn paused_hosts(control: &Control, now: DateTime<Utc>) -> BTreeMap<&str, DateTime<Utc>> {
    let pauses = control.hosts.iter().map(|(host, pause)| (host.as_str(), pause.paused_until));
    pauses.filter(|&(_, until)| ahead::is_paused(until, now)).collect()
}

/// Whether no operator stopped `ecosystem` alone: its troubles are not wanted then.
fn may_run(control: &Control, ecosystem: &EcosystemId) -> bool {
    !control.disabled_ecosystems.contains(ecosystem)
}

#[cfg(test)]
mod tests;
