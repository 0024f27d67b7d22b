//! The health of the pipeline as a text, and the state of its circuit breakers.
//! [`batch_core::decide::health`] decides.

use batch_core::{
    decide::{
        ahead,
        breaker::{Admission, BreakerPolicy, admission},
        health::{self, Digest, Verdict},
    },
    model::{Breaker, Control, EcosystemId, RunRecord, SlotOutcome},
};
use chrono::{DateTime, Utc};

use crate::{
    records::Records,
    text::{Timestamp, counted},
};

/// The verdict at the top of the first page.
#[derive(Debug)]
pub(crate) struct Health<'a> {
    pub(crate) evaluated: health::Health,
    /// The reason of the verdict, one sentence. It may hold text from packages.
    pub(crate) why: String,
    /// The newest run that attempted a batch.
    pub(crate) last_run: Option<&'a RunRecord>,
    /// The newest run whose recipes reached the main branch.
    pub(crate) last_success: Option<&'a RunRecord>,
    /// The runs that attempted a batch after `last_success`, newest first.
    pub(crate) since_success: Vec<&'a RunRecord>,
}

/// The health at `as_of`, computed from all `records`.
pub(crate) fn of(records: &Records, as_of: DateTime<Utc>) -> Health<'_> {
    let evaluated = evaluate(records, as_of);
    let had_turn = || {
        let is_turn = |run: &&RunRecord| run.outcome != SlotOutcome::Skipped;
        records
            .runs
            .iter()
            .filter(move |run| !ahead::is_ahead(run.timestamp, as_of))
            .filter(is_turn)
    };
    let since_success: Vec<_> = had_turn().take_while(|run| run.merged == 0).collect();
    Health {
        why: why(&evaluated, &records.control, since_success.len()),
        evaluated,
        last_run: had_turn().next(),
        last_success: had_turn().find(|run| run.merged > 0),
        since_success,
    }
}

fn evaluate(records: &Records, as_of: DateTime<Utc>) -> health::Health {
    let mut digest = Digest::new(as_of);
    // Stops at the first run from which on older runs change nothing.
    let _ = records.runs.iter().try_for_each(|run| digest.run(run));
    records.failures.iter().for_each(|failure| digest.failure(failure));
    records.queues.iter().for_each(|(id, queue)| digest.queue(id, queue));
    records.problems.iter().for_each(|problem| digest.damaged(&problem.file));
    health::evaluate(&digest, &records.control)
}

fn why(evaluated: &health::Health, control: &Control, n_since_success: usize) -> String {
    match evaluated.verdict {
        Verdict::Paused => pause(control),
        Verdict::NeverRun => "No run is recorded yet.".to_owned(),
        Verdict::Stalled => {
            "Nothing was recorded for more than three hours: check whether the schedule still starts runs."
                .to_owned()
        }
        Verdict::Healthy | Verdict::Degraded => match n_since_success {
            0 => "The pipeline is running, and its last run merged recipes.".to_owned(),
            n => {
                let runs = counted(n, "run");
                format!("The pipeline is running; {runs} without a merged recipe.")
            }
        },
    }
}

fn pause(control: &Control) -> String {
    let mut why = control.reason.clone().unwrap_or_else(|| "No reason is recorded".to_owned());
    if let Some(who) = &control.disabled_by {
        why = format!("{why} — {who}");
    }
    if let Some(at) = control.disabled_at {
        why = format!("{why}, since {} UTC", Timestamp(at));
    }
    if let Some(resume) = control.expected_resume {
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
    use chrono::TimeDelta;

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
        let health = of(&records, at(as_of));
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
        let health = of(&records, at(9));
        assert_eq!(health.evaluated.verdict, Verdict::Paused);
        let expected = "registry outage — ada, since 1970-01-01 01:00 UTC, \
                        expected back 1970-01-01 02:00 UTC.";
        assert_eq!(health.why, expected);
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
        let reasons = of(&records, at(0)).evaluated.reasons;
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
