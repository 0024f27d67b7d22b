use serde_json::json;

use super::*;
use crate::model::{
    BatchId, CircuitState, EcosystemId, FailureRecord, Queue, QueueEntry, RunName, RunRecord,
    SCHEMA_VERSION, Status, StoredBreaker, Tier,
};

const ECO: EcosystemId = EcosystemId::from_static("eco");

fn at(hours: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::hours(10_000 + hours)
}

fn run(hour: i64, succeeded: u64) -> RunRecord {
    let id = format!("eco-{}", RunName::text_of(at(hour)));
    let record = json!({"schema_version": SCHEMA_VERSION, "batch_id": id, "ecosystem": "eco",
        "timestamp": at(hour), "duration_seconds": 60, "outcome": "ran", "total": 6,
        "succeeded": succeeded, "failed": 6 - succeeded, "blocked": 0, "generated": 0, "merged": 0});
    serde_json::from_value(record).unwrap()
}

fn queue(names: &[&str]) -> Queue {
    let entry = |name: &&str| {
        let id: crate::model::PackageId = format!("eco:{name}").parse().unwrap();
        (id.clone(), QueueEntry::new(id, Tier::REST, at(-100)))
    };
    names.iter().map(entry).collect()
}

/// Runs as `hour:succeeded`, newest first, seen at hour 0.
fn digest(runs: &str) -> Digest {
    let mut digest = Digest::new(at(0));
    for text in runs.split_whitespace() {
        let (hour, succeeded) = text.split_once(':').unwrap();
        let run = run(hour.parse().unwrap(), succeeded.parse().unwrap());
        if digest.run(&run).is_break() {
            break;
        }
    }
    digest
}

/// The verdict, the state of the pipeline, and the code and subject of each reason.
fn summary(health: &Health) -> String {
    let mut words = vec![health.verdict.as_str().to_owned(), health.pipeline.as_str().to_owned()];
    words.extend(health.reasons.iter().map(|it| format!("{}={}", it.code.as_str(), it.subject)));
    words.join(" ")
}

#[track_caller]
fn check(digest: &Digest, control: &Control, expected: &str) {
    assert_eq!(summary(&evaluate(digest, control)), expected);
}

fn control(value: serde_json::Value) -> Control {
    let mut file = json!({"schema_version": SCHEMA_VERSION, "enabled": true});
    let serde_json::Value::Object(value) = value else { panic!("a table") };
    file.as_object_mut().unwrap().extend(value);
    serde_json::from_value(file).unwrap()
}

#[test]
fn a_run_within_three_hours_is_a_running_pipeline_and_silence_is_not() {
    let fine = Control::default();
    check(&digest("-1:2 -2:0"), &fine, "healthy running");
    check(&digest("-3:2"), &fine, "healthy running");
    let stale = format!("data_stale={}", run(-4, 2).batch_id);
    check(&digest("-4:2"), &fine, &format!("stalled stalled {stale}"));
    let weeks = format!("data_stale={}", run(-27 * 24, 2).batch_id);
    check(&digest("-648:2"), &fine, &format!("stalled stalled {weeks}"));
    check(&Digest::new(at(0)), &fine, "never_run stalled");
    let mut working = digest("-4:2");
    working.is_under_way = true;
    check(&working, &fine, "healthy running");
}

#[test]
fn a_pause_takes_precedence_over_other_states() {
    let paused = Control { enabled: false, ..Control::default() };
    check(&digest("-1:2"), &paused, "paused paused");
    check(&Digest::new(at(0)), &paused, "paused paused");
}

#[test]
fn hourly_runs_without_success_become_stalled_after_a_day() {
    let runs = |n: i64| {
        let hours: Vec<String> = (1..=n).map(|hour| format!("-{hour}:0 ")).collect();
        hours.concat()
    };
    check(&digest(&runs(23)), &Control::default(), "healthy running");
    let drought = "degraded running drought=the pipeline";
    check(&digest(&runs(24)), &Control::default(), drought);
    check(&digest(&format!("{}-25:1", runs(24))), &Control::default(), drought);
    let reasons = evaluate(&digest(&format!("{}-25:1", runs(24))), &Control::default()).reasons;
    assert_eq!(reasons[0].since, Some(at(-24)));
    check(&digest(&format!("-1:1 {}", runs(24))), &Control::default(), "healthy running");
}

#[test]
fn older_runs_are_read_only_if_newer_ones_do_not_decide() {
    let mut digest = Digest::new(at(0));
    let mut see = |hour| digest.run(&run(hour, 0)).is_break();
    assert!((1..=168).all(|hour| !see(-hour)));
    assert!(see(-169), "a week has been seen");
    let mut rare = Digest::new(at(0));
    assert!((1..=24).all(|week| rare.run(&run(-week * 168, 0)).is_continue()));
    assert!(rare.run(&run(-25 * 168, 0)).is_break());
    assert_eq!(rare.runs_since_success(), 24);
}

#[test]
fn open_breakers_and_paused_hosts_are_named_until_they_end() {
    let open = |since: i64, until: i64| StoredBreaker {
        circuit_state: CircuitState::Open,
        opened_at: Some(at(since)),
        backoff_until: Some(at(until)),
        ..StoredBreaker::default()
    };
    let with = |breaker| Control {
        ecosystems: [(ECO, breaker)].into_iter().collect(),
        ..Control::default()
    };
    let fine = digest("-1:2");
    check(&fine, &with(open(-1, 2)), "degraded running breaker_open=eco");
    check(&fine, &with(open(-3, -1)), "degraded running breaker_open=eco");
    check(&fine, &with(StoredBreaker::default()), "healthy running");
    let by_hand = StoredBreaker { opened_at: None, ..open(-1, 700_000) };
    check(&fine, &with(by_hand), "degraded running breaker_open=eco");
    check(&fine, &with(open(700_000, 700_001)), "degraded running clock_ahead=eco");
    let disabled = Control { disabled_ecosystems: vec![ECO], ..with(open(-1, 2)) };
    check(&fine, &disabled, "healthy running");

    let host = |until| control(json!({"hosts": {"a.example": {"paused_until": until}}}));
    check(&fine, &host(at(1)), "degraded running host_paused=a.example");
    check(&fine, &host(at(0)), "healthy running");
    assert_eq!(paused_hosts(&host(at(1)), at(0)).into_iter().next(), Some(("a.example", at(1))));
}

#[test]
fn records_of_the_future_are_named_but_do_not_count() {
    let future = run(700_000, 6).batch_id;
    let mut seen = digest("700000:6 -30:0");
    let stale = format!("data_stale={}", run(-30, 0).batch_id);
    let expected = format!("stalled stalled {stale} clock_ahead={future}");
    check(&seen, &Control::default(), &expected);
    assert_eq!(seen.last_run().unwrap().batch_id, run(-30, 0).batch_id);
    let host = control(json!({"hosts": {"a.example": {"paused_until": at(700_000)}}}));
    check(&digest("-1:1"), &host, "degraded running clock_ahead=a.example");
    let breaker = StoredBreaker { last_run: Some(at(700_000)), ..StoredBreaker::default() };
    let breaker =
        Control { ecosystems: [(ECO, breaker)].into_iter().collect(), ..Control::default() };
    check(&digest("-1:1"), &breaker, "degraded running clock_ahead=eco");

    let mut entries = queue(&["a"]);
    for entry in entries.values_mut() {
        entry.last_attempt_at = Some(at(700_000));
    }
    seen = digest("-1:1");
    seen.queue(&ECO, &entries);
    check(&seen, &Control::default(), "degraded running clock_ahead=eco:a");
}

#[test]
fn queues_pull_requests_crashed_runs_and_damage_are_reported() {
    let mut digest = digest("-1:2");
    digest.queue(&ECO, &Queue::new());
    check(&digest, &Control::default(), "degraded running queue_empty=eco");
    let disabled = Control { disabled_ecosystems: vec![ECO], ..Control::default() };
    check(&digest, &disabled, "healthy running");

    let mut entries = queue(&["a", "b"]);
    let batch = BatchId::new(ECO, at(-49));
    entries.values_mut().next().unwrap().status = Status::InProgress { batch: batch.clone() };
    digest.queue(&ECO, &entries);
    check(&digest, &Control::default(), &format!("degraded running pr_old={batch}"));

    digest.queue(&ECO, &queue(&["a"]));
    let mut digest = self::digest("-1:2");
    digest.dead_run("eco-1971-01-01T00-00-00Z");
    digest.damaged("data/failures/eco-1970-01-01T00-00-00Z.jsonl");
    digest.damaged("data/breaker-log.jsonl");
    let expected = "degraded running dead_run=eco-1971-01-01T00-00-00Z \
                    state_quarantined=data/breaker-log.jsonl";
    check(&digest, &Control::default(), expected);
}

#[test]
fn more_failures_of_no_known_kind_than_before_are_a_reason() {
    let failure = |hour: i64, category: &str, subcategory: &str| -> FailureRecord {
        let record = json!({"schema_version": SCHEMA_VERSION, "id": "x", "package_id": "eco:a",
            "ecosystem": "eco", "batch_id": "x", "stage": "validate", "category": category,
            "subcategory": subcategory, "confidence": "stated", "message": "m",
            "fingerprint": "00000000000000ff", "timestamp": at(hour)});
        serde_json::from_value(record).unwrap()
    };
    let mut digest = digest("-1:2");
    for hour in -100..-25 {
        digest.failure(&failure(hour, "validation_failed", "install_failed"));
    }
    for n in 1..=5 {
        check(&digest, &Control::default(), "healthy running");
        digest.failure(&failure(-n, "unknown", "unclassified"));
    }
    check(&digest, &Control::default(), "degraded running unclassified_up=unknown");
}

#[test]
fn an_ecosystem_without_a_recipe_for_a_week_is_named_while_others_work() {
    // Three turns a day of one ecosystem, and one of another that works.
    let seen = |n_turns: i64, good: Option<i64>, control: &Control| {
        let mut digest = Digest::new(at(0));
        for hour in 1..=168 {
            let turn = hour / 8;
            let mut of_other = run(-hour, 1);
            if hour % 8 == 0 && turn <= n_turns {
                of_other = run(-hour, u64::from(good == Some(turn)));
            } else {
                of_other.ecosystem = Some("works".parse().unwrap());
            }
            assert!(digest.run(&of_other).is_continue());
        }
        let reasons = evaluate(&digest, control).reasons;
        reasons.into_iter().map(|it| (it.code, it.subject, it.since)).collect::<Vec<_>>()
    };
    let fine = Control::default();
    let stuck = |hour| vec![(Code::CoverageStuck, "eco".to_owned(), Some(at(hour)))];
    assert_eq!(seen(21, None, &fine), stuck(-168));
    assert_eq!(seen(18, None, &fine), stuck(-144));
    assert_eq!(seen(17, None, &fine), [], "not for six days");
    assert_eq!(seen(21, Some(21), &fine), [], "a recipe at the start of the week");
    let stopped = control(json!({"disabled_ecosystems": ["eco"]}));
    assert_eq!(seen(21, None, &stopped), [], "nobody wants recipes of it");
}

/// Each run as `tested/passed` on darwin-arm64, newest first, `-` for a run that tests nothing there.
fn darwin(runs: &str) -> Vec<(String, Option<DateTime<Utc>>)> {
    let mut digest = Digest::new(at(0));
    for (hour, counts) in (1..).zip(runs.split_whitespace()) {
        let mut run = run(-hour, 1);
        let elsewhere = json!({ "tested": 3, "passed": 0, "failed": 3, "skipped": 0 });
        let mut environments = json!({ "linux-debian-glibc-x86_64": elsewhere });
        if let Some((tested, passed)) = counts.split_once('/') {
            let (tested, passed): (u64, u64) = (tested.parse().unwrap(), passed.parse().unwrap());
            let counts = json!({ "tested": tested, "passed": passed, "failed": 0, "skipped": 9 });
            environments["darwin-arm64"] = counts;
        }
        run.environments = serde_json::from_value(environments).unwrap();
        assert!(digest.run(&run).is_continue());
    }
    let health = evaluate(&digest, &Control::default());
    let unproven = health.reasons.into_iter().filter(|it| it.code == Code::DarwinUnproven);
    unproven.map(|it| (it.subject, it.since)).collect()
}

#[test]
fn runs_on_macos_that_pass_nothing_are_a_reason() {
    for fine in ["-", "- -", "2/1", "- 3/1 2/0", "0/0", "0/0 1/1"] {
        assert_eq!(darwin(fine), [], "{fine}");
    }
    for (runs, hours) in [("1/0", 1), ("- 2/0 - 1/0", 4), ("2/0 1/0 1/1 1/0", 2), ("0/0 5/0", 2)] {
        let expected = [("darwin-arm64".to_owned(), Some(at(-hours)))];
        assert_eq!(darwin(runs), expected, "{runs}");
    }
}
