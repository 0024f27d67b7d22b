//! Environments in which a recipe is not tested, and results that decide nothing.

use super::*;

#[test]
fn a_recipe_that_the_first_rung_fails_is_decided_without_the_others_and_saves_their_minutes() {
    let three = plan("a b", "A B C");
    let mut all = facts(&["made a", "made b", "fail a A", "pass b A", "finished", "finished A"]);
    for fact in &mut all {
        if let Fact::Validated(validated) = fact {
            validated.duration_ms = 90_000;
        }
    }
    let delta = folded(&three, &all);
    assert_eq!(shown(&delta), "a=install_failed | waiting b(B) @ 99");
    assert_eq!(
        delta.minutes_saved,
        RunnerMinutes { linux: 2, macos: 2 },
        "B and C for 1.5 minutes"
    );
    let run = record::run(&delta);
    let not_promoted = [(ValidationSkip::NotPromoted, 1)].into();
    assert_eq!(run.environments[&place("C")].skip_reasons, not_promoted);
    assert_eq!((run.environments[&place("C")].tested, run.minutes_saved.macos), (0, 2));
}

#[test]
fn an_environment_that_a_plan_leaves_out_changes_no_outcome_and_is_named_with_its_reason() {
    let of = |result: &str| {
        let mut plan = plan("a", "A");
        plan.plan.skipped = [(place("C"), ValidationSkip::NotThisMachine)].into();
        folded(&plan, &facts(&["made a", result, "finished", "finished A"]))
    };
    for (result, expected) in [
        ("pass a A", "a=ok @ 14"),
        ("fail a A", "a=install_failed @ 14"),
        ("fault a A", "a=timeout @ 14"),
        ("blocked a A", "a=recipe_missing @ 14"),
    ] {
        let delta = of(result);
        assert_eq!(shown(&delta), expected);
        let elsewhere = Verdict::Skipped { reason: ValidationSkip::NotThisMachine };
        assert_eq!(delta.attempts[0].results[1].verdict, elsewhere);
        assert_eq!(record::failures(&delta).len(), usize::from(result != "pass a A"));
    }
}

#[test]
fn a_package_that_runs_in_none_of_the_planned_environments_fails_and_one_over_budget_waits() {
    let of = |over_budget: &[&str]| {
        let mut plan = plan("a", "A");
        plan.plan.packages[0].over_budget = over_budget.iter().map(|it| place(it)).collect();
        let mut all = facts(&["made a", "finished", "finished A"]);
        for fact in &mut all {
            if let Fact::Generated(generated) = fact
                && let Generation::Recipe(recipe) = &mut generated.made
            {
                recipe.facts.platforms = vec![place("C").cell()];
            }
        }
        shown(&folded(&plan, &all))
    };
    assert_eq!(of(&[]), "a=no_bottle @ 13");
    assert_eq!(of(&["C"]), " | deferred a @ 13");
}

#[test]
fn a_transient_failure_stays_one_after_its_tries_and_counts_against_nobody() {
    let one = plan("a", "A");
    let mut all = facts(&["made a", "finished", "finished A"]);
    for tries in 1..=3 {
        let Fact::Validated(mut validated) = fact("fault a A", 13) else { panic!("a validation") };
        (validated.tries, validated.duration_ms) = (tries, 1_000);
        all.push(Fact::Validated(validated));
    }
    let delta = folded(&one, &all);
    let result = &delta.attempts[0].results[0];
    assert_eq!((result.tries, result.duration_ms), (3, 3_000));
    let (backoff, breaker) = (BackoffPolicy::default(), BreakerPolicy::default());
    let rules = Rules {
        own_services: [].into(),
        backoff: &backoff,
        breaker: &breaker,
        merging: Merging::AtOnce,
    };
    let state = EcosystemState { queue: queue([("a", 1, 0)]), ..Default::default() };
    let state = state.after(&delta, &rules);
    let entry = &state.queue[&package("a")];
    assert_eq!((&entry.status, entry.consecutive_failures), (&Status::Pending, 0));
}
