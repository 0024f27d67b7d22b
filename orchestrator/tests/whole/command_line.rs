//! The command line: where the root is found, versions, errors for programs, completions, colours, widths,
//! and annotations.

use std::{
    path::Path,
    process::{Command, Output},
};

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{
    facts::check_schema,
    root::{TestRoot, program},
    trial,
};

pub(crate) fn trials() -> Vec<Trial> {
    let always: [(&str, fn()); 10] = [
        ("the_root_is_found_from_a_folder_below_it_by_a_variable_or_by_an_option", where_root_is),
        ("a_folder_below_no_root_is_told_to_use_init", below_no_root),
        ("a_version_says_the_commit_of_the_build", versions),
        ("an_error_for_a_program_is_one_object_with_the_exit_code", json_errors),
        ("a_shell_gets_a_script_that_it_can_read", completions),
        ("colours_come_where_they_are_asked_for", colors),
        ("a_table_is_no_wider_than_the_terminal", widths),
        ("problems_become_annotations_where_they_are_asked_for", annotations),
        ("a_run_says_what_to_do_next", next_step),
        ("messages_for_programs_are_json_and_name_their_run", json_messages),
    ];
    let is_root = rustix::process::geteuid().is_root();
    let obstacle = (!is_root).then_some("only root can give a folder to another user");
    let always = always.into_iter().map(|(name, test)| trial(name, test, None));
    let other = trial("a_root_above_counts_only_if_it_is_ones_own", root_of_another, obstacle);
    always.chain([other]).collect()
}

/// The registry does not answer, so that the run has something to say.
fn json_messages() {
    let root = root_with("x");
    let args = ["-v", "--log-format", "json", "run", "--ecosystem", "npm", "--json"];
    let output = root.run(&args);
    let (stdout, stderr) = said(&output);
    let lines: Vec<Value> =
        stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    if output.status.code() == Some(4) {
        // This machine can attempt nothing.
        return;
    }
    let summary: Value = serde_json::from_str(&stdout).unwrap();
    let is_of_run = |line: &&Value| line["run_id"] == summary["run_id"];
    let of_run: Vec<&Value> = lines.iter().filter(is_of_run).collect();
    assert!(!of_run.is_empty(), "{stderr}");
    for line in of_run {
        assert!(line["at"].is_string() && line["message"].is_string(), "{line}");
        assert!(["info", "debug", "warn"].iter().any(|level| line["level"] == *level), "{line}");
    }
}

const NOBODY: &str = "http://127.0.0.1:9";

fn call_in(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(args).current_dir(dir).env_remove("TSUKU_BATCH_ROOT").env_remove("NO_COLOR");
    command
}

fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// A root whose queue has the package `npm:<name>`.
fn root_with(name: &str) -> TestRoot {
    let root = TestRoot::new(NOBODY, "");
    root.put_pending(&[name]);
    root
}

fn where_root_is() {
    let (here, other) = (root_with("here"), root_with("other"));
    let below = here.path("data/queues");
    let listed = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        said(&output).0
    };
    let list = ["queue", "list"];
    assert!(listed(&mut call_in(here.dir.path(), &list)).contains("npm:here"));
    assert!(listed(&mut call_in(&below, &list)).contains("npm:here"));
    let (there, variable) = (other.dir.path(), "TSUKU_BATCH_ROOT");
    assert!(listed(call_in(&below, &list).env(variable, there)).contains("npm:other"));
    let named = ["--root", here.dir.path().to_str().unwrap(), "queue", "list"];
    assert!(listed(call_in(&below, &named).env(variable, there)).contains("npm:here"));
    // A new root may lie in another one.
    let new = here.path("inner");
    std::fs::create_dir(&new).unwrap();
    listed(&mut call_in(&new, &["init"]));
    assert!(new.join("batch-control.json").exists());
}

fn below_no_root() {
    let dir = tempfile::tempdir().unwrap();
    let output = call_in(dir.path(), &["queue", "list"]).output().unwrap();
    let (_, stderr) = said(&output);
    assert_eq!(output.status.code(), Some(6), "{stderr}");
    assert!(stderr.contains("tsuku-batch init") && stderr.contains("--root"), "{stderr}");
}

/// Somebody who can write into `/tmp` must not choose the settings of those who work below it.
fn root_of_another() {
    let root = root_with("one");
    let below = root.path("data");
    let code = || call_in(&below, &["queue", "list"]).output().unwrap().status.code();
    let give = |path: &Path, user| std::os::unix::fs::chown(path, Some(user), None).unwrap();
    assert_eq!(code(), Some(0));
    for path in [root.dir.path(), &root.path("batch-control.json")] {
        give(path, 65_534);
        assert_eq!(code(), Some(6), "{}", path.display());
        give(path, 0);
    }
    give(root.dir.path(), 65_534);
    let named = ["--root", "..", "queue", "list"];
    assert!(call_in(&below, &named).output().unwrap().status.success());
}

fn versions() {
    let dir = tempfile::tempdir().unwrap();
    let printed = |arg: &str| said(&call_in(dir.path(), &[arg]).output().unwrap()).0;
    let version = env!("CARGO_PKG_VERSION");
    // Builds for development do not say their commit, because each commit would build them anew.
    for option in ["-V", "--version"] {
        assert_eq!(printed(option), format!("tsuku-batch {version} (commit unknown)\n"));
    }
}

fn json_errors() {
    let root = root_with("one");
    let error = |args: &[&str]| -> Value {
        let output = root.run(args);
        let (stdout, stderr) = said(&output);
        assert_eq!(stdout, "", "{args:?}");
        let error: Value = serde_json::from_str(stderr.lines().last().unwrap()).unwrap();
        assert_eq!(error["exit_code"], json!(output.status.code()), "{stderr}");
        error
    };
    let unknown = error(&["--json", "explain", "npm:two"]);
    check_schema(&root, "output-error", &unknown);
    assert!(unknown["error"].as_str().unwrap().contains("npm:one"), "{unknown}");
    let usage = error(&["queue", "lst", "--json"]);
    assert_eq!(usage["exit_code"], 2);
    assert!(usage["error"].as_str().unwrap().contains("list"), "{usage}");
    std::fs::write(root.path("batch-control.json"), "{").unwrap();
    assert_eq!(error(&["run", "--json"])["exit_code"], 6);
    // Help is no error.
    let help = root.run(&["queue", "--help", "--json"]);
    assert!(help.status.success() && said(&help).0.contains("Usage:"), "{help:?}");
}

/// Lets bash complete `tsuku-batch queue ret`, as if the tabulator key was pressed.
const COMPLETE: &str = r#"
function=$(complete -p tsuku-batch | sed 's/.*-F \([^ ]*\).*/\1/')
COMP_WORDS=(tsuku-batch queue ret) COMP_CWORD=2
"$function" tsuku-batch ret queue
echo "${COMPREPLY[*]}"
"#;

fn completions() {
    let dir = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let output = call_in(dir.path(), &["completions", shell]).output().unwrap();
        let (script, stderr) = said(&output);
        assert!(output.status.success(), "{stderr}");
        for word in ["disambiguation", "retry", "batch-size"] {
            assert!(script.contains(word), "{word} is missing for {shell}");
        }
    }
    let (script, _) = said(&call_in(dir.path(), &["completions", "bash"]).output().unwrap());
    let file = dir.path().join("completions.sh");
    std::fs::write(&file, script + COMPLETE).unwrap();
    let output = Command::new("bash").arg(&file).output().unwrap();
    assert_eq!(said(&output), ("retry\n".to_owned(), String::new()), "{output:?}");
}

fn colors() {
    let root = root_with("one");
    let is_colored = |args: &[&str], variables: &[(&str, &str)]| {
        let mut command = root.command(&[&["status"], args].concat());
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
        let output = command.envs(variables.iter().copied()).output().unwrap();
        said(&output).0.contains('\x1b')
    };
    assert!(!is_colored(&[], &[]), "a pipe is no terminal");
    assert!(is_colored(&["--color", "always"], &[("NO_COLOR", "1")]));
    assert!(is_colored(&[], &[("CLICOLOR_FORCE", "1")]));
    assert!(!is_colored(&["--color", "auto"], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!is_colored(&["--color", "never"], &[("CLICOLOR_FORCE", "1")]));
}

fn widths() {
    let root = root_with("one");
    let lines = |columns: &str| -> Vec<String> {
        let output = root.command(&["limits"]).env("COLUMNS", columns).output().unwrap();
        let (text, _) = said(&output);
        // The last line is a sentence, which a terminal wraps.
        let table = text.lines().take_while(|line| !line.starts_with("`[limits]`"));
        table.map(str::to_owned).collect()
    };
    assert!(lines("50").iter().all(|line| line.chars().count() <= 50), "{:#?}", lines("50"));
    assert!(lines("50").iter().any(|line| line.contains('…')));
    assert!(!lines("500").iter().any(|line| line.contains('…')));
    assert_eq!(lines("500").len(), lines("50").len());
}

fn annotations() {
    let root = root_with("one");
    let recipe = root.path("bad,1.toml");
    std::fs::write(&recipe, "[metadata]\nname = \"bad\"\nnmae = \"100%\"\n").unwrap();
    let file = recipe.to_str().unwrap();
    let check = |args: &[&str]| said(&root.run(&[&["recipe", "check", file], args].concat())).0;
    let text = check(&["--format", "github"]);
    let found: Vec<&str> = text.lines().filter(|line| line.starts_with("::error ")).collect();
    let escaped = file.replace(',', "%2C");
    assert!(found.iter().any(|line| line.contains(&format!("file={escaped},line=3,"))), "{text}");
    assert!(!check(&[]).contains("::error"));
    assert!(!check(&["--format", "text"]).contains("::error"));
    // An error is annotated whatever the command is, and is still printed for a person.
    let output = root.run(&["explain", "npm:two", "--format", "github"]);
    let (stdout, stderr) = said(&output);
    assert!(stdout.starts_with("::error title=tsuku-batch::") && stdout.lines().count() == 1);
    assert!(stderr.starts_with("error: "), "{stderr}");
    // What stops everything is a notice for each ecosystem.
    std::fs::write(
        root.path("batch-control.json"),
        r#"{"schema_version":2,"enabled":false,"reason":"::set-output name=x::y"}"#,
    )
    .unwrap();
    let output = root.run(&["run", "--ecosystem", "npm", "--format", "github"]);
    let (stdout, _) = said(&output);
    assert_eq!(output.status.code(), Some(4), "{stdout}");
    assert!(stdout.contains("\n::notice title=npm was not attempted::"), "{stdout}");
    assert!(!stdout.lines().any(|line| line.trim_start().starts_with("::set-output")), "{stdout}");
    // A finding names its file.
    std::fs::create_dir_all(root.path("data/failures")).unwrap();
    std::fs::write(root.path("data/failures/x.jsonl"), "{\n").unwrap();
    let (stdout, _) = said(&root.run(&["doctor", "--format", "github"]));
    assert!(stdout.contains("\n::error file=data/failures/x.jsonl,"), "{stdout}");
    let both = root.run(&["run", "--json", "--format", "github"]);
    assert_eq!(both.status.code(), Some(2), "annotations are no JSON");
}

fn next_step() {
    let root = root_with("one");
    let paused = root.run(&["pause", "--reason", "x"]);
    assert!(paused.status.success());
    let (stdout, _) = said(&root.run(&["run", "--ecosystem", "npm"]));
    assert!(stdout.lines().last().unwrap().starts_with("Next: tsuku-batch "), "{stdout}");
}
