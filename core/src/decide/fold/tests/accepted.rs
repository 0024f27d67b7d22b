//! Which facts count, and what they add up to.

use super::*;

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
