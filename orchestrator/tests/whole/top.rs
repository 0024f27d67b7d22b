//! `failures top`: which causes keep most packages from a recipe.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{
    history::{failure, put_failures},
    root::TestRoot,
    trial,
};

pub(crate) fn trials() -> Vec<Trial> {
    let tests: [(&str, fn()); 2] = [
        ("causes_are_ranked_by_the_packages_that_they_keep_waiting", ranked),
        ("options_choose_the_failures_that_are_counted", options),
    ];
    tests.into_iter().map(|(name, test)| trial(name, test, None)).collect()
}

const OLD: &str = "npm-2026-01-01T00-00-00Z";
const NEW: &str = "npm-2026-01-11T00-00-00Z";
const MUSL: &str = "linux-alpine-musl-x86_64";

/// `one` and `two` wait, `three` is done. Cause 7 is that of their newest failures, cause 8 is older.
fn history() -> TestRoot {
    let root = TestRoot::new("http://127.0.0.1:9", "");
    let entry = |name: &str, status: &str, downloads: u64| {
        json!({"id": format!("npm:{name}"), "tier": 1, "status": status,
            "added_at": "2026-01-01T00:00:00Z", "popularity": {"value": downloads,
            "unit": "downloads", "period_days": 30, "source": "a list", "as_of": "2026-01-01"}})
    };
    let entries =
        [entry("one", "failed", 5), entry("three", "success", 100), entry("two", "pending", 7)];
    root.put_queue(&json!(entries).to_string());
    let of = |batch: &str, name: &str, cause: u8| {
        let kind =
            if cause == 7 { "validation_failed/install_failed" } else { "api_error/timeout" };
        failure(batch, &format!("npm:{name}"), kind, cause)
    };
    put_failures(
        &root,
        &[of(OLD, "one", 8), of(OLD, "two", 8), of(OLD, "three", 8), of(OLD, "gone", 8)],
    );
    let mut on_musl = of(NEW, "one", 7);
    on_musl["environment"] = json!(MUSL);
    put_failures(&root, &[on_musl, of(NEW, "two", 7)]);
    root
}

fn top(root: &TestRoot, args: &[&str]) -> Value {
    let mut command = root.command(&["failures", "top", "--json"]);
    let output = command.args(args).env("TSUKU_BATCH_NOW", "2026-01-12T00:00:00Z").output();
    let output = output.unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn ranked() {
    let root = history();
    let report = top(&root, &[]);
    let [first, second] = report["causes"].as_array().unwrap().as_slice() else {
        panic!("{report:#}")
    };
    assert_eq!(first["fingerprint"], "0000000000000007");
    assert_eq!(
        (&first["count"], &first["packages"], &first["unlocks"]),
        (&json!(2), &json!(2), &json!(2))
    );
    let popularity =
        json!([{"ecosystem": "npm", "value": 12, "unit": "downloads", "period_days": 30}]);
    assert_eq!(first["popularity"], popularity);
    assert_eq!((&first["trend"], &second["trend"]), (&json!("new"), &json!("quiet")));
    assert_eq!((&second["packages"], &second["unlocks"]), (&json!(4), &json!(0)));
    assert_eq!(second["first_seen"], "2026-01-01T00:00:00Z");
    assert!(!second["remediation"].as_str().unwrap().is_empty());
    let example = second["example"].as_str().unwrap();
    assert_eq!(
        root.json(&["failures", "show", example])["record"]["fingerprint"],
        second["fingerprint"]
    );
    // The same line as everywhere else.
    let list = root.ok(&["failures", "list", "--json"]);
    let mut list = list.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let same = list.find(|failure| failure["id"] == second["example"]).unwrap();
    assert_eq!(second["headline"], same["headline"]);
    assert_eq!((&report["total_causes"], &report["total_failures"]), (&json!(2), &json!(6)));
    assert_eq!(report["packages_are_complete"], true);
    check_schema(&root, &report);

    let shown = root.ok(&["failures", "top", "--limit", "1"]);
    let headline = first["headline"].as_str().unwrap();
    for line in [
        &*format!("   newest      {headline}"),
        "   unlocks     2 packages that wait: 12 downloads in 30 days (npm)",
        "   seen        2 failures of 2 packages, 2026-01-11 to 2026-01-11",
        "   example     tsuku-batch failures show npm-2026-01-11T00-00-00Z-two",
        "1 of 2 causes of 6 failures",
    ] {
        assert!(shown.lines().any(|it| it == line), "{line:?} is not in {shown}");
    }
}

fn check_schema(root: &TestRoot, report: &Value) {
    let dir = root.path("schemas");
    root.ok(&["schema", "--dir", dir.to_str().unwrap()]);
    let text = std::fs::read_to_string(dir.join("output-failures-top.schema.json")).unwrap();
    let schema = serde_json::from_str(&text).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(report).map(|e| format!("{e} at {}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:?} in {report:#}");
}

fn options() {
    let root = history();
    let counts = |args: &[&str]| -> Vec<u64> {
        let causes = top(&root, args)["causes"].as_array().unwrap().clone();
        causes.iter().map(|cause| cause["count"].as_u64().unwrap()).collect()
    };
    assert_eq!(counts(&[]), [2, 4]);
    assert_eq!(counts(&["--limit", "1"]), [2]);
    assert_eq!(counts(&["--since", "2d"]), [2]);
    assert_eq!(counts(&["--until", "2026-01-05"]), [4]);
    assert_eq!(counts(&["--category", "api_error"]), [4]);
    assert_eq!(counts(&["--environment", MUSL]), [1]);
    assert_eq!(counts(&["--package", "npm:three"]), [1]);
    assert_eq!(counts(&["--batch", NEW]), [2]);
    assert_eq!(counts(&["--ecosystem", "go"]), [0_u64; 0]);
    // Before the newer failures, the older ones were the newest.
    assert_eq!(top(&root, &["--until", "2026-01-05"])["causes"][0]["unlocks"], 2);
    let output = root.run(&["failures", "top", "--category", "api_eror"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}
