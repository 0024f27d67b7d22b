//! Inputs on which the program was wrong once, each with its right answer, from a folder beside the
//! checkout; reported as ignored if the folder is missing. Each case is a separate test.
//!
//! The program asks copies of the registries on loopback. Most cases need a recipe only and no
//! tool; the others are ignored with the reason where their tool or a sandbox is missing.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests, helpers included")]

mod path;
mod recipe_check;
mod registries;
mod root;

use std::{path::Path, process::ExitCode, sync::Arc};

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

use crate::{registries::Registries, root::TestRoot};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/cases");

fn main() -> ExitCode {
    let mut trials = path::trials();
    if let Ok(cases) = std::fs::read_to_string(Path::new(FOLDER).join("cases.jsonl")) {
        trials.extend(of_cases(&cases));
    } else {
        let absent = Trial::test("every_case_has_its_right_answer", || Ok(()));
        let why = "needs the folder of cases beside the checkout";
        trials.push(absent.with_ignored_flag(true).with_kind(why));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// One test for each line.
fn of_cases(cases: &str) -> Vec<Trial> {
    let registries = Registries::serve(&Path::new(FOLDER).join("registries"));
    let root = Arc::new(TestRoot::new(&registries));
    let lines = cases.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            let case: Value = serde_json::from_str(line).unwrap();
            let ask = case["ask"].as_str().unwrap().to_owned();
            let mode = case["mode"].as_str().unwrap().to_owned();
            let root = Arc::clone(&root);
            let name = format!("{mode} {ask}");
            let obstacle = if mode == "generate" { None } else { root::obstacle(&ask) };
            let trial = Trial::test(name, move || tried(&root, &ask, &case));
            match obstacle {
                None => trial,
                Some(why) => trial.with_ignored_flag(true).with_kind(why),
            }
        })
        .collect()
}

fn tried(root: &TestRoot, ask: &str, case: &Value) -> Result<(), Failed> {
    let report = root.tried(ask, case["mode"] == "install");
    let wrong = recipe_check::wrong(&case["right"], &report);
    if wrong.is_empty() {
        return Ok(());
    }
    let why = case["why"].as_str().unwrap_or_default();
    Err(format!("{}\nbecause: {why}\n{report:#}", wrong.join("\n")).into())
}
