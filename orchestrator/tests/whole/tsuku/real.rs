//! The same with a real program, where `TSUKU_BATCH_TSUKU` names one. It asks the real registry.

use std::path::{Path, PathBuf};

use libtest_mimic::Trial;
use serde_json::Value;

use super::create;
use crate::{root::TestRoot, trial};

const UNSET: &str = "TSUKU_BATCH_TSUKU names no program";
const SCRIPTED: &str = "only a script can make a program do so";

/// Tools that people install, of which the registry names the commands.
const PACKAGES: [&str; 20] = [
    "prettier",
    "eslint",
    "typescript",
    "rimraf",
    "npm-check-updates",
    "http-server",
    "nodemon",
    "mocha",
    "semver",
    "rollup",
    "esbuild",
    "cowsay",
    "uglify-js",
    "terser",
    "less",
    "sass",
    "concurrently",
    "cross-env",
    "markdownlint-cli",
    "@biomejs/biome",
];

pub(super) fn trials() -> Vec<Trial> {
    let program = std::env::var_os("TSUKU_BATCH_TSUKU").map(PathBuf::from);
    let unset = program.is_none().then_some(UNSET);
    let program = program.unwrap_or_default();
    let shown = |name: &str| -> Option<(&'static str, &'static str)> {
        match name {
            "a recipe" => Some(("npm:prettier", "\"generated\"")),
            "another package" | "other commands" => Some(("npm:@angular/cli", "\"ng\"")),
            "a missing package" => {
                Some(("npm:tsuku-batch-has-no-such-package", "package_not_found"))
            }
            _ => None,
        }
    };
    let cases = create::names().into_iter().map(|name| {
        let (package, says) = shown(&name).unwrap_or_default();
        let obstacle = unset.or(package.is_empty().then_some(SCRIPTED));
        let program = program.clone();
        let test = move || check(&program, package, says);
        trial(format!("tsuku real create: {name}"), test, obstacle)
    });
    let name = "tsuku real: 20 packages have all their commands after its own installation";
    let mut trials: Vec<Trial> = cases.collect();
    trials.push(trial(name, move || installs(&program), unset));
    trials
}

fn root() -> TestRoot {
    let root = TestRoot::new("https://registry.npmjs.org", "");
    std::fs::write(root.path("pipeline.toml"), "").unwrap();
    root
}

fn check(program: &Path, package: &str, says: &str) {
    let program = program.display().to_string();
    let args =
        ["try", package, "--generate-only", "--generator", "tsuku", "--tsuku", &program, "--json"];
    let output = root().run(&args);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains(says), "{stdout}");
}

fn installs(program: &Path) {
    let (root, program) = (root(), program.display().to_string());
    let mut failed = vec![];
    for package in PACKAGES {
        let id = format!("npm:{package}");
        let programs = ["--generator", "tsuku", "--validator", "tsuku", "--tsuku", &program];
        let args = [&["try", &id, "--json"][..], &programs].concat();
        let output = root.run(&args);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        if report["outcome"] != "verified" {
            failed.push(format!("{package}: {}", String::from_utf8_lossy(&output.stdout)));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
