//! Journals that cannot be used: kept as they are, out of the way, and named.

use std::fs;

use batch_core::{
    io::{FactSink as _, Outbox, SeedJournal, StateReader as _},
    model::{BatchId, SCHEMA_VERSION, SeedLine, SeedStart},
};

use crate::{ECO, root, second};

#[test]
fn a_journal_that_is_set_aside_keeps_its_bytes_and_is_pending_no_more() {
    let (_dir, state) = root();
    let outbox = Outbox::new(state.layout());
    let batch = BatchId::new(ECO, second(100));
    for (n, content) in [(1, &b"\xff\0 no journal"[..]), (2, b"another of that name")] {
        let path = state.layout().journal(&batch);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        assert_eq!(outbox.pending().unwrap().len(), 1);
        let to = outbox.set_aside(&batch).unwrap();
        assert_eq!(outbox.pending().unwrap(), []);
        assert_eq!(fs::read(to).unwrap(), content);
        assert_eq!(state.set_aside().unwrap().len(), n);
    }
    let first = format!(".tsuku-batch/set-aside/{batch}.jsonl");
    assert_eq!(state.set_aside().unwrap(), [first.clone(), format!("{first}.2")]);
}

#[test]
fn what_cannot_be_read_in_place_of_a_journal_hinders_no_other_journal() {
    let (_dir, state) = root();
    let outbox = Outbox::new(state.layout());
    let [folder, link, empty] = [1, 2, 3].map(|n| BatchId::new(ECO, second(n)));
    fs::create_dir_all(state.layout().journal(&folder)).unwrap();
    std::os::unix::fs::symlink("nowhere", state.layout().journal(&link)).unwrap();
    fs::write(state.layout().journal(&empty), "").unwrap();
    let pending = outbox.pending().unwrap();
    let found: Vec<_> = pending.iter().map(|it| (it.unreadable.len(), it.is_empty())).collect();
    assert_eq!(found, [(1, false), (1, false), (0, true)]);
    assert!(
        pending[0].unreadable[0].to_string().contains("a folder is in the place"),
        "{pending:?}"
    );
    outbox.set_aside(&folder).unwrap();
    outbox.set_aside(&link).unwrap();
    assert_eq!(state.set_aside().unwrap().len(), 2);
}

fn start(schema_version: u32) -> String {
    let (limit, left) = (None, vec![]);
    let started_at = second(7);
    let start = SeedStart { schema_version, ecosystem: ECO, started_at, limit, left };
    serde_json::to_string(&SeedLine::Start(start)).unwrap() + "\n"
}

fn stopped(reason: &str) -> String {
    let (source, reason) = ("top".to_owned(), reason.to_owned());
    serde_json::to_string(&SeedLine::Stopped { source, reason }).unwrap() + "\n"
}

/// Opens the journal of a seeding with this content. Gives the number of lines that can be used, and
/// whether the journal was set aside.
fn opened(content: &str) -> (usize, bool) {
    let (_dir, state) = root();
    let path = state.layout().seed_journal(&ECO);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    let (mut journal, lines) = SeedJournal::open(state.layout(), &ECO).unwrap();
    let kept = state.set_aside().unwrap();
    for file in &kept {
        assert_eq!(fs::read_to_string(state.layout().root().join(file)).unwrap(), content);
    }
    // It goes on behind what can be used.
    let more: SeedLine = serde_json::from_str(&stopped("more")).unwrap();
    journal.append(&more).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), lines.len() + 1);
    assert!(text.ends_with(&stopped("more")), "{text}");
    assert!(state.control().is_ok());
    (lines.len(), !kept.is_empty())
}

#[test]
fn the_journal_of_a_seeding_is_kept_whole_where_a_part_of_it_cannot_be_read() {
    let start = start(SCHEMA_VERSION);
    let line = stopped("x");
    assert_eq!(opened(""), (0, false));
    assert_eq!(opened(&[&*start, &line].concat()), (2, false));
    assert_eq!(opened(&[&*start, &line, "{\"stop"].concat()), (2, false), "cut off by a crash");
    assert_eq!(opened(&[&*start, "{\"stop\n", &line].concat()), (1, true));
    assert_eq!(opened(&[&*line, &start].concat()), (0, true), "without a start");
    assert_eq!(opened(&[&*self::start(SCHEMA_VERSION + 1), &line].concat()), (0, true));
    assert_eq!(opened("\0\0\n"), (0, true));
}
