//! Sites whose pages are not made again.

use std::{fs, path::Path};

use analytics::{Circumstances, Written};
use chrono::TimeDelta;

use crate::{memory::MemoryState, sample};

/// With a file that does not change in place of the program.
fn circumstances() -> Circumstances<'static> {
    let program = Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    Circumstances { program, ..Circumstances::at(sample::now()) }
}

fn state() -> MemoryState {
    let mut state = sample::state();
    // A record that cannot be read is reported by each build.
    state.failures.quarantined.clear();
    state.damaged_queues.clear();
    for queue in state.queues.values_mut() {
        queue.quarantined.clear();
    }
    state.digest = Some(1);
    state
}

fn build(folder: &Path, state: &MemoryState, circumstances: &Circumstances<'_>) -> Written {
    let (written, problems) = analytics::write(folder, state, circumstances).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    written
}

/// The next state would have other pages. Its digest is the same, so whoever makes no pages does not
/// notice it.
fn other_state() -> MemoryState {
    let mut other = state();
    other.failures.records.truncate(10);
    other
}

#[test]
fn no_page_is_made_again_while_nothing_changes() {
    let folder = tempfile::tempdir().unwrap();
    let first = build(folder.path(), &state(), &circumstances());
    let manifest = fs::read(folder.path().join("manifest.json")).unwrap();
    for _ in 0..2 {
        let next = build(folder.path(), &other_state(), &circumstances());
        assert_eq!(next, Written { n_written: 0, n_unchanged: first.n_written, ..first });
        assert_eq!(fs::read(folder.path().join("manifest.json")).unwrap(), manifest);
        assert!(!folder.path().join("manifest.partial").exists());
    }
}

#[test]
fn pages_are_made_again_if_anything_they_depend_on_changes() {
    let changed_state = MemoryState { digest: Some(2), ..other_state() };
    let unknown_state = MemoryState { digest: None, ..other_state() };
    let same = other_state();
    let other_program = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let later = sample::now() + TimeDelta::seconds(1);
    for (state, circumstances) in [
        (&changed_state, circumstances()),
        (&unknown_state, circumstances()),
        (&same, Circumstances { as_of: later, ..circumstances() }),
        (&same, Circumstances { source_commit: Some("0123abcd".into()), ..circumstances() }),
        (&same, Circumstances { is_under_way: true, ..circumstances() }),
        (&same, Circumstances { dead_runs: vec!["npm-1".into()], ..circumstances() }),
        (&same, Circumstances { program: Some(other_program), ..circumstances() }),
        (&same, Circumstances { program: Some("missing".into()), ..circumstances() }),
        (&same, Circumstances { program: None, ..circumstances() }),
    ] {
        let folder = tempfile::tempdir().unwrap();
        build(folder.path(), &self::state(), &self::circumstances());
        assert_ne!(build(folder.path(), state, &circumstances).n_removed, 0);
    }
}

/// A program of the same size in its place, that claims to be as old, may make other pages.
#[test]
fn pages_are_made_again_by_a_program_that_only_looks_the_same() {
    let folders = tempfile::tempdir().unwrap();
    let path = |name: &str| folders.path().join(name);
    for (name, content) in [("program", "one"), ("other", "two")] {
        #[expect(clippy::disallowed_methods, reason = "programs for the test")]
        fs::write(path(name), content).unwrap();
        let file = fs::File::options().write(true).open(path(name)).unwrap();
        file.set_modified(sample::now().into()).unwrap();
    }
    let circumstances = Circumstances { program: Some(path("program")), ..circumstances() };
    let site = path("site");
    build(&site, &state(), &circumstances);
    assert_eq!(build(&site, &other_state(), &circumstances).n_removed, 0);
    // The old one stays, so that its number is not given to the other one.
    fs::rename(path("program"), path("before")).unwrap();
    fs::rename(path("other"), path("program")).unwrap();
    assert_ne!(build(&site, &other_state(), &circumstances).n_removed, 0);
}

#[test]
fn a_page_that_is_gone_or_has_another_size_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("failures.html");
    let first = build(folder.path(), &state(), &circumstances());
    let as_made = fs::read(&page).unwrap();
    #[expect(clippy::disallowed_methods, reason = "somebody else writes it")]
    let damages: [fn(&Path); 2] =
        [|page| fs::remove_file(page).unwrap(), |page| fs::write(page, "short").unwrap()];
    for damage in damages {
        damage(&page);
        let again = build(folder.path(), &state(), &circumstances());
        assert_eq!(again, Written { n_written: 1, n_unchanged: first.n_written - 1, ..first });
        assert_eq!(fs::read(&page).unwrap(), as_made);
    }
}

#[test]
fn what_cannot_be_read_is_reported_by_each_build() {
    let folder = tempfile::tempdir().unwrap();
    let mut damaged = state();
    damaged.damaged_queues.push("cran".parse().unwrap());
    for _ in 0..2 {
        let (_, problems) = analytics::write(folder.path(), &damaged, &circumstances()).unwrap();
        assert_eq!(problems.len(), 1);
    }
}

#[test]
fn after_an_interrupted_build_no_page_is_taken_for_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    build(folder.path(), &state(), &circumstances());
    let index = folder.path().join("index.html");
    let as_made = fs::read(&index).unwrap();
    // The next build replaces a page by another one of the same size, and dies.
    let mut next = analytics::SiteWriter::begin(folder.path()).unwrap();
    let body = vec![b'x'; as_made.len()];
    next.put(analytics::Page { path: "index.html".into(), body }).unwrap();
    drop(next);
    // What had changed changes back.
    build(folder.path(), &state(), &circumstances());
    assert_eq!(fs::read(&index).unwrap(), as_made);
}
