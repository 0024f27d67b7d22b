//! What is written down of a run.

use super::*;
use crate::{
    decide::record,
    model::{
        Environment, EnvironmentCounts, EnvironmentResult, ExecutablesFrom, FailureKind,
        Generation, Outcome, RanStep, Repro, RunnerMinutes, SkipReason, SlotOutcome, Turn,
        ValidationSkip, Verdict,
    },
    records::{attempt, failed_on, recipe_of, succeeded},
};

fn result(environment: Environment, verdict: Verdict) -> EnvironmentResult {
    let (sandbox, failure, verify) = (Some("box".to_owned()), None, None);
    EnvironmentResult { environment, verdict, tries: 1, duration_ms: 1, sandbox, failure, verify }
}

fn run_of(attempts: Vec<Attempt>) -> Delta {
    run_at(second(100), attempts)
}

#[test]
fn every_attempt_is_counted_once_for_what_came_of_it() {
    let generated = |outcome| Attempt { generated: true, ..attempt("eco:a", outcome) };
    let library = attempt("eco:b", failed_on(FailureKind::LibraryOnly, None));
    let waits = || failed_on(FailureKind::RecipeMissing, None);
    let fails = || failed_on(FailureKind::InstallFailed, None);
    let run = record::run(&run_of(vec![
        generated(succeeded("a")),
        library,
        generated(waits()),
        attempt("eco:c", waits()),
        generated(fails()),
        generated(fails()),
        generated(fails()),
    ]));
    // Only whoever writes the recipes knows how many are merged.
    assert_eq!((run.total, run.succeeded, run.merged), (7, 1, 0));
    assert_eq!((run.failed, run.blocked, run.generated), (4, 2, 5));
    assert_eq!(run.recipes_generated, ["a".parse().unwrap()]);
    assert_eq!(run.packages_processed.len(), 7);
}

#[test]
fn each_environment_is_counted_by_its_results() {
    use Environment::{AlpineX86, DebianX86};

    let skipped = Verdict::Skipped { reason: ValidationSkip::Fault };
    let with = |results| Attempt { results, ..attempt("eco:a", succeeded("a")) };
    let run = record::run(&run_of(vec![
        with(vec![result(DebianX86, Verdict::Pass), result(AlpineX86, Verdict::Fail)]),
        with(vec![result(DebianX86, Verdict::Pass), result(AlpineX86, skipped)]),
        with(vec![result(DebianX86, Verdict::Fail), result(AlpineX86, Verdict::Blocked)]),
        with(vec![result(DebianX86, Verdict::Fail), result(AlpineX86, Verdict::Blocked)]),
        with(vec![result(DebianX86, Verdict::Pass)]),
    ]));
    let counts =
        EnvironmentCounts { tested: 5, passed: 3, failed: 2, ..EnvironmentCounts::default() };
    assert_eq!(run.environments[&DebianX86], counts);
    let counts = EnvironmentCounts {
        tested: 4,
        passed: 0,
        failed: 1,
        skipped: 1,
        blocked: 2,
        skip_reasons: [(ValidationSkip::Fault, 1)].into(),
    };
    assert_eq!(run.environments[&AlpineX86], counts);
    assert_eq!(run.results.len(), 9);
}

#[test]
fn an_environment_in_which_nothing_was_tested_is_neither_a_pass_nor_a_failure() {
    let elsewhere = Verdict::Skipped { reason: ValidationSkip::NotThisMachine };
    let attempt = Attempt {
        results: vec![
            result(Environment::DebianX86, Verdict::Pass),
            result(Environment::MacArm, elsewhere),
        ],
        ..attempt("eco:a", succeeded("a"))
    };
    let run = record::run(&run_of(vec![attempt]));
    let counts = EnvironmentCounts {
        skipped: 1,
        skip_reasons: [(ValidationSkip::NotThisMachine, 1)].into(),
        ..EnvironmentCounts::default()
    };
    assert_eq!(run.environments[&Environment::MacArm], counts);
    let tested: Vec<Environment> = run.results.iter().map(|it| it.environment).collect();
    assert_eq!(tested, [Environment::DebianX86]);
}

#[test]
fn a_run_lasts_from_its_start_to_its_end_and_never_less_than_nothing() {
    let started_at = second(1_000);
    for (ended_at, seconds) in [(second(1_090), 90), (started_at, 0), (second(500), 0)] {
        let delta = Delta { ended_at, ..records::delta(batch(started_at), vec![]) };
        let run = record::run(&delta);
        assert_eq!((run.timestamp, run.duration_seconds), (started_at, seconds));
    }
}

#[test]
fn a_run_says_whose_slot_it_used() {
    let run = record::run(&run_of(vec![]));
    assert_eq!((run.outcome, run.slot, run.skip_reason), (SlotOutcome::Ran, Some(ECO), None));
    let from = EcosystemId::from_static("other");
    let turn = Turn::FellThrough { from: from.clone(), reason: SkipReason::Disabled };
    let run = record::run(&Delta { turn, ..run_of(vec![]) });
    assert_eq!((run.outcome, run.slot), (SlotOutcome::FellThrough, Some(from)));
    assert_eq!(run.skip_reason, Some(SkipReason::Disabled.to_string()));
    assert_eq!(run.ecosystem, Some(ECO));
}

#[test]
fn a_slot_that_ran_nothing_leaves_a_record_that_counts_nothing() {
    let empty = record::empty_slot(Some(ECO), second(100), "why".to_owned());
    assert_eq!((empty.outcome, empty.slot), (SlotOutcome::Skipped, Some(ECO)));
    assert_eq!((empty.ecosystem, empty.skip_reason), (None, Some("why".to_owned())));
    assert_eq!((empty.timestamp, empty.duration_seconds, empty.total), (second(100), 0, 0));
    assert!(empty.batch_id.starts_with("slot-1970-01-01"), "{}", empty.batch_id);
    assert_eq!(empty.minutes, RunnerMinutes::default());
}

#[test]
fn a_failure_record_says_all_that_is_known_of_the_failure() {
    let Outcome::Failed(mut failure) = failed_on(FailureKind::Timeout, Some("own.example")) else {
        panic!("a failure");
    };
    failure.exit_code = Some(7);
    failure.message = "the cause".to_owned();
    failure.output = "everything".to_owned();
    failure.blocked_by = vec!["x".parse().unwrap()];
    let notes = vec!["deprecated".to_owned()];
    let mut delta = run_of(vec![Attempt {
        notes: notes.clone(),
        results: vec![result(Environment::AlpineX86, Verdict::Fail)],
        ..attempt("eco:a", Outcome::Failed(failure.clone()))
    }]);
    delta.workflow_run_url = Some("https://ci.example/1".to_owned());
    let [only] = &record::failures(&delta)[..] else { panic!("one record") };
    let record = &only.record;
    assert_eq!(only.output, "everything");
    assert_eq!((record.kind(), record.stage), (failure.finding.kind, failure.stage));
    assert_eq!((&record.message, record.exit_code), (&failure.message, Some(7)));
    assert_eq!((&record.service, &record.notes), (&failure.finding.service, &notes));
    assert_eq!(record.blocked_by, failure.blocked_by);
    assert_eq!(record.fingerprint, failure.fingerprint);
    assert_eq!(record.timestamp, second(100));
    assert_eq!(record.environment, Some(Environment::AlpineX86));
    assert_eq!(record.sandbox.as_deref(), Some("box"));
    assert_eq!(record.generator.as_deref(), Some("builtin 0"));
    assert_eq!(record.workflow_run_url, delta.workflow_run_url);
}

#[test]
fn a_failure_that_can_be_repeated_has_what_repeats_it() {
    let subject = Generation::Recipe(Box::new(recipe_of("eco:a".parse().unwrap(), "a")));
    let step = RanStep::Own { what: "a download".to_owned() };
    for (subject, steps) in [
        (Some(subject.clone()), vec![step.clone()]),
        (Some(subject), vec![]),
        (None, vec![step]),
        (None, vec![]),
    ] {
        let Outcome::Failed(mut failure) = failed_on(FailureKind::InstallFailed, None) else {
            panic!("a failure");
        };
        failure.steps.clone_from(&steps);
        let failed = attempt("eco:a", Outcome::Failed(failure));
        let failed = Attempt { subject: subject.clone().map(Box::new), ..failed };
        let repro = record::failures(&run_of(vec![failed])).remove(0).repro;
        if subject.is_none() && steps.is_empty() {
            assert_eq!(repro, "", "there is nothing to repeat");
        } else {
            assert!(repro.ends_with('\n'), "it is a whole line");
            let repro: Repro = serde_json::from_str(&repro).unwrap();
            assert_eq!((repro.subject, repro.steps), (subject, steps));
        }
    }
}

#[test]
fn a_failure_record_names_its_environment_only_where_several_decided() {
    use Environment::{AlpineX86, DebianX86};

    let ids = |results| -> Vec<String> {
        let failed = attempt("eco:a", failed_on(FailureKind::InstallFailed, None));
        let noted = record::failures(&run_of(vec![Attempt { results, ..failed }]));
        noted.into_iter().map(|noted| noted.record.id).collect()
    };
    let id = format!("{}-a", batch(second(100)));
    let fails = |place| result(place, Verdict::Fail);
    assert_eq!(ids(vec![]), [id.as_str()]);
    assert_eq!(ids(vec![fails(DebianX86), result(AlpineX86, Verdict::Pass)]), [id.as_str()]);
    let both = [format!("{id}-{DebianX86}"), format!("{id}-{AlpineX86}")];
    assert_eq!(ids(vec![fails(DebianX86), fails(AlpineX86)]), both);
}

#[test]
fn a_run_names_the_verified_recipes_whose_commands_the_registry_did_not_tell() {
    let of = |name: &str, from, outcome| Attempt {
        executables_from: from,
        ..attempt(&format!("eco:{name}"), outcome)
    };
    let (registry, installation) = (ExecutablesFrom::Registry, ExecutablesFrom::Installation);
    let run = record::run(&run_of(vec![
        of("a", Some(registry), succeeded("a")),
        of("b", Some(installation), succeeded("b")),
        of("c", None, succeeded("c")),
        of("d", Some(installation), failed_on(FailureKind::InstallFailed, None)),
    ]));
    assert_eq!(run.executables_from, [("b".parse().unwrap(), installation)].into());
}

#[test]
fn no_two_failure_records_of_a_run_have_one_id() {
    let fails = || attempt("eco:a", failed_on(FailureKind::InstallFailed, None));
    let noted = record::failures(&run_of(vec![fails(), fails(), fails()]));
    let ids: Vec<String> = noted.into_iter().map(|noted| noted.record.id).collect();
    let first = format!("{}-a", batch(second(100)));
    assert_eq!(ids, [first.clone(), format!("{first}-2"), format!("{first}-3")]);
}

#[test]
fn the_reason_of_an_entry_is_the_kind_and_the_headline_of_its_failure() {
    let reason = |kind, message: &str| {
        let Outcome::Failed(mut failure) = failed_on(kind, None) else { panic!("a failure") };
        message.clone_into(&mut failure.message);
        record::reason(&failure, &"eco:a".parse().unwrap())
    };
    assert_eq!(
        reason(FailureKind::RecipeExists, "Error: recipe b provides x\nsee the log in /tmp/y"),
        "recipe_exists: a: a recipe for it exists already: recipe b provides x"
    );
    assert_eq!(reason(FailureKind::LibraryOnly, ""), "library_only: a: it installs no command");
}
