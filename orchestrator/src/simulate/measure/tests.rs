//! Each rule that a simulation checks is broken once.

use batch_core::{
    decide::record,
    model::{Open, RunRecord},
};

use super::*;

const ECO: EcosystemId = EcosystemId::from_static("eco");

fn hour(n: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::hours(n)
}

fn id(name: &str) -> PackageId {
    PackageId { ecosystem: ECO, name: name.parse().unwrap() }
}

fn measure() -> Measure {
    Measure::new(hour(0), 2, HashSet::new())
}

/// A run at the hour `n` that attempted these packages.
fn run(n: i64, packages: &[&str]) -> RunRecord {
    let packages_processed: Vec<PackageId> = packages.iter().map(|name| id(name)).collect();
    RunRecord {
        batch_id: format!("eco-{n}"),
        ecosystem: Some(ECO),
        total: packages_processed.len() as u64,
        packages_processed,
        ..record::empty_slot(None, hour(n), String::new())
    }
}

/// Adds the batch of `record`, whose packages had been due since the hour `since`.
fn add(measure: &mut Measure, record: &RunRecord, since: Option<i64>, probing: bool) {
    let batch = Batch {
        slot: record.timestamp,
        record,
        failures: &[],
        probing,
        n_due: 0,
        due_since: &|_| since.map(hour),
    };
    measure.batch(&batch, &mut |_| Ok(())).unwrap();
}

fn codes(measure: &Measure) -> Vec<&'static str> {
    measure.violations.iter().map(|violation| violation.code).collect()
}

fn open(until: i64) -> Breaker {
    let open = Open {
        since: hour(0),
        until: hour(until),
        level: 1,
        signature: None,
        reason: String::new(),
    };
    Breaker { open: Some(open), ..Breaker::default() }
}

#[test]
fn each_slot_leaves_a_record() {
    let mut measure = measure();
    measure.run(hour(0), 1);
    assert_eq!(codes(&measure), [] as [&str; 0]);
    measure.run(hour(1), 0);
    assert_eq!((codes(&measure), measure.runs), (vec!["no_record"], 2));
}

#[test]
fn a_batch_has_a_size() {
    let mut measure = measure();
    add(&mut measure, &run(1, &["a", "b"]), Some(0), false);
    assert_eq!(codes(&measure), [] as [&str; 0]);
    add(&mut measure, &run(2, &["c", "d", "e"]), Some(0), false);
    assert_eq!(codes(&measure), ["batch_too_large"]);
}

#[test]
fn only_what_is_due_is_attempted_and_only_once() {
    let mut measure = measure();
    add(&mut measure, &run(1, &["a"]), Some(0), false);
    add(&mut measure, &run(3, &["a"]), Some(2), false);
    assert_eq!((measure.due_attempts, codes(&measure)), (2, vec![]));
    add(&mut measure, &run(4, &["a"]), Some(2), false);
    assert_eq!((measure.due_attempts, codes(&measure)), (2, vec!["attempted_again"]));
    // A probe may be early.
    add(&mut measure, &run(5, &["b"]), None, true);
    add(&mut measure, &run(6, &["c"]), None, false);
    assert_eq!(codes(&measure), ["attempted_again", "not_due"]);
    // The clock was set back from the hour 6 to the hour 2.
    add(&mut measure, &run(2, &["c"]), Some(1), false);
    assert_eq!((measure.due_attempts, measure.attempts, measure.violations.len()), (2, 6, 2));
    assert_eq!(measure.n_never_attempted(), 0);
}

#[test]
fn nothing_waits_for_more_batches_than_the_bound() {
    // Two packages that are due at the same time have their turn within two runs.
    for (n_runs, expected) in [(2, vec![]), (3, vec!["waited_too_long"])] {
        let mut measure = measure();
        for n in 1..=n_runs {
            let two = [format!("a{n}"), format!("b{n}")];
            add(&mut measure, &run(n, &[&two[0], &two[1]]), Some(n - 1), false);
        }
        let late = id("late");
        measure.end([(&late, hour(0))], hour(9));
        assert_eq!(codes(&measure), expected);
        assert_eq!(measure.n_never_attempted(), 1);
    }
}

#[test]
fn a_breaker_opens_only_if_something_is_wrong() {
    let closed = Breaker::default();
    let outage = Period { from: hour(1), until: hour(2) };
    let bad = Scenario { outages: vec![(ECO, outage)], ..Scenario::default() };
    let mut measure = measure();
    measure.breaker(&ECO, (&closed, &open(3)), hour(2), &bad);
    assert_eq!(codes(&measure), [] as [&str; 0]);
    measure.breaker(&ECO, (&closed, &open(3)), hour(2), &Scenario::default());
    assert_eq!(codes(&measure), ["opened_without_outage"]);
}

#[test]
fn a_probe_that_finds_everything_well_closes_the_breaker() {
    let (outage, fine) = (Period { from: hour(1), until: hour(2) }, Scenario::default());
    let bad = Scenario { outages: vec![(ECO, outage)], ..Scenario::default() };
    let mut measure = measure();
    measure.over(&ECO, &outage, &open(4));
    measure.probed(&ECO, &open(9), (hour(1), hour(2)), &bad);
    measure.probed(&ECO, &Breaker::default(), (hour(4), hour(5)), &fine);
    measure.breaker(&ECO, (&open(4), &Breaker::default()), hour(5), &fine);
    assert_eq!(codes(&measure), [] as [&str; 0]);
    let recovery = &measure.ecosystems[&ECO].recoveries[0];
    assert_eq!((recovery.open_until, recovery.closed_at), (Some(hour(4)), Some(hour(5))));
    measure.probed(&ECO, &open(9), (hour(4), hour(5)), &fine);
    assert_eq!(codes(&measure), ["not_recovered"]);
}

#[test]
fn no_week_uses_more_minutes_than_its_budget() {
    let budget = BudgetPolicy { macos: Some(10), linux: None };
    let minutes = RunnerMinutes { macos: 6, linux: 1_000 };
    let mut measure = measure();
    add(&mut measure, &RunRecord { minutes, ..run(1, &["a"]) }, Some(0), false);
    add(&mut measure, &RunRecord { minutes, ..run(24 * 7, &["b"]) }, Some(0), false);
    measure.check_budget(budget);
    assert_eq!(codes(&measure), [] as [&str; 0]);
    add(&mut measure, &RunRecord { minutes, ..run(24 * 7 + 1, &["c"]) }, Some(0), false);
    measure.check_budget(budget);
    assert_eq!(codes(&measure), ["over_budget"]);
}
