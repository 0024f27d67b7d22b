//! Recipes on their way up the ladder.

use super::*;

/// A batch that tests `a` in all environments, and the facts of its generation.
fn generated(command: Option<&str>) -> (Started, Vec<Fact>) {
    let mut started = at(0).started(&[package("a")], Environment::ALL);
    started.plan = planned(&["a"], &reach(Environment::ALL));
    let facts = vec![
        Fact::Started(Box::new(started.clone())),
        at(1).generated(package("a"), command),
        Fact::Finished(at(2).finished(None, "own.example")),
    ];
    (started, facts)
}

#[test]
fn an_empty_generation_leaves_nothing_to_test() {
    let (started, facts) = generated(None);
    assert_eq!(due(&facts, &started), []);
}

#[test]
fn what_is_due_follows_from_the_facts_in_any_order() {
    let (started, mut facts) = generated(Some("a"));
    assert_eq!(due(&facts, &started), [(package("a"), DebianX86)]);
    let validated = |second, place, it| {
        Fact::Validated(Box::new(at(second).validated(package("a"), place, it)))
    };
    facts.push(validated(3, DebianX86, Verdict::Pass));
    let second: Vec<Environment> = due(&facts, &started).into_iter().map(|it| it.1).collect();
    assert_eq!(second.len(), 4);
    // The order of arrival and repetitions change nothing.
    facts.reverse();
    facts.extend(facts.clone());
    assert_eq!(due(&facts, &started).into_iter().map(|it| it.1).collect::<Vec<_>>(), second);
    for place in second {
        facts.push(validated(4, place, FAULT));
    }
    let third: Vec<Environment> = due(&facts, &started).into_iter().map(|it| it.1).collect();
    assert!(third.len() == 4 && third.iter().all(|&place| Rung::of(place) == Rung::Arm));
}

#[test]
fn a_test_that_was_begun_and_not_ended_gets_another_number() {
    let (started, mut facts) = generated(Some("a"));
    facts.push(at(3).began(package("a"), Some(DebianX86), 1));
    let climbs = climbs(&facts, &started);
    assert_eq!((climbs[0].next_try(DebianX86), climbs[0].next_try(MacArm)), (2, 1));
    assert_eq!(climbs[0].due(&started.plan), [DebianX86]);
}

#[test]
fn only_what_depends_on_results_that_may_come_is_tested_later() {
    let (started, facts) = generated(Some("a"));
    let mut plan = started.plan.clone();
    plan.packages[0].environments.retain(|place| *place != MacArm);
    let started = Started { plan, ..started };
    let mut climb = climbs(&facts, &started).remove(0);
    let is_later = |climb: &Climb, place| climb.is_later(place, &started.plan);
    assert!(!is_later(&climb, DebianX86), "it is tested now");
    assert!(is_later(&climb, RhelX86) && is_later(&climb, DebianArm));
    assert!(!is_later(&climb, MacArm), "it is not planned");
    climb.ended(DebianX86, Some(Verdict::Pass));
    assert!(!is_later(&climb, DebianX86), "it was tested");
    assert!(!is_later(&climb, RhelX86), "it is tested now");
    climb.ended(DebianX86, Some(Verdict::Fail));
    assert!(!is_later(&climb, RhelX86), "it is not tested there");
}

#[test]
fn a_test_that_has_ended_is_not_due_again_and_its_verdict_decides_about_the_next_rung() {
    let (started, facts) = generated(Some("a"));
    let due_after = |verdict| {
        let mut climb = climbs(&facts, &started).remove(0);
        climb.ended(DebianX86, verdict);
        climb.due(&started.plan)
    };
    let promoted = due_after(Some(Verdict::Pass));
    assert!(promoted.len() > 1 && promoted.contains(&RhelX86) && !promoted.contains(&DebianX86));
    assert_eq!(due_after(Some(Verdict::Fail)), []);
    assert_eq!(due_after(None), []);
}

#[test]
fn packages_are_generated_until_it_has_ended_or_a_host_asked_for_a_pause() {
    let names = ["made", "nothing", "paused", "untouched", "begun", "interrupted_in_a_test"];
    let started = at(0).started(&names.map(package), &[DebianX86]);
    let facts = [
        at(1).generated(package("made"), Some("cmd")),
        at(1).generated(package("nothing"), None),
        at(1).began(package("paused"), None, 1),
        at(2).deferred(package("paused"), None, "own.example"),
        at(1).began(package("begun"), None, 1),
        at(2).began(package("begun"), None, 2),
        // A pause of a test says nothing about a generation.
        at(3).deferred(package("interrupted_in_a_test"), Some(DebianX86), "own.example"),
    ];
    let left = to_generate(&facts, &started);
    let left: Vec<_> =
        left.iter().map(|(it, tries)| (it.package_id.name.as_str(), *tries)).collect();
    assert_eq!(left, [("untouched", 0), ("begun", 2), ("interrupted_in_a_test", 0)]);
}

#[test]
fn one_environment_discovers_the_commands_and_the_others_test_its_recipe() {
    let plan = planned(&["a"], &reach(&[AlpineX86, RhelX86]));
    let started = Started { plan, ..at(0).started(&[], &[]) };
    let [first, other] = started.plan.packages[0].environments[..] else { panic!("{started:?}") };
    let mut facts = vec![at(1).undiscovered(package("a"))];
    let climb = |facts: &[Fact]| climbs(facts, &started).remove(0);
    let undiscovered = climb(&facts);
    assert!(matches!(undiscovered.to_test, ToTest::Undiscovered(_)));
    assert_eq!(undiscovered.due(&started.plan), [first]);
    assert!(undiscovered.is_later(other, &started.plan), "it waits for the recipe");
    assert_eq!(due(&facts, &started), [(package("a"), first)]);

    facts.push(Fact::Discovered(Box::new(at(2).discovered(package("a"), first, Some("cmd")))));
    facts.push(Fact::Validated(Box::new(at(3).validated(package("a"), first, Verdict::Pass))));
    let discovered = climb(&facts);
    let ToTest::Recipe(recipe) = &discovered.to_test else { panic!("{discovered:?}") };
    assert!(recipe.toml.contains("cmd --version"), "{}", recipe.toml);
    assert_eq!(discovered.due(&started.plan), [other]);

    // Where the first one could not tell, the next one discovers them.
    let skipped = Verdict::Skipped { reason: ValidationSkip::Fault };
    let faulty = [
        at(1).undiscovered(package("a")),
        Fact::Validated(Box::new(at(3).validated(package("a"), first, skipped))),
    ];
    let next = climb(&faulty);
    assert!(matches!(next.to_test, ToTest::Undiscovered(_)));
    assert_eq!(next.due(&started.plan), [other]);
}
