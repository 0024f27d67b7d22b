//! How history is read: the order, the opened files, and the parts that are read.

#![expect(clippy::unwrap_used, reason = "a test, helpers included")]
#![expect(clippy::disallowed_methods, reason = "a test lays its files out itself")]

use std::{fs, ops::ControlFlow, path::Path};

use batch_core::{
    io::{FsState, HistoryFilter, StateReader, Visited},
    model::{Control, FailureRecord, FailureSummary, PackageId, RunName, RunRecord},
};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

const ECOSYSTEMS: [&str; 2] = ["aa", "bb"];

fn root() -> (TempDir, FsState) {
    let dir = tempfile::tempdir().unwrap();
    let (state, _) = FsState::init(dir.path(), &Control::default(), &[]).unwrap();
    (dir, state)
}

fn write(dir: &TempDir, relative: &str, text: impl AsRef<[u8]>) {
    let path = dir.path().join(relative);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn hour(n: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::hours(n)
}

fn batch(eco: &str, n: i64) -> String {
    format!("{eco}-{}", RunName::text_of(hour(n)))
}

fn failure(eco: &str, n: i64, name: &str) -> FailureRecord {
    let batch = batch(eco, n);
    let record = json!({
        "schema_version": 2, "id": format!("{batch}-{name}"), "package_id": format!("{eco}:{name}"),
        "ecosystem": eco, "batch_id": batch, "stage": "validate", "category": "validation_failed",
        "subcategory": "install_failed", "confidence": "stated", "message": "no \"luck\"\n",
        "fingerprint": "00000000000000ff", "timestamp": hour(n) + TimeDelta::minutes(5),
    });
    serde_json::from_value(record).unwrap()
}

fn run(eco: &str, n: i64, packages: &[PackageId]) -> RunRecord {
    let record = json!({
        "schema_version": 2, "batch_id": batch(eco, n), "ecosystem": eco, "timestamp": hour(n),
        "duration_seconds": 1, "outcome": "ran", "total": 1, "succeeded": 0, "failed": 1,
        "blocked": 0, "generated": 0, "merged": 0, "packages_processed": packages,
    });
    serde_json::from_value(record).unwrap()
}

/// The ids of failures, and `!` with the place of damaged records.
fn shown(state: &dyn StateReader, filter: &HistoryFilter) -> Vec<String> {
    let mut shown = vec![];
    let mut see = |visited: Visited<FailureRecord>| {
        shown.push(match visited {
            Visited::Record(record) => record.id,
            Visited::Damaged(damaged) => format!("!{}", damaged.place),
        });
        ControlFlow::Continue(())
    };
    state.visit_failures(filter, &mut see).unwrap();
    shown
}

fn line(record: &FailureRecord) -> String {
    serde_json::to_string(record).unwrap() + "\n"
}

fn put(dir: &TempDir, records: &[FailureRecord]) {
    let lines: String = records.iter().map(line).collect();
    write(dir, &format!("data/failures/{}.jsonl", records[0].batch_id), lines);
}

/// Makes a path that causes an error when it is opened.
fn trap(dir: &TempDir, name: &str) {
    fs::create_dir_all(dir.path().join("data/failures").join(name)).unwrap();
}

#[test]
fn the_newest_file_is_first_and_no_file_is_opened_after_a_stop() {
    let (dir, state) = root();
    for (eco, n) in [("bb", 2), ("aa", 3), ("aa", 1)] {
        put(&dir, &[failure(eco, n, "x")]);
    }
    trap(&dir, "no-name.jsonl");
    let all = shown(&state, &HistoryFilter::default());
    let ids = [failure("aa", 3, "x").id, failure("bb", 2, "x").id, failure("aa", 1, "x").id];
    assert_eq!(all, [&ids[..], &["!0".to_owned()]].concat());

    let mut n_seen = 0;
    let mut see = |visited| {
        assert!(matches!(visited, Visited::Record(_)), "what is older was opened");
        n_seen += 1;
        if n_seen == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    state.visit_failures(&HistoryFilter::default(), &mut see).unwrap();
    assert_eq!(n_seen, 2);
}

#[test]
fn only_files_whose_names_can_match_are_opened() {
    let (dir, state) = root();
    put(&dir, &[failure("aa", 5, "x"), failure("aa", 5, "y")]);
    for name in [batch("aa", 3), batch("aa", 7), batch("bb", 5)] {
        trap(&dir, &format!("{name}.jsonl"));
    }
    let package = Some("aa:x".parse().unwrap());
    let within = HistoryFilter { since: Some(hour(4)), until: Some(hour(6)), ..Default::default() };
    let filters = [
        HistoryFilter { ecosystem: Some("aa".parse().unwrap()), ..within.clone() },
        HistoryFilter { package: package.clone(), ..within },
        HistoryFilter { package, ..HistoryFilter::of_batch(&batch("aa", 5)) },
        HistoryFilter::of_failure(&failure("aa", 5, "x").id),
    ];
    for filter in filters {
        let shown = shown(&state, &filter);
        assert!(shown.contains(&failure("aa", 5, "x").id), "{filter:?}: {shown:?}");
        assert!(!shown.iter().any(|it| it.starts_with('!')), "{filter:?}: {shown:?}");
    }
    // The names alone decide that these files are not opened.
    assert_eq!(shown(&state, &HistoryFilter::default()).len(), 5);
}

#[test]
fn filtered_records_are_not_parsed_but_truncated_lines_are_reported() {
    let (dir, state) = root();
    let wanted = failure("aa", 1, "x");
    let text = format!(
        "{{\"of\": \"another package, and no record\"}}\n{}{{\"id\": \"torn\n{}",
        line(&wanted),
        line(&failure("aa", 1, "y"))
    );
    write(&dir, &format!("data/failures/{}.jsonl", wanted.batch_id), &text);
    let of_x = HistoryFilter { package: Some("aa:x".parse().unwrap()), ..Default::default() };
    assert_eq!(shown(&state, &of_x), ["!3", &wanted.id]);
    assert_eq!(shown(&state, &HistoryFilter::default()).len(), 4, "all of it is looked at here");
}

#[test]
fn a_name_with_escapes_is_the_same_name() {
    let (dir, state) = root();
    let record = failure("aa", 1, "a/b");
    let escaped = line(&record).replace("aa:a/b", "aa:a\\/\\u0062");
    write(&dir, &format!("data/failures/{}.jsonl", record.batch_id), escaped);
    let filter = HistoryFilter { package: Some("aa:a/b".parse().unwrap()), ..Default::default() };
    assert_eq!(shown(&state, &filter), [record.id]);
}

#[test]
fn a_failure_in_a_file_without_a_date_is_found_by_its_id() {
    let (dir, state) = root();
    let mut odd = failure("aa", 1, "x");
    odd.id = "odd".to_owned();
    write(&dir, "data/failures/imported.jsonl", line(&odd));
    trap(&dir, &format!("{}.jsonl", batch("aa", 1)));
    assert_eq!(shown(&state, &HistoryFilter::of_failure("odd")), ["odd"]);
    assert_eq!(shown(&state, &HistoryFilter::of_failure("none")), Vec::<String>::new());
}

/// The expected failures or runs, in order.
fn expected<T>(
    records: &[T],
    is_taken: impl Fn(&T) -> bool,
    key: impl Fn(&T) -> (DateTime<Utc>, String, String),
) -> Vec<String> {
    let mut keys: Vec<_> = records.iter().filter(|record| is_taken(record)).map(key).collect();
    keys.sort();
    keys.into_iter().rev().map(|(_, _, id)| id).collect()
}

fn filters() -> impl Strategy<Value = HistoryFilter> {
    let ecosystem = proptest::option::of(0..2_usize);
    let instant = || proptest::option::of(0..6_i64);
    let name = proptest::option::of((0..2_usize, "[xy]"));
    (ecosystem, instant(), instant(), instant(), name, any::<bool>()).prop_map(
        |(ecosystem, since, until, of_batch, name, is_id)| {
            let package = name.map(|(eco, name)| format!("{}:{name}", ECOSYSTEMS[eco]));
            HistoryFilter {
                ecosystem: ecosystem.map(|i| ECOSYSTEMS[i].parse().unwrap()),
                since: since.map(hour),
                until: until.map(hour),
                batch: of_batch.map(|n| batch("aa", n)),
                package: package.map(|id| id.parse().unwrap()),
                failure: is_id.then(|| failure("bb", 2, "x").id),
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Filtering by file names and bytes gives the same as reading everything and choosing.
    #[test]
    fn a_filter_gives_the_same_as_choosing_from_all_records(filter in filters()) {
        let (dir, state) = root();
        let (mut failures, mut runs) = (vec![], vec![]);
        for (eco, n) in ECOSYSTEMS.iter().flat_map(|eco| (0..5).map(move |n| (*eco, n))) {
            let of_run = ["x", "y"].map(|name| failure(eco, n, name));
            put(&dir, &of_run);
            let packages = of_run.each_ref().map(|failure| failure.package_id.clone());
            let run = run(eco, n, &packages[..1]);
            let text = serde_json::to_string(&run).unwrap();
            write(&dir, &format!("data/metrics/batch-runs-{}.jsonl", run.batch_id), text);
            failures.extend(of_run);
            runs.push(run);
        }
        let wanted = expected(&failures, |it| filter.takes_failure(it), |it| {
            (it.timestamp, it.batch_id.clone(), it.id.clone())
        });
        prop_assert_eq!(shown(&state, &filter), wanted);
        let wanted = expected(&runs, |it| filter.takes_run(it), |it| {
            (it.timestamp, it.batch_id.clone(), it.batch_id.clone())
        });
        let runs = state.runs(&filter).unwrap();
        let ids: Vec<String> = runs.records.into_iter().map(|run| run.batch_id).collect();
        prop_assert_eq!((ids, runs.quarantined), (wanted, vec![]));
    }
}

#[test]
fn names_with_path_separators_cannot_leave_the_folder() {
    let (dir, state) = root();
    write(&dir, "secret.jsonl", line(&failure("aa", 1, "x")));
    for id in ["../secret", "../../secret", "/etc/passwd", "a-0000-00-00T00-00-00Z-../x"] {
        assert_eq!(shown(&state, &HistoryFilter::of_failure(id)), Vec::<String>::new());
        assert_eq!(shown(&state, &HistoryFilter::of_batch(id)), Vec::<String>::new());
    }
    assert!(Path::new(dir.path()).join("secret.jsonl").is_file());
}

#[test]
fn a_summary_is_read_where_a_record_is_and_only_its_own_fields_can_be_damaged() {
    let (dir, state) = root();
    let records = [failure("aa", 5, "x"), failure("aa", 5, "y")];
    let mut musl = failure("aa", 6, "z");
    musl.environment = Some("linux-alpine-musl-x86_64".parse().unwrap());
    put(&dir, std::slice::from_ref(&musl));
    let odd_message = line(&records[0]).replace("\"no \\\"luck\\\"\\n\"", "7");
    assert_ne!(odd_message, line(&records[0]));
    let old = line(&records[1]).replace("\"schema_version\":2", "\"schema_version\":1");
    let no_id = line(&records[1]).replace("\"id\"", "\"name\"");
    let text = [line(&records[1]), odd_message, old, no_id].concat();
    write(&dir, &format!("data/failures/{}.jsonl", batch("aa", 5)), text);
    let summaries = |filter: &HistoryFilter| {
        let (mut found, mut damaged) = (vec![], vec![]);
        let mut see = |visited| {
            match visited {
                Visited::Record(record) => found.push(record),
                Visited::Damaged(quarantined) => damaged.push(quarantined.place),
            }
            ControlFlow::Continue(())
        };
        state.visit_failure_summaries(filter, &mut see).unwrap();
        (found, damaged)
    };
    let [x, y] = records.map(FailureSummary::from);
    let all = summaries(&HistoryFilter::default());
    assert_eq!(all, (vec![musl.clone().into(), y.clone(), x], vec![3, 4]));
    assert_eq!(all.0[0].environment, musl.environment);
    assert_eq!(all.0[0].kind(), musl.kind());
    let of_y = HistoryFilter { failure: Some(y.id.clone()), ..Default::default() };
    assert_eq!(summaries(&of_y).0, [y]);
    let later = HistoryFilter { since: Some(hour(6)), ..Default::default() };
    assert_eq!(summaries(&later).0, [musl.into()]);
}
