use proptest::prelude::*;

use super::*;
use crate::decide::tsuku::{Installed, in_container, installed};

const SKIP: &str =
    "Warning: Skipping recipe review (--yes). The recipe will be installed without confirmation.\n";

fn output<'a>(of: Subcommand, exit_code: i32, stdout: &'a str, stderr: &'a str) -> Output<'a> {
    Output { of, exit_code: Some(exit_code), stdout, stderr }
}

#[track_caller]
fn create(exit_code: i32, stdout: &str, stderr: &str, kind: &str) -> Cause {
    let stderr = format!("{SKIP}{stderr}");
    let cause = failed(&output(Subcommand::Create, exit_code, stdout, &stderr), &|_| None);
    assert_eq!(cause.finding.kind.to_string(), kind, "{stderr}");
    assert!(!cause.text.contains("Skipping"), "{}", cause.text);
    cause
}

#[test]
fn text_says_more_than_the_exit_code() {
    create(
        3,
        "",
        "Error: package 'zzz' not found in npm",
        "deterministic_insufficient/package_not_found",
    );
    let refused = "Error checking package: failed to fetch package info: Get \"https://r.example/x\": \
                   dial tcp 127.0.0.1:1: connect: connection refused";
    let cause = create(5, "", refused, "api_error/connection_error");
    assert_eq!(cause.finding.service.as_deref(), Some("r.example"));
    let limited = "Error checking package: https://r.example/x returned status 429";
    create(5, "", limited, "api_error/rate_limited");
    let exists = "Error: recipe already exists at o/p/prettier.toml\nUse --force to overwrite";
    let stdout = "Creating recipe for prettier from npm:prettier...";
    create(1, stdout, exists, "deterministic_insufficient/recipe_exists");
    let llm = "Error: 'x' resolved to github (o/x), which requires LLM for recipe generation.";
    create(9, "", llm, "deterministic_insufficient/requires_llm");
    let several =
        "Error: Multiple sources found for \"x\". Use --from to specify:\n  tsuku install x";
    create(10, "", several, "deterministic_insufficient/ambiguous_source");
}

#[test]
fn an_answer_that_cannot_be_read_is_no_broken_connection() {
    let parse = "Error checking package: failed to parse response: invalid character '<' looking for \
                 beginning of value";
    create(5, "", parse, "api_error/unexpected_response");
    let page = "Error checking package: unexpected content-type: text/html";
    create(5, "", page, "api_error/unexpected_response");
}

#[test]
fn missing_recipes_are_named_once_and_only_by_names() {
    let text = "deterministic generation failed: [missing_dep] missing dependencies: recipe zlibfoo \
                not found in registry; recipe barlib not found in registry; recipe zlibfoo not found \
                in registry; recipe ../x not found in registry; recipe <b> not found in registry";
    let stdout = "Creating recipe for x...\nFetching formula metadata... done (v1.0)";
    let cause = create(8, stdout, text, "missing_dep/recipe_missing");
    let names: Vec<&str> = cause.blocked_by.iter().map(PackageName::as_str).collect();
    assert_eq!(names, ["zlibfoo", "barlib"]);
    let many: Vec<String> =
        (0..500).map(|n| format!("recipe x{n} not found in registry")).collect();
    let many = many.join("; ");
    let text = format!("deterministic generation failed: [missing_dep] {many}");
    assert_eq!(create(8, "", &text, "missing_dep/recipe_missing").blocked_by.len(), MAX_BLOCKERS);
}

#[test]
fn who_waits_for_nobody_is_not_blocked() {
    let text = "deterministic generation failed: [missing_dep] something is missing";
    create(8, "", text, "validation_failed/dependency_resolution_failed");
}

#[test]
fn the_default_tag_hides_no_cause() {
    let tagged = |text: &str| format!("deterministic generation failed: [api_error] {text}");
    create(9, "", &tagged("rate limit exceeded"), "api_error/rate_limited");
    create(9, "", &tagged("it is odd"), "api_error/upstream_unavailable");
    create(9, "", &tagged("which requires LLM"), "api_error/upstream_unavailable");
}

#[test]
fn without_text_only_a_telling_code_speaks() {
    for (code, kind) in
        [(1, "unknown/unclassified"), (3, "deterministic_insufficient/package_not_found")]
    {
        create(code, "", "", kind);
    }
    let nothing = Output { exit_code: None, ..output(Subcommand::Create, 0, "", "") };
    let cause = failed(&nothing, &|_| None);
    assert_eq!(cause.finding.kind, FailureKind::ToolCrashed);
}

#[test]
fn the_ecosystems_own_classifier_is_asked_before_shared_patterns() {
    let own = |evidence: &Evidence| {
        assert_eq!((evidence.stage, &*evidence.tool), (Stage::Validate, PROGRAM));
        Some(Finding::stated(FailureKind::NativeBuildFailed))
    };
    let call = output(Subcommand::Install, 6, "", "connection refused");
    assert_eq!(failed(&call, &own).finding.kind, FailureKind::NativeBuildFailed);
}

#[test]
fn a_guessed_command_is_noticed_wherever_the_warning_stands() {
    let warning = "Warning: No bin field found; using package name as executable\n";
    assert!(guessed_command(&output(Subcommand::Create, 0, "", warning)));
    assert!(guessed_command(&output(Subcommand::Create, 0, warning, "")));
    assert!(!guessed_command(&output(Subcommand::Create, 0, "Recipe created: x", SKIP)));
}

#[test]
fn a_plan_is_json_that_says_for_what_it_is() {
    let plan = |exit_code, stdout: &str| {
        let call = output(Subcommand::Eval, exit_code, stdout, "");
        planned(&call, &|_| None).map_err(|cause| cause.finding.kind.to_string())
    };
    let whole = r#"{"format_version":5,"tool":"x","steps":[]}"#;
    assert_eq!(plan(0, whole), Ok(()));
    assert_eq!(
        plan(0, &format!("Warning: local recipe 'x' shadows embedded recipe\n{whole}")),
        Ok(())
    );
    let half = format!("{}{}…", &whole[..30], evidence::gap(9));
    assert_eq!(plan(0, &half), Ok(()));
    // Neither the beginning of a plan nor a cut text is enough by itself.
    let crashed = Err("infrastructure/tool_crashed".to_owned());
    assert_eq!(plan(0, &whole[..30]), crashed);
    assert_eq!(plan(0, &format!("{{\"plan\":{}…", evidence::gap(9))), crashed);
    assert_eq!(plan(0, ""), Err("infrastructure/tool_crashed".to_owned()));
    assert_eq!(plan(0, "{}"), Err("infrastructure/tool_crashed".to_owned()));
    assert_eq!(plan(3, ""), Err("infrastructure/toolchain_unavailable".to_owned()));
    let unknown = "validation_failed/dependency_resolution_failed".to_owned();
    assert_eq!(plan(1, "Error: unsupported platform"), Err(unknown));
}

#[test]
fn a_silent_failure_is_no_lost_evidence() {
    let cause = create(1, "", "", "unknown/unclassified");
    assert_eq!(cause.finding.confidence, Confidence::Inferred);
}

#[test]
fn a_stated_cause_is_stronger_than_the_messages_of_this_program() {
    let text = "Error: unknown flag: --from\nwrite: No space left on device";
    create(1, "", text, "infrastructure/disk_full");
}

#[test]
fn a_fault_names_the_registry_or_the_program_and_other_failures_name_nobody() {
    let service = |text: &str, kind: &str| create(1, "", text, kind).finding.service;
    let registry = "Error: https://r.example/x: failed to parse response";
    let of_registry = service(registry, "api_error/unexpected_response");
    assert_eq!(of_registry.as_deref(), Some("r.example"));
    let of_program = service("Error: unknown flag: --from", "infrastructure/tool_crashed");
    assert_eq!(of_program.as_deref(), Some(PROGRAM));
    let package = "Error: https://r.example/x has no bottles available";
    assert_eq!(service(package, "deterministic_insufficient/no_bottle"), None);
}

#[test]
fn a_name_with_parts_of_a_path_is_no_recipe() {
    let found = names(["@scope/x", "a..b", "c\\d", "<e>", "zlib", "zlib", "x.y"].into_iter());
    let found: Vec<&str> = found.iter().map(PackageName::as_str).collect();
    assert_eq!(found, ["zlib", "x.y"]);
}

proptest! {
    #[test]
    fn any_output_is_read(code in prop::option::of(-1..300), stdout: String, stderr: String) {
        for of in Subcommand::ALL {
            let call = Output { of, exit_code: code, stdout: &stdout, stderr: &stderr };
            let _ = failed(&call, &|_| None);
            let _ = installed(&call, &|_| None);
            let _ = planned(&call, &|_| None);
            prop_assert!(code == Some(0) || in_container(&call, &|_| None) != Installed::Verified);
        }
    }
}
