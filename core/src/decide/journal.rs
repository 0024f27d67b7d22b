//! From the notes of a run, ended or not, to what it adds to the state.

use chrono::{DateTime, Utc};

use crate::{
    decide::evidence,
    model::{
        Attempt, Confidence, Delta, Failure, FailureKind, Finding, JournalFinish, JournalLine,
        JournalStart, Outcome, PackageId, Stage,
    },
};

/// What became of a package that was under way when its run ended without a word.
const LOST: &str = "the run ended before this attempt did";

/// What the run of `lines` adds to the state; `None` when it never began.
///
/// A run without its last line was found dead at `recovered_at`, or when its journal says so. What
/// it had begun and not ended has failed, so that a package which takes its machine down waits for
/// its next turn like any other.
pub fn delta(lines: &[JournalLine], recovered_at: DateTime<Utc>) -> Option<Delta> {
    let start = lines.iter().find_map(start)?;
    let mut attempts = vec![];
    let mut under_way: Vec<(&PackageId, DateTime<Utc>)> = vec![];
    for line in lines {
        match line {
            JournalLine::Began { package, at } => under_way.push((package, *at)),
            JournalLine::Ended(attempt) => {
                under_way.retain(|(package, _)| **package != attempt.package);
                attempts.push(Attempt::clone(attempt));
            }
            JournalLine::Start(_) | JournalLine::Finish(_) | JournalLine::Recovered { .. } => (),
        }
    }
    let finish = lines.iter().find_map(finish).cloned().unwrap_or_else(|| {
        let ended_at = found_dead_at(lines).unwrap_or(recovered_at);
        // The clock may have been put back since.
        let ended_at = lines.iter().filter_map(instant).fold(ended_at, DateTime::max);
        attempts.extend(under_way.iter().map(|&(package, began)| lost(package, began, ended_at)));
        JournalFinish { ended_at, requests: [].into(), pauses: [].into() }
    });
    Some(Delta {
        batch: start.batch.clone(),
        turn: start.turn.clone(),
        probing: start.probing,
        ended_at: finish.ended_at,
        attempts,
        generator: start.generator.clone(),
        requests: finish.requests,
        pauses: finish.pauses,
        workflow_run_url: start.workflow_run_url.clone(),
    })
}

fn lost(package: &PackageId, started_at: DateTime<Utc>, ended_at: DateTime<Utc>) -> Attempt {
    let kind = FailureKind::RunnerLost;
    let failure = Failure {
        stage: Stage::Generate,
        finding: Finding { kind, service: None, confidence: Confidence::Inferred },
        fingerprint: evidence::fingerprint(kind, LOST, package.name.as_str()),
        message: LOST.to_owned(),
        output: String::new(),
        exit_code: None,
        blocked_by: vec![],
    };
    Attempt {
        package: package.clone(),
        started_at,
        ended_at,
        worked_ms: 0,
        upstream_version: None,
        notes: vec![],
        generated: false,
        results: vec![],
        outcome: Outcome::Failed(Box::new(failure)),
    }
}

fn start(line: &JournalLine) -> Option<&JournalStart> {
    if let JournalLine::Start(start) = line { Some(start) } else { None }
}

fn finish(line: &JournalLine) -> Option<&JournalFinish> {
    if let JournalLine::Finish(finish) = line { Some(finish) } else { None }
}

fn found_dead_at(lines: &[JournalLine]) -> Option<DateTime<Utc>> {
    lines.iter().find_map(|line| match line {
        JournalLine::Recovered { at } => Some(*at),
        JournalLine::Start(_)
        | JournalLine::Began { .. }
        | JournalLine::Ended(_)
        | JournalLine::Finish(_) => None,
    })
}

fn instant(line: &JournalLine) -> Option<DateTime<Utc>> {
    match line {
        JournalLine::Start(start) => Some(start.batch.started_at()),
        JournalLine::Began { at, .. } => Some(*at),
        JournalLine::Ended(attempt) => Some(attempt.ended_at),
        JournalLine::Finish(_) | JournalLine::Recovered { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        decide::{
            apply::{self, Rules},
            backoff::BackoffPolicy,
            breaker::BreakerPolicy,
        },
        model::{BatchId, EcosystemId, EcosystemState, SCHEMA_VERSION, Status, Turn},
        records::{attempt, queue, succeeded},
    };

    fn second(n: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(n, 0).unwrap()
    }

    fn started() -> JournalLine {
        JournalLine::Start(JournalStart {
            schema_version: SCHEMA_VERSION,
            batch: BatchId::new(EcosystemId::from_static("eco"), second(10)),
            turn: Turn::Own,
            probing: false,
            generator: "builtin 0".to_owned(),
            workflow_run_url: None,
        })
    }

    fn began(id: &str, at: i64) -> JournalLine {
        JournalLine::Began { package: id.parse().unwrap(), at: second(at) }
    }

    fn ended(id: &str, at: i64) -> JournalLine {
        let attempt = attempt(id, succeeded("a"));
        JournalLine::Ended(Box::new(Attempt { ended_at: second(at), ..attempt }))
    }

    fn finished(at: i64) -> JournalLine {
        let (requests, pauses) = Default::default();
        JournalLine::Finish(JournalFinish { ended_at: second(at), requests, pauses })
    }

    /// `expected` is "package=outcome package=outcome @ second of the end"; found dead at 99.
    #[track_caller]
    fn check(lines: &[JournalLine], expected: &str) {
        let delta = delta(lines, second(99)).unwrap();
        let outcome = |attempt: &Attempt| match &attempt.outcome {
            Outcome::Succeeded { .. } => "ok".to_owned(),
            Outcome::Failed(failure) => failure.finding.kind.row().subcategory.to_owned(),
        };
        let attempts: Vec<_> = delta
            .attempts
            .iter()
            .map(|attempt| format!("{}={}", attempt.package.name, outcome(attempt)))
            .collect();
        let ended_at = delta.ended_at.timestamp();
        assert_eq!(format!("{} @ {ended_at}", attempts.join(" ")), expected);
    }

    #[test]
    fn a_run_that_ended_is_what_it_noted() {
        let lines = [started(), began("eco:a", 11), ended("eco:a", 12), finished(13)];
        check(&lines, "a=ok @ 13");
    }

    #[test]
    fn what_a_dead_run_had_begun_and_not_ended_has_failed() {
        let [a, b] = [began("eco:a", 11), began("eco:b", 11)];
        check(&[started(), a.clone(), b, ended("eco:a", 12)], "a=ok b=runner_lost @ 99");
        check(&[started()], " @ 99");
        let cancelled = [started(), a, finished(13)];
        check(&cancelled, " @ 13");
    }

    #[test]
    fn a_lost_line_costs_that_fact_only() {
        let without_its_beginning = [started(), ended("eco:a", 12), began("eco:b", 13)];
        check(&without_its_beginning, "a=ok b=runner_lost @ 99");
        assert_eq!(delta(&[began("eco:a", 11), finished(12)], second(99)), None);
    }

    #[test]
    fn a_recovery_that_is_repeated_comes_to_the_same_values() {
        let noted = JournalLine::Recovered { at: second(50) };
        let lines = [started(), began("eco:a", 11), noted.clone()];
        check(&lines, "a=runner_lost @ 50");
        assert_eq!(delta(&lines, second(99)), delta(&lines, second(999)));
        // The clock went back: time still does not.
        check(&[started(), began("eco:a", 70), noted], "a=runner_lost @ 70");
    }

    #[test]
    fn a_package_that_takes_the_machine_down_each_time_waits_longer_each_time() {
        let (backoff, breaker) = (BackoffPolicy::default(), BreakerPolicy::default());
        let rules = Rules { own_services: [].into(), backoff: &backoff, breaker: &breaker };
        let mut state = EcosystemState { queue: queue([("a", 1, 0)]), ..Default::default() };
        let mut waits = vec![];
        for n in 1..=3 {
            let found_dead = second(n * 1_000_000);
            let lines = [started(), began("eco:a", 11)];
            state = apply::delta(state, &delta(&lines, found_dead).unwrap(), &rules).state;
            let entry = state.queue.values().next().unwrap();
            assert_eq!((&entry.status, entry.consecutive_failures), (&Status::Pending, 0));
            waits.push((entry.next_retry_at.unwrap() - found_dead).num_hours());
        }
        assert_eq!(waits, [1, 2, 4]);
    }
}
