//! A few requests to the real registries. They are made only if `TSUKU_BATCH_LIVE=1` is set;
//! otherwise the test is reported as ignored.
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
        trial("commands_of_projects_without_a_wheel_are_found_by_installing_them", pypi_discovers),
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

/// The newest releases of these projects have no wheel. If one gets a wheel, take another project.
fn pypi_discovers() {
    for (name, first) in [
        ("esptool", "esptool"),
        ("howdoi", "howdoi"),
        ("percol", "percol"),
        ("ranger-fm", "ranger"),
        ("trash-cli", "trash"),
    ] {
        let report = tried(&[&format!("pypi:{name}")]);
        assert_eq!(report["outcome"], "verified", "{report:#}");
        assert_eq!(report["executables"][0], first, "{report:#}");
        assert_eq!(report["executables_from"], "installation", "{report:#}");
    }
}

fn npm_installs() {
    let report = tried(&["npm:rimraf"]);
    assert_eq!(report["outcome"], "verified", "{report:#}");
}
