use super::*;
use crate::{
    decide::{
        apply::{self, Rules},
        backoff::BackoffPolicy,
        breaker::BreakerPolicy,
        record,
    },
    model::{BatchId, EcosystemId, EcosystemState, HostUsage, Minutes, RefusalReason, Status},
    records::{FactsAt, INSTALL, queue, recipe_of},
};

/// Environments by the letters of the tests.
const PLACES: [(&str, Environment); 3] =
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
    PLACES.iter().find(|(known, _)| *known == letter).unwrap().1
}

fn facts_at(at: i64) -> FactsAt {
    FactsAt { batch_id: batch(), at: second(at) }
}

/// A plan of these packages over these environments: "a b", "A B".
fn plan(packages: &str, places: &str) -> Started {
    let places: Vec<Environment> = places.split_whitespace().map(place).collect();
    let packages: Vec<PackageId> = packages.split_whitespace().map(package).collect();
    facts_at(10).started(&packages, &places)
}

/// A fact of second `at`, in words: "began a", "began a A", "made a", "made a cmd" (that provides
/// the command `cmd`), "none a", "pass|fail|fault|blocked|bare a A", "finished", "finished A",
/// "recovered".
fn fact(words: &str, at: i64) -> Fact {
    let facts = facts_at(at);
    match words.split_whitespace().collect::<Vec<_>>()[..] {
        ["began", name] => facts.began(package(name), None, 1),
        ["began", name, letter] => facts.began(package(name), Some(place(letter)), 1),
        ["made", name] => facts.generated(package(name), Some(name)),
        ["made", name, command] => facts.generated(package(name), Some(command)),
        ["none", name] => facts.generated(package(name), None),
        ["finished"] => Fact::Finished(facts.finished(None, "own.example")),
        ["finished", letter] => Fact::Finished(facts.finished(Some(place(letter)), "own.example")),
        ["recovered"] => facts.recovered(),
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

/// Facts in words, the first of second 11, one a second.
fn facts(words: &[&str]) -> Vec<Fact> {
    (11..).zip(words).map(|(at, words)| fact(words, at)).collect()
}

fn folded(plan: &Started, facts: &[Fact]) -> Delta {
    let claims = Claims::default();
    fold(facts, &Context { plan, actions: &[INSTALL], claims: &claims }, second(99))
}

/// "a=ok b=timeout | deferred c | waiting d(A B) @ 12", without what is empty.
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
        let letter = |place: &Environment| PLACES.iter().find(|(_, it)| it == place).unwrap().0;
        let waiting = |it: &Waiting| {
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
fn a_recipe_succeeds_where_some_environment_passes_it_and_none_fails_it() {
    let of = |results: &[&str], expected: &str| {
        let words = [&["began a", "made a", "finished"], results].concat();
        let all = ["finished A", "finished B"];
        check(&plan("a", "A B"), &[&words[..], &all].concat(), expected);
    };
    of(&["pass a A", "pass a B"], "a=ok @ 17");
    of(&["pass a A", "fault a B"], "a=ok @ 17");
    of(&["pass a A", "blocked a B"], "a=ok @ 17");
    of(&["pass a A"], "a=ok @ 16");
    of(&["pass a A", "fail a B"], "a=install_failed @ 17");
    of(&["fault a A", "fail a B"], "a=install_failed @ 17");
    of(&["fault a A", "fault a B"], "a=timeout @ 17");
    of(&["blocked a A", "fault a B"], "a=timeout @ 17");
    of(&["blocked a A", "blocked a B"], "a=recipe_missing @ 17");
    of(&["bare a A"], "a=evidence_lost @ 16");
    of(&[], " | deferred a @ 15");
}

#[test]
fn a_package_without_a_recipe_has_failed_wherever_it_was_to_be_validated() {
    check(&plan("a", "A B"), &["began a", "none a", "finished"], "a=library_only @ 13");
}

#[test]
fn what_has_not_arrived_is_waited_for_and_what_died_is_not() {
    let two = plan("a b", "A B");
    let begun = ["began a", "made a", "began b", "made b", "finished", "began a A", "began a B"];
    check(&two, &begun[..3], " | waiting a(A B) b() @ 99");
    check(&two, &begun, " | waiting a(A B) b(A B) @ 99");
    let one_here = [&begun[..], &["pass a A", "finished A"]].concat();
    // b was not validated in A, whose process has ended; B may still tell of both.
    check(&two, &one_here, " | waiting a(B) b(B) @ 99");
    // The validator in B died at work on a; of b it had not heard.
    let died = [&one_here[..], &["recovered"]].concat();
    check(&two, &died, "a=ok | deferred b @ 20");
    let lost = [&begun[..], &["recovered"]].concat();
    check(&two, &lost, "a=runner_lost | deferred b @ 18");
}

#[test]
fn an_interruption_is_no_attempt_and_a_death_is_one() {
    let one = plan("a b", "A");
    let ends = ["finished", "finished A"];
    check(&one, &[&["began a"], &ends[..]].concat(), " | deferred a b @ 13");
    check(&one, &["began a", "recovered"], "a=runner_lost | deferred b @ 12");
    let tested = ["began a", "made a", "began a A"];
    check(&one, &[&tested[..], &ends].concat(), " | deferred a b @ 15");
    check(&one, &[&tested[..], &["recovered"]].concat(), "a=runner_lost | deferred b @ 14");
    let delta = folded(&one, &facts(&["began a", "recovered"]));
    assert!(delta.interrupted);
    assert_eq!(record::run(&delta).deferred, [package("b")]);
}

#[test]
fn of_two_that_want_one_command_the_first_of_the_plan_has_it_if_it_works() {
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
    // Nothing is decided while a may still win.
    check(&two, &["made b x", "pass b A"], " | waiting a() b() @ 99");
    check(&two, &["made b x", "made a x", "pass b A"], " | waiting a(A) b() @ 99");
    check(&two, &["made b y", "made a x", "pass b A"], "b=ok | waiting a(A) @ 99");
}

#[test]
fn recipes_that_are_there_come_before_those_of_the_batch() {
    let (plan, facts) =
        (plan("a", "A"), facts(&["made a x", "pass a A", "finished", "finished A"]));
    let mut claims = Claims::default();
    let other = recipe_of(package("other"), "x");
    claims.add_generated(&other.name, &other.facts);
    let context = Context { plan: &plan, actions: &[INSTALL], claims: &claims };
    let delta = fold(&facts, &context, second(99));
    let Outcome::Failed(failure) = &delta.attempts[0].outcome else { panic!("{delta:?}") };
    assert_eq!(failure.message, "command_taken: recipe other provides x");
}

#[test]
fn a_fact_that_comes_twice_counts_once_and_one_that_is_contradicted_not_at_all() {
    let one = plan("a", "A");
    let mut all = facts(&["began a", "made a", "pass a A", "finished", "finished A"]);
    all.extend(all.clone());
    assert_eq!(shown(&folded(&one, &all)), "a=ok @ 15");
    assert_eq!(folded(&one, &all).minutes, Minutes { linux: 1, macos: 0 });
    all.push(fact("fail a A", 13));
    let delta = folded(&one, &all);
    assert_eq!(shown(&delta), " | deferred a @ 15");
    let [refused] = &delta.refused[..] else { panic!("{:?}", delta.refused) };
    assert_eq!(refused.fact, format!("validated eco:a in {}", Environment::DebianX86));
    assert_eq!(refused.reason, RefusalReason::Contradicted);
}

#[test]
fn a_later_try_replaces_an_earlier_one_and_both_are_charged() {
    let one = plan("a", "A");
    let mut all = facts(&["made a", "fault a A", "finished", "finished A"]);
    let Fact::Validated(mut again) = fact("pass a A", 13) else { panic!("a validation") };
    (again.tries, again.duration_ms) = (2, 59_500);
    all.insert(0, Fact::Validated(again));
    let delta = folded(&one, &all);
    assert_eq!(shown(&delta), "a=ok @ 14");
    assert_eq!(delta.minutes, Minutes { linux: 2, macos: 0 });
    let run = record::run(&delta);
    assert_eq!((run.succeeded, run.environments[&place("A")].tested), (1, 1));
}

#[test]
fn what_belongs_to_no_place_of_the_plan_is_refused_with_its_reason() {
    let one = plan("a", "A");
    let mut other_batch = fact("began a", 11);
    let mut other_version = fact("began a", 11);
    if let (Fact::Began(other), Fact::Began(newer)) = (&mut other_batch, &mut other_version) {
        other.batch_id = BatchId::new(EcosystemId::from_static("eco"), second(77));
        newer.schema_version = 3;
    }
    let other_plan = Fact::Started(Box::new(plan("a b", "A")));
    for (fact, expected) in [
        (other_batch, "it is about the batch eco-1970-01-01T00-01-17Z"),
        (other_version, "its schema version is 3, not 2"),
        (other_plan, "it starts the batch with another plan"),
        (fact("began z", 11), "it is not part of the plan"),
        (fact("pass a B", 11), "it is not part of the plan"),
    ] {
        let delta = folded(&one, &[fact]);
        let [refused] = &delta.refused[..] else { panic!("{:?}", delta.refused) };
        assert_eq!(refused.reason.to_string(), expected);
        assert_eq!(shown(&delta), " | waiting a() @ 99");
    }
}

#[test]
fn each_environment_that_decided_a_failure_leaves_a_record() {
    let three = plan("a b", "A B C");
    let results = ["fail a A", "pass a B", "fail a C", "fail b A"];
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
fn traffic_and_minutes_are_those_of_all_processes() {
    let two = plan("a", "A C");
    let mut all =
        facts(&["made a", "pass a A", "pass a C", "finished", "finished A", "finished C"]);
    for fact in &mut all {
        if let Fact::Finished(finished) = fact
            && finished.environment == Some(Environment::MacArm)
        {
            finished.minutes = Some(Minutes { macos: 7, linux: 0 });
        }
    }
    let delta = folded(&two, &all);
    assert_eq!(delta.requests["own.example"], HostUsage { sent: 9, throttled: 3, waited_ms: 27 });
    assert_eq!(delta.pauses["own.example"], second(16 + 60));
    assert_eq!(delta.minutes, Minutes { linux: 1, macos: 7 });
}

#[test]
fn a_recovery_that_is_repeated_comes_to_the_same_values_and_time_does_not_go_back() {
    let one = plan("a", "A");
    let facts = |at| vec![fact("began a", 70), fact("recovered", at)];
    assert_eq!(shown(&folded(&one, &facts(80))), "a=runner_lost @ 80");
    let claims = Claims::default();
    let context = Context { plan: &one, actions: &[], claims: &claims };
    assert_eq!(fold(&facts(80), &context, second(999)), folded(&one, &facts(80)));
    // The clock was put back in between.
    assert_eq!(shown(&folded(&one, &facts(50))), "a=runner_lost @ 70");
}

#[test]
fn a_package_that_takes_the_machine_down_each_time_waits_longer_each_time() {
    let (backoff, breaker) = (BackoffPolicy::default(), BreakerPolicy::default());
    let rules = Rules { own_services: [].into(), backoff: &backoff, breaker: &breaker };
    let mut state = EcosystemState { queue: queue([("a", 1, 0)]), ..Default::default() };
    let mut waits = vec![];
    for n in 1..=3 {
        let found = n * 1_000_000;
        let facts = [fact("began a", 11), fact("recovered", found)];
        state = apply::delta(state, &folded(&plan("a", "A"), &facts), &rules).state;
        let entry = state.queue.values().next().unwrap();
        assert_eq!((&entry.status, entry.consecutive_failures), (&Status::Pending, 0));
        waits.push((entry.next_retry_at.unwrap() - second(found)).num_hours());
    }
    assert_eq!(waits, [1, 2, 4]);
}
