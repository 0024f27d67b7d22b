mod accepted;
mod discovered;
mod ends;
mod restricted;
mod rungs;

use super::*;
use crate::{
    decide::{
        apply::{Merging, Rules},
        backoff::BackoffPolicy,
        breaker::BreakerPolicy,
        recipe, record,
    },
    ecosystem_state::EcosystemState,
    model::{
        BatchId, Discovered, EcosystemId, ExecutablesFrom, FailureKind, Generation, HostUsage,
        PackageId, RefusalReason, RunnerMinutes, Status, Validated, Verify,
    },
    records::{FactsAt, INSTALL, queue, recipe_of},
};

/// The environments by the letters that the tests use.
const ENVIRONMENTS: [(&str, Environment); 3] =
    [("A", Environment::DebianX86), ("B", Environment::AlpineX86), ("C", Environment::MacArm)];

fn second(n: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(n, 0).unwrap()
}

fn batch() -> BatchId {
    BatchId::new(EcosystemId::from_static("eco"), second(10))
}

fn package(name: &str) -> PackageId {
    format!("eco:{name}").parse().unwrap()
}

fn place(letter: &str) -> Environment {
    ENVIRONMENTS.iter().find(|(known, _)| *known == letter).unwrap().1
}

fn facts_at(at: i64) -> FactsAt {
    FactsAt { batch_id: batch(), at: second(at) }
}

/// A plan of these packages in these environments: "a b", "A B".
fn plan(packages: &str, places: &str) -> Started {
    let places: Vec<Environment> = places.split_whitespace().map(place).collect();
    let packages: Vec<PackageId> = packages.split_whitespace().map(package).collect();
    facts_at(10).started(&packages, &places)
}

/// A fact at second `at`, in words: "paused a", "paused a A", "began a", "began a A", "made a",
/// "made a cmd" (it provides the command `cmd`), "unknown a" (only an installation shows its commands),
/// "found a A cmd", "differ a A" (two installations showed different commands), "none a", "pass|fail|fault|blocked|bare a A", "finished", "finished A",
/// "recovered".
fn fact(words: &str, at: i64) -> Fact {
    let facts = facts_at(at);
    match words.split_whitespace().collect::<Vec<_>>()[..] {
        ["began", name] => facts.began(package(name), None, 1),
        ["began", name, letter] => facts.began(package(name), Some(place(letter)), 1),
        ["made", name] => facts.generated(package(name), Some(name)),
        ["made", name, command] => facts.generated(package(name), Some(command)),
        ["unknown", name] => facts.undiscovered(package(name)),
        ["found", name, letter, command] => Fact::Discovered(Box::new(facts.discovered(
            package(name),
            place(letter),
            Some(command),
        ))),
        ["differ", name, letter] => {
            Fact::Discovered(Box::new(facts.discovered(package(name), place(letter), None)))
        }
        ["none", name] => facts.generated(package(name), None),
        ["finished"] => Fact::Finished(facts.finished(None, "own.example")),
        ["finished", letter] => Fact::Finished(facts.finished(Some(place(letter)), "own.example")),
        ["recovered"] => facts.recovered(),
        ["paused", name] => facts.deferred(package(name), None, "own.example"),
        ["paused", name, letter] => {
            facts.deferred(package(name), Some(place(letter)), "own.example")
        }
        [result, name, letter] => {
            let verdict = match result {
                "pass" => Verdict::Pass,
                "fail" | "bare" => Verdict::Fail,
                "blocked" => Verdict::Blocked,
                "fault" => Verdict::Skipped { reason: ValidationSkip::Fault },
                _ => panic!("{result}"),
            };
            let mut validated = facts.validated(package(name), place(letter), verdict);
            validated.failure = validated.failure.filter(|_| result != "bare");
            Fact::Validated(Box::new(validated))
        }
        _ => panic!("{words}"),
    }
}

/// Facts in words, one each second from second 11 on.
fn facts(words: &[&str]) -> Vec<Fact> {
    (11..).zip(words).map(|(at, words)| fact(words, at)).collect()
}

fn folded(plan: &Started, facts: &[Fact]) -> Delta {
    let name_registry = NameRegistry::default();
    fold(
        facts,
        &Context {
            plan,
            actions: &[INSTALL],
            name_registry: &name_registry,
            known: &KnownRecipes::default(),
            policy: &MergePolicy::default(),
        },
        second(99),
    )
}

/// "a=ok b=timeout | deferred c | waiting d(A B) @ 12", without empty parts.
fn shown(delta: &Delta) -> String {
    let outcome = |attempt: &Attempt| match &attempt.outcome {
        Outcome::Succeeded { .. } => "ok".to_owned(),
        Outcome::Failed(failure) => failure.finding.kind.row().subcategory.to_owned(),
    };
    let attempts = delta.attempts.iter();
    let mut parts: Vec<String> = vec![
        attempts
            .map(|it| format!("{}={}", it.package.name, outcome(it)))
            .collect::<Vec<_>>()
            .join(" "),
    ];
    let names = |ids: &[PackageId]| ids.iter().map(|id| id.name.to_string()).collect::<Vec<_>>();
    if !delta.deferred.is_empty() {
        parts.push(format!("deferred {}", names(&delta.deferred).join(" ")));
    }
    if !delta.waiting.is_empty() {
        let letter =
            |place: &Environment| ENVIRONMENTS.iter().find(|(_, it)| it == place).unwrap().0;
        let waiting = |it: &UndecidedPackage| {
            let letters: Vec<&str> = it.environments.iter().map(letter).collect();
            format!("{}({})", it.package_id.name, letters.join(" "))
        };
        let waiting: Vec<String> = delta.waiting.iter().map(waiting).collect();
        parts.push(format!("waiting {}", waiting.join(" ")));
    }
    format!("{} @ {}", parts.join(" | "), delta.ended_at.timestamp())
}

#[track_caller]
fn check(plan: &Started, words: &[&str], expected: &str) {
    let delta = folded(plan, &facts(words));
    assert_eq!(shown(&delta), expected, "{words:?}");
    assert_eq!(delta.refused, []);
}

#[test]
fn a_recipe_succeeds_if_a_cell_is_left_in_which_it_passed() {
    let of = |results: &[&str], expected: &str| {
        let words = [&["began a", "made a", "finished"], results].concat();
        let all = ["finished A", "finished B"];
        check(&plan("a", "A B"), &[&words[..], &all].concat(), expected);
    };
    of(&["pass a A", "pass a B"], "a=ok @ 17");
    of(&["pass a A", "fault a B"], "a=ok @ 17");
    of(&["pass a A", "blocked a B"], "a=ok @ 17");
    of(&["pass a A"], "a=ok @ 16");
    of(&["pass a A", "fail a B"], "a=ok @ 17");
    of(&["fail a A", "blocked a B"], "a=install_failed @ 17");
    of(&["fault a A", "fail a B"], "a=install_failed @ 17");
    of(&["fault a A", "fault a B"], "a=timeout @ 17");
    of(&["blocked a A", "fault a B"], "a=timeout @ 17");
    of(&["blocked a A", "blocked a B"], "a=recipe_missing @ 17");
    of(&["bare a A"], "a=runner_lost @ 16");
    of(&["bare a A", "pass a B"], "a=ok @ 17");
    of(&[], " | deferred a @ 15");
}

#[test]
fn a_package_without_a_recipe_has_failed_in_every_planned_environment() {
    check(&plan("a", "A B"), &["began a", "none a", "finished"], "a=library_only @ 13");
}

#[test]
fn two_packages_with_the_same_command_are_decided_by_the_order_of_the_plan() {
    let two = plan("a b", "A");
    let ends = ["finished", "finished A"];
    let of = |results: &[&str], expected: &str| {
        // b is ready first.
        let made = ["made b x", "made a x"];
        check(&two, &[&made[..], results, &ends].concat(), expected);
    };
    of(&["pass b A", "pass a A"], "b=recipe_exists a=ok @ 16");
    of(&["pass b A", "fail a A"], "b=ok a=install_failed @ 16");
    of(&["pass b A"], "b=ok | deferred a @ 15");
    // Nothing is decided as long as a may still get the command.
    check(&two, &["made b x", "pass b A"], " | waiting a() b() @ 99");
    check(&two, &["made b x", "made a x", "pass b A"], " | waiting a(A) b() @ 99");
    check(&two, &["made b y", "made a x", "pass b A"], "b=ok | waiting a(A) @ 99");
}

#[test]
fn existing_recipes_take_precedence_over_those_of_the_batch() {
    let (plan, facts) =
        (plan("a", "A"), facts(&["made a x", "pass a A", "finished", "finished A"]));
    let mut name_registry = NameRegistry::default();
    let other = recipe_of(package("other"), "x");
    name_registry.add_generated(&other.name, &other.facts);
    let context = Context {
        plan: &plan,
        actions: &[INSTALL],
        name_registry: &name_registry,
        known: &KnownRecipes::default(),
        policy: &MergePolicy::default(),
    };
    let delta = fold(&facts, &context, second(99));
    let Outcome::Failed(failure) = &delta.attempts[0].outcome else { panic!("{delta:?}") };
    assert_eq!(failure.message, "command_taken: recipe other provides x");
}

#[test]
fn each_environment_that_decided_a_failure_leaves_a_record() {
    let three = plan("a b", "A B C");
    let results = ["fail a A", "fault a B", "fail a C", "fail b A"];
    let ends = ["finished", "finished A", "finished B", "finished C"];
    let words = [&["made a", "made b"], &results[..], &ends].concat();
    let noted = record::failures(&folded(&three, &facts(&words)));
    let records: Vec<_> = noted.into_iter().map(|noted| noted.record).collect();
    let ids: Vec<&str> = records.iter().map(|record| &*record.id).collect();
    let batch = batch();
    let expected = [
        format!("{batch}-a-linux-debian-glibc-x86_64"),
        format!("{batch}-a-darwin-arm64"),
        format!("{batch}-b"),
    ];
    assert_eq!(ids, expected);
    assert_eq!(records[1].environment, Some(Environment::MacArm));
}

#[test]
fn a_recipe_gets_the_verification_that_was_seen_where_it_passed() {
    let words = ["made a", "fault a A", "pass a B", "finished", "finished A", "finished B"];
    let mut all = facts(&words);
    let seen = |command: &str| Verify { exit_code: Some(3), ..Verify::of_version(command) };
    for fact in &mut all {
        if let Fact::Validated(validated) = fact {
            let command = if validated.result == Verdict::Pass { "seen" } else { "other" };
            validated.verify = Some(seen(command));
        }
    }
    let delta = folded(&plan("a", "A B"), &all);
    let Outcome::Succeeded { toml, .. } = &delta.attempts[0].outcome else { panic!("{delta:?}") };
    let verify = recipe::parse(toml, &[INSTALL]).unwrap().verify;
    assert_eq!(verify, Some(seen("seen")));
}

#[test]
fn a_recipe_that_passed_and_is_none_or_runs_a_command_of_its_own_is_not_merged() {
    let words = ["made a", "pass a A", "finished", "finished A"];
    let kind_of = |change: &dyn Fn(&str) -> String| {
        let mut all = facts(&words);
        for fact in &mut all {
            if let Fact::Generated(generated) = fact
                && let Generation::Recipe(recipe) = &mut generated.made
            {
                recipe.toml = change(&recipe.toml);
            }
        }
        let delta = folded(&plan("a", "A"), &all);
        match &delta.attempts[0].outcome {
            Outcome::Succeeded { .. } => None,
            Outcome::Failed(failure) => Some(failure.finding.kind),
        }
    };
    assert_eq!(kind_of(&str::to_owned), None);
    assert_eq!(kind_of(&|_| "x = ".to_owned()), Some(FailureKind::SchemaInvalid));
    let command = "[[steps]]\naction = \"run_command\"\ncommand = \"true\"\n\n[verify]";
    let with_command = |toml: &str| toml.replace("[verify]", command);
    assert_eq!(kind_of(&with_command), Some(FailureKind::RunCommand));
}

#[test]
fn without_any_result_nothing_is_merged() {
    let failure = outcome::of_results(&package("a"), &[], false).unwrap_err();
    assert_eq!(failure.finding.kind, FailureKind::RunnerLost);
}
