//! Failures that the real tools of all eight ecosystems printed, and what must be said about them:
//! kind, service, headline, owner and remedy. See `README.md` in this folder.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests, helpers included")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use batch_core::{
    decide::{
        clean::Cleaner,
        evidence,
        headline::{FailureView, MAX_CHARS, Owner, remedy},
        verification::{CommandResult, Expected, Next},
    },
    model::{Confidence, Failure, FailureKind, Finding, PackageId, PackageName, Stage, Verify},
    plugin::Registry,
};
use batch_sandbox::{Ended, Report};
use clap::Parser as _;
use orchestrator::{cli::Cli, explained, failure::Source, plugins};
use serde::{Deserialize, Serialize};

/// One failure.
#[derive(Debug, Deserialize)]
struct Row {
    /// The name of the file in `outputs` without its extension.
    file: String,
    package: PackageId,
    step: Step,
    /// The program of an install step, or the command line of a verification.
    tool: String,
    /// The version that the command should print; only for verifications.
    #[serde(default)]
    version: String,
    exit_code: i32,
    /// What stopped the program, if it did not end by itself.
    #[serde(default)]
    ended: Option<Ended>,
    #[serde(flatten)]
    expected: Told,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    /// The ecosystem's own tool installed the package.
    Install,
    /// A command of the installed package ran.
    Verify,
    /// This program read a registry or unpacked a download. The file has its message.
    Own,
}

/// What is said about a failure.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Told {
    kind: FailureKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    headline: String,
    owner: String,
    remedy: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    command: Option<String>,
}

#[derive(Deserialize)]
struct Table {
    failure: Vec<Row>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real_failures")
}

fn table() -> Vec<Row> {
    let text = std::fs::read_to_string(folder().join("table.toml")).unwrap();
    toml::from_str::<Table>(&text).unwrap().failure
}

fn output(row: &Row) -> String {
    std::fs::read_to_string(folder().join("outputs").join(format!("{}.txt", row.file))).unwrap()
}

fn report(row: &Row, output: String) -> Report {
    Report {
        exit_code: row.ended.is_none().then_some(row.exit_code),
        ended: row.ended.unwrap_or(Ended::Exited),
        output_bytes: output.len() as u64,
        output,
        stdout: String::new(),
        truncated: false,
        duration_ms: 1000,
        uid: None,
        refused: vec![],
    }
}

/// The failure as a run records it.
fn recorded(row: &Row, registry: &Registry) -> Failure {
    let cleaner = Cleaner::default();
    let source = Source { package: &row.package, cleaner: &cleaner, works: None };
    let text = output(row);
    match row.step {
        Step::Install => {
            let plugin = registry.get(&row.package.ecosystem).unwrap();
            source.of_install(plugin, &row.tool, &report(row, text))
        }
        Step::Verify => {
            let verify = Verify { command: row.tool.clone(), ..Verify::of_version("") };
            let expected = Expected { verify: &verify, version: &row.version, knows_version: true };
            let mut seen = vec![];
            loop {
                match expected.next(&seen) {
                    Next::Run(_) => seen.push(CommandResult {
                        exit_code: Some(row.exit_code),
                        output: text.clone(),
                        shown: text.clone(),
                    }),
                    Next::Failed(mismatch) => {
                        let report = report(row, text);
                        return source.of_mismatch(mismatch.kind, &mismatch.reason, &report);
                    }
                    Next::Proven(_) => panic!("{}: it is verified", row.file),
                }
            }
        }
        Step::Own => {
            let Told { kind, service, .. } = &row.expected;
            let confidence = Confidence::Stated;
            let finding = Finding { kind: *kind, service: service.clone(), confidence };
            source.failure(Stage::Generate, finding, &text)
        }
    }
}

fn told(row: &Row, registry: &Registry) -> Told {
    let failure = recorded(row, registry);
    let (headline, remedy) = explained::of_attempt(&failure, &row.package, registry);
    Told {
        kind: failure.finding.kind,
        service: failure.finding.service,
        headline: headline.line,
        owner: headline.owner.to_string(),
        remedy: remedy.text,
        command: remedy.command,
    }
}

#[test]
fn each_real_failure_is_told_as_the_table_says() {
    let registry = plugins::registry().unwrap();
    let mut wrong = vec![];
    for row in table() {
        let told = told(&row, &registry);
        if told != row.expected {
            let found = toml::to_string(&told).unwrap();
            wrong.push(format!("\n# {}: the rules say\n{found}", row.file));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

#[test]
fn the_table_has_forty_failures_and_every_ecosystem() {
    let registry = plugins::registry().unwrap();
    let mut rows_of: BTreeMap<_, usize> = BTreeMap::new();
    let table = table();
    for row in &table {
        *rows_of.entry(row.package.ecosystem.clone()).or_default() += 1;
    }
    assert!(table.len() >= 40, "{}", table.len());
    for plugin in registry.iter() {
        assert!(rows_of.get(&plugin.id) >= Some(&2), "{}: {rows_of:?}", plugin.id);
    }
    let files: BTreeSet<&str> = table.iter().map(|row| &*row.file).collect();
    assert_eq!(files.len(), table.len(), "a file is used twice");
    let stored = std::fs::read_dir(folder().join("outputs")).unwrap().count();
    assert_eq!(stored, files.len(), "a file is not used");
}

#[test]
fn each_output_is_stored_as_a_run_would_store_it() {
    for row in table() {
        let text = output(&row);
        assert_eq!(Cleaner::default().text(text.as_bytes()), text, "{} is not clean", row.file);
        assert_eq!(evidence::cap(&text).0, text, "{} is too long", row.file);
        for machine in ["/tmp/", "/root/", "/home/"] {
            assert!(!text.contains(machine), "{} names a folder of a machine: {machine}", row.file);
        }
    }
}

#[test]
fn no_headline_says_only_that_something_failed() {
    for Row { file, expected, .. } in table() {
        let Told { headline, owner, .. } = expected;
        assert!(headline.chars().count() <= MAX_CHARS, "{file}");
        assert!(!headline.to_lowercase().contains("caused by"), "{file}: {headline}");
        assert_ne!(owner, Owner::Unknown.to_string(), "{file}: {headline}");
    }
}

/// The words of `command`, as a shell divides it.
fn words(command: &str) -> Vec<String> {
    let script = format!("printf '%s\\0' {command}");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{command}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.trim_end_matches('\0').split('\0').map(str::to_owned).collect()
}

#[test]
fn each_command_of_a_remedy_exists_whatever_package_and_failure_are_called() {
    let package: PackageId = "npm:@a/~b.-c".parse().unwrap();
    let blocked_by: Vec<PackageName> = vec!["~x".parse().unwrap(), "y+z".parse().unwrap()];
    for &kind in FailureKind::ALL {
        for (id, service) in [
            (None, None),
            (Some("npm-1-a~b"), Some("registry.example")),
            (Some("npm-1-$(exit 1)'; exit 1; '"), Some("a.b; exit 1")),
        ] {
            let failure = FailureView {
                package: &package,
                stage: Stage::Validate,
                kind,
                confidence: Confidence::Stated,
                service,
                exit_code: None,
                message: "",
                blocked_by: &blocked_by,
                id,
                is_repeatable: id.is_some(),
                own_reason: None,
            };
            let Some(command) = remedy(&failure).command else { continue };
            let words = words(&command);
            match &*words[0] {
                "tsuku-batch" => {
                    let parsed = Cli::try_parse_from(&words);
                    assert!(parsed.is_ok(), "{command}: {:?}", parsed.err());
                }
                program => assert!(["curl", "df", "getent"].contains(&program), "{command}"),
            }
        }
    }
}
