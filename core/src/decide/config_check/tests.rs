use serde_json::json;

use super::*;
use crate::model::{Purpose, RunRecord};

const HOST: &str = "registry.example";

fn figure(value: u64) -> Figure {
    Figure { value, from: "stated".to_owned() }
}

/// A schedule that fits: one ecosystem, ten packages an hour, two requests for each.
fn schedule() -> Schedule {
    let requests = [(HOST.to_owned(), figure(2))].into();
    Schedule {
        batch_size: 10,
        slots_per_day: 24,
        slot: Duration::from_secs(3600),
        ecosystems: vec![ScheduledEcosystem {
            id: EcosystemId::from_static("zoo"),
            hosts: vec![HOST.to_owned()],
            needs: Needs { requests, seconds: Some(figure(60)) },
            longest_step: 300,
        }],
        quotas: vec![Quota::each_second(HOST)],
        environments: vec!["linux-debian-glibc-x86_64".parse().unwrap()],
        budget: BudgetPolicy::default(),
        verify_seconds: 30,
        backoff: BackoffPolicy::default(),
        breaker: BreakerPolicy::default(),
        request: RequestTimes {
            deadline: Duration::from_secs(30),
            waits: [1, 2, 4].map(Duration::from_secs).to_vec(),
        },
    }
}

/// Changes the schedule.
type Change = fn(&mut Schedule);

/// The one line that does not fit after `change`, and by how much.
fn misfit(change: Change) -> Vec<(Check, u64)> {
    let mut schedule = schedule();
    change(&mut schedule);
    let lines = check(&schedule).lines;
    for line in &lines {
        assert_eq!(line.fits, line.needed <= line.allowed, "{line:?}");
    }
    lines.into_iter().filter(|line| !line.fits).map(|line| (line.check, line.over)).collect()
}

#[test]
fn a_schedule_that_fits_is_computed_line_by_line() {
    let checked = check(&schedule());
    assert!(checked.lines.iter().all(|line| line.fits) && checked.unknown.is_empty());
    let line = &checked.lines[0];
    assert_eq!(
        line.arithmetic,
        "zoo: 2 requests for a package (stated) × 10 packages = 20; registry.example allows 3601 in \
         60 min"
    );
    assert_eq!((line.needed, line.allowed, line.over), (20, 3601, 0));
}

#[test]
fn schedules_that_do_not_fit_are_refused_with_the_difference() {
    let darwin: Change = |it| {
        it.environments = ["darwin-arm64", "darwin-x86_64"].map(|it| it.parse().unwrap()).to_vec();
    };
    let cases: [(Change, &[(Check, u64)]); 12] = [
        // 400 × 10 of 3600 and a burst of one.
        (
            |it| {
                it.ecosystems[0].needs.requests.insert(HOST.to_owned(), figure(400));
            },
            &[(Check::RequestsOfSlot, 399), (Check::RequestsOfDay, 24 * 4000 - 86_401)],
        ),
        // A limit that was lowered to one in five minutes: 12 and a burst of one, 288 and one.
        (
            |it| it.quotas[0].period = Duration::from_secs(300),
            &[(Check::RequestsOfSlot, 7), (Check::RequestsOfDay, 24 * 20 - 289)],
        ),
        (
            |it| it.quotas[0].max_per_run = Some(15),
            &[(Check::RequestsOfSlot, 5), (Check::RequestsOfDay, 465)],
        ),
        // What only seeding may use is not for building.
        (
            |it| it.quotas[0].purpose = Purpose::Seeding,
            &[(Check::RequestsOfSlot, 20), (Check::RequestsOfDay, 480)],
        ),
        // 400 s for each package.
        (|it| it.ecosystems[0].needs.seconds = Some(figure(400)), &[(Check::TimeOfSlot, 400)]),
        // Two tries of 30 minutes and a verification.
        (|it| it.ecosystems[0].longest_step = 1800, &[(Check::TimeOfTest, 120)]),
        // 168 × 10 × 2 × 5 of 1000.
        (darwin, &[(Check::MinutesOnMacos, 15_800)]),
        (|it| it.budget.linux = Some(8000), &[(Check::MinutesOnLinux, 400)]),
        (
            |it| it.request.waits = vec![Duration::from_secs(1200); 3],
            &[(Check::TimeOfRequest, 120)],
        ),
        (
            |it| it.backoff.structural[1] = Duration::from_secs(12 * 3600),
            &[(Check::WaitingTimes, 12)],
        ),
        (
            |it| it.breaker.longest_pause = Duration::from_secs(600),
            &[(Check::PausesOfBreakers, 50)],
        ),
        (|it| it.batch_size = 2, &[(Check::Probes, 1)]),
    ];
    for (n, (change, expected)) in cases.into_iter().enumerate() {
        assert_eq!(misfit(change), expected, "case {n}");
    }
}

#[test]
fn a_shared_host_gets_the_requests_of_all_that_take_turns() {
    let mut schedule = schedule();
    let mut other = schedule.ecosystems[0].clone();
    other.id = EcosystemId::from_static("sea");
    schedule.ecosystems.push(other);
    let lines = check(&schedule).lines;
    let day = lines.iter().find(|line| line.check == Check::RequestsOfDay).unwrap();
    assert_eq!(day.needed, 2 * 12 * 20, "{}", day.arithmetic);
}

#[test]
fn what_no_run_has_recorded_is_unknown_and_no_number_is_invented() {
    let mut schedule = schedule();
    schedule.ecosystems[0].needs = Needs::default();
    let checked = check(&schedule);
    let unknown: Vec<&str> = checked.unknown.iter().map(|it| it.what.as_str()).collect();
    let requests = "how many requests a package of zoo sends to registry.example";
    assert_eq!(unknown, [requests, "how long a package of zoo takes"]);
    let is_of_package = |line: &Line| {
        matches!(line.check, Check::RequestsOfSlot | Check::RequestsOfDay | Check::TimeOfSlot)
    };
    assert!(!checked.lines.iter().any(is_of_package));
}

#[test]
fn the_worst_recorded_run_counts() {
    let run = |id: &str, total: u64, sent: u64, seconds: u64| -> RunRecord {
        serde_json::from_value(json!({
            "schema_version": 2, "batch_id": id, "ecosystem": "zoo",
            "timestamp": "2026-01-01T00:00:00Z", "duration_seconds": seconds, "outcome": "ran",
            "total": total, "succeeded": 0, "failed": total, "blocked": 0, "generated": 0,
            "merged": 0, "generator": "builtin 0",
            "requests": {HOST: {"sent": sent, "throttled": 0, "waited_ms": 0}}}))
        .unwrap()
    };
    let mut needs = BTreeMap::new();
    for run in [run("a", 10, 21, 100), run("b", 5, 5, 300), run("none", 0, 900, 900)] {
        learn(&mut needs, &run);
    }
    let zoo = &needs[&EcosystemId::from_static("zoo")];
    let recorded = |value, id: &str| Figure { value, from: format!("recorded in {id}") };
    assert_eq!(zoo.requests[HOST], recorded(3, "a"));
    assert_eq!(zoo.seconds, Some(recorded(60, "b")));
}
