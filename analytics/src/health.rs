//! The health of the pipeline as a text, and the state of its circuit breakers.
//! [`batch_core::decide::health`] decides.

use batch_core::{
    decide::{
        ahead,
        breaker::{Admission, BreakerPolicy, admission},
        health::{self, Code, Digest, Verdict},
    },
    model::{Breaker, Control, EcosystemId, RunRecord, SlotOutcome},
};
use chrono::{DateTime, TimeDelta, Utc};

use crate::{Circumstances, records::Records, text::Timestamp};

/// The verdict at the top of the first page.
#[derive(Debug)]
pub(crate) struct Health<'a> {
    pub(crate) evaluated: health::Health,
    /// The cause of the verdict and the remedy, one sentence. It may hold text from packages.
    pub(crate) why: String,
    /// The command that remedies it or shows more.
    pub(crate) command: Option<String>,
    /// The newest run that attempted a batch.
    pub(crate) last_run: Option<&'a RunRecord>,
    /// The newest run with a verified recipe.
    pub(crate) last_success: Option<&'a RunRecord>,
    /// The runs that attempted a batch after `last_success`, newest first.
    pub(crate) since_success: Vec<&'a RunRecord>,
    /// Whole hours since the last run with attempts, and since the last merged recipe.
    pub(crate) hours_since_run: Option<u64>,
    pub(crate) hours_since_merge: Option<u64>,
}

/// The health, computed from all `records`.
pub(crate) fn of<'a>(records: &'a Records, circumstances: &Circumstances<'_>) -> Health<'a> {
    let as_of = circumstances.as_of;
    let evaluated = evaluate(records, circumstances);
    // A test of existing recipes makes none, so it neither is a success nor lacks one.
    let is_turn = |run: &&RunRecord| run.outcome != SlotOutcome::Skipped && run.sweep.is_none();
    let is_past = |run: &&RunRecord| !ahead::is_ahead(run.timestamp, as_of);
    let had_turn = || records.runs.iter().filter(is_past).filter(is_turn);
    let is_success = |run: &RunRecord| run.succeeded > 0 || run.merged > 0;
    let since_success: Vec<_> = had_turn().take_while(|run| !is_success(run)).collect();
    let hours = |run: Option<&RunRecord>| {
        let age = as_of.signed_duration_since(run?.timestamp);
        Some(u64::try_from(age.num_hours()).unwrap_or(0))
    };
    let last_run = had_turn().next();
    let (why, command) = why(&evaluated, &records.control, last_run, as_of);
    Health {
        why,
        command,
        evaluated,
        last_run,
        last_success: had_turn().find(|run| is_success(run)),
        since_success,
        hours_since_run: hours(last_run),
        hours_since_merge: hours(had_turn().find(|run| run.merged > 0)),
    }
}

fn evaluate(records: &Records, circumstances: &Circumstances<'_>) -> health::Health {
    let mut digest = Digest::new(circumstances.as_of);
    digest.is_under_way = circumstances.is_under_way;
    circumstances.dead_runs.iter().for_each(|batch| digest.dead_run(batch));
    // Nobody can fill the queue of an ecosystem that no plugin serves.
    let is_served =
        |id: &EcosystemId| circumstances.registry.is_none_or(|registry| registry.get(id).is_some());
    // Stops at the first run from which on older runs change nothing.
    let _ = records.runs.iter().try_for_each(|run| digest.run(run));
    records.failures.iter().for_each(|failure| digest.failure(failure));
    let served = records.queues.iter().filter(|(id, _)| is_served(id));
    served.for_each(|(id, queue)| digest.queue(id, queue));
    records.transitions.iter().rev().for_each(|line| digest.transition(line));
    records.problems.iter().for_each(|problem| digest.damaged(&problem.file));
    health::evaluate(&digest, &records.control)
}

/// The sentence of the verdict, and its command.
fn why(
    evaluated: &health::Health,
    control: &Control,
    last_run: Option<&RunRecord>,
    as_of: DateTime<Utc>,
) -> (String, Option<String>) {
    let of_first = || {
        let reason = evaluated.reasons.first()?;
        let subject = &reason.subject;
        let sentence = format!("{subject} {}", reason.code.meaning());
        Some((format!("{}.", sentence.trim_end_matches('.')), reason.command.clone()))
    };
    match evaluated.verdict {
        Verdict::Paused => (pause(control, as_of), Some("tsuku-batch resume".to_owned())),
        Verdict::NeverRun => (
            "No run is recorded yet; start the first one.".to_owned(),
            Some("tsuku-batch run".to_owned()),
        ),
        Verdict::Stalled => {
            let stale = evaluated.reasons.iter().find(|it| it.code == Code::DataStale);
            let age = stale.and_then(|it| it.since).map(|at| as_of.signed_duration_since(at));
            let age = age.map_or("more than three hours".to_owned(), in_words);
            let sentence = format!(
                "Nothing was recorded for {age}; check whether the schedule still starts runs, or start one."
            );
            (sentence, Some("tsuku-batch run".to_owned()))
        }
        Verdict::Degraded => of_first().unwrap_or_default(),
        Verdict::Healthy => {
            let last = last_run.map_or(String::new(), |run| {
                format!("its last run verified {} of {} packages, and ", run.succeeded, run.total)
            });
            (format!("The pipeline is running; {last}nothing needs a person."), None)
        }
    }
}

/// A long time in words.
pub(crate) fn in_words(age: TimeDelta) -> String {
    match age.num_hours() {
        hours @ ..48 => format!("{hours} hours"),
        hours => format!("{} days", hours / 24),
    }
}

fn pause(control: &Control, as_of: DateTime<Utc>) -> String {
    let pause = control.pause_of_all(as_of).filter(|_| control.enabled);
    let reason = pause.map(|it| it.reason.clone()).or_else(|| control.reason.clone());
    let mut why = match reason {
        Some(reason) => format!("Stopped: {reason}"),
        None => "Stopped; no reason is recorded".to_owned(),
    };
    if let Some(who) = &control.disabled_by {
        why = format!("{why} — {who}");
    }
    if let Some(at) = control.disabled_at {
        why = format!("{why}, since {} UTC", Timestamp(at));
    }
    let resume = pause.map(|it| it.until).or(control.expected_resume);
    if let Some(resume) = resume {
        why = format!("{why}, expected back {} UTC", Timestamp(resume));
    }
    why + "."
}

/// Whether the pipeline may attempt packages of an ecosystem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    /// An operator has disabled the ecosystem.
    Disabled,
    /// The breaker is closed: whole batches are attempted.
    Closed,
    /// The breaker is open: nothing is attempted before that instant.
    Open(DateTime<Utc>),
    /// The breaker is half open: a few packages are attempted, since that instant.
    HalfOpen(DateTime<Utc>),
}

impl Permission {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Closed => "closed",
            Self::Open(_) => "open",
            Self::HalfOpen(_) => "half_open",
        }
    }
}

/// The permission of `ecosystem` at `as_of`, and the breaker that it follows from.
pub(crate) fn permission(
    control: &Control,
    ecosystem: &EcosystemId,
    as_of: DateTime<Utc>,
) -> (Permission, Breaker) {
    let breaker = control.breaker(ecosystem);
    let until = breaker.open.as_ref().map(|open| open.until);
    let permission = match (admission(&breaker, as_of, &BreakerPolicy::default()), until) {
        _ if control.is_stopped_by_itself(ecosystem, as_of) => Permission::Disabled,
        (Admission::Probes(_) | Admission::FirstOfQueue(_), Some(until)) => {
            Permission::HalfOpen(until)
        }
        (Admission::Nothing(_), Some(until)) => Permission::Open(until),
        (Admission::Batch, _) | (_, None) => Permission::Closed,
    };
    (permission, breaker)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::Problem;

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    /// Builds runs from `hour:total/merged`, or `hour:-` for a slot without a run; oldest first.
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
        let runs = runs.split_whitespace().rev().map(run).collect();
        let records = Records { runs, ..Records::default() };
        let health = of(&records, &Circumstances::at(at(as_of)));
        let evaluated = &health.evaluated;
        let words = (evaluated.verdict.as_str(), evaluated.pipeline.as_str());
        let found = format!("{} {} {}", words.0, words.1, health.since_success.len());
        assert_eq!(found, expected, "{records:?} at {as_of}");
    }

    #[test]
    fn the_pages_show_the_verdict_of_decide_health() {
        check("", 4, "never_run stalled 0");
        check("0:6/2 1:6/0 2:6/0 3:-", 4, "healthy running 2");
        check("0:6/2", 4, "stalled stalled 0");
        check("0:6/2 500:6/6", 2, "degraded running 0");
    }

    #[test]
    fn a_pause_states_its_reason_its_author_and_its_end() {
        let control = Control {
            enabled: false,
            reason: Some("registry outage".into()),
            disabled_by: Some("ada".into()),
            disabled_at: Some(at(1)),
            expected_resume: Some(at(2)),
            ..Control::default()
        };
        let records = Records { control, ..Records::default() };
        let health = of(&records, &Circumstances::at(at(9)));
        assert_eq!(health.evaluated.verdict, Verdict::Paused);
        let expected = "Stopped: registry outage — ada, since 1970-01-01 01:00 UTC, \
                        expected back 1970-01-01 02:00 UTC.";
        assert_eq!(health.why, expected);
    }

    #[test]
    fn the_log_of_the_breakers_is_read_from_its_beginning() {
        let line = |id: &str, hour: i64, [from, to]: [&str; 2]| {
            let json = serde_json::json!({"schema_version": 2, "at": at(hour), "ecosystem": id,
                "from": from, "to": to, "reason": "r", "evidence": ["a failure"]});
            serde_json::from_value(json).unwrap()
        };
        let (open, closed) = (["closed", "open"], ["open", "closed"]);
        let log =
            [("a", 0, open), ("a", 1, closed), ("a", 2, open), ("b", 2, open), ("c", 2, open)];
        let transitions = log.into_iter().rev().map(|(id, hour, to)| line(id, hour, to)).collect();
        let breaker = serde_json::json!({"circuit_state": "open", "backoff_until": at(5)});
        let json = serde_json::json!({"schema_version": 2, "enabled": true,
            "ecosystems": {"a": breaker, "b": breaker, "c": breaker}});
        let control: Control = serde_json::from_value(json).unwrap();
        let records = Records { control, transitions, ..Records::default() };
        let reasons = of(&records, &Circumstances::at(at(3))).evaluated.reasons;
        let outage = reasons.iter().find(|it| it.code.as_str() == "correlated_outage").unwrap();
        assert_eq!((outage.subject.as_str(), outage.since), ("a, b, c", Some(at(2))));
    }

    #[test]
    fn records_without_a_page_are_a_reason_for_the_verdict() {
        let problem = |file: &str| Problem {
            file: file.to_owned(),
            place: 1,
            reason: String::new(),
            raw: String::new(),
        };
        let records =
            Records { problems: vec![problem("batch-control.json")], ..Records::default() };
        let reasons = of(&records, &Circumstances::at(at(0))).evaluated.reasons;
        assert_eq!(reasons.len(), 1);
        assert_eq!(reasons[0].subject, "batch-control.json");
    }

    #[test]
    fn a_breaker_is_half_open_after_its_pause() {
        let id: EcosystemId = "eco".parse().unwrap();
        let json = serde_json::json!({"schema_version": 2, "enabled": true, "ecosystems": {
            "eco": {"circuit_state": "open", "backoff_until": at(5)}}});
        let control: Control = serde_json::from_value(json).unwrap();
        assert_eq!(permission(&control, &id, at(4)).0, Permission::Open(at(5)));
        assert_eq!(permission(&control, &id, at(5)).0, Permission::HalfOpen(at(5)));
        assert_eq!(permission(&Control::default(), &id, at(5)).0, Permission::Closed);
        let disabled = Control { disabled_ecosystems: vec![id.clone()], ..control };
        assert_eq!(permission(&disabled, &id, at(5)).0, Permission::Disabled);
    }
}
