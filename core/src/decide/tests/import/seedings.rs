//! Seeding runs.

use serde_json::{Value, json};

use super::*;
use crate::{
    decide::import::{Sum, Total},
    model::{SeedOutcome, SeedingRecord, Suspicion},
};

const AT: &str = "2026-02-20T10:00:00Z";

fn of_lines(lines: &[Value]) -> Imported {
    let text: Vec<String> = lines.iter().map(Value::to_string).collect();
    of_file(RecordKind::Seeding, "data/metrics/seeding-runs.jsonl", &text.join("\n"))
}

/// The only seeding run of a file with `line`.
fn of_line(line: &Value) -> (SeedingRecord, Imported) {
    let mut imported = of_lines(std::slice::from_ref(line));
    assert_eq!(imported.seedings.len(), 1, "{:?}", imported.report);
    (imported.seedings.remove(0), imported)
}

#[test]
fn a_seeding_keeps_its_numbers_and_they_are_the_same_before_and_after() {
    let line = json!({"run_at": AT, "sources_processed": ["eco.io"], "new_packages": 5,
        "stale_refreshed": 3});
    let (record, imported) = of_line(&line);
    assert_eq!((&record.ecosystem, record.started_at, record.ended_at), (&ECO, at(AT), at(AT)));
    assert_eq!((record.seen, record.added, record.refreshed), (8, 5, 3));
    let sums = &imported.report.sums;
    assert_eq!(sums[&Sum::Added], Total { before: 5, after: 5 });
    assert_eq!(sums[&Sum::Refreshed], Total { before: 3, after: 3 });
    assert_eq!(imported.report.oddities, [].into());
    let count = imported.report.kinds[&RecordKind::Seeding];
    assert_eq!((count.files, count.records_in, count.records_out), (1, 1, 1));
}

#[test]
fn the_outcome_follows_from_what_was_read_and_what_was_not() {
    use SeedOutcome::{Full, Partial, Unavailable};
    let names = |n: usize| vec!["eco"; n];
    for (n_read, n_failed, n_errors, expected) in [
        (1, 0, 0, Full),
        (0, 0, 0, Full),
        (1, 0, 1, Partial),
        (1, 1, 0, Partial),
        (1, 1, 1, Partial),
        (0, 0, 1, Partial),
        (0, 1, 0, Unavailable),
        (0, 2, 3, Unavailable),
    ] {
        let (record, _) = of_line(&json!({"run_at": AT, "sources_processed": names(n_read),
            "sources_failed": names(n_failed), "errors": vec!["x"; n_errors]}));
        assert_eq!(record.outcome, expected, "{n_read} {n_failed} {n_errors}");
    }
}

#[test]
fn every_source_is_named_with_its_own_outcome() {
    let (record, imported) = of_line(&json!({"run_at": AT, "sources_processed": ["a", "b"],
        "sources_failed": ["c"]}));
    let sources: Vec<_> = record.sources.iter().map(|it| (&*it.name, it.outcome)).collect();
    let (full, unavailable) = (SeedOutcome::Full, SeedOutcome::Unavailable);
    assert_eq!(sources, [("a", full), ("b", full), ("c", unavailable)]);
    assert_eq!(record.ecosystem.as_str(), "unknown");
    assert_eq!(n_of(&imported, Oddity::SeedingsOfNoOneEcosystem), 1);
}

#[test]
fn two_records_of_one_seeding_are_one_and_no_number_is_lost() {
    let line = |hour: u8, source: &str, added: u64| {
        json!({"run_at": format!("2026-02-20T{hour:02}:00:00Z"), "new_packages": added,
            "stale_refreshed": 1, "sources_processed": [source]})
    };
    let lines = [line(1, "eco", 5), line(1, "e", 5), line(1, "b", 5), line(2, "eco", 5)];
    let imported = of_lines(&lines);
    assert_eq!(imported.seedings.len(), 3, "the second one is the first");
    let count = imported.report.kinds[&RecordKind::Seeding];
    assert_eq!((count.records_in, count.records_out, count.merged), (4, 3, 1));
    assert_eq!(imported.report.sums[&Sum::Added], Total { before: 20, after: 20 });
    assert_eq!(imported.report.sums[&Sum::Refreshed], Total { before: 4, after: 4 });
    assert!(imported.report.is_balanced());
}

#[test]
fn a_change_of_source_is_suspicious_unless_it_was_accepted() {
    let change = |package: &str, is_accepted: bool| {
        json!({"package": package, "old": "eco:a\u{1b}[1m", "new": "other:a",
            "auto_accepted": is_accepted})
    };
    let (record, _) = of_line(&json!({"run_at": AT,
        "source_changes": [change("to\u{1b}[0mol", false), change("fine", true)]}));
    let [Suspicion { name, evidence }] = &record.suspicious[..] else {
        panic!("{:?}", record.suspicious)
    };
    assert_eq!(name, "tool", "escape sequences are removed");
    assert!(evidence.contains("other:a") && evidence.contains("eco:a"), "{evidence}");
    assert!(!evidence.contains('\u{1b}'), "{evidence}");
}
