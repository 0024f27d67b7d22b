use serde_json::json;

use super::*;
use crate::{
    decide::headline::{FailureView, Headline, Remedy, headline, remedy},
    model::{FailureRecord, RunRecord, SeedSkip, Status as Queued},
    records,
};

fn at(hours: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + chrono::TimeDelta::hours(hours)
}

fn read(failure: &FailureRecord) -> (Headline, Remedy) {
    let view = FailureView::of_record(failure);
    (headline(&view), remedy(&view))
}

fn batch(hours: i64) -> String {
    format!("eco-{}", at(hours).format("%Y-%m-%dT%H-%M-%SZ"))
}

fn failure(hours: i64, environment: Option<&str>) -> FailureRecord {
    let batch = batch(hours);
    serde_json::from_value(json!({
        "schema_version": 2, "id": format!("{batch}-a"), "package_id": "eco:a", "ecosystem": "eco",
        "batch_id": batch, "stage": "validate", "category": "validation_failed",
        "subcategory": "install_failed", "confidence": "stated", "message": "it broke",
        "fingerprint": "0000000000000001", "timestamp": at(hours), "environment": environment,
    }))
    .unwrap()
}

/// A run that attempted `eco:a`, with a verdict in one environment.
fn run(hours: i64, verdict: Option<&str>) -> RunRecord {
    let result = |verdict: &str| {
        json!({"package_id": "eco:a", "environment": "darwin-arm64", "result": verdict, "tries": 1,
            "duration_ms": 1})
    };
    serde_json::from_value(json!({
        "schema_version": 2, "batch_id": batch(hours), "ecosystem": "eco", "timestamp": at(hours),
        "duration_seconds": 1, "outcome": "ran", "total": 1, "succeeded": 0, "failed": 0,
        "blocked": 0, "generated": 1, "merged": 0, "packages_processed": ["eco:a"],
        "results": verdict.map(result).into_iter().collect::<Vec<_>>(),
    }))
    .unwrap()
}

fn package_a() -> PackageId {
    "eco:a".parse().unwrap()
}

fn entry(status: Queued) -> QueueEntry {
    let mut entry = records::queue([("a", 1, 0)]).into_values().next().unwrap();
    entry.status = status;
    entry
}

const PLACE: Result<Place, SkipReason> =
    Ok(Place { n_before: 24, n_eligible: 300, n_runs_before: 2 });

fn case<'a>(id: &'a PackageId, entry: Option<&'a QueueEntry>) -> Case<'a> {
    Case {
        package: id,
        entry,
        recipe: None,
        remembered: None,
        attempts: &[],
        blocked_by: &[],
        blocks: &[],
        obstacle: None,
        place: entry.map(|_| &PLACE),
        turns: Turns { next_slot: Some(at(5)), n_ecosystems: 8 },
        now: at(4),
    }
}

#[test]
fn an_entry_that_was_never_attempted_is_told_its_turn() {
    let (id, entry) = (package_a(), entry(Queued::Pending));
    let found = package(&case(&id, Some(&entry)));
    assert_eq!(found.status, Status::Queued(StatusLabel::Pending));
    assert_eq!(found.history, Some(History::NeverAttempted));
    assert_eq!(found.rule, "it was queued on 1970-01-01 and never attempted");
    assert_eq!(found.next_attempt.at, Some(at(5 + 2 * 8)));
    let why = &found.next_attempt.why;
    assert!(why.starts_with("it is number 25 of 300 that are due; 2 runs"), "{why}");
    assert_eq!(found.queue_place, PLACE.ok());
    assert_eq!(found.commands, ["tsuku-batch try eco:a", "tsuku-batch plan --ecosystem eco"]);
}

#[test]
fn what_worked_before_is_told_apart_from_what_never_worked() {
    let id = package_a();
    let failed = last_attempts(&id, [], ([failure(3, None)], &read), 5);
    let passed = last_attempts(&id, [run(2, Some("pass"))], ([failure(3, None)], &read), 5);
    let history = |entry: Option<&QueueEntry>, attempts: &[LastAttempt]| {
        package(&Case { attempts, ..case(&id, entry) }).history.unwrap()
    };
    let mut entry = entry(Queued::Failed);
    assert_eq!(history(Some(&entry), &[]), History::NeverAttempted);
    assert_eq!(history(Some(&entry), &failed), History::NeverWorked);
    assert_eq!(history(Some(&entry), &passed), History::WorkedBefore);
    assert_eq!(history(None, &failed), History::NeverWorked);
    assert_eq!(history(None, &passed), History::WorkedBefore);
    entry.last_attempt_at = Some(at(3));
    assert_eq!(history(Some(&entry), &[]), History::NeverWorked);
    for change in [
        |entry: &mut QueueEntry| entry.regressed_at = Some(at(3)),
        |entry: &mut QueueEntry| entry.verified_at = Some(at(3)),
        |entry: &mut QueueEntry| entry.recipe = Some("a".parse().unwrap()),
    ] {
        let mut entry = entry.clone();
        change(&mut entry);
        assert_eq!(history(Some(&entry), &failed), History::WorkedBefore);
        entry.status = Queued::Success;
        assert_eq!(history(Some(&entry), &failed), History::Works);
    }
    entry.regressed_at = Some(at(3));
    let rule = package(&case(&id, Some(&entry))).rule;
    assert!(rule.starts_with("its recipe worked before, and failed when"), "{rule}");
}

#[test]
fn a_rule_says_whose_fault_the_last_failure_is() {
    let id = package_a();
    let attempts = last_attempts(&id, [], ([failure(3, None)], &read), 5);
    let rule =
        |entry: &QueueEntry| package(&Case { attempts: &attempts, ..case(&id, Some(entry)) }).rule;
    let mut own = entry(Queued::Failed);
    own.consecutive_failures = 2;
    assert_eq!(
        rule(&own),
        "its last attempt failed with validation_failed/install_failed: the cause lies in the \
         package, which waits longer after each failure (2 times in a row)"
    );
    let mut spared = entry(Queued::Pending);
    (spared.consecutive_faults, spared.last_attempt_at) = (1, Some(at(3)));
    assert!(rule(&spared).contains("not the fault of the package"), "{}", rule(&spared));
    spared.lost = true;
    assert!(rule(&spared).contains("ended before this attempt did"), "{}", rule(&spared));
    let mut released = entry(Queued::Pending);
    released.last_attempt_at = Some(at(3));
    assert!(rule(&released).contains("due again"), "{}", rule(&released));
}

#[test]
fn every_obstacle_says_until_when_or_on_what_it_depends() {
    let id = package_a();
    let pending = entry(Queued::Pending);
    let until = at(9);
    let check = |reason: SkipReason, time: Option<DateTime<Utc>>, word: &str| {
        let place = Err(reason.clone());
        let of_entry = Case { place: Some(&place), ..case(&id, Some(&pending)) };
        let of_ecosystem = Case { obstacle: Some(&reason), ..case(&id, Some(&pending)) };
        for case in [of_entry, of_ecosystem] {
            let found = package(&case);
            assert_eq!(found.next_attempt.at, time, "{reason:?}");
            assert!(found.next_attempt.why.contains(word), "{}", found.next_attempt.why);
            assert_eq!(found.queue_place, None);
            assert!(!found.commands.iter().any(|it| it.contains(" plan ")), "{reason:?}");
        }
    };
    check(SkipReason::BackingOff { until }, Some(until), "it waits after a failure");
    check(SkipReason::BreakerOpen { until }, Some(until), "breaker of eco is open");
    let host = "x.example".to_owned();
    check(SkipReason::HostPaused { host, until }, Some(until), "x.example asked for a pause");
    check(SkipReason::Disabled, None, "disabled in batch-control.json");
    let without_slots = Turns { next_slot: None, n_ecosystems: 8 };
    let found = package(&Case { turns: without_slots, ..case(&id, Some(&pending)) });
    assert_eq!(found.next_attempt.at, None);
}

#[test]
fn a_settled_entry_is_never_attempted_and_a_blocked_one_when_recipes_exist() {
    let id = package_a();
    let by = |has_recipe| Blocker { name: "lib".parse().unwrap(), has_recipe, status: None };
    let reason = "library_only: no command".to_owned();
    for (status, word) in [
        (Queued::Success, "its recipe exists"),
        (Queued::InProgress { batch: batch(1).parse().unwrap() }, "merged"),
        (Queued::RequiresManual { reason: reason.clone() }, "person decides"),
        (Queued::Excluded { reason: reason.clone() }, "no run attempts it"),
        (Queued::Blocked { by: vec!["lib".parse().unwrap()] }, "as soon as the recipes exist"),
    ] {
        let entry = entry(status);
        let blocked_by = [by(false)];
        let place = Err(SkipReason::Done);
        let case = Case { blocked_by: &blocked_by, place: Some(&place), ..case(&id, Some(&entry)) };
        let next = package(&case).next_attempt;
        assert_eq!(next.at, None);
        assert!(next.why.contains(word), "{}", next.why);
    }
    let entry = entry(Queued::Blocked { by: vec!["lib".parse().unwrap()] });
    let blocked_by = [by(false)];
    let waiting = Case { blocked_by: &blocked_by, ..case(&id, Some(&entry)) };
    assert_eq!(package(&waiting).commands[0], "tsuku-batch queue add eco:lib");
    assert!(package(&waiting).rule.ends_with("did not exist: lib"));
    let blocked_by = [Blocker { status: Some(StatusLabel::Failed), ..by(false) }];
    let queued = Case { blocked_by: &blocked_by, ..waiting };
    assert_eq!(package(&queued).commands[0], "tsuku-batch explain eco:lib");
    let blocked_by = [by(true)];
    let free = Case { blocked_by: &blocked_by, ..waiting };
    assert!(package(&free).next_attempt.why.contains("next run releases it"));
}

#[test]
fn a_package_without_an_entry_is_explained_by_its_recipe_or_by_the_seeder() {
    let id = package_a();
    let unknown = case(&id, None);
    assert!(unknown.is_unknown());
    let recipe = "a+b".parse().unwrap();
    let found = package(&Case { recipe: Some(&recipe), ..unknown });
    assert_eq!(serde_json::to_value(found.status).unwrap(), "recipe_only");
    assert_eq!(found.history, Some(History::Works));
    assert!(found.rule.starts_with("the recipe a+b installs it"), "{}", found.rule);
    assert_eq!(
        found.commands,
        ["tsuku-batch queue add eco:a", "tsuku-batch recipe check recipes/a/a+b.toml"]
    );
    let remembered = Remembered {
        reason: SeedSkip::Library,
        why: "it ships no command".to_owned(),
        at: at(0).date_naive(),
    };
    let found = package(&Case { remembered: Some(&remembered), ..unknown });
    assert_eq!(serde_json::to_value(found.status).unwrap(), "not_queued");
    assert!(found.rule.ends_with("left it out on 1970-01-01: it ships no command"));
    assert_eq!(found.next_attempt.at, None);
    assert_eq!(found.commands, ["tsuku-batch try eco:a", "tsuku-batch queue add eco:a"]);
}

#[test]
fn attempts_join_the_records_of_runs_and_failures() {
    let id = package_a();
    let failures =
        [failure(4, Some("darwin-arm64")), failure(4, Some("darwin-x86_64")), failure(1, None)];
    let runs = [run(4, Some("pass")), run(3, None), run(2, Some("pass")), run(1, Some("fail"))];
    let found = last_attempts(&id, runs.clone(), (failures.clone(), &read), 9);
    assert!(found.iter().all(|attempt| attempt.package_id == id));
    let shown: Vec<(String, AttemptResult, usize)> = found
        .iter()
        .map(|attempt| (attempt.batch_id.clone(), attempt.result, attempt.causes.len()))
        .collect();
    assert_eq!(
        shown,
        [
            (batch(4), AttemptResult::PassedInPart, 2),
            (batch(3), AttemptResult::Passed, 0),
            (batch(2), AttemptResult::Passed, 0),
            (batch(1), AttemptResult::Failed, 1),
        ]
    );
    assert_eq!(found[0].causes[0].message, "it broke");
    assert!(found[0].causes[0].headline.contains("it broke"), "{:?}", found[0].causes);
    assert_eq!(last_attempts(&id, runs.clone(), (failures.clone(), &read), 2), found[..2]);
    assert_eq!(last_attempts(&"eco:b".parse().unwrap(), runs, (failures, &read), 9), []);
}

#[test]
fn the_history_of_one_source_is_not_that_of_another_with_the_same_name() {
    let of = |id: &str| last_attempts(&id.parse().unwrap(), [], ([failure(1, None)], &read), 9);
    assert_eq!(of("eco:a").len(), 1);
    assert_eq!(of("other:a"), []);
}

#[test]
fn a_run_is_explained_by_its_slot_and_its_packages() {
    let turns = Turns { next_slot: Some(at(8)), n_ecosystems: 8 };
    let mut record = run(4, None);
    let ran = run::explained(&record, (vec![failure(4, None)], &read), turns);
    assert_eq!(serde_json::to_value(ran.status).unwrap(), "ran");
    assert_eq!(ran.history, None);
    assert_eq!(ran.rule, "it ran in its own slot, or was asked for; 0 of 1 verified");
    assert_eq!(ran.last_attempts[0].package_id, package_a());
    assert_eq!(ran.last_attempts[0].result, AttemptResult::Failed);
    assert_eq!(ran.next_attempt.at, Some(at(8)));
    let id = batch(4);
    assert_eq!(ran.commands[0], format!("tsuku-batch runs show {id}"));
    assert_eq!(ran.commands[1], format!("tsuku-batch failures list --batch {id}"));

    record.interrupted = true;
    record.deferred = vec![package_a()];
    let interrupted = run::explained(&record, (vec![], &read), turns);
    assert_eq!(serde_json::to_value(interrupted.status).unwrap(), "interrupted");
    assert!(interrupted.rule.ends_with("1 planned package was not attempted and stays due"));
    assert_eq!(interrupted.commands.len(), 1, "nothing failed");

    record.interrupted = false;
    record.deferred = vec![];
    record.outcome = crate::model::SlotOutcome::Skipped;
    record.skip_reason = Some("nothing is due".to_owned());
    let skipped = run::explained(&record, (vec![], &read), turns);
    assert_eq!(serde_json::to_value(skipped.status).unwrap(), "skipped");
    assert!(skipped.rule.starts_with("nothing ran: nothing is due"), "{}", skipped.rule);
    record.outcome = crate::model::SlotOutcome::FellThrough;
    record.slot = Some("ego".parse().unwrap());
    let fell = run::explained(&record, (vec![], &read), turns);
    assert!(fell.rule.starts_with("it ran in the slot of ego: nothing is due"), "{}", fell.rule);

    let unrecorded = run::unrecorded(&batch(4), (vec![failure(4, None)], &read));
    assert_eq!(serde_json::to_value(unrecorded.status).unwrap(), "unrecorded");
    assert_eq!(unrecorded.last_attempts.len(), 1);
    assert_eq!(unrecorded.next_attempt.at, None);
}

#[test]
fn what_an_operator_can_undo_is_offered_as_a_command() {
    let id = package_a();
    let of = |entry: &QueueEntry| {
        let unplanned = Case { place: None, ..case(&id, Some(entry)) };
        package(&unplanned).commands
    };
    let commands = of(&entry(Queued::RequiresManual { reason: "unsafe_name: ls".to_owned() }));
    assert_eq!(commands, ["tsuku-batch try eco:a", "tsuku-batch queue unblock eco:a"]);
    let mut excluded = entry(Queued::Excluded { reason: "a game".to_owned() });
    assert_eq!(of(&excluded), ["tsuku-batch queue unblock eco:a"]);
    excluded.routed_to = Some("eco:b".parse().unwrap());
    assert_eq!(of(&excluded), ["tsuku-batch disambiguation list"]);
    let failed = entry(Queued::Failed);
    let waits = Err(SkipReason::BackingOff { until: at(9) });
    let case = Case { place: Some(&waits), ..case(&id, Some(&failed)) };
    assert!(package(&case).commands.contains(&"tsuku-batch run --package eco:a".to_owned()));
}
