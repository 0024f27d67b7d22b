//! Today's rules are applied to recorded failures.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{root::TestRoot, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("todays_rules_replace_stored_causes_and_nothing_else", replaced, None)]
}

const OLD: &str = "npm-2026-01-02T00-00-00Z";
const RECENT: &str = "npm-2026-03-02T00-00-00Z";
const OUTPUT: &str = "npm error\nconnection refused: https://registry.npmjs.org/one\n";
/// Of [`OUTPUT`].
const DIGEST: &str = "240edbef20cf20cc4ea0dd5c46ec7f577dbdb38f075f7d967f4be9f5db753c71";

fn failure(batch: &str, name: &str, message: &str) -> Value {
    json!({
        "schema_version": 2, "id": format!("{batch}-{name}"), "package_id": format!("npm:{name}"),
        "ecosystem": "npm", "batch_id": batch, "stage": "validate",
        "category": "unknown", "subcategory": "unclassified", "confidence": "stated",
        "message": message, "exit_code": 1, "generator": "builtin 0",
        "fingerprint": "0123456789abcdef", "timestamp": "2026-03-02T00:00:00Z"})
}

fn replaced() {
    let root = TestRoot::new("http://127.0.0.1:9", "");
    let now = "2026-03-03T12:00:00Z";
    let json_of = |args: &[&str]| -> Value {
        let mut command = root.command(args);
        let output = command.arg("--json").env("TSUKU_BATCH_NOW", now).output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let write = |path: String, text: &str| {
        let path = root.path(&path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    // The output, which is archived too, tells more than the message.
    let mut old = failure(OLD, "one", "npm error");
    old["output"] = json!({"sha256": DIGEST, "bytes": OUTPUT.len(), "truncated": false});
    let mut recent = failure(RECENT, "two", "connection refused: https://registry.npmjs.org/two");
    recent["of_later"] = json!({"kept": 1.5});
    // What this program checked itself stays, whatever the output says.
    let mut checked = failure(RECENT, "three", "connection refused: https://x.example/");
    checked["category"] = json!("validation_failed");
    checked["subcategory"] = json!("verify_failed");
    write(format!("data/outputs/{}/{DIGEST}.txt", &DIGEST[..2]), OUTPUT);
    write(format!("data/failures/{OLD}.jsonl"), &format!("{old}\n"));
    write(format!("data/failures/{RECENT}.jsonl"), &format!("{recent}\n{checked}\n"));
    assert_eq!(json_of(&["archive", "--older-than", "30d"])["total_after"]["outputs"], 1);

    let stored = std::fs::read(root.path(&format!("data/failures/{RECENT}.jsonl"))).unwrap();
    let planned = json_of(&["reclassify", "--diff"]);
    let ids = [format!("{RECENT}-two"), format!("{OLD}-one")];
    let moves = json!([{"from": "unknown/unclassified", "to": "api_error/connection_error",
        "count": 2, "examples": ids}]);
    assert_eq!((&planned["moves"], &planned["failures"]), (&moves, &json!(3)), "{planned:#}");
    assert_eq!(planned["changes"][1]["fields"]["service"], json!(["-", "registry.npmjs.org"]));
    let unchanged = std::fs::read(root.path(&format!("data/failures/{RECENT}.jsonl"))).unwrap();
    assert_eq!(unchanged, stored, "it was written without --write");
    let none = json_of(&["reclassify", "--until", "2025-01-01"]);
    assert_eq!((&none["failures"], &none["changed"]), (&json!(0), &json!(0)));

    let written = json_of(&["reclassify", "--write"]);
    assert_eq!((&written["moves"], &written["files_written"]), (&moves, &json!(2)), "{written:#}");
    let again = json_of(&["reclassify", "--write"]);
    assert_eq!((&again["changed"], &again["files_written"]), (&json!(0), &json!(0)), "{again:#}");
    let shown = json_of(&["failures", "show", &ids[1]]);
    assert_eq!(shown["record"]["subcategory"], "connection_error");
    assert_eq!(shown["output"], OUTPUT);

    let text =
        std::fs::read_to_string(root.path(&format!("data/failures/{RECENT}.jsonl"))).unwrap();
    let lines: Vec<Value> = text.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    assert_eq!(lines[1], checked);
    let (mut before, mut after) = (recent, lines[0].clone());
    assert_eq!(
        (&after["category"], &after["service"]),
        (&json!("api_error"), &json!("registry.npmjs.org"))
    );
    for field in ["category", "subcategory", "service", "confidence", "fingerprint"] {
        before.as_object_mut().unwrap().remove(field);
        after.as_object_mut().unwrap().remove(field);
    }
    assert_eq!(before, after);
}
