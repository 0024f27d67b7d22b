//! Batches that were interrupted, paused, or found without their end.

use super::*;

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
fn a_repeated_recovery_gives_the_same_values_and_time_never_decreases() {
    let one = plan("a", "A");
    let facts = |at| vec![fact("began a", 70), fact("recovered", at)];
    assert_eq!(shown(&folded(&one, &facts(80))), " | deferred a @ 70");
    let name_registry = NameRegistry::default();
    let context = Context {
        plan: &one,
        actions: &[],
        name_registry: &name_registry,
        known: &KnownRecipes::default(),
        policy: &MergePolicy::default(),
    };
    assert_eq!(fold(&facts(80), &context, second(999)), folded(&one, &facts(80)));
    // The clock was set back in between.
    assert_eq!(shown(&folded(&one, &facts(50))), " | deferred a @ 70");
}

#[test]
fn a_package_that_crashes_the_machine_waits_longer_after_each_crash() {
    let (backoff, breaker) = (BackoffPolicy::default(), BreakerPolicy::default());
    let rules = Rules {
        own_services: [].into(),
        backoff: &backoff,
        breaker: &breaker,
        merging: Merging::AtOnce,
    };
    let mut state = EcosystemState { queue: queue([("a", 1, 0)]), ..Default::default() };
    let mut waits = vec![];
    for n in 1..=4 {
        let at = second(n * 1_000_000);
        let facts = FactsAt { batch_id: BatchId::new(EcosystemId::from_static("eco"), at), at };
        let mut plan = facts.started(&[package("a")], &[place("A")]);
        plan.plan.packages[0].lost_before = state.queue[&package("a")].lost;
        let facts = [facts.began(package("a"), None, 1), facts.recovered()];
        state.apply(&folded(&plan, &facts), &rules);
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
