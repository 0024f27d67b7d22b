use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    model::{Popularity, Status},
    records,
};

fn day(n: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(n)
}

fn failure(package: &str, fingerprint: u64, day_of: i64) -> FailureSummary {
    let batch = format!("eco-{}", day(day_of).format("%Y-%m-%dT%H-%M-%SZ"));
    let record = json!({
        "schema_version": 2, "id": format!("{batch}-{package}"),
        "package_id": format!("eco:{package}"), "ecosystem": "eco", "batch_id": batch,
        "category": "validation_failed", "subcategory": "install_failed",
        "fingerprint": Fingerprint(fingerprint), "timestamp": day(day_of),
    });
    serde_json::from_value(record).unwrap()
}

/// Packages that wait, with their popularity.
fn targets(packages: &[(&str, Option<u64>)]) -> Targets {
    let mut targets = Targets::default();
    let mut queue = records::queue(packages.iter().map(|&(name, _)| (name, 1, 0)));
    for (name, value) in packages {
        let entry = queue.get_mut(&format!("eco:{name}").parse().unwrap()).unwrap();
        entry.popularity = value.map(|value| popularity(value, "downloads"));
        targets.add(entry);
    }
    targets
}

fn popularity(value: u64, unit: &str) -> Popularity {
    let (unit, source) = (unit.to_owned(), "a list".to_owned());
    Popularity { value, unit, period_days: Some(30), source, as_of: day(0).date_naive() }
}

/// `failures` must be ordered by day, newest first.
fn ranking(targets: Targets, end: i64, failures: &[(&str, u64, i64)]) -> Ranking {
    let mut clusters = Clusters::new(day(end), targets);
    for &(package, fingerprint, day_of) in failures {
        clusters.add(&failure(package, fingerprint, day_of));
    }
    clusters.ranking()
}

#[test]
fn a_cause_unlocks_the_packages_that_failed_so_the_last_time() {
    let targets = targets(&[("a", Some(5)), ("b", Some(7)), ("c", None)]);
    let failures =
        [("a", 1, 9), ("b", 2, 8), ("c", 2, 8), ("a", 2, 7), ("gone", 2, 6), ("b", 2, 5)];
    let found = ranking(targets, 10, &failures);
    let [two, one] = &*found.clusters else { panic!("{found:#?}") };
    assert_eq!((two.fingerprint, two.count, two.packages, two.unlocks), (Fingerprint(2), 5, 4, 2));
    assert_eq!((one.count, one.packages, one.unlocks), (1, 1, 1));
    let shown = |cluster: &Cluster| serde_json::to_value(&cluster.popularity).unwrap();
    let sum = |value: u64| json!([{ "ecosystem": "eco", "value": value, "unit": "downloads", "period_days": 30 }]);
    assert_eq!((shown(two), shown(one)), (sum(7), sum(5)));
    assert_eq!((two.first_seen, two.last_seen), (day(5), day(8)));
    assert_eq!(two.example, "eco-1970-01-09T00-00-00Z-b");
    assert_eq!(two.subcategory, "install_failed");
    assert!(!two.remediation.is_empty());
    assert_eq!((found.n_failures, found.n_unassigned), (6, 0));
    assert!(found.packages_are_complete);
}

#[test]
fn failures_of_one_run_in_several_environments_are_equally_new() {
    let found = ranking(targets(&[("a", None)]), 1, &[("a", 1, 0), ("a", 2, 0)]);
    assert!(found.clusters.iter().all(|cluster| cluster.unlocks == 1), "{found:#?}");
}

#[test]
fn only_packages_that_wait_can_be_unlocked() {
    let mut queue = records::queue([("a", 1, 0)]);
    let entry = queue.values_mut().next().unwrap();
    let by = vec!["x".parse().unwrap()];
    let reason = String::new();
    let batch = "eco-1970-01-01T00-00-00Z".parse().unwrap();
    for (status, expected) in [
        (Status::Pending, 1),
        (Status::Failed, 1),
        (Status::Blocked { by }, 1),
        (Status::RequiresManual { reason: reason.clone() }, 1),
        (Status::Success, 0),
        (Status::InProgress { batch }, 0),
        (Status::Excluded { reason }, 0),
    ] {
        entry.status = status;
        let mut targets = Targets::default();
        targets.add(entry);
        let found = ranking(targets, 1, &[("a", 1, 0)]);
        assert_eq!(found.clusters[0].unlocks, expected, "{:?}", entry.status);
    }
}

#[test]
fn different_units_are_not_added_up() {
    let mut queue = records::queue([("a", 1, 0), ("b", 1, 0)]);
    let mut targets = Targets::default();
    for (entry, unit) in queue.values_mut().zip(["stars", "downloads"]) {
        entry.popularity = Some(popularity(3, unit));
        targets.add(entry);
    }
    let found = ranking(targets, 1, &[("a", 1, 0), ("b", 1, 0)]);
    let units: Vec<&str> = found.clusters[0].popularity.iter().map(|it| &*it.unit).collect();
    assert_eq!(units, ["downloads", "stars"]);
}

#[test]
fn a_trend_compares_two_periods_of_seven_days() {
    let check = |days: &[i64], expected: (Trend, u64, u64)| {
        let failures: Vec<(&str, u64, i64)> = days.iter().map(|&day| ("a", 1, day)).collect();
        let found = ranking(Targets::default(), 100, &failures);
        let cluster = &found.clusters[0];
        let shown = (cluster.trend, cluster.last_7_days, cluster.previous_7_days);
        assert_eq!(shown, expected, "{days:?}");
    };
    check(&[100, 94], (Trend::New, 2, 0));
    check(&[94, 93], (Trend::Steady, 1, 1));
    check(&[99, 94, 87], (Trend::Rising, 2, 1));
    check(&[99, 50], (Trend::Rising, 1, 0));
    check(&[99, 93, 87], (Trend::Falling, 1, 2));
    check(&[99, 98, 93, 92, 87], (Trend::Steady, 2, 3));
    check(&[93, 86], (Trend::Quiet, 0, 1));
    // Of a wrong clock.
    check(&[200], (Trend::Quiet, 0, 0));
}

proptest! {
    #[test]
    fn counts_are_those_of_a_model_that_keeps_everything(
        mut failures in proptest::collection::vec((0..6_usize, 0..4_u64, 0..9_i64), 0..40),
    ) {
        const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
        failures.sort_by_key(|&(_, _, day)| std::cmp::Reverse(day));
        let named: Vec<(&str, u64, i64)> =
            failures.iter().map(|&(name, cause, day)| (NAMES[name], cause, day)).collect();
        let waiting = [("a", None), ("b", None), ("c", None)];
        let found = ranking(targets(&waiting), 10, &named);
        let mut packages: BTreeMap<u64, BTreeSet<&str>> = BTreeMap::new();
        let mut unlocked: BTreeMap<u64, BTreeSet<&str>> = BTreeMap::new();
        for &(name, cause, day) in &named {
            packages.entry(cause).or_default().insert(name);
            let newest = named.iter().filter(|other| other.0 == name).map(|other| other.2).max();
            if Some(day) == newest && "abc".contains(name) {
                unlocked.entry(cause).or_default().insert(name);
            }
        }
        prop_assert_eq!(found.clusters.len(), packages.len());
        for cluster in &found.clusters {
            let cause = cluster.fingerprint.0;
            let count = named.iter().filter(|failure| failure.1 == cause).count() as u64;
            prop_assert_eq!(cluster.count, count);
            prop_assert_eq!(cluster.packages, packages[&cause].len() as u64);
            let n_unlocked = unlocked.get(&cause).map_or(0, BTreeSet::len) as u64;
            prop_assert_eq!(cluster.unlocks, n_unlocked);
        }
        let unlocks: Vec<u64> = found.clusters.iter().map(|cluster| cluster.unlocks).collect();
        prop_assert!(unlocks.is_sorted_by(|a, b| a >= b), "{:?}", unlocks);
    }
}
