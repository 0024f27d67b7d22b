//! `ecosystem show` and `ecosystem check`, as people and programs call them.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

pub(crate) fn trials() -> [Trial; 4] {
    [
        Trial::test("a plugin that keeps to the contract ends with 0", || {
            checked_plugin();
            Ok(())
        }),
        Trial::test("a plugin that does not ends with 5 and says what to do", broken_plugin),
        Trial::test("what cannot be checked says why", nothing_to_check),
        Trial::test("an ecosystem is shown with the limits of this root", shown_ecosystem),
    ]
}

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[expect(clippy::disallowed_methods, reason = "a test that calls the program")]
fn call(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tsuku-batch"));
    command.current_dir(checkout()).args(arguments).output().expect("the program starts")
}

/// The printed JSON, which must match its schema.
#[expect(clippy::disallowed_methods, reason = "a test that reads a schema")]
fn printed(output: &Output, schema: &str) -> Value {
    let value = serde_json::from_slice(&output.stdout).expect("it prints JSON");
    let path = checkout().join(format!("data/schemas/{schema}.schema.json"));
    let text = std::fs::read_to_string(path).expect("there is a schema");
    let schema: Value = serde_json::from_str(&text).expect("a schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema is one");
    let errors: Vec<String> = validator.iter_errors(&value).map(|it| it.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    value
}

fn verdict<'a>(report: &'a Value, rule: &str) -> &'a Value {
    let rules = report["ecosystems"][0]["rules"].as_array().expect("there are rules");
    rules.iter().find(|it| it["rule"] == rule).expect("there is this rule")
}

fn checked_plugin() {
    let output = call(&["ecosystem", "check", "nodejs", "--json"]);
    let report = printed(&output, "output-ecosystem-check");
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    assert_eq!(report["keeps_contract"], true);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said, "", "nobody wants to hear what happens on a network that is not there");
    assert_eq!(verdict(&report, "hosts-declared")["verdict"], "pass");
    let contract = verdict(&report, "hosts-declared")["contract"].to_string();
    assert!(contract.contains("core/src/plugin/contract.rs:"), "{contract}");
    assert_eq!(verdict(&report, "hostile-archives")["verdict"], "not_applicable");
}

/// The plugin's folder has neither a README nor fixtures.
fn broken_plugin() -> Result<(), Failed> {
    let empty = tempfile::tempdir()?;
    let sources = empty.path().display().to_string();
    let output = call(&["ecosystem", "check", "npm", "--sources", &sources]);
    assert_eq!(output.status.code(), Some(5));
    let text = String::from_utf8_lossy(&output.stdout);
    for part in [
        "  fail  readme-present: core/conformance/README.md:",
        "write at least 3",
        "  ok    names-refused",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    Ok(())
}

fn nothing_to_check() -> Result<(), Failed> {
    let no_checkout = tempfile::tempdir()?;
    let root = no_checkout.path().display().to_string();
    let output = call(&["ecosystem", "check", "npm", "--root", &root]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--sources"));
    for arguments in [&["ecosystem", "check"][..], &["ecosystem", "check", "no ecosystem"]] {
        assert_eq!(call(arguments).status.code(), Some(2), "{arguments:?}");
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a test that writes settings")]
fn shown_ecosystem() -> Result<(), Failed> {
    let root = tempfile::tempdir()?;
    let limits = "[limits]\n\"registry.npmjs.org/\" = { period_ms = 4000 }\n";
    std::fs::write(root.path().join("pipeline.toml"), limits)?;
    let root = root.path().display().to_string();
    let output = call(&["ecosystem", "show", "npm", "--json", "--root", &root]);
    let shown = printed(&output, "output-ecosystem-show");
    let of = |place: &str| {
        let quotas = shown["quotas"].as_array().expect("there are quotas");
        quotas.iter().find(|it| it["place"] == place).expect("it is a place").clone()
    };
    let registry = of("registry.npmjs.org/");
    assert_eq!(
        (&registry["declared"]["period_ms"], &registry["here"]["period_ms"]),
        (&1000.into(), &4000.into())
    );
    assert_eq!(of("registry.npmjs.org/-/v1/search")["here"]["max_per_run"], 8);
    let names = shown["names"].as_array().expect("there are examples");
    let name = |written: &str| names.iter().find(|it| it["written"] == written).expect("is one");
    assert_eq!(name("@scope/name")["read_as"], "@scope/name");
    assert!(name("../x")["refused"].is_string() && name("../x")["read_as"].is_null());
    let text = call(&["ecosystem", "show", "npm", "--root", &root]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("1 in 4000 ms") && text.contains("refused: "), "{text}");
    Ok(())
}
