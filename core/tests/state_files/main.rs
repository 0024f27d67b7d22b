//! Everything in a root except queues: the control plane, records, outputs, recipes.

#![expect(clippy::unwrap_used, reason = "a test, helpers included")]
#![expect(clippy::disallowed_methods, reason = "a test lays its files out itself")]

mod digest;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use batch_core::{
    io::{FsState, HistoryFilter, StateErrorKind, StateReader as _, StateWriter as _},
    model::{
        BreakerTransition, Budget, CircuitState, Control, EcosystemId, FailureKind, HostPause,
        RecipeName, SCHEMA_VERSION, StoredBreaker,
    },
};
use chrono::{DateTime, Utc};
use tempfile::TempDir;

const ECO: EcosystemId = EcosystemId::from_static("eco");

struct Root {
    dir: TempDir,
    state: FsState,
}

fn root() -> Root {
    let dir = tempfile::tempdir().unwrap();
    let (state, _) = FsState::init(dir.path(), &Control::default(), &[]).unwrap();
    Root { dir, state }
}

impl Root {
    fn path(&self, relative: &str) -> PathBuf {
        let path = self.dir.path().join(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn write(&self, relative: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(relative), text).unwrap();
    }

    fn text(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative)).unwrap()
    }
}

fn second(n: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(n, 0).unwrap()
}

fn transition(n: i64) -> BreakerTransition {
    BreakerTransition {
        schema_version: SCHEMA_VERSION,
        at: second(n),
        ecosystem: ECO,
        from: CircuitState::Closed,
        to: CircuitState::Open,
        reason: "three runs".to_owned(),
        evidence: vec![],
        next_probe_at: None,
    }
}

fn failure(id: &str, timestamp: &str) -> String {
    format!(
        r#"{{"schema_version":2,"id":"{id}","package_id":"eco:a","ecosystem":"eco","batch_id":"eco-2026-01-01T00-00-00Z","stage":"validate","category":"validation_failed","subcategory":"install_failed","confidence":"stated","message":"m","fingerprint":"00000000000000ff","timestamp":"{timestamp}"}}"#
    )
}

fn run(batch_id: &str, timestamp: &str) -> String {
    format!(
        r#"{{"schema_version":2,"batch_id":"{batch_id}","timestamp":"{timestamp}","duration_seconds":1,"outcome":"ran","total":0,"succeeded":0,"failed":0,"blocked":0,"generated":0,"merged":0}}"#
    )
}

#[test]
fn a_folder_without_a_control_file_is_not_a_root() {
    let dir = tempfile::tempdir().unwrap();
    let error = FsState::open(dir.path()).unwrap_err();
    assert!(matches!(error.kind, StateErrorKind::NotRoot));
    assert!(error.to_string().contains("run `tsuku-batch init` in it"), "{error}");
}

#[test]
fn init_creates_missing_files_and_keeps_existing_ones() {
    let root = root();
    root.write("batch-control.json", "mine");
    let (_, initialized) = FsState::init(root.dir.path(), &Control::default(), &[]).unwrap();
    let initialized: Vec<_> = initialized
        .iter()
        .map(|initialized| (initialized.file.as_str(), initialized.made))
        .collect();
    assert_eq!(initialized, [(".tsuku-batch/.gitignore", false), ("batch-control.json", false)]);
    assert_eq!(root.text("batch-control.json"), "mine");

    let dir = tempfile::tempdir().unwrap();
    let nested = dir.path().join("a/b");
    let (state, initialized) = FsState::init(&nested, &Control::default(), &[]).unwrap();
    assert!(initialized.iter().all(|initialized| initialized.made));
    assert_eq!(state.control().unwrap(), Control::default());
    FsState::open(&nested).unwrap();
}

#[test]
fn an_empty_root_without_records_is_not_an_error() {
    let Root { dir: _dir, state } = root();
    assert!(state.runs(&HistoryFilter::default()).unwrap().records.is_empty());
    assert!(state.failures(&HistoryFilter::default()).unwrap().records.is_empty());
    assert!(
        state
            .failures(&HistoryFilter::of_batch("eco-2026-01-01T00-00-00Z"))
            .unwrap()
            .records
            .is_empty()
    );
    assert!(state.breaker_log().unwrap().records.is_empty());
    assert_eq!(state.recipe_names().unwrap(), []);
    assert_eq!(state.recipe(&"a".parse().unwrap()).unwrap(), None);
    assert_eq!(state.output(&"0".repeat(64)).unwrap(), None);
    assert_eq!(state.output("../../etc/passwd").unwrap(), None);
    assert_eq!(state.run("eco-2026-01-01T00-00-00Z").unwrap(), None);
}

#[test]
fn foreign_keys_of_the_control_plane_survive_and_known_ones_are_replaced() {
    let root = root();
    root.write(
        "batch-control.json",
        r#"{"zebra":{"b":1,"a":[1.5,null]},"schema_version":2,"enabled":false,"reason":"maintenance",
            "expected_resume":null,
            "ecosystems":{"eco":{"note":"flaky","circuit_state":"open","reason":"three runs",
                                 "backoff_until":"2026-01-01T00:00:00Z"},"other":{"mark":1}},
            "budget":{"sampling_active":true,"linux_minutes_used":7},"apple":1}"#,
    );
    let mut control = root.state.control().unwrap();
    control.enabled = true;
    control.reason = None;
    control.ecosystems.insert(ECO, StoredBreaker::default());
    control.budget = Budget { macos_minutes_used: 3, ..control.budget };
    root.state.put_control(&control).unwrap();
    assert_eq!(root.state.control().unwrap(), control);
    let expected = r#"{
  "schema_version": 2,
  "enabled": true,
  "disabled_ecosystems": [],
  "ecosystems": {
    "eco": {
      "circuit_state": "closed",
      "consecutive_failures": 0,
      "backoff_level": 0,
      "note": "flaky"
    },
    "other": {
      "circuit_state": "closed",
      "consecutive_failures": 0,
      "backoff_level": 0,
      "mark": 1
    }
  },
  "budget": {
    "macos_minutes_used": 3,
    "linux_minutes_used": 7,
    "sampling_active": true
  },
  "hosts": {},
  "zebra": {
    "b": 1,
    "a": [
      1.5,
      null
    ]
  },
  "expected_resume": null,
  "apple": 1
}
"#;
    assert_eq!(root.text("batch-control.json"), expected);
    root.state.put_control(&control).unwrap();
    assert_eq!(root.text("batch-control.json"), expected, "and again");
}

#[test]
fn an_unreadable_breaker_counts_as_closed_and_is_kept_in_the_file() {
    let root = root();
    let broken = r#"{"circuit_state":"ajar","note":1}"#;
    root.write(
        "batch-control.json",
        format!(
            r#"{{"schema_version":2,"enabled":true,"ecosystems":{{"eco":{broken},"e.c.o":{broken},
                "good":{{"circuit_state":"open","backoff_until":"2026-01-01T00:00:00Z"}}}}}}"#
        ),
    );
    let control = root.state.control().unwrap();
    assert_eq!(control.breaker(&ECO).open, None);
    assert_eq!(control.ecosystems.len(), 1);
    assert!(control.breaker(&EcosystemId::from_static("good")).open.is_some());
    root.state.put_control(&control).unwrap();
    assert_eq!(root.text("batch-control.json").matches("ajar").count(), 2);
    assert_eq!(root.state.control().unwrap(), control);
}

#[test]
fn an_expired_pause_is_removed_completely() {
    let root = root();
    let mut control = Control::default();
    control.hosts.insert("a.example".to_owned(), HostPause { paused_until: second(9) });
    root.state.put_control(&control).unwrap();
    root.state.put_control(&Control::default()).unwrap();
    assert!(!root.text("batch-control.json").contains("a.example"));
}

#[test]
fn an_unreadable_control_file_is_never_overwritten() {
    let root = root();
    let old = r#"{"enabled":true,"circuit_breaker":{"eco":{"state":"open","failures":996}}}"#;
    for (text, expected) in [
        (r#"{"schema_version":2,"#, "line 1, column 20: EOF while parsing"),
        (r#"{"schema_version":2,"enabled":"yes"}"#, "line 1, column 35: invalid type"),
        (
            old,
            "the file has schema version 0, but this program reads version 2; no command converts older files: move the file away",
        ),
    ] {
        root.write("batch-control.json", text);
        for result in [root.state.control().map(drop), root.state.put_control(&Control::default())]
        {
            let message = result.unwrap_err().to_string();
            assert!(
                message.contains("batch-control.json: ") && message.contains(expected),
                "{message}"
            );
        }
        assert_eq!(root.text("batch-control.json"), text);
    }
}

#[test]
fn runs_are_read_newest_first_from_all_their_files_and_no_others() {
    let root = root();
    for (eco, day) in [("b", 2), ("a", 3), ("c", 1)] {
        let id = format!("{eco}-2026-01-0{day}T00-00-00Z");
        let run = run(&id, &format!("2026-01-0{day}T00:00:00Z"));
        root.write(&format!("data/metrics/batch-runs-{id}.jsonl"), run + "\n");
    }
    root.write("data/metrics/seeding-runs.jsonl", "{}\n");
    let runs = root.state.runs(&HistoryFilter::default()).unwrap();
    let ids: Vec<_> = runs.records.iter().map(|run| run.batch_id.as_str()).collect();
    let newest_first =
        ["a-2026-01-03T00-00-00Z", "b-2026-01-02T00-00-00Z", "c-2026-01-01T00-00-00Z"];
    assert_eq!((ids, runs.quarantined), (newest_first.to_vec(), vec![]));
}

#[test]
fn a_run_is_stored_under_its_id_and_found_by_it() {
    let root = root();
    let id = "eco-2026-01-01T00-00-00Z";
    root.write("data/metrics/batch-runs-x.jsonl", run(id, "2026-01-01T00:00:00Z"));
    let record = root.state.runs(&HistoryFilter::default()).unwrap().records.remove(0);
    assert_eq!(root.state.run(id).unwrap(), None, "not in its own file");
    root.state.put_run(&record).unwrap();
    assert_eq!(root.state.run(id).unwrap(), Some(record));
    assert!(root.path(&format!("data/metrics/batch-runs-{id}.jsonl")).is_file());
}

#[test]
fn a_bad_line_is_quarantined_alone_with_its_position() {
    let root = root();
    let good = |id: &str, n: u8| failure(id, &format!("2026-01-01T00:00:0{n}Z"));
    let lines = [
        good("second", 2),
        "not json".to_owned(),
        String::new(),
        good("x", 1).replace(":2,", ":1,"),
        good("x", 1).replace("eco:a", "eco:../../x"),
        good("x", 1).replace("\"message\":\"m\",", ""),
        good("first", 1) + "\r",
        good("torn", 3)[..40].to_owned(),
    ];
    root.write("data/failures/any.jsonl", lines.join("\n"));
    let failures = root.state.failures(&HistoryFilter::default()).unwrap();
    let ids: Vec<_> = failures.records.iter().map(|failure| failure.id.as_str()).collect();
    assert_eq!(ids, ["second", "first"]);
    let reasons =
        ["expected", "no command converts older files", "leave its folder", "missing field", "EOF"];
    let places = [2, 4, 5, 6, 8];
    assert_eq!(failures.quarantined.len(), places.len());
    for ((quarantined, reason), place) in failures.quarantined.iter().zip(reasons).zip(places) {
        assert_eq!(
            (quarantined.file.as_str(), quarantined.place),
            ("data/failures/any.jsonl", place)
        );
        assert!(quarantined.reason.contains(reason), "{}", quarantined.reason);
        assert_eq!(quarantined.raw, lines[usize::try_from(place).unwrap() - 1]);
    }
}

#[test]
fn invalid_utf8_affects_its_line_only() {
    let root = root();
    let mut bytes = b"\xff\xfe{}\n".to_vec();
    bytes.extend(failure("good", "2026-01-01T00:00:00Z").bytes());
    root.write("data/failures/any.jsonl", bytes);
    let failures = root.state.failures(&HistoryFilter::default()).unwrap();
    assert_eq!((failures.records.len(), failures.quarantined.len()), (1, 1));
    assert_eq!(failures.quarantined[0].raw, "\u{fffd}\u{fffd}{}");
}

#[test]
fn an_unknown_kind_of_failure_keeps_its_text() {
    let root = root();
    let later = failure("later", "2026-01-01T00:00:00Z").replace("install_failed", "bit_rot");
    root.write("data/failures/any.jsonl", later);
    let failures = root.state.failures(&HistoryFilter::default()).unwrap().records;
    let [failure] = &failures[..] else { panic!("{failures:?}") };
    assert_eq!(failure.kind(), FailureKind::Unclassified);
    assert_eq!((failure.category(), failure.subcategory()), ("validation_failed", "bit_rot"));
    root.state.put_failures("copy", &failures).unwrap();
    assert!(root.text("data/failures/copy.jsonl").contains("bit_rot"));
}

#[test]
fn an_older_document_over_many_lines_is_one_quarantined_record() {
    let root = root();
    let old = "{\n  \"batch_id\": \"2026-02-18\",\n  \"total\": 1\n}\n";
    root.write("data/metrics/batch-runs-old.jsonl", format!("{old}{old}"));
    root.write("data/metrics/batch-runs-torn.jsonl", "{\n");
    let runs = root.state.runs(&HistoryFilter::default()).unwrap();
    let reasons: Vec<_> =
        runs.quarantined.iter().map(|it| (it.place, it.reason.as_str())).collect();
    let [(1, torn), (0, old)] = reasons[..] else { panic!("{reasons:?}") };
    assert!(
        old.contains("not one record a line") && old.contains("no command converts older files"),
        "{old}"
    );
    assert!(torn.contains("EOF"), "{torn}");
}

#[test]
fn the_failures_of_a_run_are_read_from_its_file() {
    let root = root();
    let id = "eco-2026-01-01T00-00-00Z";
    let other = failure("other", "2026-01-01T00:00:00Z");
    let mine = failure("mine", "2026-01-01T00:00:00Z");
    root.write("data/failures/other.jsonl", other);
    root.write(&format!("data/failures/{id}.jsonl"), mine);
    let failures = root.state.failures(&HistoryFilter::of_batch(id)).unwrap();
    assert_eq!(failures.records.len(), 1);
    assert_eq!(failures.records[0].id, "mine");
    assert!(root.state.failures(&HistoryFilter::of_batch("../other")).unwrap().records.is_empty());
}

#[test]
fn a_transition_is_recorded_once() {
    let root = root();
    for n in [5, 5, 3, 5] {
        root.state.put_transition(&transition(n)).unwrap();
    }
    let log = root.state.breaker_log().unwrap();
    let seconds: Vec<_> = log.records.iter().map(|it| it.at.timestamp()).collect();
    assert_eq!((seconds, log.quarantined), (vec![3, 5], vec![]));
    assert_eq!(root.text("data/breaker-log.jsonl").lines().count(), 2);
}

/// Simulates a process that is killed after each byte of an append.
#[test]
fn an_interrupted_append_is_completed_when_it_is_repeated() {
    let root = root();
    root.state.put_transition(&transition(1)).unwrap();
    let before = root.text("data/breaker-log.jsonl");
    root.state.put_transition(&transition(2)).unwrap();
    let after = root.text("data/breaker-log.jsonl");
    for end in before.len()..=after.len() {
        root.write("data/breaker-log.jsonl", &after[..end]);
        root.state.put_transition(&transition(2)).unwrap();
        assert_eq!(root.text("data/breaker-log.jsonl"), after, "broken off at {end}");
    }
}

#[test]
fn a_truncated_line_does_not_damage_the_next_one() {
    let root = root();
    root.write("data/breaker-log.jsonl", "{\"schema_version\":2,\"at\":\"2026");
    root.state.put_transition(&transition(1)).unwrap();
    root.state.put_transition(&transition(2)).unwrap();
    let log = root.state.breaker_log().unwrap();
    assert_eq!((log.records.len(), log.quarantined.len()), (2, 1));
    assert_eq!(log.quarantined[0].place, 1);
}

#[test]
fn an_output_is_stored_once_per_content() {
    let root = root();
    let first = root.state.put_output("hello", false).unwrap();
    assert_eq!(first.sha256, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    assert_eq!((first.bytes, first.truncated), (5, false));
    assert!(root.state.put_output("hello", true).unwrap().truncated);
    assert_eq!(root.state.output(&first.sha256).unwrap().as_deref(), Some("hello"));
    assert!(root.path(&format!("data/outputs/2c/{}.txt", first.sha256)).is_file());
}

#[test]
fn recipes_are_found_by_name_whatever_the_name() {
    let root = root();
    let long = "long".repeat(40);
    let names: Vec<RecipeName> =
        ["7zip", "aa", "con", &long].iter().map(|name| name.parse().unwrap()).collect();
    for name in &names {
        let recipe = format!("[metadata]\nname = \"{name}\"\n");
        root.state.put_recipe(name, &recipe).unwrap();
        assert_eq!(root.state.recipe(name).unwrap(), Some(recipe));
    }
    root.write("recipes/README.md", "");
    root.write("recipes/b/misplaced-a.toml", "");
    root.write("recipes/b/x~12345678.toml", "[metadata]\nname = \"aa\"\n");
    root.write("recipes/b/.b.toml.x.tsuku-batch-tmp", "");
    assert_eq!(root.state.recipe_names().unwrap(), names);
}

#[cfg(unix)]
#[test]
fn only_regular_files_are_read_so_that_no_pipe_or_link_is_followed() {
    let root = root();
    let good = failure("good", "2026-01-01T00:00:00Z");
    root.write("data/failures/good.jsonl", &good);
    root.write("elsewhere", &good);
    fs::create_dir(root.path("data/failures/dir.jsonl")).unwrap();
    pipe(&root.path("data/failures/pipe.jsonl"));
    link("../../elsewhere", &root.path("data/failures/link.jsonl"));
    pipe(&root.path("recipes/a/a~12345678.toml"));
    assert_eq!(root.state.recipe_names().unwrap(), []);
    let failures = root.state.failures(&HistoryFilter::default()).unwrap();
    assert_eq!(failures.records.len(), 1);
    let found: Vec<_> =
        failures.quarantined.iter().map(|it| (it.place, &it.reason[..14])).collect();
    assert_eq!(found, [(0, "a pipe, socket"), (0, "a symbolic lin"), (0, "a folder is in")]);

    for place in ["batch-control.json", "data/queues/priority-queue-eco.json", "recipes/a/a.toml"] {
        let path = root.path(place);
        let _ = fs::remove_file(&path);
        pipe(&path);
    }
    assert!(FsState::open(root.dir.path()).is_err());
    let results = [
        root.state.control().map(drop),
        root.state.put_control(&Control::default()),
        root.state.queue(&ECO).map(drop),
        root.state.recipe(&"a".parse().unwrap()).map(drop),
        root.state.put_recipe(&"a".parse().unwrap(), "x"),
    ];
    for error in results.map(Result::unwrap_err) {
        let is_pipe = "a pipe, socket or device is in the place of a regular file; move it away";
        assert!(error.to_string().contains(is_pipe), "{error}");
    }
}

#[cfg(unix)]
fn pipe(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[cfg(unix)]
fn link(to: &str, path: &Path) {
    std::os::unix::fs::symlink(to, path).unwrap();
}

#[test]
fn a_file_above_the_size_limit_is_not_read() {
    let root = root();
    let huge = |path: &str| File::create(root.path(path)).unwrap().set_len(600 << 20).unwrap();
    huge("data/queues/priority-queue-eco.json");
    huge("data/failures/huge.jsonl");
    let error = root.state.queue(&ECO).unwrap_err().to_string();
    assert!(error.contains("629145600 bytes, more than the limit of 536870912"), "{error}");
    let failures = root.state.failures(&HistoryFilter::default()).unwrap();
    assert!(failures.quarantined[0].reason.contains("629145600 bytes"));
}

#[test]
fn a_folder_that_cannot_be_created_is_an_error_with_its_path() {
    let root = root();
    root.write("data", "a file where a folder belongs");
    let error = root.state.put_output("x", false).unwrap_err();
    assert!(matches!(error.kind, StateErrorKind::Io(_)), "{error}");
    assert!(error.path.starts_with(root.dir.path().join("data")), "{error}");
}
