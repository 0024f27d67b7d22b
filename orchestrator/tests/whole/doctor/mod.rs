//! `doctor`: every kind of damage is found where it is, repaired where it says so, and nothing else is
//! changed.

mod forge;
mod healthy;
mod planted;
mod restored;

use std::{collections::BTreeSet, process::Output};

use batch_core::decide::doctor::FindingCode;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::{facts::check_schema, push::remote::obstacle_to_git, root::TestRoot, trial};
use healthy::{NOW, tree};
use planted::Planted;

pub(crate) fn trials() -> Vec<Trial> {
    let tests: [(&str, fn()); 4] = [
        ("doctor_finds_nothing_in_a_root_in_which_nothing_is_wrong", nothing),
        ("doctor_finds_each_kind_of_damage_where_it_is_and_changes_nothing_else", each_kind),
        ("doctor_prints_a_few_of_many_findings_and_what_a_file_says_is_cleaned", printed),
        ("the_document_about_doctor_lists_every_kind_of_finding", document),
    ];
    let mut trials: Vec<Trial> =
        tests.into_iter().map(|(name, test)| trial(name, test, None)).collect();
    let obstacle = obstacle_to_git();
    let tests: [(&str, fn()); 2] = [
        ("doctor_restores_a_file_from_the_last_commit_in_which_it_was_valid", restored::restored),
        ("doctor_asks_the_forge_if_it_is_told_to", forge::asked),
    ];
    trials.extend(tests.map(|(name, test)| trial(name, test, obstacle.as_deref())));
    trials
}

/// What `args` print at the time of the sample.
fn output(root: &TestRoot, args: &[&str]) -> Output {
    output_at(root, NOW, args)
}

fn output_at(root: &TestRoot, now: &str, args: &[&str]) -> Output {
    root.command(args).env("TSUKU_BATCH_NOW", now).output().unwrap()
}

/// What `doctor` with `args` says in JSON, and its exit code.
fn doctor(root: &TestRoot, args: &[&str]) -> (Option<i32>, Value) {
    doctor_at(root, NOW, args)
}

fn doctor_at(root: &TestRoot, now: &str, args: &[&str]) -> (Option<i32>, Value) {
    let args = [&["doctor", "--json"], args].concat();
    let output = output_at(root, now, &args);
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{args:?}: {error}: {output:?}"));
    (output.status.code(), report)
}

fn codes(report: &Value) -> BTreeSet<&str> {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().map(|it| it["code"].as_str().unwrap()).collect()
}

fn nothing() {
    let root = healthy::root();
    let before = tree(&root);
    for args in [&[][..], &["--fix", "--dry-run"], &["--fix"]] {
        let (code, report) = doctor(&root, args);
        assert_eq!(code, Some(0), "{report:#}");
        assert!(codes(&report).is_empty(), "{report:#}");
        assert_eq!(report["repairs"], serde_json::json!([]), "{report:#}");
        check_schema(&root, "output-doctor", &report);
        std::fs::remove_dir_all(root.path("schemas")).unwrap();
    }
    assert_eq!(tree(&root), before);
    let nowhere = tempfile::tempdir().unwrap();
    let root = TestRoot { dir: nowhere };
    assert_eq!(output(&root, &["doctor"]).status.code(), Some(6), "no root");
}

fn each_kind() {
    let cases = planted::all();
    let planted: BTreeSet<&str> = cases.iter().map(|case| case.code).collect();
    let known = FindingCode::ALL.iter().map(|code| code.row().word);
    let known: BTreeSet<&str> = known.filter(|word| !forge::CODES.contains(word)).collect();
    assert_eq!(planted, known, "each kind needs a case");
    let problems: Vec<String> = cases.iter().flat_map(check).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// What is wrong about how the damage is found and repaired.
fn check(case: &Planted) -> Vec<String> {
    let code = FindingCode::ALL.iter().find(|code| code.row().word == case.code).unwrap();
    let root = healthy::root();
    (case.plant)(&root);
    let mut problems = vec![];
    let (exit, report) = doctor_at(&root, case.now, &[]);
    let found = report["findings"].as_array().unwrap();
    let is_it = |it: &&Value| {
        it["code"] == case.code
            && it["file"] == *case.file
            && it.get("line").and_then(Value::as_u64) == case.line
    };
    let is_fixable = code.row().fix.is_some();
    match found.iter().find(is_it) {
        None => problems.push(format!("{}: not found at {:?}", case.code, (&case.file, case.line))),
        Some(it) if it["fixable"] != is_fixable => problems.push(format!("{it:#}")),
        Some(_) => (),
    }
    let others = codes(&report);
    let odd = others.iter().find(|it| **it != case.code);
    if let Some(odd) = odd {
        problems.push(format!("{}: {odd} is found too", case.code));
    }
    if exit != Some(1) {
        problems.push(format!("{}: exit code {exit:?}", case.code));
    }
    problems.extend(check_fix(case, is_fixable, &root));
    if !problems.is_empty() {
        problems.push(format!("{report:#}"));
    }
    problems
}

fn check_fix(case: &Planted, is_fixable: bool, root: &TestRoot) -> Vec<String> {
    let mut problems = vec![];
    let before = tree(root);
    let (_, shown) = doctor_at(root, case.now, &["--fix", "--dry-run"]);
    if tree(root) != before || shown["repairs"].as_array().unwrap().is_empty() == is_fixable {
        problems.push(format!("{}: --dry-run: {:#}", case.code, shown["repairs"]));
    }
    let (_, fixed) = doctor_at(root, case.now, &["--fix"]);
    if fixed["repairs"] != shown["repairs"] {
        problems.push(format!("{}: --fix: {:#}", case.code, fixed["repairs"]));
    }
    if codes(&fixed).contains(case.code) == is_fixable {
        problems.push(format!("{}: after --fix: {fixed:#}", case.code));
    }
    let after = tree(root);
    let is_own = |file: &str| is_fixable && file.starts_with(&*case.file);
    for file in before.keys().chain(after.keys()).filter(|file| !is_own(file)) {
        if before.get(file) != after.get(file) {
            problems.push(format!("{}: {file} was changed too", case.code));
        }
    }
    let parse = |tree: &std::collections::BTreeMap<String, Vec<u8>>| -> Option<Value> {
        serde_json::from_slice(tree.get(&case.file)?).ok()
    };
    if let (Some(before), Some(after)) = (parse(&before), parse(&after))
        && case.file.starts_with("data/queues/")
    {
        let one = |queue: &Value| (queue["packages"][0].clone(), queue["tiers"].clone());
        if one(&before) != one(&after) {
            problems.push(format!("{}: another entry was changed", case.code));
        }
    }
    problems
}

fn printed() {
    let root = healthy::root();
    for n in 0..12 {
        let line = format!("\"\\u001b]0;title\\u0007::error::{n}\"");
        healthy::append(&root, healthy::FAILURES, &line);
    }
    let hostile = "data/\u{1b}[31mred";
    std::fs::write(root.path(hostile), "x").unwrap();
    let output = output(&root, &["doctor"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains('\u{1b}') && !text.contains("\n::error"), "{text:?}");
    assert!(text.contains("and 7 more; --json shows all"), "{text}");
    assert!(text.contains(&format!("{}:2: ", healthy::FAILURES)), "{text}");
    assert!(text.contains("12 errors, 0 warnings, 1 note"), "{text}");
    let (_, report) = doctor(&root, &[]);
    assert_eq!(report["counts"]["failure_unreadable"], 12);
    assert_eq!(report["findings"].as_array().unwrap().len(), 13);
}

/// The table of kinds, as the document has it.
fn table() -> String {
    let row = |code: &FindingCode| {
        let row = code.row();
        let fix = row.fix.unwrap_or("–");
        format!(
            "| `{}` | {} | {} | {} | {fix} |\n",
            row.word,
            row.severity.as_str(),
            row.meaning,
            row.remedy.replace("{file}", "FILE").replace("{subject}", "ID")
        )
    };
    let heading = "| kind | how serious | what it means | what to do | what `--fix` changes |\n|---|---|---|---|---|\n";
    FindingCode::ALL.iter().map(row).fold(heading.to_owned(), |table, row| table + &row)
}

fn document() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/doctor.md");
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(&table()), "docs/doctor.md must contain this table:\n{}", table());
}
