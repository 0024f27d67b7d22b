//! How the pipeline does, in words, and what guards it. Decided by [`batch_core::decide::health`].

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
    text::{Stamp, counted},
};

/// What stands at the top.
#[derive(Debug)]
pub(crate) struct Health<'a> {
    pub(crate) judged: health::Health,
    /// A sentence; may hold foreign text.
    pub(crate) why: String,
    /// Newest run that had a turn.
    pub(crate) last_run: Option<&'a RunRecord>,
    /// Newest run whose recipes reached main.
    pub(crate) last_success: Option<&'a RunRecord>,
    /// Runs that had a turn after `last_success`, newest first.
    pub(crate) since_success: Vec<&'a RunRecord>,
}

/// How the pipeline does at `as_of`, from all its `records`.
pub(crate) fn of(records: &Records, as_of: DateTime<Utc>) -> Health<'_> {
    let judged = judge(records, as_of);
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
        why: why(&judged, &records.control, since_success.len()),
        judged,
        last_run: had_turn().next(),
        last_success: had_turn().find(|run| run.merged > 0),
        since_success,
    }
}

fn judge(records: &Records, as_of: DateTime<Utc>) -> health::Health {
    let mut digest = Digest::new(as_of);
    // Breaks where older runs change nothing.
    let _ = records.runs.iter().try_for_each(|run| digest.run(run));
    records.failures.iter().for_each(|failure| digest.failure(failure));
    records.queues.iter().for_each(|(id, queue)| digest.queue(id, queue));
    records.problems.iter().for_each(|problem| digest.damaged(&problem.file));
    health::judge(&digest, &records.control)
}

fn why(judged: &health::Health, control: &Control, n_since_success: usize) -> String {
    match judged.verdict {
        Verdict::Paused => pause(control),
        Verdict::NeverRun => "No run is recorded yet.".to_owned(),
        Verdict::Stalled => {
            "Nothing was recorded for more than three hours: look whether the schedule still \
             starts runs."
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
        why = format!("{why}, since {} UTC", Stamp(at));
    }
    if let Some(resume) = control.expected_resume {
        why = format!("{why}, expected back {} UTC", Stamp(resume));
    }
    why + "."
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
    use chrono::TimeDelta;

    use super::*;
    use crate::records::Problem;

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
        let runs = runs.split_whitespace().rev().map(run).collect();
        let records = Records { runs, ..Records::default() };
        let health = of(&records, at(as_of));
        let judged = &health.judged;
        let words = (judged.verdict.as_str(), judged.pipeline.as_str());
        let found = format!("{} {} {}", words.0, words.1, health.since_success.len());
        assert_eq!(found, expected, "{records:?} at {as_of}");
    }

    #[test]
    fn the_pages_say_what_the_one_judge_says() {
        check("", 4, "never_run stalled 0");
        check("0:6/2 1:6/0 2:6/0 3:-", 4, "healthy running 2");
        check("0:6/2", 4, "stalled stalled 0");
        check("0:6/2 500:6/6", 2, "degraded running 0");
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
        let records = Records { control, ..Records::default() };
        let health = of(&records, at(9));
        assert_eq!(health.judged.verdict, Verdict::Paused);
        let expected = "registry outage — ada, since 1970-01-01 01:00 UTC, \
                        expected back 1970-01-01 02:00 UTC.";
        assert_eq!(health.why, expected);
    }

    #[test]
    fn what_no_page_can_show_is_a_reason_to_look() {
        let problem = |file: &str| Problem {
            file: file.to_owned(),
            place: 1,
            reason: String::new(),
            raw: String::new(),
        };
        let records =
            Records { problems: vec![problem("batch-control.json")], ..Records::default() };
        let reasons = of(&records, at(0)).judged.reasons;
        assert_eq!(reasons.len(), 1);
        assert_eq!(reasons[0].subject, "batch-control.json");
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
