//! Runs.

use serde_json::{Value, json};

use super::*;
use crate::{
    decide::import::{Sum, Total},
    model::{Environment, EnvironmentCounts, RunRecord, SlotOutcome},
};

const START: &str = "2026-02-19T08-45-18Z";
const AT: &str = "2026-02-20T10:00:00Z";

fn file() -> String {
    format!("data/metrics/batch-{START}.jsonl")
}

/// A run of `eco` with numbers that all differ.
fn whole() -> Value {
    json!({
        "ecosystems": {"eco": 11}, "total": 7, "generated": 6, "merged": 5, "excluded": 2,
        "constrained": 1, "timestamp": AT, "duration_seconds": 90,
        "platforms": {
            "linux-x86_64": {"tested": 40, "passed": 30, "failed": 10},
            "darwin-arm64": {"tested": 4, "passed": 3, "failed": 1},
        },
    })
}

fn of_runs(runs: &[Value]) -> Imported {
    let text: Vec<String> = runs.iter().map(Value::to_string).collect();
    of_file(RecordKind::Run, &file(), &text.join("\n"))
}

/// The only run of a file with `run`.
fn of_run(run: &Value) -> (RunRecord, Imported) {
    let mut imported = of_runs(std::slice::from_ref(run));
    assert_eq!(imported.runs.len(), 1, "{:?}", imported.report);
    (imported.runs.remove(0), imported)
}

#[test]
fn a_run_keeps_its_numbers_and_they_are_the_same_before_and_after() {
    let (run, imported) = of_run(&whole());
    assert_eq!(run.batch_id, format!("eco-{START}"));
    assert_eq!((run.ecosystem, run.slot), (Some(ECO), Some(ECO)));
    assert_eq!((run.timestamp, run.duration_seconds), (at(AT), 90));
    assert_eq!((run.outcome, run.skip_reason), (SlotOutcome::Ran, None));
    assert_eq!((run.total, run.succeeded, run.failed), (11, 5, 6));
    assert_eq!((run.generated, run.merged, run.excluded, run.constrained), (6, 5, 2, 1));
    let counts = |tested, passed, failed| EnvironmentCounts {
        tested,
        passed,
        failed,
        ..EnvironmentCounts::default()
    };
    let expected =
        [(Environment::DebianX86, counts(40, 30, 10)), (Environment::MacArm, counts(4, 3, 1))];
    assert_eq!(run.environments, expected.into());
    let report = &imported.report;
    for (sum, n) in [
        (Sum::Attempts, 11),
        (Sum::Generated, 6),
        (Sum::Merged, 5),
        (Sum::Excluded, 2),
        (Sum::Constrained, 1),
        (Sum::DurationSeconds, 90),
        (Sum::Tested, 44),
        (Sum::Passed, 33),
        (Sum::Failed, 11),
    ] {
        assert_eq!(report.sums[&sum], Total { before: n, after: n }, "{sum:?}");
    }
    assert_eq!(report.oddities, [].into());
    let count = report.kinds[&RecordKind::Run];
    assert_eq!((count.files, count.records_in, count.records_out), (1, 1, 1));
}

#[test]
fn a_run_has_at_least_as_many_attempts_as_any_of_its_numbers_says() {
    for (attempts, total, merged, expected) in [
        (json!({"eco": 9}), 3, 2, 9),
        (json!({"eco": 0}), 3, 2, 3),
        (json!({"eco": 1}), 1, 2, 2),
        (json!({"eco": 3, "e": 4}), 3, 2, 7),
        (json!({"eco": u64::MAX, "e": 4}), 3, 2, u64::MAX),
    ] {
        let (run, imported) = of_run(&json!({"ecosystems": attempts, "total": total,
            "merged": merged, "timestamp": AT}));
        assert_eq!((run.total, run.failed), (expected, expected - merged));
        assert!(imported.report.is_balanced());
    }
}

#[test]
fn a_run_that_is_alone_in_its_file_started_when_the_name_says() {
    let ids = |runs: &[Value]| -> Vec<String> {
        of_runs(runs).runs.into_iter().map(|run| run.batch_id).collect()
    };
    assert_eq!(ids(&[whole()]), [format!("eco-{START}")]);
    let of_instant = "eco-2026-02-20T10-00-00Z";
    let other = json!({"ecosystem": "eco", "timestamp": "2026-02-21T10:00:00Z"});
    assert_eq!(ids(&[whole(), other]), [of_instant, "eco-2026-02-21T10-00-00Z"]);
    let numbered =
        [1, 2, 3].map(|n| if n == 1 { of_instant.to_owned() } else { format!("{of_instant}-{n}") });
    assert_eq!(ids(&[whole(), whole(), whole()]), numbered);
}

#[test]
fn only_a_run_of_exactly_one_ecosystem_of_ours_names_one() {
    for (spellings, found, n_aliases) in [
        (json!({"ecosystem": "eco"}), true, 0),
        (json!({"ecosystem": "eco.io"}), true, 1),
        (json!({"ecosystems": {"e": 1}}), true, 1),
        (json!({"ecosystems": {"eco": 1, "other": 1}}), false, 0),
        (json!({"ecosystem": "eco", "ecosystems": {"eco": 1}}), false, 0),
        (json!({"ecosystem": "other"}), false, 0),
        (json!({}), false, 0),
    ] {
        let mut run = spellings;
        run["timestamp"] = AT.into();
        let (record, imported) = of_run(&run);
        assert_eq!(record.ecosystem, found.then_some(ECO), "{run}");
        assert_eq!(record.slot, record.ecosystem);
        let owner = if found { "eco" } else { "batch" };
        assert_eq!(record.batch_id, format!("{owner}-{START}"));
        let oddities = [Oddity::Aliases, Oddity::RunsOfNoOneEcosystem];
        assert_eq!(oddities.map(|it| n_of(&imported, it)), [n_aliases, u64::from(!found)], "{run}");
    }
}

#[test]
fn two_old_names_of_one_environment_are_added_and_what_tested_nothing_is_left_out() {
    let counts = |n: u64| json!({"tested": 3 * n, "passed": 2 * n, "failed": n});
    let (run, imported) = of_run(&json!({"ecosystem": "eco", "timestamp": AT, "platforms": {
        "linux-x86_64": counts(1), "linux/amd64": counts(10), "darwin-arm64": counts(0)}}));
    let [(environment, sum)] = run.environments.iter().collect::<Vec<_>>()[..] else {
        panic!("{:?}", run.environments)
    };
    assert_eq!(*environment, Environment::DebianX86);
    assert_eq!((sum.tested, sum.passed, sum.failed), (33, 22, 11));
    assert!(imported.report.is_balanced());
}

#[test]
fn a_run_in_an_unknown_environment_is_refused_with_its_place() {
    let bad = json!({"timestamp": AT, "platforms": {"plan9": {"tested": 1}}});
    let imported = of_runs(&[whole(), bad]);
    let [refused] = &imported.report.quarantined[..] else { panic!("{:?}", imported.report) };
    assert_eq!((&*refused.file, refused.line), (&*file(), 2));
    let count = imported.report.kinds[&RecordKind::Run];
    assert_eq!((count.records_in, count.records_out, count.quarantined), (2, 1, 1));
    assert!(imported.report.is_balanced());
}
