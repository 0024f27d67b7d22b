//! The actions that workflows use.

use std::{collections::BTreeMap, fs, os::unix::fs::symlink, path::PathBuf};

use fake_github::Uploaded;
use serde_json::{Map, Value, json};

use super::{
    Ended,
    expression::Scope,
    job::{Done, Job, copy},
};
use crate::slots::git;

/// The inputs of an action.
type With = BTreeMap<String, String>;

pub(super) fn carry_out(action: &str, with: &With, job: &Job<'_>, scope: &Scope) -> Done {
    let name = action.split('@').next().unwrap();
    match name {
        "actions/checkout" => checkout(with, job),
        "actions/upload-artifact" => upload(with, job),
        "actions/download-artifact" => download(with, job),
        "actions/create-github-app-token" => app_token(with),
        "./.github/actions/setup" => set_up(with, job),
        "OWNER/tsuku-batch" => this_action(with, job, scope),
        other => panic!("the action {other} is not known"),
    }
}

/// The folder of the project.
pub(super) fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The steps of this repository's own action.
fn this_action(with: &With, job: &Job<'_>, scope: &Scope) -> Done {
    let text = fs::read_to_string(project().join("action.yml")).unwrap();
    let action: Value = serde_yaml_ng::from_str(&text).unwrap();
    let known = action["inputs"].as_object().unwrap();
    check("tsuku-batch", with, &known.keys().map(String::as_str).collect::<Vec<_>>());
    let mut inputs = Map::new();
    for (name, input) in known {
        let given = with.get(name).map(|value| Value::from(value.clone()));
        let value = given.unwrap_or_else(|| input["default"].clone());
        assert!(!value.is_null(), "the input {name} is required");
        inputs.insert(name.clone(), value);
    }
    let contexts = json!({
        "inputs": inputs, "github": scope.contexts["github"], "steps": {}, "env": {},
        "matrix": {}, "runner": { "os": "Linux" },
    });
    let mut scope = Scope { contexts, is_success: true };
    let mut ended = Ended::new("success");
    job.steps(action["runs"]["steps"].as_array().unwrap(), &mut scope, &mut ended);
    Done { is_ok: ended.result == "success", outputs: Map::new(), printed: ended.printed }
}

/// The program is on `PATH` afterwards.
pub(super) fn install_program(job: &Job<'_>) {
    let at = job.path("home/bin/tsuku-batch");
    if !at.exists() {
        symlink(&job.actions.program, at).unwrap();
    }
}

/// A success with `outputs`.
fn ok<const N: usize>(outputs: [(&str, &str); N]) -> Done {
    let outputs = outputs.map(|(name, value)| (name.to_owned(), Value::from(value)));
    Done { is_ok: true, outputs: Map::from_iter(outputs), printed: String::new() }
}

fn failed(why: &str) -> Done {
    Done { is_ok: false, outputs: Map::new(), printed: format!("{why}\n") }
}

#[track_caller]
fn check(action: &str, with: &With, known: &[&str]) {
    let unknown = with.keys().find(|key| !known.contains(&&***key));
    assert_eq!(unknown, None, "the input of {action} is not known");
}

fn checkout(with: &With, job: &Job<'_>) -> Done {
    check("checkout", with, &["ref", "persist-credentials"]);
    let keeps = with.get("persist-credentials").map(String::as_str);
    assert_eq!(keeps, Some("false"), "git keeps no token in the checkout");
    let bare = job.actions.github.bare().path().to_str().unwrap().to_owned();
    let workspace = job.workspace();
    git(&workspace, &["clone", "--quiet", "--no-checkout", &bare, "."]);
    let wanted = with.get("ref").map_or("main", String::as_str);
    let branch = format!("refs/remotes/origin/{wanted}");
    let found = fake_github::try_git(&workspace, &["rev-parse", "-q", "--verify", &branch]);
    let at = if found.status.success() { branch } else { wanted.to_owned() };
    git(&workspace, &["checkout", "--quiet", "--detach", &at]);
    ok([("commit", git(&workspace, &["rev-parse", "HEAD"]).trim()), ("ref", wanted)])
}

fn upload(with: &With, job: &Job<'_>) -> Done {
    let known = [
        "name",
        "path",
        "retention-days",
        "overwrite",
        "include-hidden-files",
        "if-no-files-found",
    ];
    check("upload-artifact", with, &known);
    let days: u32 = with["retention-days"].parse().unwrap();
    let name = &with["name"];
    assert_eq!(days, if name.ends_with("-outbox") { 14 } else { 1 }, "{name}");
    let from = job.workspace().join(&with["path"]);
    let hidden = with.get("include-hidden-files").is_some_and(|it| it == "true");
    let is_hidden = with["path"].split('/').any(|part| part.starts_with('.'));
    let to = artifacts(job).join(name);
    if to.exists() {
        assert_eq!(with.get("overwrite").map(String::as_str), Some("true"), "{name} exists");
        fs::remove_dir_all(&to).unwrap();
    }
    if !from.is_dir() || is_hidden && !hidden || copy(&from, &to, hidden) == 0 {
        return ok([]);
    }
    job.actions.github.upload(Uploaded {
        name: name.clone(),
        dir: to,
        branch: "main".to_owned(),
        is_of_fork: false,
        created_at: job.run.now.clone(),
    });
    ok([])
}

fn download(with: &With, job: &Job<'_>) -> Done {
    check("download-artifact", with, &["pattern", "path", "merge-multiple"]);
    assert_eq!(with["merge-multiple"], "true");
    let (prefix, suffix) = with["pattern"].split_once('*').unwrap();
    let mut found: Vec<PathBuf> = match fs::read_dir(artifacts(job)) {
        Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
        Err(_) => vec![],
    };
    found.sort();
    found.retain(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with(prefix) && name.ends_with(suffix)
    });
    for folder in found {
        copy(&folder, &job.workspace().join(&with["path"]), true);
    }
    ok([])
}

fn artifacts(job: &Job<'_>) -> PathBuf {
    job.actions.artifacts.join(job.run.number.to_string())
}

fn app_token(with: &With) -> Done {
    assert!(!with["app-id"].is_empty() && !with["private-key"].is_empty());
    ok([("token", "ghs_of_the_app_0123456789abcdefghijklmnopqrst")])
}

/// The program is on `PATH` afterwards: built here, or by an earlier job on the same kind of machine.
fn set_up(with: &With, job: &Job<'_>) -> Done {
    let text =
        fs::read_to_string(job.workspace().join(".github/actions/setup/action.yml")).unwrap();
    let action: Value = serde_yaml_ng::from_str(&text).unwrap();
    let known: Vec<&str> =
        action["inputs"].as_object().unwrap().keys().map(String::as_str).collect();
    check("setup", with, &known);
    let built = job.actions.artifacts.join(format!("{}-program-{}", job.run.number, job.label));
    match &*with["program"] {
        "build" => fs::create_dir_all(&built).unwrap(),
        "artifact" if built.exists() => (),
        "artifact" => return failed("no job has built the program on this kind of machine"),
        other => panic!("{other}"),
    }
    install_program(job);
    ok([])
}
