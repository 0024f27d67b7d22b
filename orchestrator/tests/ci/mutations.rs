//! Each mistake that would give something to code of packages is found, in every job that runs it.

use serde_yaml_ng::{Mapping, Value};

use crate::{
    files::{self, Files},
    privileges::{ForeignJob, findings, foreign_jobs},
};

fn yaml(text: &str) -> Value {
    serde_yaml_ng::from_str(text).unwrap()
}

fn mapping(value: &mut Value) -> &mut Mapping {
    value.as_mapping_mut().unwrap()
}

/// The steps of `job`.
fn steps_of(job: &mut Value) -> &mut Vec<Value> {
    job["steps"].as_sequence_mut().unwrap()
}

/// The field `key` of `of`, which is made if it does not exist.
fn field<'v>(of: &'v mut Value, key: &str) -> &'v mut Value {
    mapping(of).entry(key.into()).or_insert_with(|| Mapping::new().into())
}

/// A mistake: it changes a workflow and one of its jobs.
type Mistake = (&'static str, fn(&mut Value, &str));

fn job<'v>(file: &'v mut Value, name: &str) -> &'v mut Value {
    &mut file["jobs"][name]
}

fn set_env(of: &mut Value, name: &str, value: &str) {
    mapping(field(of, "env")).insert(name.into(), value.into());
}

fn last_step<'v>(file: &'v mut Value, name: &str) -> &'v mut Value {
    let is_run = |step: &&mut Value| step.get("run").is_some();
    steps_of(job(file, name)).iter_mut().rev().find(is_run).unwrap()
}

fn checkout<'v>(file: &'v mut Value, name: &str) -> &'v mut Value {
    let is_checkout = |step: &&mut Value| {
        step.get("uses")
            .and_then(Value::as_str)
            .is_some_and(|it| it.starts_with("actions/checkout"))
    };
    steps_of(job(file, name)).iter_mut().find(is_checkout).unwrap()
}

const SECRET: &str = "${{ secrets.TSUKU_BATCH_GENERATOR_PRIVATE_KEY }}";

const MISTAKES: &[Mistake] = &[
    ("a secret of a step", |file, name| set_env(last_step(file, name), "KEY", SECRET)),
    ("a secret of the job", |file, name| set_env(job(file, name), "KEY", SECRET)),
    ("a secret of the workflow", |file, _| set_env(file, "KEY", SECRET)),
    ("a secret in capitals", |file, name| {
        set_env(last_step(file, name), "KEY", "${{ SECRETS [ 'KEY' ] }}");
    }),
    ("all secrets", |file, name| {
        set_env(last_step(file, name), "ALL", "${{ toJSON( secrets ) }}");
    }),
    ("the whole context of GitHub", |file, name| {
        set_env(last_step(file, name), "ALL", "${{ toJSON(github) }}");
    }),
    ("a secret as an input", |file, name| {
        let step = yaml(&format!("{{uses: actions/cache@v4, with: {{key: \"{SECRET}\"}}}}"));
        steps_of(job(file, name)).push(step);
    }),
    ("inherited secrets", |file, name| {
        mapping(job(file, name)).insert("secrets".into(), "inherit".into());
    }),
    ("the token of the job in the whole job", |file, name| {
        set_env(job(file, name), "GITHUB_TOKEN", "${{ github.token }}");
    }),
    ("the token of the job in the whole workflow", |file, _| {
        set_env(file, "GITHUB_TOKEN", "${{ github.token }}");
    }),
    ("the token of the job under another name", |file, name| {
        set_env(last_step(file, name), "GH_TOKEN", "${{ github.token }}");
    }),
    ("the token of the job in a step that is not ours", |file, name| {
        let step = yaml("{run: chmod +x x, env: {GITHUB_TOKEN: '${{ github.token }}'}}");
        steps_of(job(file, name)).push(step);
    }),
    ("the token of the job in two steps", |file, name| {
        let step = "{run: tsuku-batch status, env: {GITHUB_TOKEN: '${{ github.token }}'}}";
        steps_of(job(file, name)).extend([yaml(step), yaml(step)]);
    }),
    ("the token of the checkout", |file, name| {
        let with = field(checkout(file, name), "with");
        mapping(with).insert("token".into(), "${{ github.token }}".into());
    }),
    ("a token of another step", |file, name| {
        set_env(last_step(file, name), "GITHUB_TOKEN", "${{ steps.app.outputs.token }}");
    }),
    ("a token of another job", |file, name| {
        set_env(last_step(file, name), "GITHUB_TOKEN", "${{ needs.app.outputs.token }}");
    }),
    ("a token of the app", |file, name| {
        steps_of(job(file, name)).push(yaml("{uses: actions/create-github-app-token@v2}"));
    }),
    ("credentials that the checkout keeps", |file, name| {
        let with = field(checkout(file, name), "with");
        mapping(with).insert("persist-credentials".into(), true.into());
    }),
    ("credentials that the checkout keeps by default", |file, name| {
        mapping(checkout(file, name)).remove("with");
    }),
    ("a permission of the job", |file, name| {
        mapping(job(file, name)).insert("permissions".into(), yaml("{contents: write}"));
    }),
    ("a permission to read", |file, name| {
        mapping(job(file, name)).insert("permissions".into(), yaml("{contents: read}"));
    }),
    ("all permissions of the job", |file, name| {
        mapping(job(file, name)).insert("permissions".into(), "write-all".into());
    }),
    ("no statement about permissions", |file, name| {
        mapping(job(file, name)).remove("permissions");
    }),
    ("a permission of the workflow", |file, _| {
        mapping(file).insert("permissions".into(), yaml("{contents: write}"));
    }),
    ("the default permissions", |file, name| {
        mapping(file).remove("permissions");
        mapping(job(file, name)).remove("permissions");
    }),
    ("an environment with secrets", |file, name| {
        mapping(job(file, name)).insert("environment".into(), "production".into());
    }),
    ("a container whose registry needs a secret", |file, name| {
        let container = format!("{{image: x, credentials: {{password: \"{SECRET}\"}}}}");
        mapping(job(file, name)).insert("container".into(), yaml(&container));
    }),
    ("pull requests of forks with the rights of the repository", |file, _| {
        mapping(&mut file["on"]).insert("pull_request_target".into(), Value::Null);
    }),
    ("runs after those of forks, with the rights of the repository", |file, _| {
        mapping(&mut file["on"]).insert("workflow_run".into(), Value::Null);
    }),
    ("text of somebody else in a command", |file, name| {
        let run = "tsuku-batch status '${{ github.event.pull_request.title }}'";
        steps_of(job(file, name)).push(yaml(&format!("{{run: \"{run}\"}}")));
    }),
    ("text of an input in a command", |file, name| {
        steps_of(job(file, name)).push(yaml("{run: \"tsuku-batch status ${{ inputs.x }}\"}"));
    }),
];

/// The files, of which `change` has changed one.
fn with(path: &str, change: impl FnOnce(&mut Value)) -> Files {
    let mut files = files::all();
    change(files.get_mut(path).unwrap());
    files
}

#[test]
fn each_mistake_in_each_job_with_code_of_packages_is_found() {
    let foreign = foreign_jobs(&files::all());
    assert!(foreign.len() > 5, "there are jobs to make mistakes in");
    for ForeignJob { path, name, .. } in &foreign {
        for (what, make) in MISTAKES {
            let found = findings(&with(path, |file| make(file, name)));
            assert!(!found.is_empty(), "{path}: {name}: {what} is not found");
        }
    }
}

#[test]
fn code_of_packages_in_a_job_with_a_token_is_found() {
    let jobs = [
        ("batch-generate", "merge"),
        ("seed-queue", "seed"),
        ("batch-operations", "operate"),
        ("macos-sweep", "push"),
        ("archive", "archive"),
        ("release", "publish"),
        ("update-dashboard", "publish"),
    ];
    let commands = [
        "tsuku-batch validate --artifacts x --environment y",
        "tsuku-batch run --keep",
        "tsuku-batch sweep --oldest 3",
        "tsuku-batch try npm:x",
        "tsuku-batch recipe test x.toml --environment y",
        "tsuku-batch repro x --run",
        "tsuku-batch a-later-command",
        "npm install --global x",
    ];
    for (workflow, name) in jobs {
        let path = format!(".github/workflows/{workflow}.yml");
        for command in commands {
            let step = yaml(&format!("{{run: {command}}}"));
            let found = findings(&with(&path, |file| steps_of(job(file, name)).push(step)));
            assert!(
                found.iter().any(|it| it.contains(&format!(": {name}, "))),
                "{path}: {command}"
            );
        }
    }
}

#[test]
fn code_of_packages_in_an_action_makes_its_jobs_such_jobs() {
    let step = yaml("{shell: bash, run: tsuku-batch try npm:x}");
    let path = ".github/actions/setup/action.yml";
    let found = findings(&with(path, |file| steps_of(&mut file["runs"]).push(step)));
    assert!(found.iter().any(|it| it.contains("seed-queue.yml: seed, ")), "{found:#?}");
}

#[test]
fn a_token_in_the_part_of_the_action_that_makes_recipes_is_found() {
    let found = findings(&with("action.yml", |file| {
        let is_run = |step: &&mut Value| {
            step.get("run").and_then(Value::as_str).is_some_and(|run| run.contains(" run "))
        };
        let step = steps_of(&mut file["runs"]).iter_mut().find(is_run).unwrap();
        set_env(step, "GITHUB_TOKEN", "${{ inputs.token }}");
    }));
    assert!(
        found.iter().any(|it| it.starts_with("action.yml: the step that runs run")),
        "{found:#?}"
    );
}

#[test]
fn a_job_that_proves_no_sandbox_is_found() {
    let path = ".github/workflows/validate-recipes.yml";
    let found = findings(&with(path, |file| {
        for step in steps_of(job(file, "test")) {
            if let Some(with) = step.get_mut("with") {
                mapping(with).remove("toolchains");
            }
        }
    }));
    assert!(found.iter().any(|it| it.contains("proves the sandbox")), "{found:#?}");
}
