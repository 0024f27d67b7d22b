//! Runs of the whole program with the fake as generator and validator.

use std::{collections::BTreeMap, time::Duration};

use fake_tsuku::{Answer, Recorded, SCRIPT_VARIABLE, Script};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::bench::recipe;
use crate::{
    registry::{self, Package},
    root::{TestRoot, usable_backends},
    trial,
};

const RUN: &[&str] = &["run", "--ecosystem", "npm", "--batch-size", "3", "-q"];

pub(super) fn trials() -> Vec<Trial> {
    let obstacle = usable_backends().is_empty().then_some("no sandbox works on this machine");
    let absent = "a program that is not there is recorded, and nothing takes its place";
    vec![
        trial("tsuku run: recipes are made and tried by the program", made_and_tried, obstacle),
        trial(format!("tsuku run: {absent}"), missing, None),
    ]
}

fn root(names: &[&str], settings: &str) -> TestRoot {
    let origin = registry::serve(names.iter().map(|name| Package::tool(name, 0)), Duration::ZERO);
    let root = TestRoot::new(&origin, settings);
    root.put_pending(names);
    root
}

/// The fake makes a recipe of `name`, finds no container, and installs a command that prints
/// `version`.
fn answers(name: &str, version: &str) -> BTreeMap<String, Answer> {
    let recorded = |recorded| Answer { recorded: Some(recorded), ..Answer::default() };
    let stdout = |text: String| Answer { stdout: Some(text), ..Answer::default() };
    let command = format!("#!/bin/sh\necho {version}\n");
    let home = [(format!("tools/current/{name}"), command)].into();
    let file = Some(recipe(name, name, &[name]));
    let plan = format!("{{\"format_version\":5,\"tool\":\"{name}\",\"steps\":[]}}");
    [
        ("create", Answer { file, ..recorded(Recorded::Created) }),
        ("validate", stdout(format!("Valid recipe: {name}\n"))),
        ("eval", stdout(plan)),
        ("install --sandbox", recorded(Recorded::NoContainer)),
        ("install", Answer { home, ..Answer::default() }),
    ]
    .map(|(command, answer)| (command.to_owned(), answer))
    .into()
}

fn made_and_tried() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script.json");
    let (program, path) = (std::env::current_exe().unwrap(), script.display());
    let settings = format!(
        "[tsuku]\nprogram = \"{}\"\nneeds = [\"{path}\"]\nvariables = {{ {SCRIPT_VARIABLE} = \"{path}\" }}\n\
         pause_milliseconds = 0\n",
        program.display(),
    );
    let root = root(&["works", "breaks", "absent"], &settings);
    let absent = Answer { recorded: Some(Recorded::MissingPackage), ..Answer::default() };
    let all = Script::from([
        ("works".to_owned(), answers("works", "1.0.0")),
        ("breaks".to_owned(), answers("breaks", "2.0.0")),
        ("absent".to_owned(), [("create".to_owned(), absent)].into()),
    ]);
    std::fs::write(&script, serde_json::to_string(&all).unwrap()).unwrap();
    let summary = root.json(RUN);
    let batch = &summary["batches"][0];
    assert_eq!((&batch["total"], &batch["succeeded"]), (&json!(3), &json!(1)), "{summary:#}");
    let recipe = std::fs::read_to_string(root.path("recipes/w/works.toml")).unwrap();
    assert!(recipe.contains("pattern = \"{version}\""), "what was seen to hold: {recipe}");
    assert_eq!(root.json_lines(&["runs", "list"])[0]["generator"], "tsuku dev");
    let expected = [
        ("npm:absent", "deterministic_insufficient", "package_not_found"),
        ("npm:breaks", "validation_failed", "verify_pattern_mismatch"),
    ];
    let found = failures(&root);
    for (package, category, subcategory) in expected {
        let failure = &found[package];
        assert_eq!(
            (&failure["category"], &failure["subcategory"]),
            (&json!(category), &json!(subcategory))
        );
    }
}

fn missing() {
    let root = root(&["tool"], "");
    let args = ["--generator", "tsuku", "--validator", "native", "--tsuku", "/nowhere/tsuku"];
    let summary = root.run(&[RUN, &args, &["--json"]].concat());
    if summary.status.code() == Some(4) {
        // This machine can attempt nothing, whoever makes the recipes.
        return;
    }
    let failure = &failures(&root)["npm:tool"];
    assert_eq!(failure["subcategory"], "tool_missing", "{failure:#}");
    assert_eq!(root.queue()["npm:tool"]["status"], "pending", "no fault of the package");
}

fn failures(root: &TestRoot) -> BTreeMap<String, Value> {
    let all = root.json_lines(&["failures", "list"]);
    let id = |failure: &Value| failure["package_id"].as_str().unwrap().to_owned();
    all.into_iter().map(|failure| (id(&failure), failure)).collect()
}
