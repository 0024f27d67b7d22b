//! A handful of questions to the real registries, asked only where `TSUKU_BATCH_LIVE=1` says so;
//! elsewhere reported as ignored.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests, helpers included")]

use std::process::{Command, ExitCode};

use libtest_mimic::{Arguments, Trial};
use serde_json::{Value, json};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let is_asked_for = std::env::var("TSUKU_BATCH_LIVE").is_ok_and(|value| value == "1");
    let trial = |name: &str, test: fn()| {
        let test = move || {
            test();
            Ok(())
        };
        let trial = Trial::test(name, test).with_ignored_flag(!is_asked_for);
        if is_asked_for { trial } else { trial.with_kind("asks the network; TSUKU_BATCH_LIVE=1") }
    };
    let trials = vec![
        trial("npm_answers_in_the_shape_that_the_builder_reads", npm_answers),
        trial("a_package_of_npm_installs_and_verifies", npm_installs),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn tried(args: &[&str]) -> Value {
    let root = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_tsuku-batch"))
        .arg("--root")
        .arg(root.path())
        .args(["try", "--json"])
        .args(args)
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

fn npm_answers() {
    let scoped = tried(&["npm:@angular/cli", "--generate-only"]);
    assert_eq!(scoped["executables"], json!(["ng"]), "{scoped:#}");
    let library = tried(&["npm:left-pad", "--generate-only"]);
    assert_eq!(library["kind"], "library", "{library:#}");
    let missing = tried(&["npm:tsuku-no-such-package-xyz", "--generate-only"]);
    assert_eq!(missing["failure"]["subcategory"], "package_not_found", "{missing:#}");
}

fn npm_installs() {
    let report = tried(&["npm:rimraf"]);
    assert_eq!(report["outcome"], "verified", "{report:#}");
}
