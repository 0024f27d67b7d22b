//! What `doctor` says about the real data of an earlier pipeline.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Value, json};

use crate::{
    corpus::FOLDER,
    old_tree::{bytes, import, run},
};

pub(crate) const TESTS: &[(&str, fn())] =
    &[("doctor_finds_few_kinds_in_imported_data_and_repairs_none_of_them", examined)];

/// The number of findings of each kind.
fn counts(root: &Path, args: &[&str]) -> BTreeMap<String, u64> {
    let output = run(root, &[&["doctor", "--json"], args].concat());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    serde_json::from_value(report["counts"].clone()).unwrap()
}

fn examined() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    import(Path::new(FOLDER), &root, &[]);
    let before = bytes(&root);
    // The recipes are elsewhere, and the registries of the new pipeline were never asked.
    let expected: BTreeMap<String, u64> =
        serde_json::from_value(json!({"success_without_recipe": 1244, "never_seeded": 7})).unwrap();
    assert_eq!(counts(&root, &[]), expected);
    let text = String::from_utf8(run(&root, &["doctor"]).stdout).unwrap();
    assert!(text.lines().count() < 25 && text.contains("and 1239 more"), "{text}");
    assert_eq!(counts(&root, &["--fix"]), expected, "entries of recipes that may come back");
    assert!(bytes(&root) == before, "something was repaired");

    let archived = run(&root, &["archive", "--older-than", "200d"]);
    assert!(archived.status.success(), "{archived:?}");
    assert_eq!(counts(&root, &[]), expected, "old records are read in the archive");
}
