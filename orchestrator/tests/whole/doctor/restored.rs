//! `doctor --restore`.

use super::{
    doctor,
    healthy::{self, CONTROL, QUEUE, read, write},
    output,
};
use crate::push::remote::git;

fn commit(root: &crate::root::TestRoot, message: &str) -> String {
    git(root.dir.path(), &["add", "-A"]);
    git(root.dir.path(), &["commit", "-q", "-m", message]);
    git(root.dir.path(), &["rev-parse", "HEAD"]).trim().to_owned()
}

pub(super) fn restored() {
    let root = healthy::root();
    git(root.dir.path(), &["init", "-q"]);
    let valid = commit(&root, "valid");
    let good = read(&root, QUEUE);
    write(&root, QUEUE, "{ \"half");
    commit(&root, "damaged");
    write(&root, QUEUE, "worse");
    let restore = ["--restore", QUEUE];
    let (code, shown) = doctor(&root, &[&restore[..], &["--dry-run"]].concat());
    assert_eq!((code, &shown["commit"]), (Some(0), &valid.clone().into()), "{shown:#}");
    assert_eq!(read(&root, QUEUE), "worse", "--dry-run wrote something");

    let (code, report) = doctor(&root, &restore);
    assert_eq!(code, Some(0), "{report:#}");
    assert_eq!((&report["commit"], &report["newer_invalid"]), (&valid.into(), &1.into()));
    assert_eq!(read(&root, QUEUE), good);
    assert_eq!(read(&root, report["set_aside"].as_str().unwrap()), "worse");
    let (_, again) = doctor(&root, &restore);
    assert_eq!(again["unchanged"], true, "{again:#}");

    // Without its control file a root is none, and it can be restored nevertheless.
    let control = read(&root, CONTROL);
    std::fs::remove_file(root.path(CONTROL)).unwrap();
    assert_eq!(output(&root, &["doctor"]).status.code(), Some(6));
    assert_eq!(doctor(&root, &["--restore", CONTROL]).0, Some(0));
    assert_eq!(read(&root, CONTROL), control);

    for outside in ["../x", "/etc/passwd", ".tsuku-batch/lock", "data/never.jsonl"] {
        let refused = output(&root, &["doctor", "--restore", outside]);
        assert_eq!(refused.status.code(), Some(3), "{outside}: {refused:?}");
    }
}
