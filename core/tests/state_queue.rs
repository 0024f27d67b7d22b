//! Queue files: an entry that cannot be read does not affect the others.

#![expect(clippy::unwrap_used, reason = "a test, helpers included")]
#![expect(clippy::disallowed_methods, reason = "a test lays its files out itself")]

use std::{fs, path::PathBuf, sync::Arc};

use batch_core::{
    io::{FsState, QueueFile, StateErrorKind, StateReader as _, StateWriter as _},
    model::{
        BatchId, Control, EcosystemId, OperatorAction, OperatorChange, PackageId, Popularity,
        Queue, QueueEntry, QueueHeader, Status, Tier, TierMeanings,
    },
};
use batch_sim::queue;
use chrono::{DateTime, NaiveDate, Utc};
use proptest::{collection, option, prelude::*};
use tempfile::TempDir;

const ECO: EcosystemId = EcosystemId::from_static("eco");

struct Root {
    _dir: TempDir,
    state: FsState,
    file: PathBuf,
}

fn root() -> Root {
    let dir = tempfile::tempdir().unwrap();
    let queue = queue_file(queue([("b", 2, 0), ("a", 1, 5)]));
    let (state, _) = FsState::init(dir.path(), &Control::default(), &[queue]).unwrap();
    let file = state.layout().queue(&ECO);
    Root { _dir: dir, state, file }
}

fn queue_file(entries: Queue) -> QueueFile {
    let tiers = TierMeanings {
        curated: "curated".to_owned(),
        popular: "100 downloads a week".to_owned(),
        rest: "the rest".to_owned(),
    };
    let header = QueueHeader { ecosystem: ECO, updated_at: DateTime::UNIX_EPOCH, tiers };
    QueueFile { header, entries, quarantined: vec![] }
}

impl Root {
    /// A root whose queue has these entries, written unchanged.
    fn with(packages: &[&str]) -> Self {
        let root = root();
        root.write(&format!(
            r#"{{"schema_version":2,"ecosystem":"eco","updated_at":"1970-01-01T00:00:00Z","tiers":{{"1":"","2":"","3":""}},"packages":[{}]}}"#,
            packages.join(",\n")
        ));
        root
    }

    fn write(&self, text: &str) {
        fs::write(&self.file, text).unwrap();
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.file).unwrap()
    }

    fn read(&self) -> QueueFile {
        Arc::unwrap_or_clone(self.state.queue(&ECO).unwrap().unwrap())
    }

    /// The reader's error, which must concern the file.
    fn error(&self) -> (StateErrorKind, String) {
        let error = self.state.queue(&ECO).unwrap_err();
        assert_eq!(error.path, self.file);
        let text = error.to_string();
        (error.kind, text)
    }
}

fn entry(id: &str, rest: &str) -> String {
    let id = serde_json::to_string(id).unwrap();
    format!(r#"{{"id":{id},"tier":3,"status":"pending","added_at":"2026-01-01T00:00:00Z"{rest}}}"#)
}

#[test]
fn a_queue_is_written_in_struct_order_by_id_without_absent_fields() {
    let expected = r#"{
  "schema_version": 2,
  "ecosystem": "eco",
  "updated_at": "1970-01-01T00:00:00Z",
  "tiers": {
    "1": "curated",
    "2": "100 downloads a week",
    "3": "the rest"
  },
  "packages": [
    {
      "id": "eco:a",
      "tier": 1,
      "status": "pending",
      "added_at": "1970-01-01T00:00:05Z"
    },
    {
      "id": "eco:b",
      "tier": 2,
      "status": "pending",
      "added_at": "1970-01-01T00:00:00Z"
    }
  ]
}
"#;
    assert_eq!(root().text(), expected);
}

/// Checks one bad entry between two good ones; its reason must contain `expected`.
#[track_caller]
fn check(bad: &str, expected: &str) {
    let (first, last) = (entry("eco:b", ""), entry("eco:a", r#","status_reason":"kept""#));
    let root = Root::with(&[&first, bad, &last]);
    let read = root.read();
    let [quarantined] = &read.quarantined[..] else { panic!("{:?}", read.quarantined) };
    assert_eq!(quarantined.file, "data/queues/priority-queue-eco.json");
    assert_eq!((quarantined.place, quarantined.raw.as_str()), (2, bad));
    assert!(quarantined.reason.contains(expected), "{}", quarantined.reason);
    assert!(!quarantined.reason.contains('\n'), "{}", quarantined.reason);
    let ids: Vec<String> = read.entries.keys().map(PackageId::to_string).collect();
    assert_eq!(ids, ["eco:a", "eco:b"]);

    root.state.put_queue(&read).unwrap();
    let again = root.read();
    assert!(root.text().contains(bad), "its bytes are still there");
    assert_eq!((again.entries, again.quarantined[0].place), (read.entries, 3), "after the others");
    let text = root.text();
    root.state.put_queue(&root.read()).unwrap();
    assert_eq!(root.text(), text, "and stays there");
}

#[test]
fn an_entry_that_cannot_be_read_goes_to_quarantine_and_keeps_its_bytes() {
    let status = |status: &str| entry("eco:x", "").replace("pending", status);
    check(&status("generated"), "unknown variant `generated`, expected one of `pending`");
    check(&status("in_progress"), "batch_id is missing");
    check(&entry("eco:x", r#","batch_id":"yesterday""#), "invalid batch id \"yesterday\"");
    check(&entry("eco:x", "").replace(":3,", ":9,"), "a tier is 1, 2 or 3");
    check(&entry("eco:x", "").replace(":3,", ":\"3\","), "invalid type: string \"3\"");
    check(&entry("eco:x", "").replace("2026-01-01T00:00:00Z", "2026-02-31"), "premature end");
    check(&entry("eco:x", r#","colour":"red""#), "unknown field `colour`");
    check(&entry("eco:x", r#","tier":2"#), "duplicate field `tier`");
    check(&entry("eco:x", r#","consecutive_failures":1e999"#), "number out of range");
    check(r#"{"id":"eco:x"}"#, "missing field `tier`");
    check(r#"["eco:x", 3, "pending", "2026-01-01T00:00:00Z"]"#, "an entry is an object");
    check("null", "an entry is an object");
    check(&format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)), "an entry is an object");
    check(&entry("eco:x", &format!(r#","a":{}{}"#, "[".repeat(500), "]".repeat(500))), "unknown");
}

#[test]
fn the_first_of_two_entries_with_the_same_id_counts() {
    check(&entry("eco:b", r#","last_attempt_at":"2026-01-01T00:00:00Z""#), "eco:b appears twice");
}

#[test]
fn an_entry_of_another_ecosystem_is_quarantined() {
    check(&entry("other:x", ""), "other:x does not belong to the queue of eco");
}

#[test]
fn entries_with_hostile_names_are_quarantined_and_others_are_kept() {
    let long = "a".repeat(300);
    for name in
        ["../../x", "-rf", &long, "a\nb", "<script>", "раypal", "", "a b", "\u{202e}gpj", "a\0b"]
    {
        check(&entry(&format!("eco:{name}"), ""), "invalid package name");
    }
    check(&entry("no-colon", ""), "invalid package id");
    check(&entry("../eco:x", ""), "invalid ecosystem id");
}

#[test]
fn a_quarantined_entry_still_names_its_package() {
    for (bad, id) in [
        (entry("eco:x", "").replace("pending", "skipped"), Some("eco:x")),
        (entry("eco:x", r#","colour":"red""#), Some("eco:x")),
        (entry("eco:x", r#","tier":2"#), Some("eco:x")),
        (entry("eco:x", r#","consecutive_failures":1e999"#), Some("eco:x")),
        (entry("eco:x", &format!(r#","a":{}{}"#, "[".repeat(500), "]".repeat(500))), Some("eco:x")),
        (r#"{"id":"eco:x"}"#.to_owned(), Some("eco:x")),
        (entry("eco:b", ""), Some("eco:b")),
        (entry("other:x", ""), None),
        (entry("eco:a b", ""), None),
        (r#"{"id":7}"#.to_owned(), None),
        (r#"["eco:x"]"#.to_owned(), None),
        ("null".to_owned(), None),
    ] {
        let read = Root::with(&[&entry("eco:b", ""), &bad]).read();
        assert_eq!(read.quarantined.len(), 1, "{bad}");
        let ids: Vec<_> = read.quarantined_ids().iter().map(PackageId::to_string).collect();
        assert_eq!(ids, Vec::from_iter(id), "{bad}");
    }
}

#[test]
fn many_bad_entries_keep_their_order_after_the_good_ones() {
    let root = Root::with(&["1", &entry("eco:b", ""), "2", "{\n  \"odd\" :  1.10\n}"]);
    root.state.put_queue(&root.read()).unwrap();
    let read = root.read();
    let raw: Vec<_> = read.quarantined.iter().map(|entry| entry.raw.as_str()).collect();
    assert_eq!(raw, ["1", "2", "{\n  \"odd\" :  1.10\n}"]);
    assert!(root.text().find("eco:b") < root.text().find("odd"));
}

#[test]
fn a_queue_cut_off_anywhere_is_one_error_with_its_place_and_stays_as_it_is() {
    let root = root();
    let whole = root.text();
    for end in 0..whole.trim_end().len() {
        root.write(&whole[..end]);
        let (kind, text) = root.error();
        let StateErrorKind::Malformed { line, .. } = kind else { panic!("{kind:?}") };
        assert!((1..=whole[..end].lines().count() + 1).contains(&line), "{end}: line {line}");
        assert!(text.contains("EOF while parsing"), "{text}");
        assert_eq!(root.text(), &whole[..end], "untouched");
    }
    root.write("<html>502 Bad Gateway</html>");
    let text = root.error().1;
    assert!(text.contains("line 1, column 1: expected value; correct it, or restore"), "{text}");
}

#[test]
fn invalid_utf8_is_one_error() {
    let root = Root::with(&[]);
    let mut bytes = root.text().into_bytes();
    bytes.splice(bytes.len() - 2..bytes.len() - 2, *b"\"\xff\"");
    fs::write(&root.file, &bytes).unwrap();
    assert!(matches!(root.error().0, StateErrorKind::Malformed { line: 1, .. }));
}

#[test]
fn a_queue_of_another_version_states_the_remedy() {
    let root = root();
    let old = r#"{"schema_version":1,"updated_at":"2026-02-07T02:32:02Z","packages":[
        {"id":"eco:awscli","source":"eco","name":"awscli","tier":2,"status":"skipped","added_at":"2026-02-07T02:32:02Z"}]}"#;
    for (text, expected) in [
        (
            old.to_owned(),
            "the file has schema version 1, but this program reads version 2; no command converts older files: move the file away",
        ),
        (
            root.text().replace("n\": 2", "n\": 3"),
            "the file has schema version 3, but this program reads version 2; a newer version of this program",
        ),
        (r#"{"packages":[]}"#.to_owned(), "schema version 0"),
    ] {
        root.write(&text);
        let (kind, message) = root.error();
        assert!(matches!(kind, StateErrorKind::SchemaVersion { known: 2, .. }), "{kind:?}");
        assert!(message.contains(expected), "{message}");
        assert_eq!(root.text(), text, "untouched");
    }
}

#[test]
fn a_file_of_another_shape_or_of_another_ecosystem_is_one_error() {
    let root = root();
    let text = root.text();
    for (from, to, expected) in [
        ("\"eco\"", "\"other\"", "the queue of other"),
        ("\"packages\"", "\"entries\"", "unknown field `entries`"),
        ("[", "{}, \"x\": [", "invalid type: map"),
    ] {
        root.write(&text.replacen(from, to, 1));
        let (kind, message) = root.error();
        assert!(matches!(kind, StateErrorKind::Malformed { .. }), "{kind:?}");
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_missing_file_is_an_empty_queue_and_other_files_are_ignored() {
    let root = root();
    let other = EcosystemId::from_static("other");
    assert_eq!(root.state.queue(&other).unwrap(), None);
    for name in ["priority-queue.json", "priority-queue-Ä.json", "batch-results.json"] {
        fs::write(root.file.with_file_name(name), "{}").unwrap();
    }
    assert_eq!(root.state.queued_ecosystems().unwrap(), [ECO]);
    fs::remove_dir_all(root.state.layout().data()).unwrap();
    assert_eq!(root.state.queued_ecosystems().unwrap(), []);
}

#[cfg(unix)]
#[test]
fn equal_content_is_not_rewritten_and_files_are_readable_by_all() {
    use std::os::unix::fs::MetadataExt as _;

    let root = root();
    let inode = || fs::metadata(&root.file).unwrap().ino();
    let before = inode();
    let mut queue = root.read();
    root.state.put_queue(&queue).unwrap();
    assert_eq!(inode(), before);
    queue.entries.pop_first();
    root.state.put_queue(&queue).unwrap();
    assert_ne!(inode(), before);
    assert_eq!(fs::metadata(&root.file).unwrap().mode() & 0o7777, 0o644);
    let names: Vec<_> = fs::read_dir(root.file.parent().unwrap()).unwrap().collect();
    assert_eq!(names.len(), 1, "no draft is left");
}

fn instants() -> impl Strategy<Value = DateTime<Utc>> {
    (0..253_402_300_799_i64, 0..1_000_000_000_u32)
        .prop_map(|(secs, nanos)| DateTime::from_timestamp(secs, nanos).unwrap())
}

fn ids() -> impl Strategy<Value = PackageId> {
    "[a-zA-Z0-9@._~+][a-zA-Z0-9@._~+-]{0,30}(/[a-z][a-z0-9-]{0,9})?"
        .prop_filter_map("a path", |name| format!("eco:{name}").parse().ok())
}

fn statuses() -> impl Strategy<Value = Status> {
    prop_oneof![
        Just(Status::Pending),
        Just(Status::Success),
        Just(Status::Failed),
        instants().prop_map(|at| Status::InProgress { batch: BatchId::new(ECO, at) }),
        collection::vec(ids().prop_map(|id| id.name), 0..3).prop_map(|by| Status::Blocked { by }),
        any::<String>().prop_map(|reason| Status::RequiresManual { reason }),
        any::<String>().prop_map(|reason| Status::Excluded { reason }),
    ]
}

fn popularities() -> impl Strategy<Value = Popularity> {
    (any::<u64>(), any::<String>(), any::<Option<u32>>(), 0..3_000_000_u32).prop_map(
        |(value, unit, period_days, day)| {
            let as_of = NaiveDate::from_num_days_from_ce_opt(i32::try_from(day).unwrap()).unwrap();
            Popularity { value, source: unit.clone(), unit, period_days, as_of }
        },
    )
}

fn entries() -> impl Strategy<Value = QueueEntry> {
    let what = (ids(), 1..=3_u8, statuses(), option::of(popularities()), option::of(ids()));
    let instants = (instants(), collection::vec(option::of(instants()), 3));
    let rest = (any::<[u32; 2]>(), any::<[Option<String>; 2]>());
    (what, instants, rest).prop_map(|(what, (added_at, at), (counts, versions))| {
        let (id, tier, status, popularity, routed_from) = what;
        let [upstream_version, generator_version] = versions;
        QueueEntry {
            status,
            popularity,
            last_attempt_at: at[0],
            last_probe_at: at[1],
            next_retry_at: at[2],
            consecutive_failures: counts[0],
            consecutive_faults: counts[1],
            routed_to: routed_from.clone(),
            operator_change: routed_from.as_ref().map(|_| OperatorChange {
                action: OperatorAction::Excluded,
                at: added_at,
                by: None,
                reason: Some("x".to_owned()),
                released: at[0].is_some(),
            }),
            routed_from,
            upstream_version,
            generator_version,
            notes: vec![],
            ..QueueEntry::new(id, Tier::try_from(tier).unwrap(), added_at)
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_queue_reads_back_as_it_was(entries in collection::vec(entries(), 0..6)) {
        let root = root();
        let entries = entries.into_iter().map(|entry| (entry.id.clone(), entry)).collect();
        let queue = queue_file(entries);
        root.state.put_queue(&queue).unwrap();
        prop_assert_eq!(root.read(), queue);
    }
}
