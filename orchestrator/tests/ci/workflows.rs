//! What all workflows have in common.

use std::collections::{BTreeMap, BTreeSet};

use batch_core::model::Environment;
use orchestrator::{plugins, settings::Settings};
use serde_yaml_ng::Value;

use crate::files::{self, all_steps, checkout, is_workflow, jobs, text};

/// The text of a document of the project.
fn document(path: &str) -> String {
    std::fs::read_to_string(checkout().join(path)).unwrap()
}

#[test]
fn each_step_is_one_command_without_a_decision() {
    for (place, step) in all_steps(&files::all()) {
        let Some(run) = text(step, "run") else { continue };
        let run = run.trim_end();
        for operator in ["\n", "&&", "||", ";", "|", "$(", "`", "if ", "for "] {
            assert!(!run.contains(operator), "{place}: {operator:?} in {run}");
        }
        let is_exported = ["GITHUB_ENV", "GITHUB_PATH"].iter().any(|file| run.contains(file));
        assert!(!is_exported, "{place}: what a step exports changes the steps after it: {run}");
    }
}

#[test]
fn commands_of_actions_name_their_shell_and_workflows_name_it_once() {
    for (path, file) in &files::all() {
        if is_workflow(path) {
            assert_eq!(text(&file["defaults"]["run"], "shell"), Some("bash"), "{path}");
        } else {
            let runs = files::steps(file).iter().filter(|step| step.get("run").is_some());
            for step in runs {
                assert_eq!(text(step, "shell"), Some("bash"), "{path}: {step:?}");
            }
        }
    }
}

#[test]
fn every_job_ends_by_itself_and_runs_where_it_says() {
    for (path, file) in &files::all() {
        for (name, job) in jobs(file) {
            let minutes = job["timeout-minutes"].as_u64();
            assert!(minutes.is_some_and(|minutes| minutes < 360), "{path}: {name}: {minutes:?}");
            let runner = text(job, "runs-on").unwrap();
            let is_named = !runner.contains("latest");
            assert!(is_named, "{path}: {name} runs on {runner}, which changes by itself");
        }
    }
}

#[test]
fn no_run_cancels_another_one_except_for_older_commits_of_a_pull_request() {
    for (path, file) in files::all().iter().filter(|(path, _)| is_workflow(path)) {
        let group = text(&file["concurrency"], "group").unwrap_or_else(|| panic!("{path}"));
        let is_of_commits = file["on"].get("pull_request").is_some();
        let cancels = file["concurrency"].get("cancel-in-progress");
        assert_eq!(cancels, Some(&Value::Bool(is_of_commits)), "{path}");
        let name = path.rsplit('/').next().unwrap().trim_end_matches(".yml");
        assert!(group.starts_with(name), "{path}: {group}");
        let has_both =
            file["on"].get("schedule").is_some() && file["on"].get("workflow_dispatch").is_some();
        if has_both && name != "update-dashboard" {
            let own = "-${{ github.event_name == 'schedule' && 'scheduled' || github.run_id }}";
            assert!(group.ends_with(own), "{path}: {group}");
        }
    }
}

#[test]
fn scheduled_workflows_start_at_different_minutes_and_not_at_full_hours() {
    let mut minutes: BTreeMap<String, String> = BTreeMap::new();
    for (path, file) in &files::all() {
        let schedule = file.get("on").and_then(|on| on.get("schedule")?.as_sequence());
        for cron in schedule.into_iter().flatten().filter_map(|it| text(it, "cron")) {
            let minute = cron.split(' ').next().unwrap().to_owned();
            assert!(minute.parse::<u8>().is_ok_and(|minute| minute != 0), "{path}: {cron}");
            if let Some(other) = minutes.insert(minute, path.clone()) {
                panic!("{path} and {other} start at the same minute: {cron}");
            }
        }
    }
    assert_eq!(minutes.len(), 5, "{minutes:?}");
}

#[test]
fn artifacts_are_named_by_their_run_kept_as_long_as_needed_and_have_hidden_files() {
    for (place, step) in all_steps(&files::all()) {
        let uses = text(step, "uses").unwrap_or_default();
        let with = &step["with"];
        let is_of = |action: &str| uses.starts_with(&format!("actions/{action}-artifact@"));
        if !is_of("upload") && !is_of("download") {
            continue;
        }
        let name = text(with, "name").or_else(|| text(with, "pattern")).unwrap();
        // The program names its runs `run-<time>`.
        let runs = [
            "${{ github.run_id }}-",
            "${{ steps.preflight.outputs.run_id }}-",
            "${{ needs.preflight.outputs.run_id }}-",
            "${{ steps.make.outputs.run_id }}-",
            "${{ steps.sweep.outputs.run_id }}-",
            "run-*-",
        ];
        let is_of_run = runs.iter().any(|run| name.starts_with(run));
        assert!(is_of_run, "{place}: {name}");
        let path = text(with, "path").unwrap();
        if is_of("upload") {
            let days = with["retention-days"].as_u64();
            let is_lost_otherwise = path.contains(".tsuku-batch/");
            assert_eq!(days, Some(if is_lost_otherwise { 14 } else { 1 }), "{place}: {path}");
            // Without it, the action passes over every path with a folder whose name begins with a dot.
            let hidden = with.get("include-hidden-files") == Some(&Value::Bool(true));
            assert_eq!(hidden, is_lost_otherwise, "{place}: {path}");
        }
    }
}

#[test]
fn what_is_passed_to_the_action_of_the_checkout_is_what_it_reads() {
    let files = files::all();
    let action = &files[".github/actions/setup/action.yml"];
    let inputs: BTreeSet<&str> =
        action["inputs"].as_mapping().unwrap().keys().filter_map(Value::as_str).collect();
    let mut n_uses = 0;
    for (place, step) in all_steps(&files) {
        if text(step, "uses") == Some("./.github/actions/setup") {
            n_uses += 1;
            let given = step["with"].as_mapping().unwrap().keys().filter_map(Value::as_str);
            let unknown: Vec<&str> = given.filter(|name| !inputs.contains(name)).collect();
            assert!(unknown.is_empty(), "{place}: {unknown:?}");
        }
    }
    assert!(n_uses > 10, "{n_uses}");
    // The action itself uses each of them.
    let mut used = String::new();
    files::texts(&action["runs"], &mut |_, text| used.push_str(text));
    for input in inputs {
        assert!(used.contains(&format!("inputs.{input}")), "{input} is not used");
    }
}

#[test]
fn the_program_is_built_once_on_each_kind_of_machine_before_others_take_it() {
    for (path, file) in &files::all() {
        let of_job = |job: &Value, kind: &str| {
            files::steps(job).iter().any(|step| {
                text(step, "uses") == Some("./.github/actions/setup")
                    && text(&step["with"], "program") == Some(kind)
            })
        };
        let all = jobs(file);
        let builders: BTreeSet<&str> =
            all.iter().filter(|(_, job)| of_job(job, "build")).map(|(name, _)| *name).collect();
        for (name, job) in &all {
            if !of_job(job, "artifact") {
                continue;
            }
            let needs = &job["needs"];
            let several = needs.as_sequence().into_iter().flatten().filter_map(Value::as_str);
            let needs: Vec<&str> = several.chain(needs.as_str()).collect();
            let has_builder = needs.iter().any(|needed| builders.contains(needed));
            assert!(has_builder, "{path}: {name} takes a program that no job before it builds");
        }
    }
}

#[test]
fn lists_in_workflows_are_those_of_the_program() {
    let files = files::all();
    let registry = plugins::registry().unwrap();
    let ids: Vec<String> = registry.iter().map(|plugin| plugin.id.to_string()).collect();
    let batch = &files[".github/workflows/batch-generate.yml"];
    let options = batch["on"]["workflow_dispatch"]["inputs"]["ecosystem"]["options"].as_sequence();
    let options: Vec<&str> = options.unwrap().iter().filter_map(Value::as_str).collect();
    for id in ids {
        assert!(options.contains(&&*id), "{id}");
    }
    let sweep = &files[".github/workflows/macos-sweep.yml"];
    let hosted = Settings::default().hosted().unwrap();
    let jobs = sweep["jobs"]["sweep"]["strategy"]["matrix"]["include"].as_sequence().unwrap();
    for job in jobs {
        let environment: Environment = text(job, "environment").unwrap().parse().unwrap();
        let expected = hosted.job(environment).unwrap().runner.to_string();
        assert_eq!(text(job, "runner"), Some(&*expected), "{environment}");
    }
    assert_eq!(jobs.len(), 2);
}

#[test]
fn the_documents_list_every_workflow_and_every_action_of_others() {
    let ci = document("docs/ci.md");
    let files = files::all();
    for path in files.keys().filter(|path| is_workflow(path)) {
        let name = path.rsplit('/').next().unwrap();
        assert!(ci.contains(&format!("`{name}`")), "docs/ci.md does not name {name}");
    }
    let uses = all_steps(&files).into_iter().filter_map(|(_, step)| text(step, "uses"));
    for uses in uses.filter(|uses| !uses.starts_with("./")) {
        assert!(ci.contains(&format!("`{uses}`")), "docs/ci.md does not name {uses}");
    }
    let app = document("docs/github-app.md");
    for (place, step) in all_steps(&files) {
        if !text(step, "uses").unwrap_or_default().starts_with("actions/create-github-app-token@") {
            continue;
        }
        for (key, value) in step["with"].as_mapping().unwrap() {
            let (key, value) = (key.as_str().unwrap(), value.as_str().unwrap());
            let Some(permission) = key.strip_prefix("permission-") else {
                let secret = value.trim_start_matches("${{ secrets.").trim_end_matches(" }}");
                assert!(app.contains(secret), "{place}: {secret}");
                continue;
            };
            let row = format!("| `{permission}` | {value} |");
            assert!(app.contains(&row), "docs/github-app.md has no row {row}, which {place} needs");
        }
    }
}

/// The workflows in the code blocks of a document.
fn examples(path: &str) -> Vec<(String, Value)> {
    let text = document(path);
    let blocks = text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let read = |block: &str| (block.to_owned(), serde_yaml_ng::from_str(block).unwrap());
    blocks.map(read).collect()
}

#[test]
fn the_documented_example_has_ten_lines_and_keeps_the_token_from_code_of_packages() {
    let files = files::all();
    let inputs = files["action.yml"]["inputs"].as_mapping().unwrap();
    let in_readme = examples("README.md");
    assert_eq!(in_readme, examples("docs/ci.md"), "both documents show the same");
    assert_eq!(in_readme.len(), 1);
    for (text, example) in in_readme {
        assert!(text.lines().count() <= 10, "{text}");
        assert!(example["permissions"].as_mapping().unwrap().is_empty());
        let action = |step: &&Value| files::text(step, "uses") == Some("OWNER/tsuku-batch@v1");
        for (name, job) in jobs(&example) {
            let step = files::steps(job).iter().find(action).unwrap();
            assert_eq!(files::text(&step["with"], "do"), Some(name));
            for key in step["with"].as_mapping().unwrap().keys() {
                assert!(inputs.contains_key(key), "{key:?}");
            }
            let mut has_secret = false;
            files::texts(job, &mut |_, text| has_secret |= text.contains("secrets."));
            assert_eq!(has_secret, name == "merge");
        }
    }
}
