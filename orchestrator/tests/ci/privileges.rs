//! What jobs may do. A job that runs code of packages has nothing that is worth stealing.

use std::collections::BTreeSet;

use serde_yaml_ng::Value;

use crate::{
    commands::{foreign, starts_program},
    files::{self, Files, is_workflow, jobs, steps, text, texts},
};

/// Events for which GitHub runs the workflow of the default branch, or that nobody else can cause. For a
/// pull request of a fork, `pull_request` gives a token that can only read, and no secret.
const EVENTS: &[&str] = &["pull_request", "push", "schedule", "workflow_dispatch"];

/// The one token that a job with code of packages may have: that of a job without permissions, which can
/// read what is public.
const READ_ONLY: &str = "${{ github.token }}";

#[test]
fn jobs_with_code_of_packages_have_no_secrets_no_rights_and_one_harmless_token() {
    assert_eq!(findings(&files::all()), Vec::<String>::new());
}

#[test]
fn the_jobs_with_code_of_packages_are_found() {
    let files = files::all();
    let found: Vec<String> = foreign_jobs(&files).into_iter().map(|job| job.place).collect();
    for expected in [
        ".github/workflows/batch-generate.yml: generate",
        ".github/workflows/batch-generate.yml: validate-1",
        ".github/workflows/batch-generate.yml: validate-4",
        ".github/workflows/ci.yml: ci",
        ".github/workflows/macos-sweep.yml: sweep",
        ".github/workflows/validate-recipes.yml: test",
    ] {
        assert!(found.iter().any(|place| place == expected), "{expected}: {found:#?}");
    }
    for job in ["merge", "push", "seed", "operate", "archive", "publish"] {
        assert!(!found.iter().any(|place| place.ends_with(&format!(": {job}"))), "{found:#?}");
    }
}

/// A job that runs code of packages.
pub(crate) struct ForeignJob {
    pub(crate) place: String,
    pub(crate) path: String,
    pub(crate) name: String,
    /// The command.
    pub(crate) command: String,
}

/// The jobs of `files` that run code of packages, by themselves or by an action of this checkout.
pub(crate) fn foreign_jobs(files: &Files) -> Vec<ForeignJob> {
    let mut found = vec![];
    for (path, file) in files {
        for (name, job) in jobs(file) {
            let runs = all_steps(job, files).into_iter().filter_map(|step| text(step, "run"));
            // What another file runs is not known here.
            let called = text(job, "uses").map(|called| format!("uses {called}"));
            if let Some(command) = called.or_else(|| runs.into_iter().find_map(foreign)) {
                let (path, name) = (path.clone(), name.to_owned());
                found.push(ForeignJob { place: format!("{path}: {name}"), path, name, command });
            }
        }
    }
    found
}

/// The steps of `job`, those of the actions of this checkout included.
fn all_steps<'f>(job: &'f Value, files: &'f Files) -> Vec<&'f Value> {
    let mut found = vec![];
    for step in steps(job) {
        found.push(step);
        let local = text(step, "uses").and_then(|uses| uses.strip_prefix("./"));
        let action =
            local.map(|path| format!("{path}/action.yml").trim_start_matches('/').to_owned());
        if let Some(action) = action.and_then(|path| files.get(&path)) {
            found.extend(all_steps(action, files));
        }
    }
    found
}

/// Everything in `files` that gives code of packages more than it may have, and everything that lets
/// somebody else decide what a shell runs.
pub(crate) fn findings(files: &Files) -> Vec<String> {
    let mut found = vec![];
    for (path, file) in files {
        if is_workflow(path) {
            of_workflow(path, file, &mut found);
        } else {
            of_action(path, file, &mut found);
        }
    }
    for (place, step) in files::all_steps(files) {
        if text(step, "run").is_some_and(|run| run.contains("${{")) {
            found.push(format!("{place}: an expression stands in the command; put it into `env`"));
        }
        let uses = text(step, "uses").unwrap_or_default();
        if uses.starts_with("actions/checkout@") && keeps_credentials(step) {
            found.push(format!("{place}: the checkout keeps its token"));
        }
        if uses.starts_with("actions/github-script@") {
            found.push(format!("{place}: a script in a workflow; make it a command"));
        }
    }
    for job in foreign_jobs(files) {
        let file = &files[&job.path];
        let value = &file["jobs"][&*job.name];
        let mut report = |what: String| {
            let ForeignJob { place, command, .. } = &job;
            found.push(format!("{place}, which runs {command}: {what}"));
        };
        rights(file, value, &mut report);
        tokens(value, &mut report);
        for step in all_steps(value, files).into_iter().filter(|step| text(step, "run").is_none()) {
            let uses = text(step, "uses").unwrap_or_default();
            if uses.contains("app-token") || uses.contains("login") || uses.contains("credentials")
            {
                report(format!("{uses} makes a token"));
            }
        }
        proved(value, &mut report);
    }
    found
}

fn of_workflow(path: &str, file: &Value, found: &mut Vec<String>) {
    let on = &file["on"];
    let fields = on.as_mapping().into_iter().flatten().filter_map(|(event, _)| event.as_str());
    let items = on.as_sequence().into_iter().flatten().filter_map(Value::as_str);
    let events: BTreeSet<&str> = fields.chain(items).chain(on.as_str()).collect();
    let others: Vec<&&str> = events.iter().filter(|event| !EVENTS.contains(event)).collect();
    if events.is_empty() || !others.is_empty() {
        found.push(format!("{path}: runs for {others:?}"));
    }
    if !is_empty_mapping(&file["permissions"]) {
        found.push(format!("{path}: the workflow has permissions; each job states its own"));
    }
    // Every job would get it.
    texts(&file["env"], &mut |_, text| {
        if names_secret(text) || names_token(text) {
            found.push(format!("{path}: the environment of all jobs has {text}"));
        }
    });
}

/// An action gives what it was given to the step that needs it, and to no step with code of packages.
fn of_action(path: &str, file: &Value, found: &mut Vec<String>) {
    for step in steps(file) {
        let Some(command) = text(step, "run").and_then(foreign) else { continue };
        texts(step, &mut |_, text| {
            if names_secret(text) || names_token(text) {
                found.push(format!("{path}: the step that runs {command} has {text}"));
            }
        });
    }
}

fn keeps_credentials(step: &Value) -> bool {
    step.get("with").and_then(|with| with.get("persist-credentials")) != Some(&Value::Bool(false))
}

fn is_empty_mapping(value: &Value) -> bool {
    value.as_mapping().is_some_and(serde_yaml_ng::Mapping::is_empty)
}

/// Expressions do not distinguish upper and lower case, and blanks may stand anywhere in them.
fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase()
}

/// Whether `text` has the value of a secret, or of all of them.
fn names_secret(text: &str) -> bool {
    let text = squeezed(text);
    ["secrets.", "secrets[", "(secrets", "{secrets"].iter().any(|part| text.contains(part))
        || text == "inherit"
}

/// Whether `text` has a token: that of the job, one that a step or a job has made, or all of a context that
/// contains one.
fn names_token(text: &str) -> bool {
    let text = squeezed(text);
    let contexts = ["(github)", "{github}", "(steps)", "(needs)", "(env)", "(inputs)"];
    let is_expression = text.contains("${{") || text.contains("tojson");
    is_expression && (text.contains("token") || contexts.iter().any(|it| text.contains(it)))
}

/// A job with code of packages has no permission, and is not of an environment that has secrets.
fn rights(file: &Value, job: &Value, report: &mut dyn FnMut(String)) {
    let own = job.get("permissions");
    let permissions = own.or_else(|| file.get("permissions")).unwrap_or(&Value::Null);
    if !is_empty_mapping(permissions) {
        report("the job has permissions".to_owned());
    }
    if own.is_none() {
        report("the job does not say `permissions: {}` itself".to_owned());
    }
    if job.get("environment").is_some() {
        report("the job has an environment, which may have secrets".to_owned());
    }
}

/// A job with code of packages has no secret, and its read-only token in one step only.
fn tokens(job: &Value, report: &mut dyn FnMut(String)) {
    let mut rest = job.clone();
    let mut n_tokens = 0;
    for step in rest.get_mut("steps").and_then(Value::as_sequence_mut).into_iter().flatten() {
        let is_ours = text(step, "run").is_some_and(starts_program);
        let Some(env) = step.get_mut("env").and_then(Value::as_mapping_mut) else { continue };
        if is_ours && env.get("GITHUB_TOKEN").and_then(Value::as_str) == Some(READ_ONLY) {
            env.remove("GITHUB_TOKEN");
            n_tokens += 1;
        }
    }
    if n_tokens > 1 {
        report("the token is in several steps".to_owned());
    }
    texts(&rest, &mut |keys, text| {
        if names_secret(text) {
            report(format!("{} has a secret: {text}", keys.join(".")));
        }
        if names_token(text) {
            report(format!("{} has a token: {text}", keys.join(".")));
        }
    });
}

/// Before code of packages runs, the action has proved that a sandbox holds.
fn proved(job: &Value, report: &mut dyn FnMut(String)) {
    let mut is_proved = false;
    for step in steps(job) {
        if text(step, "uses") == Some("./.github/actions/setup") {
            let toolchains = step.get("with").and_then(|with| text(with, "toolchains"));
            is_proved |= toolchains.is_some_and(|toolchains| toolchains != "none");
        }
        let command = text(step, "run").and_then(foreign);
        let starts_packages = text(step, "run").is_some_and(starts_program)
            && command.is_some_and(|command| command != "generate");
        if starts_packages && !is_proved {
            report("no step before it proves the sandbox".to_owned());
        }
    }
}
