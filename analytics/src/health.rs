//! Whether the pipeline runs, and what guards it. Pure.

use batch_core::{
    decide::breaker::{Admission, BreakerPolicy, admission},
    model::{Breaker, Control, EcosystemId, RunRecord, SlotOutcome},
};
use chrono::{DateTime, TimeDelta, Utc};

use crate::text::{Stamp, counted};

/// Slots come hourly, and CI drops some: two may be missing.
pub(crate) const STALLED_AFTER: TimeDelta = TimeDelta::hours(3);

/// Slots that find nothing to do are normal; a whole day of them is not.
pub(crate) const IDLE_AFTER: TimeDelta = TimeDelta::hours(24);

/// The one word at the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    NotStarted,
    Running,
    Stalled,
    Paused,
}

impl Word {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "not started",
            Self::Running => "running",
            Self::Stalled => "stalled",
            Self::Paused => "paused",
        }
    }
}

/// The line at the top.
#[derive(Debug)]
pub(crate) struct Health<'a> {
    pub(crate) word: Word,
    /// A sentence; may hold foreign text.
    pub(crate) why: String,
    /// Newest run that had a turn.
    pub(crate) last_run: Option<&'a RunRecord>,
    /// Newest run whose recipes reached main.
    pub(crate) last_success: Option<&'a RunRecord>,
    /// Runs that had a turn after `last_success`, newest first.
    pub(crate) since_success: Vec<&'a RunRecord>,
}

/// How the pipeline does, from its `runs` (newest first).
pub(crate) fn of<'a>(control: &Control, runs: &'a [RunRecord], as_of: DateTime<Utc>) -> Health<'a> {
    let (word, why) = verdict(control, runs, as_of);
    let had_turn = || runs.iter().filter(|run| run.outcome != SlotOutcome::Skipped);
    Health {
        word,
        why,
        last_run: had_turn().next(),
        last_success: had_turn().find(|run| run.merged > 0),
        since_success: had_turn().take_while(|run| run.merged == 0).collect(),
    }
}

fn verdict(control: &Control, runs: &[RunRecord], as_of: DateTime<Utc>) -> (Word, String) {
    if !control.enabled {
        return (Word::Paused, pause(control));
    }
    let Some(newest) = runs.first() else {
        return (Word::NotStarted, "No run is recorded yet.".to_owned());
    };
    let last_seen = newest.timestamp;
    if STALLED_AFTER < as_of - last_seen {
        let silence = counted(hours(as_of - last_seen), "hour");
        let why =
            format!("Nothing was recorded for {silence}: look whether the schedule still fires.");
        return (Word::Stalled, why);
    }
    let last_attempt = runs.iter().find(|run| run.total > 0);
    let idle_since = last_attempt.or(runs.last()).map_or(last_seen, |run| run.timestamp);
    if IDLE_AFTER < last_seen - idle_since {
        let reason = newest.skip_reason.as_deref().unwrap_or("no reason is recorded");
        let idle = counted(hours(last_seen - idle_since), "hour");
        return (
            Word::Stalled,
            format!("Slots come, but nothing was attempted for {idle}: {reason}."),
        );
    }
    let had_turn = runs.iter().filter(|run| run.outcome != SlotOutcome::Skipped);
    let drought = had_turn.take_while(|run| run.merged == 0).count();
    let why = match drought {
        0 => "The last run merged recipes.".to_owned(),
        n => format!("{} without a merged recipe.", counted(n, "run")),
    };
    (Word::Running, why)
}

fn pause(control: &Control) -> String {
    let mut why = control.reason.clone().unwrap_or_else(|| "No reason is recorded".to_owned());
    if let Some(who) = &control.disabled_by {
        why = format!("{why} — {who}");
    }
    if let Some(at) = control.disabled_at {
        why = format!("{why}, since {} UTC", Stamp(at));
    }
    if let Some(resume) = control.expected_resume {
        why = format!("{why}, expected back {} UTC", Stamp(resume));
    }
    why + "."
}

fn hours(span: TimeDelta) -> usize {
    usize::try_from(span.num_hours()).unwrap_or(0)
}

/// Whether an ecosystem may attempt anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    /// An operator said no.
    Disabled,
    /// The breaker lets whole batches through.
    Closed,
    /// Nothing before that instant.
    Open(DateTime<Utc>),
    /// Probes since that instant.
    HalfOpen(DateTime<Utc>),
}

impl Guard {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Closed => "closed",
            Self::Open(_) => "open",
            Self::HalfOpen(_) => "half_open",
        }
    }
}

/// The guard of `ecosystem` at `as_of`, and the breaker that it follows from.
pub(crate) fn guard(
    control: &Control,
    ecosystem: &EcosystemId,
    as_of: DateTime<Utc>,
) -> (Guard, Breaker) {
    let breaker = control.breaker(ecosystem);
    let until = breaker.open.as_ref().map(|open| open.until);
    let guard = match (admission(&breaker, as_of, &BreakerPolicy::default()), until) {
        _ if control.disabled_ecosystems.contains(ecosystem) => Guard::Disabled,
        (Admission::Probes(_), Some(until)) => Guard::HalfOpen(until),
        (Admission::Nothing(_), Some(until)) => Guard::Open(until),
        (Admission::Batch, _) | (_, None) => Guard::Closed,
    };
    (guard, breaker)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    /// Runs as `hour:total/merged`, or `hour:-` for a slot that ran nothing; oldest first.
    fn check(runs: &str, as_of: i64, expected: &str) {
        let run = |text: &str| {
            let (hour, result) = text.split_once(':').unwrap();
            let (total, merged) = result.split_once('/').unwrap_or(("0", "0"));
            let outcome = if result == "-" { "skipped" } else { "ran" };
            let json = serde_json::json!({
                "schema_version": 2, "batch_id": text, "duration_seconds": 1, "outcome": outcome,
                "timestamp": at(hour.parse().unwrap()), "total": total.parse::<u64>().unwrap(),
                "succeeded": 0, "failed": 0, "blocked": 0, "generated": 0,
                "merged": merged.parse::<u64>().unwrap(), "skip_reason": "all disabled",
            });
            serde_json::from_value(json).unwrap()
        };
        let runs: Vec<RunRecord> = runs.split_whitespace().rev().map(run).collect();
        let health = of(&Control::default(), &runs, at(as_of));
        let since = health.since_success.len();
        assert_eq!(format!("{} {since}", health.word.as_str()), expected, "{runs:?} at {as_of}");
    }

    #[test]
    fn hourly_runs_without_success_are_running() {
        check("0:6/2 1:6/0 2:6/0 3:-", 4, "running 2");
        check("0:6/0", 3, "running 1");
    }

    #[test]
    fn silence_and_idleness_are_stalls() {
        check("", 4, "not started 0");
        check("0:6/2", 4, "stalled 0");
        check("0:6/0 10:- 20:- 25:-", 26, "stalled 1");
        check("0:- 24:-", 25, "running 0");
        check("0:- 25:-", 25, "stalled 0");
    }

    #[test]
    fn a_pause_says_why_who_and_until_when() {
        let control = Control {
            enabled: false,
            reason: Some("registry outage".into()),
            disabled_by: Some("ada".into()),
            disabled_at: Some(at(1)),
            expected_resume: Some(at(2)),
            ..Control::default()
        };
        let health = of(&control, &[], at(9));
        assert_eq!(health.word, Word::Paused);
        let expected = "registry outage — ada, since 1970-01-01 01:00 UTC, \
                        expected back 1970-01-01 02:00 UTC.";
        assert_eq!(health.why, expected);
    }

    #[test]
    fn half_open_is_a_matter_of_time() {
        let id: EcosystemId = "eco".parse().unwrap();
        let json = serde_json::json!({"schema_version": 2, "enabled": true, "ecosystems": {
            "eco": {"circuit_state": "open", "backoff_until": at(5)}}});
        let control: Control = serde_json::from_value(json).unwrap();
        assert_eq!(guard(&control, &id, at(4)).0, Guard::Open(at(5)));
        assert_eq!(guard(&control, &id, at(5)).0, Guard::HalfOpen(at(5)));
        assert_eq!(guard(&Control::default(), &id, at(5)).0, Guard::Closed);
        let disabled = Control { disabled_ecosystems: vec![id.clone()], ..control };
        assert_eq!(guard(&disabled, &id, at(5)).0, Guard::Disabled);
    }
}
