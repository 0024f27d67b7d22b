//! What people decided about sources is read by runs and written by nobody but people.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{
    registry::Package,
    root::{TestRoot, obstacle_to_npm},
    stages::{self, HERE, NOW, PREFLIGHT, stage_ok},
    trial,
};

pub(crate) fn trials() -> Vec<Trial> {
    let obstacle = obstacle_to_npm();
    let of_runs: [(&str, fn()); 2] = [
        ("a_run_reads_the_overrides_and_leaves_every_byte_of_them", one_process),
        ("stages_read_the_overrides_and_leave_every_byte_of_them", four_processes),
    ];
    let of_runs = of_runs.map(|(name, test)| trial(name, test, obstacle.as_deref()));
    let refused = trial("facts_that_carry_an_override_are_refused", refused_facts, None);
    of_runs.into_iter().chain([refused]).collect()
}

const FILE: &str = "data/disambiguations/curated.jsonl";

/// A root in which a person decided that the tool `first` is `npm:alone`, whose recipe is called
/// `the-one`.
fn root() -> (TestRoot, Vec<u8>) {
    let packages = ["alone", "first"].map(|name| Package::tool(name, 0)).to_vec();
    let root = stages::root(packages, &["alone", "first"]);
    let decide = ["disambiguation", "add", "first", "--select", "npm:alone"];
    let how = ["--instead-of", "npm:first", "--recipe-name", "the-one", "--reason", "tested"];
    root.ok(&[&decide[..], &how].concat());
    let bytes = std::fs::read(root.path(FILE)).unwrap();
    (root, bytes)
}

#[track_caller]
fn check(root: &TestRoot, before: &[u8], summary: &Value) {
    assert_eq!(std::fs::read(root.path(FILE)).unwrap(), before, "byte for byte");
    let batch = summary["batches"][0]["batch_id"].as_str().unwrap();
    assert_eq!(summary["batches"][0]["succeeded"], 1, "{summary:#}");
    let (code, shown, said) = stages::command(root, &["runs", "show", batch]);
    assert_eq!(code, Some(0), "{said}");
    let run = serde_json::from_str::<Value>(&shown).unwrap()["run"].clone();
    let used = json!([{ "from": "npm:first", "to": "npm:alone", "reason": "tested" }]);
    assert_eq!((&run["disambiguations"], &run["used_disambiguation"]), (&used, &json!(1)));
    assert_eq!(run["recipes_generated"], json!(["the-one"]), "{run:#}");
    let recipe = std::fs::read_to_string(root.path("recipes/t/the-one.toml")).unwrap();
    assert!(recipe.contains("name = \"the-one\""), "{recipe}");
}

fn one_process() {
    let (root, before) = root();
    let (code, stdout, stderr) = stages::command(&root, &["run", "--ecosystem", "npm"]);
    assert_eq!(code, Some(0), "{stderr}");
    check(&root, &before, &serde_json::from_str(&stdout).unwrap());
}

fn four_processes() {
    let (root, before) = root();
    stage_ok(&root, PREFLIGHT);
    stage_ok(&root, &["generate"]);
    stage_ok(&root, &["validate", "--environment", HERE.as_str()]);
    let merged = stage_ok(&root, &["merge", "--local"]);
    check(&root, &before, &merged);
}

fn refused_facts() {
    let root = TestRoot::new("http://127.0.0.1:9", "");
    root.ok(&["disambiguation", "add", "got", "--select", "npm:got", "--reason", "x"]);
    let before = std::fs::read(root.path(FILE)).unwrap();
    let line = String::from_utf8(before.clone()).unwrap();
    let source: Value = serde_json::from_str(&line).unwrap();
    let finished = json!({"schema_version": 2, "fact": "finished", "requests": {}, "pauses": {},
        "batch_id": "npm-2026-01-01T00-00-00Z", "at": NOW});
    let mut carrying = finished.clone();
    carrying["disambiguations"] = json!([source]);
    let mut a_fact = source.clone();
    a_fact["fact"] = json!("curated_source");
    let dir = root.path("artifacts");
    std::fs::create_dir(&dir).unwrap();
    let lines = [&finished, &carrying, &a_fact, &source].map(Value::to_string).join("\n") + "\n";
    std::fs::write(dir.join("facts.jsonl"), lines).unwrap();
    let output = root.run(&["fold", "--artifacts", dir.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    for (line, why) in [(2, "unknown field `disambiguations`"), (3, "curated_source"), (4, "fact")]
    {
        let named = said.lines().find(|it| it.contains(&format!("facts.jsonl, line {line}:")));
        assert!(named.is_some_and(|it| it.contains(why)), "line {line}, {why:?}: {said}");
    }
    assert!(!said.contains("facts.jsonl, line 1:"), "{said}");
    assert_eq!(std::fs::read(root.path(FILE)).unwrap(), before);
}
