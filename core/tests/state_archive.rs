//! Old records are moved into archives, and are read as before.

#![expect(clippy::unwrap_used, reason = "a test, helpers included")]
#![expect(clippy::disallowed_methods, reason = "a test lays its files out itself")]

use std::{collections::BTreeMap, fs, io::Read as _, ops::ControlFlow, path::Path};

use batch_core::{
    io::{ArchiveKind, FsState, HistoryFilter, StateReader, StateWriter, Visited},
    model::{BreakerTransition, Control, FailureRecord, OutputRef, RunName, RunRecord},
    persist::{ArchiveCounts, ArchiveStep, Archiving, archive, plan_archive},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use tempfile::TempDir;

fn root() -> (TempDir, FsState) {
    let dir = tempfile::tempdir().unwrap();
    let (state, _) = FsState::init(dir.path(), &Control::default(), &[]).unwrap();
    (dir, state)
}

fn day(n: i64) -> DateTime<Utc> {
    "2026-01-01T12:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::days(n)
}

fn batch(n: i64) -> String {
    format!("aa-{}", RunName::text_of(day(n)))
}

fn failure(n: i64, name: &str, output: Option<&OutputRef>) -> FailureRecord {
    let record = json!({
        "schema_version": 2, "id": format!("{}-{name}", batch(n)), "package_id": format!("aa:{name}"),
        "ecosystem": "aa", "batch_id": batch(n), "stage": "validate", "category": "validation_failed",
        "subcategory": "install_failed", "confidence": "stated", "message": "no \"luck\"\n",
        "fingerprint": "00000000000000ff", "timestamp": day(n) + TimeDelta::minutes(5),
        "output": output,
    });
    serde_json::from_value(record).unwrap()
}

fn run(n: i64) -> RunRecord {
    let record = json!({
        "schema_version": 2, "batch_id": batch(n), "ecosystem": "aa", "timestamp": day(n),
        "duration_seconds": 1, "outcome": "ran", "total": 1, "succeeded": 0, "failed": 1,
        "blocked": 0, "generated": 0, "merged": 0, "packages_processed": ["aa:x"],
    });
    serde_json::from_value(record).unwrap()
}

fn transition(n: i64) -> BreakerTransition {
    let record = json!({
        "schema_version": 2, "at": day(n), "ecosystem": "aa", "from": "closed", "to": "open",
        "reason": "3 unhealthy runs in a row", "evidence": [],
    });
    serde_json::from_value(record).unwrap()
}

/// Runs on these days, each with two failures and a change of a breaker. Each output belongs to one
/// run, and one to all of them.
fn put(state: &FsState, days: &[i64]) {
    let common = state.put_output("all of them print this\n", false).unwrap();
    for &n in days {
        let own = state.put_output(&format!("the run of day {n} prints this\n"), false).unwrap();
        let failures = [failure(n, "x", Some(&own)), failure(n, "y", Some(&common))];
        state.put_failures(&batch(n), &failures).unwrap();
        state.put_run(&run(n)).unwrap();
        state.put_transition(&transition(n)).unwrap();
    }
}

/// Everything that can be read, in the order in which it is read, with the outputs.
fn all(state: &FsState) -> Vec<String> {
    let everything = HistoryFilter::default();
    let mut all = vec![];
    let failures = state.failures(&everything).unwrap();
    for failure in &failures.records {
        all.push(serde_json::to_string(failure).unwrap());
        all.extend(failure.output.as_ref().map(|it| state.output(&it.sha256).unwrap().unwrap()));
    }
    let runs = state.runs(&everything).unwrap();
    all.extend(runs.records.iter().map(|run| serde_json::to_string(run).unwrap()));
    let log = state.breaker_log().unwrap();
    all.extend(log.records.iter().map(|it| serde_json::to_string(it).unwrap()));
    let damaged = failures.quarantined.iter().chain(&runs.quarantined).chain(&log.quarantined);
    all.extend(damaged.map(ToString::to_string));
    all
}

/// Archives everything before the day `before`; stops after `n_steps` steps.
fn archive_some(state: &FsState, before: i64, n_steps: usize) -> Archiving {
    let plan = plan_archive(state, day(before)).unwrap();
    let mut n_left = n_steps;
    archive(state, &plan, &mut |_| {
        n_left -= 1;
        if n_left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .unwrap()
}

fn archive_all(state: &FsState, before: i64) -> ArchiveCounts {
    let archiving = archive_some(state, before, usize::MAX);
    let Archiving::Done(counts) = archiving else { panic!("{archiving:?}") };
    counts
}

/// All files of the state by name.
fn tree(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![dir.join("data")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    files
}

#[test]
fn what_is_old_is_only_in_the_archive_and_is_read_as_before() {
    let (dir, state) = root();
    put(&state, &[0, 20, 31, 40, 70]);
    let before = all(&state);
    let counts = archive_all(&state, 60);
    assert_eq!(counts, ArchiveCounts { failures: 10, outputs: 6, runs: 5, breaker: 5 });
    assert_eq!(all(&state), before);
    let names: Vec<String> = tree(dir.path()).into_keys().collect();
    let is_live = |folder: &str| names.iter().filter(|name| name.starts_with(folder)).count();
    // The common output is still needed.
    assert_eq!(
        [is_live("data/failures/"), is_live("data/metrics/"), is_live("data/outputs/")],
        [1, 1, 2]
    );
    for month in ["2026-01", "2026-02"] {
        for kind in ArchiveKind::ALL {
            let name = format!("data/archive/{month}/{}.jsonl.zst", kind.as_str());
            assert!(names.contains(&name), "{name}: {names:?}");
        }
    }
    assert_eq!(archive_all(&state, 400).outputs, 6);
    assert_eq!(all(&state), before);
    let n_live = tree(dir.path()).keys().filter(|name| name.starts_with("data/outputs/")).count();
    assert_eq!(n_live, 0);
}

#[test]
fn whatever_step_it_is_stopped_after_nothing_is_lost_or_doubled() {
    let mut n_steps = 0;
    loop {
        n_steps += 1;
        let (dir, state) = root();
        put(&state, &[0, 1, 40, 70]);
        // Something is archived already, in one of the months.
        archive_all(&state, 1);
        let before = all(&state);
        let is_stopped = matches!(archive_some(&state, 60, n_steps), Archiving::Stopped);
        assert_eq!(all(&state), before, "after {n_steps} steps");
        archive_all(&state, 60);
        assert_eq!(all(&state), before, "after {n_steps} steps, and completed");
        let completed = tree(dir.path());
        archive_all(&state, 60);
        assert_eq!(tree(dir.path()), completed, "again");

        let (other, untouched) = root();
        put(&untouched, &[0, 1, 40, 70]);
        archive_all(&untouched, 60);
        assert_eq!(tree(other.path()), completed, "not the same as at once");
        if !is_stopped {
            break;
        }
    }
    // Two months of four kinds, the check, two runs of two files, two outputs, and the log.
    assert_eq!(n_steps, 8 + 1 + 4 + 2 + 1 + 1);
}

#[test]
fn one_record_is_found_in_the_archive_and_no_other_month_is_opened() {
    let (dir, state) = root();
    put(&state, &[0, 31, 70]);
    archive_all(&state, 60);
    // Opening this one would be seen.
    for kind in ["failures", "runs"] {
        let path = dir.path().join(format!("data/archive/2026-01/{kind}.jsonl.zst"));
        fs::write(path, "no archive").unwrap();
    }
    let february = HistoryFilter { since: Some(day(31)), ..HistoryFilter::default() };
    let failures = state.failures(&february).unwrap();
    assert_eq!((failures.records.len(), failures.quarantined.len()), (4, 0));
    let id = failure(31, "x", None).id;
    let found = state.failures(&HistoryFilter::of_failure(&id)).unwrap();
    assert_eq!((found.records.len(), found.quarantined.len()), (1, 0));
    assert_eq!(state.run(&batch(31)).unwrap().unwrap(), run(31));
    let of_y = HistoryFilter { package: Some("aa:y".parse().unwrap()), ..february };
    assert_eq!(state.failures(&of_y).unwrap().records.len(), 2);
    // A visitor that stops does not open what is older.
    let mut n_seen = 0;
    let mut see = |visited: Visited<RunRecord>| {
        assert!(matches!(visited, Visited::Record(_)), "{visited:?}");
        n_seen += 1;
        if n_seen == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    state.visit_runs(&HistoryFilter::default(), &mut see).unwrap();
    assert_eq!(n_seen, 2);
    let damaged = state.failures(&HistoryFilter::default()).unwrap().quarantined;
    assert_eq!(damaged.len(), 1);
    let text = damaged[0].to_string();
    let expected = "data/archive/2026-01/failures.jsonl.zst, line 1: frame 1 cannot be unpacked";
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn a_live_record_is_right_and_an_archived_run_keeps_its_place() {
    let (_dir, state) = root();
    put(&state, &[0, 2, 4]);
    archive_all(&state, 60);
    // These came later, for example from an import.
    let mut changed = failure(2, "x", None);
    changed.message = "changed".to_owned();
    state.put_failures(&batch(2), &[changed, failure(2, "z", None)]).unwrap();
    put(&state, &[1, 3]);
    let shown: Vec<String> = state
        .failures(&HistoryFilter::default())
        .unwrap()
        .records
        .iter()
        .map(|it| format!("{} {}", it.id.strip_prefix("aa-2026-01-0").unwrap(), it.message.trim()))
        .collect();
    let short = |n, name: &str| format!("{n}T12-00-00Z-{name} no \"luck\"");
    let mut expected: Vec<String> =
        [5, 4, 3, 2, 1].into_iter().flat_map(|n| [short(n, "y"), short(n, "x")]).collect();
    expected[5] = "3T12-00-00Z-x changed".to_owned();
    expected.insert(4, short(3, "z"));
    assert_eq!(shown, expected);
    archive_all(&state, 60);
    assert_eq!(state.failures(&HistoryFilter::default()).unwrap().records.len(), 11);
}

#[test]
fn what_cannot_be_read_stays_and_is_named() {
    let (dir, state) = root();
    put(&state, &[0, 1, 40]);
    let torn = format!("data/failures/{}.jsonl", batch(1));
    let text = fs::read_to_string(dir.path().join(&torn)).unwrap() + "{\"id\": \"torn\n";
    fs::write(dir.path().join(&torn), &text).unwrap();
    let plan = plan_archive(&state, day(60)).unwrap();
    let left: Vec<String> = plan.left().map(ToString::to_string).collect();
    assert!(left.len() == 1 && left[0].starts_with(&format!("{torn}, line 3: ")), "{left:?}");
    let before = all(&state);
    archive_all(&state, 60);
    assert_eq!(all(&state), before);
    assert_eq!(fs::read_to_string(dir.path().join(&torn)).unwrap(), text);

    // An archive with damage is not written again, which would lose what is behind the damage.
    let archived = dir.path().join("data/archive/2026-02/failures.jsonl.zst");
    let mut bytes = fs::read(&archived).unwrap();
    bytes.truncate(bytes.len() - 1);
    fs::write(&archived, &bytes).unwrap();
    put(&state, &[41]);
    let before = all(&state);
    archive_all(&state, 60);
    assert_eq!(all(&state), before);
    assert_eq!(fs::read(&archived).unwrap(), bytes);
    assert!(dir.path().join(format!("data/failures/{}.jsonl", batch(41))).exists());

    // An output that may be behind damage is not said to be absent.
    let archived = dir.path().join("data/archive/2026-02/outputs.jsonl.zst");
    fs::write(&archived, "no archive").unwrap();
    let error = state.output(&"ab".repeat(32)).unwrap_err();
    assert!(error.kind.is_about_the_file() && error.path == archived, "{error}");
}

#[test]
fn lines_are_moved_unchanged_and_empty_files_stay() {
    let (dir, state) = root();
    put(&state, &[0]);
    let log = dir.path().join("data/breaker-log.jsonl");
    let failures = dir.path().join(format!("data/failures/{}.jsonl", batch(0)));
    let mut expected = vec![];
    for path in [&log, &failures] {
        let text = fs::read_to_string(path).unwrap().replace("\"schema", "\"of_later\":1,\"schema");
        fs::write(path, &text).unwrap();
        expected.extend(text.lines().map(str::to_owned));
    }
    let empty = dir.path().join(format!("data/failures/{}.jsonl", batch(1)));
    fs::write(&empty, "").unwrap();
    archive_all(&state, 60);
    assert!(empty.exists() && !failures.exists());
    let mut found = vec![];
    for kind in ["breaker", "failures"] {
        let bytes = fs::read(dir.path().join(format!("data/archive/2026-01/{kind}.jsonl.zst")));
        let bytes = bytes.unwrap();
        let mut text = String::new();
        let mut unpacked = ruzstd::decoding::StreamingDecoder::new(&*bytes).unwrap();
        unpacked.read_to_string(&mut text).unwrap();
        found.extend(text.lines().map(str::to_owned));
    }
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn nothing_is_removed_if_the_check_fails() {
    let (dir, state) = root();
    put(&state, &[0, 1]);
    let plan = plan_archive(&state, day(60)).unwrap();
    let live = tree(dir.path());
    let result = archive(&state, &plan, &mut |step| {
        if let ArchiveStep::Archived(month, ArchiveKind::Failures) = step {
            let path = state.layout().archived(*month, ArchiveKind::Failures);
            fs::write(path, "").unwrap();
        }
        ControlFlow::Continue(())
    });
    let Archiving::Unequal { before, after } = result.unwrap() else { panic!("it is not equal") };
    assert_eq!((before.failures, after.failures), (4, 0));
    let now = tree(dir.path());
    assert!(live.iter().all(|(name, bytes)| now.get(name) == Some(bytes)));
}
