//! Facts in the files of several stages, decided by the program; and a clock that stands still.

use std::path::Path;

use batch_core::{
    io::append_facts,
    model::{BatchId, EcosystemId, Environment, Fact, PackageId, Verdict},
};
use batch_sim::FactsAt;
use chrono::DateTime;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{root::TestRoot, trial};

pub(crate) fn trials() -> Vec<Trial> {
    let tests: [(&str, fn()); 4] = [
        ("facts_of_four_files_are_judged_as_those_of_one", four_files),
        ("what_is_missing_refused_or_unreadable_is_named", incomplete),
        ("a_folder_without_a_start_is_one_clear_error", no_start),
        ("the_clock_of_records_stands_where_it_is_told_to", standing_clock),
    ];
    tests.into_iter().map(|(name, test)| trial(name, test, None)).collect()
}

const ENVIRONMENTS: [Environment; 3] =
    [Environment::DebianX86, Environment::AlpineX86, Environment::MacArm];

fn id(name: &str) -> PackageId {
    format!("npm:{name}").parse().unwrap()
}

fn at(second: i64) -> FactsAt {
    let moment = |second| DateTime::from_timestamp(second, 0).unwrap();
    let batch_id = BatchId::new(EcosystemId::from_static("npm"), moment(0));
    FactsAt { batch_id, at: moment(second) }
}

fn validated(second: i64, name: &str, place: Environment, result: Verdict) -> Fact {
    Fact::Validated(Box::new(at(second).validated(id(name), place, result)))
}

fn finished(second: i64, place: Option<Environment>) -> Fact {
    Fact::Finished(at(second).finished(place, "registry.npmjs.org"))
}

/// The facts of the generator, and of the validator of each environment. The recipes of these facts
/// have a step that npm's recipes do not have, so that the checks refuse all of them.
fn stages() -> [Vec<Fact>; 4] {
    let started = at(0).started(&["a", "b", "c"].map(id), &ENVIRONMENTS);
    let mut generated = vec![Fact::Started(Box::new(started))];
    generated.extend([at(1).generated(id("a"), Some("a")), at(2).generated(id("b"), Some("b"))]);
    generated.extend([at(3).generated(id("c"), None), finished(4, None)]);
    let [first, second, third] = ENVIRONMENTS.map(|place| {
        let b = if place == Environment::MacArm { Verdict::Fail } else { Verdict::Pass };
        vec![
            validated(5, "a", place, Verdict::Blocked),
            validated(6, "b", place, b),
            finished(7, Some(place)),
        ]
    });
    [generated, first, second, third]
}

fn write(dir: &Path, name: &str, facts: &[Fact]) {
    append_facts(&dir.join(name), facts).unwrap();
}

fn fold(root: &TestRoot, dir: &Path, code: i32) -> Value {
    let output = root.run(&["fold", "--artifacts", dir.to_str().unwrap(), "--json"]);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn four_files() {
    let root = TestRoot::new("http://127.0.0.1:9", "");
    let (apart, together) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let stages = stages();
    for (i, facts) in stages.iter().enumerate() {
        write(apart.path(), &format!("facts-{i}.jsonl"), facts);
        // A file that was uploaded twice.
        write(apart.path(), &format!("facts-{i}-again.jsonl"), facts);
    }
    write(together.path(), "journal.jsonl", &stages.concat());
    // The stages write into a folder for each batch.
    let by_batch = tempfile::tempdir().unwrap();
    let dir = by_batch.path().join(at(0).batch_id.to_string());
    std::fs::create_dir(&dir).unwrap();
    for (i, facts) in stages.iter().enumerate() {
        write(&dir, &format!("facts-{i}.jsonl"), facts);
    }
    let judged = fold(&root, apart.path(), 0);
    assert_eq!(judged, fold(&root, together.path(), 0));
    assert_eq!(judged, fold(&root, by_batch.path(), 0));
    let attempts = judged["batches"][0]["attempts"].as_array().unwrap();
    let outcomes: Vec<&Value> =
        attempts.iter().map(|attempt| &attempt["outcome"]["failed"]["finding"]["kind"]).collect();
    let expected = [
        json!("deterministic_insufficient/library_only"),
        json!("missing_dep/recipe_missing"),
        json!("validation_failed/schema_invalid"),
    ];
    assert_eq!(outcomes, expected.iter().collect::<Vec<_>>());
    check_schema(&root, "output-fold", &judged);
    for fact in stages.concat() {
        check_schema(&root, "fact", &serde_json::to_value(fact).unwrap());
    }
    let text = root.ok(&["fold", "--artifacts", apart.path().to_str().unwrap()]);
    assert!(text.contains("npm-1970-01-01T00-00-00Z: 0 of 3 verified"), "{text}");
}

pub(crate) fn check_schema(root: &TestRoot, name: &str, document: &Value) {
    let dir = root.path("schemas");
    if !dir.exists() {
        root.ok(&["schema", "--dir", dir.to_str().unwrap()]);
    }
    let text = std::fs::read_to_string(dir.join(format!("{name}.schema.json"))).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap();
    let errors: Vec<String> = validator.iter_errors(document).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?} in {document:#}");
}

fn incomplete() {
    let root = TestRoot::new("http://127.0.0.1:9", "");
    let dir = tempfile::tempdir().unwrap();
    let [generated, first, second, _] = stages();
    write(dir.path(), "facts-generate.jsonl", &generated);
    write(dir.path(), "facts-1.jsonl", &first);
    write(dir.path(), "facts-2.jsonl", &second);
    write(dir.path(), "facts-2.jsonl", &[validated(9, "b", ENVIRONMENTS[1], Verdict::Fail)]);
    std::fs::write(dir.path().join("facts-3.jsonl"), "{\"schema_version\":3,\"fact\":\"x\"}\n")
        .unwrap();
    let judged = fold(&root, dir.path(), 3);
    let batch = &judged["batches"][0];
    assert_eq!(batch["waiting"][0]["environments"], json!(["darwin-arm64"]));
    let refused = &batch["refused"][0];
    assert_eq!(refused["fact"], "validated npm:b in linux-alpine-musl-x86_64");
    assert_eq!(refused["reason"]["kind"], "contradicted");
    let unreadable = judged["unreadable"][0].as_str().unwrap();
    assert!(
        unreadable.contains("facts-3.jsonl, line 1: the file has schema version 3"),
        "{unreadable}"
    );
}

fn no_start() {
    let root = TestRoot::new("http://127.0.0.1:9", "");
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "facts.jsonl", &[finished(1, None)]);
    let absent = dir.path().join("absent");
    for (dir, word) in [(dir.path(), "no fact `started`"), (&*absent, "absent does not exist")] {
        let output = root.run(&["fold", "--artifacts", dir.to_str().unwrap()]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert_eq!(said.matches("error:").count(), 1, "{said}");
        assert!(said.contains(word), "{said}");
    }
}

fn standing_clock() {
    let root = TestRoot::new("http://127.0.0.1:9", "");
    let run = |now: &str| {
        let mut command = root.command(&["--seed", "7", "run", "--ecosystem", "npm", "-q"]);
        command.env("TSUKU_BATCH_NOW", now).output().unwrap()
    };
    assert_eq!(run("2031-02-03T04:05:06Z").status.code(), Some(4));
    let record = root.path("data/metrics/batch-runs-slot-2031-02-03T04-05-06Z.jsonl");
    let first = std::fs::read_to_string(&record).unwrap();
    assert_eq!(run("2031-02-03T04:05:06Z").status.code(), Some(4));
    assert_eq!(std::fs::read_to_string(&record).unwrap(), first);
    let wrong = run("yesterday");
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("yesterday"), "{wrong:?}");
}
