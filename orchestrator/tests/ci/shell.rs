//! What a shell makes of the commands in workflows, and whether the program understands it.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use clap::CommandFactory as _;
use orchestrator::cli::Cli;
use sha2::{Digest as _, Sha256};

use crate::{
    commands::starts_program,
    files::{self, all_steps, checkout, text},
};

/// A value for each variable that the commands of workflows use. An empty one is not given.
const VALUES: &[(&str, &str)] = &[
    ("AUTO_MERGE", "settings"),
    ("BATCH", "npm-2026-11-21T14-13-27Z"),
    ("BATCH_SIZE", "25"),
    ("BY", "-somebody"),
    ("ECOSYSTEM", "npm"),
    ("ECOSYSTEMS", "npm go"),
    ("ENVIRONMENT", "linux-debian-glibc-x86_64"),
    ("GENERATOR", "tsuku"),
    ("GITHUB_ACTION_PATH", "/action"),
    ("GITHUB_OUTPUT", "/runner/output"),
    ("GITHUB_STEP_SUMMARY", "/runner/summary"),
    ("LIMIT", "2000"),
    ("OLDER_THAN", "90d"),
    ("PACKAGE", "npm:prettier"),
    ("PERIOD", "2h"),
    ("REASON", "--why not; $(touch x) `y` \"quoted\""),
    ("ROOT", "registry"),
    ("RUNG", "2"),
    ("SINCE", "7d"),
    ("SKIP_ARM64", "false"),
    ("SKIP_MACOS", "true"),
    ("SKIP_MUSL", "false"),
    ("TIER", "2"),
    ("TOOLCHAINS", "all"),
    ("VALIDATOR", "auto"),
];

/// Those that a person may leave out.
const OPTIONAL: &[&str] = &["ECOSYSTEM", "PERIOD"];

/// The arguments that the program gets from `run`, whose variables have `values`.
fn arguments(run: &str, values: &BTreeMap<&str, &str>) -> Vec<String> {
    let script = format!("tsuku-batch() {{ printf '%s\\0' \"$@\"; }}\n{run}\n");
    let output = Command::new("bash")
        .args(["--noprofile", "--norc", "-eu", "-o", "pipefail", "-c", &script])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .envs(values)
        .current_dir(std::env::temp_dir())
        .output()
        .unwrap();
    assert!(output.status.success(), "{run}: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_terminator('\0').map(str::to_owned).collect()
}

#[test]
fn the_program_understands_every_command_with_and_without_what_may_be_left_out() {
    let files = files::all();
    let mut n_commands = 0;
    for (place, step) in all_steps(&files) {
        let Some(run) = text(step, "run").filter(|run| starts_program(run)) else { continue };
        n_commands += 1;
        let is_given = |name: &str| run.contains(&format!("${{{name}:+"));
        let without: BTreeSet<&str> =
            OPTIONAL.iter().copied().filter(|name| is_given(name)).collect();
        for left_out in [BTreeSet::new(), without] {
            let value = |&(name, value): &(&'static str, &'static str)| {
                (name, if left_out.contains(name) { "" } else { value })
            };
            let values: BTreeMap<&str, &str> = VALUES.iter().map(value).collect();
            let arguments = arguments(run, &values);
            let whole = ["tsuku-batch".to_owned()].into_iter().chain(arguments.clone());
            if let Err(error) = Cli::command().try_get_matches_from(whole) {
                panic!("{place}: {run}\n{arguments:?}\n{error}");
            }
            for (name, value) in &values {
                // A value is one argument, or the end of one, whatever it contains.
                let is_used = run.contains(&format!("${name}\"")) && !value.is_empty();
                let is_whole = arguments.iter().any(|it| it.ends_with(value));
                assert!(!is_used || is_whole, "{place}: {name} is torn: {arguments:?}");
            }
        }
    }
    assert!(n_commands > 20, "{n_commands}");
}

#[test]
fn every_file_that_a_command_names_is_there() {
    for (place, step) in all_steps(&files::all()) {
        let run = text(step, "run").unwrap_or_default();
        let words = run.split_whitespace().map(|word| word.replace(['"', '\''], ""));
        for word in words {
            let setup = word.replace("$GITHUB_ACTION_PATH/.github", ".github");
            let setup = setup.replace("$GITHUB_ACTION_PATH/orchestrator", "orchestrator");
            let path = setup.replace("$GITHUB_ACTION_PATH", ".github/actions/setup");
            let is_ours = [".github/", ".ci/"].iter().any(|dir| path.starts_with(dir));
            assert!(!is_ours || checkout().join(&path).exists(), "{place}: {path} does not exist");
        }
    }
}

/// The script that installs a release.
fn fetch(sha256: &str, to: &std::path::Path) -> std::process::Output {
    let script = checkout().join(".github/actions/setup/fetch");
    // A stand-in for curl: it writes a program where `--output` says.
    let dir = to.parent().unwrap();
    let curl = dir.join("curl");
    let text =
        "#!/bin/sh\nwhile [ \"$1\" != --output ]; do shift; done\nprintf 'a program' > \"$2\"\n";
    std::fs::write(&curl, text).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&curl, mode).unwrap();
    let path = format!("{}:/usr/bin:/bin", dir.display());
    let mut command = Command::new(script);
    command.args(["https://example.org/x", sha256]).arg(to).env("PATH", path).output().unwrap()
}

#[test]
fn a_release_with_another_checksum_is_not_installed() {
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("tsuku");
    let right = "f9db63e6d13bdfff8d3a89a1f5d3a5aa8e30fbe6d3aca4d4b1ab1b8a9b8a4ec2";
    let wrong = fetch(right, &to);
    assert!(!wrong.status.success() && !to.exists(), "{wrong:?}");
    let told = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(told.contains("does not have the checksum"), "{told}");
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "only the stand-in is left: {left:?}");
    let installed = fetch(&hex::encode(Sha256::digest(b"a program")), &to);
    assert!(installed.status.success(), "{installed:?}");
    assert_eq!(std::fs::read_to_string(&to).unwrap(), "a program");
}
