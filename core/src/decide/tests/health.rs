//! How the pipeline does.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde_json::json;

use super::*;
use crate::{
    decide::health::{self, Code, Digest, Health, Pipeline, Verdict, evaluate},
    model::{
        BreakerTransition, CircuitState, Control, FailureRecord, HostPause, Queue, RunRecord,
        SCHEMA_VERSION, SlotOutcome, Status, StoredBreaker,
    },
    records::queue,
};

/// Hours before this moment, most of them.
fn at(hours: i64) -> DateTime<Utc> {
    second(36_000_000) + TimeDelta::hours(hours)
}

/// A run of an hour and a half at most, which ended so many minutes after its start.
fn run(started_at: DateTime<Utc>, minutes: i64, succeeded: u64) -> RunRecord {
    let ended_at = started_at + TimeDelta::minutes(minutes);
    let delta = Delta { ended_at, ..records::delta(batch(started_at), vec![]) };
    RunRecord { succeeded, ..crate::decide::record::run(&delta) }
}

fn slot(started_at: DateTime<Utc>) -> RunRecord {
    crate::decide::record::empty_slot(Some(ECO), started_at, "nothing is due".to_owned())
}

fn judged(digest: &Digest) -> Health {
    evaluate(digest, &Control::default())
}

fn codes(health: &Health) -> Vec<Code> {
    health.reasons.iter().map(|reason| reason.code).collect()
}

/// A pipeline that has just run well.
fn well() -> Digest {
    let mut digest = Digest::new(at(0));
    assert!(digest.run(&run(at(-1), 10, 2)).is_continue());
    digest
}

#[test]
fn a_pipeline_is_stalled_once_its_newest_record_ended_more_than_three_hours_ago() {
    for (minutes, expected) in [
        (59, Pipeline::Stalled),
        (60, Pipeline::Running),
        (61, Pipeline::Running),
        // A length that leads into the future says nothing.
        (240 + 6, Pipeline::Stalled),
    ] {
        let mut digest = Digest::new(at(0));
        let _ = digest.run(&run(at(-4), minutes, 1));
        assert_eq!(judged(&digest).pipeline, expected, "{minutes} minutes");
        digest.is_under_way = true;
        assert_eq!(judged(&digest).pipeline, Pipeline::Running, "one is under way");
    }
}

#[test]
fn the_newest_record_is_the_one_that_ended_last() {
    let mut digest = Digest::new(at(0));
    for record in [slot(at(-5)), run(at(-7), 125, 1), run(at(-8), 1, 1)] {
        let _ = digest.run(&record);
    }
    let reasons = judged(&digest).reasons;
    let stale = reasons.iter().find(|reason| reason.code == Code::DataStale).unwrap();
    assert_eq!(stale.since, Some(at(-7) + TimeDelta::minutes(125)));
    assert_eq!(stale.subject, batch(at(-7)).to_string());
    let _ = digest.run(&run(at(-9), 245, 1));
    let stale = judged(&digest).reasons.into_iter().find(|it| it.code == Code::DataStale);
    assert_eq!(stale.unwrap().subject, batch(at(-7)).to_string(), "of equals the first");
    let last = digest.last_run().unwrap();
    assert_eq!(last.timestamp, at(-7), "a slot that ran nothing is no run");
}

#[test]
fn a_success_or_a_merge_ends_a_drought_and_an_empty_slot_prolongs_it() {
    for (succeeded, merged, is_dry) in [(0, 0, true), (1, 0, false), (0, 1, false)] {
        let mut digest = Digest::new(at(0));
        for n in 1..=23 {
            let _ = digest.run(&slot(at(-n)));
        }
        assert_eq!(codes(&judged(&digest)), []);
        let _ = digest.run(&RunRecord { succeeded, merged, ..run(at(-24), 1, 0) });
        let expected = if is_dry { vec![Code::Drought] } else { vec![] };
        assert_eq!(codes(&judged(&digest)), expected);
        assert_eq!(digest.runs_since_success(), u64::from(is_dry), "slots are no runs");
    }
}

#[test]
fn runs_of_the_last_week_are_looked_at_and_no_others_once_there_are_enough() {
    let digest_of = |n: i64| {
        let mut digest = Digest::new(at(0));
        assert!((1..=n).all(|hour| digest.run(&run(at(-hour), 1, 1)).is_continue()));
        digest
    };
    let week = TimeDelta::days(7);
    let second = TimeDelta::seconds(1);
    assert!(digest_of(24).run(&run(at(0) - week, 1, 1)).is_continue());
    assert!(digest_of(24).run(&run(at(0) - week - second, 1, 1)).is_break());
    assert!(digest_of(23).run(&run(at(0) - week - second, 1, 1)).is_continue());
}

#[test]
fn damage_is_named_unless_it_is_of_history_that_nobody_looks_at() {
    let mut digest = well();
    let week = at(0) - TimeDelta::days(7);
    let file = |at| format!("data/failures/{}.jsonl", batch(at));
    let (within, beyond) = (file(week), file(week - TimeDelta::seconds(1)));
    for file in ["data/queues/x.json", "batch-control.json", &*within, &*beyond] {
        digest.damaged(file);
    }
    let reasons = judged(&digest).reasons;
    let subjects: BTreeSet<&str> = reasons.iter().map(|reason| &*reason.subject).collect();
    assert_eq!(subjects, BTreeSet::from(["data/queues/x.json", "batch-control.json", &*within]));
    assert!(reasons.iter().all(|reason| reason.code == Code::StateQuarantined));
    for i in 0..9 {
        digest.damaged(&format!("file {i}"));
    }
    assert_eq!(judged(&digest).reasons.len(), 5, "a few are enough to look");
}

#[test]
fn a_pull_request_is_old_after_two_days() {
    for (hours, expected) in [(47, vec![]), (48, vec![]), (49, vec![Code::PrOld])] {
        let mut digest = well();
        let mut entries = queue([("a", 1, 0), ("b", 1, 0)]);
        let batch = batch(at(-hours));
        entries.values_mut().next().unwrap().status = Status::InProgress { batch: batch.clone() };
        digest.queue(&ECO, &entries);
        let health = judged(&digest);
        assert_eq!(codes(&health), expected, "{hours} hours");
        assert!(health.reasons.iter().all(|reason| reason.since == Some(batch.started_at())));
    }
}

#[test]
fn a_queue_is_empty_when_nothing_in_it_can_be_attempted() {
    for (status, is_empty) in [
        (Status::Pending, false),
        (Status::Failed, false),
        (Status::Success, true),
        (Status::Blocked { by: vec![] }, true),
        (Status::Excluded { reason: "x".to_owned() }, true),
    ] {
        let mut digest = well();
        let mut entries = queue([("a", 1, 0)]);
        entries.values_mut().next().unwrap().status = status.clone();
        digest.queue(&ECO, &entries);
        let expected = if is_empty { vec![Code::QueueEmpty] } else { vec![] };
        assert_eq!(codes(&judged(&digest)), expected, "{status:?}");
    }
}

fn failure(at: DateTime<Utc>, is_unknown: bool) -> FailureRecord {
    let (category, subcategory) =
        if is_unknown { ("unknown", "unclassified") } else { ("api_error", "timeout") };
    let record = json!({"schema_version": SCHEMA_VERSION, "id": "x", "package_id": "eco:a",
        "ecosystem": "eco", "batch_id": "x", "stage": "validate", "category": category,
        "subcategory": subcategory, "confidence": "stated", "message": "m",
        "fingerprint": "00000000000000ff", "timestamp": at});
    serde_json::from_value(record).unwrap()
}

/// Whether the classifiers seem to lack a rule, after so many failures of the last day and of the
/// days before, each (of no known kind, of known ones).
fn is_unclassified_up(day: (usize, usize), before: (usize, usize)) -> bool {
    let mut digest = well();
    for (hours, (n_unknown, n_known)) in [(-24, day), (-25, before)] {
        for i in 0..n_unknown + n_known {
            digest.failure(&failure(at(hours), i < n_unknown));
        }
    }
    let reasons = judged(&digest).reasons;
    assert!(reasons.iter().all(|reason| reason.since == Some(at(-24))), "of the last day");
    !reasons.is_empty()
}

#[test]
fn failures_of_no_known_kind_are_told_when_they_are_many_and_their_share_more_than_doubled() {
    assert!(is_unclassified_up((5, 0), (0, 1)));
    assert!(!is_unclassified_up((4, 0), (0, 1)), "four are no trend");
    assert!(is_unclassified_up((5, 45), (0, 1)));
    assert!(!is_unclassified_up((5, 46), (0, 1)), "less than a tenth of the day's");
    assert!(!is_unclassified_up((5, 0), (0, 0)), "nothing to compare with");
    assert!(is_unclassified_up((5, 5), (24, 76)));
    assert!(!is_unclassified_up((5, 5), (25, 75)), "just twice the share");
    assert!(!is_unclassified_up((9, 0), (1, 1)));
}

#[test]
fn only_failures_of_the_last_week_count() {
    let week = TimeDelta::days(7);
    for (of_known_kind, expected) in [
        (at(0) - week, true),
        (at(0) - week - TimeDelta::seconds(1), false),
        (at(1), false),
        (at(-25), true),
    ] {
        let mut digest = well();
        digest.failure(&failure(of_known_kind, false));
        for _ in 0..5 {
            digest.failure(&failure(at(-1), true));
        }
        // Without one to compare with there is no trend.
        assert_eq!(!codes(&judged(&digest)).is_empty(), expected, "{of_known_kind}");
    }
}

#[test]
fn every_reason_is_told_by_a_word_and_a_meaning_of_its_own() {
    let all = [
        Code::DataStale,
        Code::ClockAhead,
        Code::DeadRun,
        Code::StateQuarantined,
        Code::CorrelatedOutage,
        Code::BreakerOpen,
        Code::HostPaused,
        Code::Drought,
        Code::CoverageStuck,
        Code::DarwinUnproven,
        Code::QueueEmpty,
        Code::PrOld,
        Code::UnclassifiedUp,
    ];
    let words: BTreeSet<&str> = all.iter().map(|code| code.as_str()).collect();
    let meanings: BTreeSet<&str> = all.iter().map(|code| code.meaning()).collect();
    assert_eq!((words.len(), meanings.len()), (all.len(), all.len()));
    for code in all {
        assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        assert!(code.meaning().contains(' '));
    }
    for verdict in
        [Verdict::Healthy, Verdict::Degraded, Verdict::Stalled, Verdict::Paused, Verdict::NeverRun]
    {
        assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.as_str());
    }
    for pipeline in [Pipeline::Running, Pipeline::Stalled, Pipeline::Paused] {
        assert_eq!(serde_json::to_value(pipeline).unwrap(), pipeline.as_str());
    }
}

#[test]
fn an_open_breaker_is_told_with_its_beginning_if_that_has_been() {
    for (opened, expected) in [(-3, Some(at(-3))), (0, Some(at(0)))] {
        let mut control = Control::default();
        let breaker = StoredBreaker {
            circuit_state: CircuitState::Open,
            opened_at: Some(at(opened)),
            backoff_until: Some(at(9)),
            ..StoredBreaker::default()
        };
        control.ecosystems.insert(ECO, breaker);
        let reasons = evaluate(&well(), &control).reasons;
        let told: Vec<_> = reasons.iter().map(|reason| (reason.code, reason.since)).collect();
        assert_eq!(told, [(Code::BreakerOpen, expected)]);
    }
    let mut control = Control::default();
    let by_hand = StoredBreaker {
        circuit_state: CircuitState::Open,
        backoff_until: Some(at(9)),
        ..StoredBreaker::default()
    };
    control.ecosystems.insert(ECO, by_hand);
    assert_eq!(evaluate(&well(), &control).reasons[0].since, None, "it is its end");
}

/// The health after lines of the breaker log: ecosystem, minute, `o` opened by failures, `O` opened
/// by an operator, or `c` closed. All breakers that are named are open according to the control file.
fn after_lines(lines: &[(&'static str, i64, char)], control: Control) -> Health {
    let (mut digest, mut control) = (well(), control);
    for &(id, minute, change) in lines {
        let ecosystem = EcosystemId::from_static(id);
        let (from, to) = match change {
            'c' => (CircuitState::Open, CircuitState::Closed),
            _ => (CircuitState::Closed, CircuitState::Open),
        };
        let evidence = if change == 'o' { vec!["a failure".to_owned()] } else { vec![] };
        let open = StoredBreaker {
            circuit_state: CircuitState::Open,
            backoff_until: Some(at(9)),
            ..StoredBreaker::default()
        };
        control.ecosystems.insert(ecosystem.clone(), open);
        digest.transition(&BreakerTransition {
            schema_version: SCHEMA_VERSION,
            at: at(-10) + TimeDelta::minutes(minute),
            ecosystem,
            from,
            to,
            reason: String::new(),
            evidence,
            next_probe_at: None,
        });
    }
    evaluate(&digest, &control)
}

/// The subject and the beginning, in minutes, of the outage that is reported.
fn outage_of(health: &Health) -> Option<(&str, i64)> {
    let found = health.reasons.iter().find(|reason| reason.code == Code::CorrelatedOutage)?;
    Some((&found.subject, (found.since? - at(-10)).num_minutes()))
}

#[test]
fn three_ecosystems_that_stop_within_two_hours_are_told_as_one_outage() {
    let outage = |lines: &[_]| {
        let health = after_lines(lines, Control::default());
        outage_of(&health).map(|(ids, minute)| format!("{ids} {minute}"))
    };
    let told = |text: &str| Some(text.to_owned());
    assert_eq!(outage(&[("b", 5, 'o'), ("a", 90, 'o'), ("c", 125, 'o')]), told("a, b, c 5"));
    assert_eq!(outage(&[("b", 5, 'o'), ("a", 90, 'o'), ("c", 126, 'o')]), None, "too far apart");
    assert_eq!(outage(&[("b", 5, 'o'), ("a", 9, 'o')]), None, "two are not enough");
    assert_eq!(outage(&[("b", 5, 'o'), ("a", 9, 'o'), ("c", 9, 'O')]), None, "by an operator");
    let recovered = [("b", 5, 'o'), ("a", 9, 'o'), ("c", 9, 'o'), ("a", 50, 'c')];
    assert_eq!(outage(&recovered), None, "one of them works again");
    let again = [recovered.as_slice(), &[("a", 60, 'o')]].concat();
    assert_eq!(outage(&again), told("a, b, c 5"));
    let later = [("old", 0, 'o'), ("b", 200, 'o'), ("a", 210, 'o'), ("c", 300, 'o')];
    assert_eq!(outage(&later), told("a, b, c 200"), "an earlier one is not a part of it");
    assert_eq!(outage(&[("b", 700, 'o'), ("a", 700, 'o'), ("c", 700, 'o')]), None, "of the future");
}

#[test]
fn an_outage_is_of_ecosystems_that_are_out_and_that_nobody_has_stopped() {
    let lines = [("a", 1, 'o'), ("b", 2, 'o'), ("c", 3, 'o')];
    let stopped =
        Control { disabled_ecosystems: vec![EcosystemId::from_static("b")], ..Control::default() };
    assert_eq!(outage_of(&after_lines(&lines, stopped)), None);
    let health = after_lines(&lines, Control::default());
    let codes = codes(&health);
    assert_eq!(codes[0], Code::CorrelatedOutage, "it comes before the single breakers");
    assert_eq!(codes.len(), 4);
    assert_eq!(health.reasons[0].command.as_deref(), Some("tsuku-batch breaker status"));
    assert_eq!(health.verdict, Verdict::Degraded);
}

#[test]
fn the_hours_since_the_last_run_and_the_last_merge_come_from_the_records() {
    let hours = |digest: &Digest| (digest.hours_since_last_run(), digest.hours_since_last_merge());
    let mut digest = Digest::new(at(0));
    assert_eq!(hours(&digest), (None, None));
    let _ = digest.run(&slot(at(-1)));
    assert_eq!(hours(&digest), (None, None), "a slot in which nothing ran is no run");
    let _ = digest.run(&run(at(-5), 90, 1));
    assert_eq!(hours(&digest), (Some(3), None), "verified is not merged");
    let _ = digest.run(&RunRecord { merged: 1, ..run(at(-30), 60, 1) });
    let _ = digest.run(&RunRecord { merged: 1, ..run(at(-40), 60, 1) });
    assert_eq!(hours(&digest), (Some(3), Some(29)));
}

#[test]
fn a_host_is_paused_until_its_moment() {
    for (hours, is_paused) in [(-1, false), (0, false), (1, true), (24, true), (25, false)] {
        let mut control = Control::default();
        let pause = HostPause { paused_until: at(hours) };
        control.hosts.insert("a.example".to_owned(), pause);
        let paused = health::paused_hosts(&control, at(0));
        assert_eq!(paused.get("a.example").copied(), is_paused.then(|| at(hours)), "{hours}");
    }
}

#[test]
fn the_gravest_reason_comes_first() {
    let mut digest = Digest::new(at(0));
    digest.queue(&ECO, &Queue::new());
    digest.dead_run("x");
    digest.damaged("y");
    let _ = digest.run(&RunRecord { outcome: SlotOutcome::Ran, ..run(at(-9), 1, 1) });
    let expected = [Code::DataStale, Code::DeadRun, Code::StateQuarantined, Code::QueueEmpty];
    assert_eq!(codes(&judged(&digest)), expected);
}
