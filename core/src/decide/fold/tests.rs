use super::*;
use crate::{
    decide::{
        apply::{self, Rules},
        backoff::BackoffPolicy,
        breaker::BreakerPolicy,
        record,
    },
    model::{
        BatchId, Discovered, EcosystemId, EcosystemState, ExecutablesFrom, FailureKind, Generation,
        HostUsage, RefusalReason, RunnerMinutes, Status, Validated, Verify,
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
    fold(facts, &Context { plan, actions: &[INSTALL], name_registry: &name_registry }, second(99))
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
fn a_package_without_a_recipe_has_failed_in_every_planned_environment() {
    check(&plan("a", "A B"), &["began a", "none a", "finished"], "a=library_only @ 13");
}

#[test]
fn the_recipe_of_discovered_commands_succeeds_where_it_passed() {
    let one = plan("a", "A");
    let begun = ["began a", "unknown a", "finished", "began a A"];
    let of =
        |results: &[&str]| folded(&one, &facts(&[&begun[..], results, &["finished A"]].concat()));
    let found = of(&["found a A cmd", "pass a A"]);
    assert_eq!(shown(&found), "a=ok @ 17");
    let Outcome::Succeeded { toml, .. } = &found.attempts[0].outcome else { panic!() };
    assert!(toml.contains(r#"command = "cmd --version""#), "{toml}");
    assert_eq!(found.attempts[0].executables_from, Some(ExecutablesFrom::Installation));
    let run = record::run(&found);
    assert_eq!((run.generated, run.succeeded), (1, 1));
    let from: Vec<_> = run.executables_from.into_iter().collect();
    assert_eq!(from, [("a".parse().unwrap(), ExecutablesFrom::Installation)]);
    let differ = of(&["differ a A", "fail a A"]);
    assert_eq!(shown(&differ), "a=install_failed @ 17");
    assert_eq!(differ.attempts[0].executables_from, None, "nobody knows them");
    assert_eq!(record::run(&differ).generated, 0);
    assert_eq!(shown(&of(&["fault a A"])), "a=timeout @ 16");
    // A recipe that nobody recorded cannot be published.
    assert_eq!(shown(&of(&["pass a A"])), "a=evidence_lost @ 16");
    assert_eq!(shown(&of(&["differ a A", "pass a A"])), "a=evidence_lost @ 17");
    // Installed, and the process died before the recipe was verified.
    assert_eq!(shown(&of(&["found a A cmd"])), " | deferred a @ 16");
    let died = [&begun[..], &["found a A cmd", "recovered"]].concat();
    check(&one, &died, " | deferred a @ 15");
}

#[test]
fn a_later_discovery_replaces_an_earlier_one() {
    let one = plan("a", "A");
    let mut all = facts(&["began a", "unknown a", "found a A one", "fault a A"]);
    let again = facts_at(20).discovered(package("a"), place("A"), Some("two"));
    let passed = facts_at(21).validated(package("a"), place("A"), Verdict::Pass);
    all.push(Fact::Discovered(Box::new(Discovered { tries: 2, ..again })));
    all.push(Fact::Validated(Box::new(Validated { tries: 2, ..passed })));
    all.extend([fact("finished", 22), fact("finished A", 23)]);
    let Outcome::Succeeded { toml, .. } = folded(&one, &all).attempts[0].outcome.clone() else {
        panic!()
    };
    assert!(toml.contains("two --version"), "{toml}");
}

#[test]
fn an_earlier_package_keeps_its_claim_to_a_command_until_its_commands_are_known() {
    let two = plan("a b", "A");
    let begun = ["began a", "unknown a", "began b", "made b cmd", "finished", "began b A"];
    let passed = [&begun[..], &["pass b A"]].concat();
    check(&two, &passed, " | waiting a(A) b() @ 99");
    let found = [&passed[..], &["began a A", "found a A cmd", "pass a A", "finished A"]].concat();
    check(&two, &found, "b=recipe_exists a=ok @ 21");
}

#[test]
fn missing_results_are_waited_for_unless_their_process_died() {
    let two = plan("a b", "A B");
    let begun = ["began a", "made a", "began b", "made b", "finished", "began a A", "began a B"];
    check(&two, &begun[..3], " | waiting a(A) b() @ 99");
    check(&two, &begun, " | waiting a(A) b(A) @ 99");
    let one_here = [&begun[..], &["pass a A", "finished A"]].concat();
    // b was not validated in A, whose process has ended, so nothing promotes it. B may still report
    // a.
    check(&two, &one_here, " | deferred b | waiting a(B) @ 99");
    // The validator in B died while it worked on a, and had not begun b.
    let died = [&one_here[..], &["recovered"]].concat();
    check(&two, &died, "a=ok | deferred b @ 19");
    let lost = [&begun[..], &["recovered"]].concat();
    check(&two, &lost, " | deferred a b @ 17");
}

#[test]
fn an_interruption_is_no_attempt_and_a_death_is_one_only_when_it_is_the_second_in_a_row() {
    let first = plan("a b", "A");
    let mut second = first.clone();
    second.plan.packages[0].lost_before = true;
    let ends = ["finished", "finished A"];
    let began = ["began a"];
    let tested = ["began a", "made a", "began a A"];
    for one in [&first, &second] {
        check(one, &[&began[..], &ends].concat(), " | deferred a b @ 13");
        check(one, &[&tested[..], &ends].concat(), " | deferred a b @ 15");
    }
    let died = |begun: &[&'static str]| [begun, &["recovered"]].concat();
    check(&first, &died(&began), " | deferred a b @ 11");
    check(&first, &died(&tested), " | deferred a b @ 13");
    check(&second, &died(&began), "a=runner_lost | deferred b @ 11");
    check(&second, &died(&tested), "a=runner_lost | deferred b @ 13");
    let delta = folded(&first, &facts(&died(&began)));
    assert_eq!(delta.lost, [package("a")], "nobody was at work on b");
    let run = record::run(&delta);
    assert_eq!((run.total, run.failed, run.interrupted), (0, 0, true));
    assert_eq!(run.deferred, [package("a"), package("b")]);
    assert_eq!(run.duration_seconds, 1, "it ended with its last fact");
}

#[test]
fn what_a_pause_kept_from_being_worked_on_is_deferred_and_the_host_is_named_once() {
    let three = plan("a b c", "A");
    // a met the pause; b was being generated then, and the recipe of c was to be downloaded.
    let words = ["began a", "none a", "began b", "paused b", "made c", "began c A", "paused c A"];
    check(&three, &words, "a=library_only | deferred b c @ 99");
    let ended = [&words[..], &["finished", "finished A"]].concat();
    check(&three, &ended, "a=library_only | deferred b c @ 19");
    // Nobody was at work on them any more when the process died.
    let died = [&words[..], &["recovered"]].concat();
    check(&three, &died, "a=library_only | deferred b c @ 17");
    let delta = folded(&three, &facts(&died));
    assert_eq!(delta.lost, []);
    let run = record::run(&delta);
    assert_eq!(run.deferred_for, [("own.example".to_owned(), second(17 + 60))].into());
    assert_eq!((run.total, run.failed), (1, 1));
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
    let context = Context { plan: &plan, actions: &[INSTALL], name_registry: &name_registry };
    let delta = fold(&facts, &context, second(99));
    let Outcome::Failed(failure) = &delta.attempts[0].outcome else { panic!("{delta:?}") };
    assert_eq!(failure.message, "command_taken: recipe other provides x");
}

#[test]
fn repeated_facts_count_once_and_contradicted_facts_do_not_count() {
    let one = plan("a", "A");
    let mut all = facts(&["began a", "made a", "pass a A", "finished", "finished A"]);
    all.extend(all.clone());
    assert_eq!(shown(&folded(&one, &all)), "a=ok @ 15");
    assert_eq!(folded(&one, &all).minutes, RunnerMinutes { linux: 1, macos: 0 });
    all.push(fact("fail a A", 13));
    let delta = folded(&one, &all);
    assert_eq!(shown(&delta), " | deferred a @ 15");
    let [refused] = &delta.refused[..] else { panic!("{:?}", delta.refused) };
    assert_eq!(refused.fact, format!("validated eco:a in {}", Environment::DebianX86));
    assert_eq!(refused.reason, RefusalReason::Contradicted);
}

#[test]
fn a_later_attempt_replaces_an_earlier_one_and_the_minutes_of_both_count() {
    let one = plan("a", "A");
    let mut all = facts(&["made a", "fault a A", "finished", "finished A"]);
    let Fact::Validated(mut again) = fact("pass a A", 13) else { panic!("a validation") };
    (again.tries, again.duration_ms) = (2, 59_500);
    all.insert(0, Fact::Validated(again));
    let delta = folded(&one, &all);
    assert_eq!(shown(&delta), "a=ok @ 14");
    assert_eq!(delta.minutes, RunnerMinutes { linux: 2, macos: 0 });
    let run = record::run(&delta);
    assert_eq!((run.succeeded, run.environments[&place("A")].tested), (1, 1));
}

#[test]
fn facts_that_do_not_belong_to_the_plan_are_refused_with_a_reason() {
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
            finished.minutes = Some(RunnerMinutes { macos: 7, linux: 0 });
        }
    }
    let delta = folded(&two, &all);
    assert_eq!(delta.requests["own.example"], HostUsage { sent: 9, throttled: 3, waited_ms: 27 });
    assert_eq!(delta.pauses["own.example"], second(16 + 60));
    assert_eq!(delta.minutes, RunnerMinutes { linux: 1, macos: 7 });
}

#[test]
fn a_repeated_recovery_gives_the_same_values_and_time_never_decreases() {
    let one = plan("a", "A");
    let facts = |at| vec![fact("began a", 70), fact("recovered", at)];
    assert_eq!(shown(&folded(&one, &facts(80))), " | deferred a @ 70");
    let name_registry = NameRegistry::default();
    let context = Context { plan: &one, actions: &[], name_registry: &name_registry };
    assert_eq!(fold(&facts(80), &context, second(999)), folded(&one, &facts(80)));
    // The clock was set back in between.
    assert_eq!(shown(&folded(&one, &facts(50))), " | deferred a @ 70");
}

#[test]
fn a_package_that_crashes_the_machine_waits_longer_after_each_crash() {
    let (backoff, breaker) = (BackoffPolicy::default(), BreakerPolicy::default());
    let rules = Rules { own_services: [].into(), backoff: &backoff, breaker: &breaker };
    let mut state = EcosystemState { queue: queue([("a", 1, 0)]), ..Default::default() };
    let mut waits = vec![];
    for n in 1..=4 {
        let at = second(n * 1_000_000);
        let facts = FactsAt { batch_id: BatchId::new(EcosystemId::from_static("eco"), at), at };
        let mut plan = facts.started(&[package("a")], &[place("A")]);
        plan.plan.packages[0].lost_before = state.queue[&package("a")].lost;
        let facts = [facts.began(package("a"), None, 1), facts.recovered()];
        state = apply::delta(state, &folded(&plan, &facts), &rules).state;
        let entry = &state.queue[&package("a")];
        assert_eq!((&entry.status, entry.consecutive_failures), (&Status::Pending, 0));
        waits.push(entry.next_retry_at.map(|until| (until - at).num_hours()));
    }
    assert_eq!(waits, [None, Some(1), Some(2), Some(4)], "the first death costs nothing");
}

#[test]
fn a_batch_is_interrupted_if_it_left_something_undone_or_was_found_without_its_end() {
    let two = plan("a b", "A");
    let is_interrupted = |words: &[&str]| folded(&two, &facts(words)).interrupted;
    let whole = ["made a", "none b", "pass a A", "finished", "finished A"];
    assert!(!is_interrupted(&whole));
    assert!(is_interrupted(&["made a", "pass a A", "finished", "finished A"]), "b is deferred");
    assert!(is_interrupted(&[&whole[..], &["recovered"]].concat()));
}

#[test]
fn a_batch_has_ended_once_all_its_processes_have_or_it_was_found_without_its_end() {
    let ended = |words: &[&str]| has_ended(&facts(words), &plan("a", "A B"));
    assert!(!ended(&[]));
    assert!(!ended(&["finished", "finished A"]));
    assert!(!ended(&["finished A", "finished B"]));
    assert!(ended(&["finished", "finished A", "finished B"]));
    assert!(ended(&["recovered"]));
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
    let failure = outcome::of_results(&package("a"), &[]).unwrap_err();
    assert_eq!(failure.finding.kind, FailureKind::RunnerLost);
}

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
    let rules = Rules { own_services: [].into(), backoff: &backoff, breaker: &breaker };
    let state = EcosystemState { queue: queue([("a", 1, 0)]), ..Default::default() };
    let state = apply::delta(state, &delta, &rules).state;
    let entry = &state.queue[&package("a")];
    assert_eq!((&entry.status, entry.consecutive_failures), (&Status::Pending, 0));
}
