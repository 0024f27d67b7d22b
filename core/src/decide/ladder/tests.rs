mod climbs;

use std::collections::BTreeSet;

use chrono::DateTime;
use proptest::{collection::vec, prelude::*, sample::subsequence};

use super::*;
use crate::{
    decide::preflight::PlannedBatch,
    model::{BatchId, Budget, EcosystemId, Fact, PackageId, Plan, Started, Turn},
    records::FactsAt,
};

use Environment::{AlpineArm, AlpineX86, DebianArm, DebianX86, MacArm, MacX86, RhelX86};

fn package(name: &str) -> PackageId {
    format!("eco:{name}").parse().unwrap()
}

fn batch() -> BatchId {
    BatchId::new(EcosystemId::from_static("eco"), DateTime::UNIX_EPOCH)
}

fn at(second: i64) -> FactsAt {
    FactsAt { batch_id: batch(), at: DateTime::from_timestamp(second, 0).unwrap() }
}

fn reach(environments: &[Environment]) -> Reach {
    Reach {
        environments: environments.to_vec(),
        skip: SkipFlags::default(),
        minutes: MinutesLeft::default(),
    }
}

fn planned(names: &[&str], reach: &Reach) -> BatchPlan {
    let plan = Plan {
        batch: batch(),
        probing: false,
        attempts: names.iter().map(|name| package(name)).collect(),
        lost_before: BTreeSet::new(),
    };
    batch_plan(PlannedBatch { turn: Turn::Own, plan }, reach)
}

/// The environments that are tested, in their order, if the tests end with `verdict`.
fn tested(
    plan: &BatchPlan,
    platforms: &[Cell],
    verdict: impl Fn(Environment) -> Verdict,
) -> (Vec<Environment>, BTreeMap<Environment, Step>) {
    let mut ended = BTreeMap::new();
    let mut order = vec![];
    loop {
        let known = |place| ended.get(&place).map_or(Known::Open, |it| Known::Ended(*it));
        let steps = steps(plan, &plan.packages[0], platforms, known);
        let due = steps.iter().filter(|(_, step)| **step == Step::Due);
        let due: Vec<Environment> = due.map(|(place, _)| *place).collect();
        if due.is_empty() {
            return (order, steps);
        }
        for place in due {
            ended.insert(place, verdict(place));
            order.push(place);
        }
    }
}

const FAULT: Verdict = Verdict::Skipped { reason: ValidationSkip::Fault };

#[test]
fn a_recipe_that_works_climbs_all_four_rungs_and_the_cheap_ones_come_first() {
    let plan = planned(&["a"], &reach(Environment::ALL));
    let (order, steps) = tested(&plan, &[], |_| Verdict::Pass);
    assert_eq!(order.len(), 11);
    assert!(order.iter().map(|&place| Rung::of(place)).is_sorted());
    assert!(steps.values().all(|step| *step == Step::Ended));
}

#[test]
fn without_a_pass_on_the_first_rung_a_recipe_is_tested_nowhere_else() {
    let plan = planned(&["a"], &reach(Environment::ALL));
    for verdict in [Verdict::Fail, Verdict::Blocked, FAULT] {
        let (order, steps) = tested(&plan, &[], |_| verdict);
        assert_eq!(order, [DebianX86], "{verdict:?}");
        let not_promoted = Step::Skipped(ValidationSkip::NotPromoted);
        assert_eq!(steps.values().filter(|step| **step == not_promoted).count(), 10);
    }
}

#[test]
fn a_failure_on_a_later_rung_stops_nothing() {
    let plan = planned(&["a"], &reach(&[DebianX86, RhelX86, DebianArm, MacArm]));
    let only_first = |place| if place == DebianX86 { Verdict::Pass } else { Verdict::Fail };
    assert_eq!(tested(&plan, &[], only_first).0, [DebianX86, RhelX86, DebianArm, MacArm]);
}

#[test]
fn a_package_begins_on_the_first_rung_that_it_supports() {
    let plan = planned(&["a"], &reach(Environment::ALL));
    let mac = [Cell::DarwinArm, Cell::DarwinX86];
    let (order, steps) = tested(&plan, &mac, |_| Verdict::Pass);
    assert_eq!(order, [MacArm, MacX86]);
    assert_eq!(steps[&DebianX86], Step::Skipped(ValidationSkip::UnsupportedPlatform));
    let musl = [Cell::LinuxMuslX86, Cell::LinuxMuslArm];
    assert_eq!(tested(&plan, &musl, |_| Verdict::Pass).0, [AlpineX86, AlpineArm]);
    assert_eq!(tested(&plan, &musl, |_| Verdict::Fail).0, [AlpineX86]);
}

#[test]
fn the_first_rung_of_a_machine_is_the_cheapest_that_it_has() {
    let plan = planned(&["a"], &reach(&[AlpineX86]));
    let (order, steps) = tested(&plan, &[], |_| Verdict::Pass);
    assert_eq!(order, [AlpineX86]);
    assert_eq!(steps[&DebianX86], Step::Skipped(ValidationSkip::NotThisMachine));
}

#[test]
fn nothing_is_decided_about_a_rung_before_the_cheaper_ones_have_reported() {
    let plan = planned(&["a"], &reach(&[DebianX86, RhelX86, DebianArm]));
    let after = |known: [Known; 2]| {
        let known = |place| {
            let at = [DebianX86, RhelX86].iter().position(|it| *it == place);
            at.map_or(Known::Open, |at| known[at])
        };
        steps(&plan, &plan.packages[0], &[], known)[&DebianArm]
    };
    let passed = Known::Ended(Verdict::Pass);
    assert_eq!(after([Known::Open, Known::Open]), Step::Later);
    assert_eq!(after([passed, Known::Open]), Step::Later);
    assert_eq!(after([passed, Known::Closed]), Step::Due, "rhel will not report any more");
    let not_promoted = Step::Skipped(ValidationSkip::NotPromoted);
    assert_eq!(after([Known::Closed, Known::Open]), not_promoted);
    assert_eq!(after([Known::Ended(Verdict::Fail), passed]), not_promoted);
}

#[test]
fn a_result_that_will_not_come_is_missing_only_where_the_recipe_could_have_been_tested() {
    let plan = planned(&["a"], &reach(&[DebianX86, RhelX86]));
    let after = |debian, rhel| {
        let known = |place| if place == DebianX86 { debian } else { rhel };
        let steps = steps(&plan, &plan.packages[0], &[], known);
        (steps[&DebianX86], steps[&RhelX86])
    };
    let ended = Known::Ended;
    let not_promoted = Step::Skipped(ValidationSkip::NotPromoted);
    assert_eq!(after(Known::Closed, Known::Open), (Step::Closed, not_promoted));
    assert_eq!(after(Known::Closed, Known::Closed), (Step::Closed, not_promoted));
    assert_eq!(after(Known::Open, Known::Closed), (Step::Due, Step::Closed));
    assert_eq!(after(ended(Verdict::Pass), Known::Closed), (Step::Ended, Step::Closed));
    for verdict in [Verdict::Fail, Verdict::Blocked, FAULT] {
        assert_eq!(after(ended(verdict), Known::Closed), (Step::Ended, not_promoted));
    }
}

#[test]
fn options_leave_environments_out() {
    let left = |skip| {
        let plan = planned(&["a"], &Reach { skip, ..reach(Environment::ALL) });
        let left_out = plan.skipped.iter().filter(|(_, it)| **it == ValidationSkip::LeftOut);
        (plan.packages[0].environments.len(), left_out.count())
    };
    assert_eq!(left(SkipFlags::default()), (11, 0));
    assert_eq!(left(SkipFlags { macos: true, ..SkipFlags::default() }), (9, 2));
    assert_eq!(left(SkipFlags { arm64: true, ..SkipFlags::default() }), (7, 4));
    assert_eq!(left(SkipFlags { musl: true, ..SkipFlags::default() }), (9, 2));
    assert_eq!(left(SkipFlags { macos: true, arm64: true, musl: true }), (4, 7));
}

#[test]
fn the_first_packages_of_a_plan_get_the_minutes_that_are_left() {
    let minutes = MinutesLeft { macos: Some(3 * MINUTES_OF_A_TEST + 4), linux: None };
    let plan = planned(&["a", "b", "c"], &Reach { minutes, ..reach(&[DebianX86, MacArm, MacX86]) });
    let over: Vec<_> = plan.packages.iter().map(|it| it.over_budget.clone()).collect();
    assert_eq!(over, [vec![], vec![MacX86], vec![MacArm, MacX86]]);
    let known = |_| Known::Ended(Verdict::Pass);
    let steps = steps(&plan, &plan.packages[2], &[], known);
    assert_eq!(steps[&MacArm], Step::Skipped(ValidationSkip::Budget));
}

#[test]
fn a_budget_is_for_one_week_and_shared_by_the_batches_of_a_run() {
    let monday = DateTime::parse_from_rfc3339("2026-11-23T00:00:00Z").unwrap().to_utc();
    let budget = Budget {
        week_start: Some(monday.date_naive()),
        macos_minutes_used: 700,
        linux_minutes_used: 9,
    };
    let left = |at, n| MinutesLeft::of(&budget, BudgetPolicy::default(), at, n);
    assert_eq!(left(monday, 1), MinutesLeft { macos: Some(300), linux: None });
    assert_eq!(left(monday, 8).macos, Some(37));
    assert_eq!(left(monday + chrono::Duration::days(7), 1).macos, Some(1000));
    let spent = Budget { macos_minutes_used: 1200, ..budget };
    assert_eq!(MinutesLeft::of(&spent, BudgetPolicy::default(), monday, 0).macos, Some(0));
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        4 => Just(Verdict::Pass), 2 => Just(Verdict::Fail), 1 => Just(FAULT),
        1 => Just(Verdict::Blocked),
    ]
}

proptest! {
    #[test]
    fn no_minute_is_spent_on_a_recipe_that_no_cheaper_rung_has_passed(
        verdicts in vec(verdict(), 11),
        here in subsequence(Environment::ALL.to_vec(), 1..=11),
        platforms in subsequence(Cell::ALL.to_vec(), 0..=6),
    ) {
        let plan = planned(&["a"], &reach(&here));
        let verdict_in = |place: Environment| {
            verdicts[Environment::ALL.iter().position(|it| *it == place).unwrap()]
        };
        let (order, steps) = tested(&plan, &platforms, verdict_in);
        prop_assert_eq!(steps.len(), 11, "something is said about each environment");
        let is_supported =
            |place: &Environment| platforms.is_empty() || platforms.contains(&place.cell());
        let first = here.iter().filter(|place| is_supported(place)).map(|&it| Rung::of(it)).min();
        let passes_below = |rung| {
            order.iter().any(|&it| Rung::of(it) < rung && verdict_in(it) == Verdict::Pass)
        };
        let failed_first = order
            .iter()
            .any(|&it| Some(Rung::of(it)) == first && verdict_in(it) == Verdict::Fail);
        for place in &order {
            let rung = Rung::of(*place);
            prop_assert!(here.contains(place) && is_supported(place));
            prop_assert!(Some(rung) == first || passes_below(rung) && !failed_first);
        }
        // Everything that may be tested is tested.
        for place in here.iter().filter(|place| is_supported(place)) {
            let rung = Rung::of(*place);
            let is_due = Some(rung) == first || passes_below(rung) && !failed_first;
            prop_assert_eq!(order.contains(place), is_due);
        }
        prop_assert!(order.iter().map(|&place| Rung::of(place)).is_sorted());
    }
}
