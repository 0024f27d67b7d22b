use chrono::{DateTime, NaiveDate};

use super::*;
use crate::model::{EcosystemId, Popularity, Queue, QueueEntry, RecipeName, Threshold, Tier};

pub(crate) const ECO: EcosystemId = EcosystemId::from_static("eco");

/// Plugins that build everything but taps.
pub(crate) struct AnyPlugins;

impl Plugins for AnyPlugins {
    fn unsupported(&self, id: &PackageId) -> Option<String> {
        id.name.as_str().contains('/').then(|| "it names a tap".to_owned())
    }

    fn usual_name(&self, id: &PackageId) -> RecipeName {
        RecipeName::nearest(id.name.as_str())
    }

    fn is_reviewed(&self, _: &EcosystemId) -> bool {
        false
    }

    fn popular(&self, _: &EcosystemId) -> Option<Threshold> {
        None
    }
}

pub(crate) fn id(name: &str) -> PackageId {
    PackageId { ecosystem: ECO, name: name.parse().unwrap() }
}

/// Entries written "a:b,c d", where `a` waits for `b` and `c`, and `d` is pending.
pub(crate) fn queue(text: &str) -> Queue {
    let entry = |word: &str| {
        let (name, by) = word.split_once(':').unwrap_or((word, ""));
        let mut entry = QueueEntry::new(id(name), Tier::REST, DateTime::UNIX_EPOCH);
        if !by.is_empty() {
            let by = by.split(',').map(|name| name.parse().unwrap()).collect();
            entry.status = Status::Blocked { by };
        }
        (entry.id.clone(), entry)
    };
    text.split_whitespace().map(entry).collect()
}

fn found(queue: &Queue, known: &KnownRecipes) -> Blockers {
    blockers(&Queues::from([(&ECO, queue)]), known, &AnyPlugins)
}

#[track_caller]
fn check(text: &str, expected: &[(&str, usize, usize)]) -> Blockers {
    let found = found(&queue(text), &KnownRecipes::default());
    let rows: Vec<(&str, usize, usize)> = found
        .blockers
        .iter()
        .map(|it| (it.package.name.as_str(), it.unlocks, it.waiting))
        .collect();
    assert_eq!(rows, expected, "{text}");
    found
}

#[test]
fn what_a_recipe_would_unlock_is_counted_through_chains() {
    check("a:b b:c c:d d", &[("d", 3, 3)]);
    check("a:x b:x,y c:b", &[("x", 1, 3), ("y", 0, 2)]);
    check("a:b b", &[("b", 1, 1)]);
    assert_eq!(check("a", &[]).n_blocked, 0);
}

#[test]
fn packages_that_wait_for_each_other_are_a_cycle() {
    let found = check("a:b b:c c:a d:a e:e f:x", &[("x", 1, 1)]);
    let cycles: Vec<(Vec<&str>, usize)> = found
        .cycles
        .iter()
        .map(|cycle| (cycle.packages.iter().map(|id| id.name.as_str()).collect(), cycle.waiting))
        .collect();
    assert_eq!(cycles, [(vec!["a", "b", "c"], 4), (vec!["e"], 1)]);
    assert_eq!(found.n_blocked, 6);
}

#[test]
fn a_recipe_that_exists_blocks_nothing_by_whatever_name() {
    let mut known = KnownRecipes::default();
    let satisfies = [("eco".to_owned(), vec!["ssl@3".to_owned()])].into();
    known.add_named(&"openssl".parse().unwrap(), &satisfies);
    let found = found(&queue("a:ssl@3 b:openssl c:ssl@4"), &known);
    assert_eq!((found.n_blocked, found.blockers.len()), (1, 1));
    assert_eq!(found.blockers[0].package, id("ssl@4"));
}

#[test]
fn each_blocker_says_what_keeps_it_and_what_can_be_done() {
    let mut queue = queue("a:held b:new c:o/r d:due due held");
    let reason = "a person".to_owned();
    queue.get_mut(&id("held")).unwrap().status = Status::RequiresManual { reason };
    let found = found(&queue, &KnownRecipes::default());
    let said: Vec<(Option<&str>, &str)> =
        found.blockers.iter().map(|it| (it.obstacle.as_deref(), &*it.command)).collect();
    let expected = [
        (None, "tsuku-batch explain eco:due"),
        (Some("a person"), "tsuku-batch queue unblock eco:held"),
        (None, "tsuku-batch queue add eco:new"),
        (Some("it names a tap"), "tsuku-batch explain eco:o/r"),
    ];
    assert_eq!(said, expected);
}

#[test]
fn popularity_is_added_only_where_it_means_the_same() {
    let mut queue = queue("a:x b:x c:x");
    for (entry, (value, unit)) in
        queue.values_mut().zip([(5, "installs"), (7, "installs"), (9, "stars")])
    {
        entry.popularity = Some(Popularity {
            value,
            unit: unit.to_owned(),
            period_days: Some(30),
            source: String::new(),
            as_of: NaiveDate::default(),
        });
    }
    let found = found(&queue, &KnownRecipes::default());
    let sums: Vec<(u64, &str)> =
        found.blockers[0].popularity.iter().map(|it| (it.value, &*it.unit)).collect();
    assert_eq!(sums, [(12, "installs"), (9, "stars")]);
}

/// The number of steps is proportional to the size of the graph. With a quadratic number of steps this
/// test would take minutes.
#[test]
fn a_chain_and_a_star_of_many_packages_are_counted_in_one_pass() {
    let n = 50_000;
    let mut text: Vec<String> = (0..n).map(|i| format!("p{i}:p{}", i + 1)).collect();
    text.extend((0..n).map(|i| format!("q{i}:hub,spoke")));
    let found = found(&queue(&text.join(" ")), &KnownRecipes::default());
    let rows: Vec<(&str, usize, usize)> = found
        .blockers
        .iter()
        .map(|it| (it.package.name.as_str(), it.unlocks, it.waiting))
        .collect();
    assert_eq!(rows, [("p50000", n, n), ("hub", 0, n), ("spoke", 0, n)]);
}
