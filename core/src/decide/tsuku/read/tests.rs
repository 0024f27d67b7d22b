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

#[track_caller]
fn install(exit_code: i32, stdout: &str, stderr: &str, expected: &str) {
    let call = output(Subcommand::Install, exit_code, stdout, stderr);
    assert_eq!(kind(installed(&call, &|_| None)), expected, "{stdout}{stderr}");
}

fn kind(installed: Installed) -> String {
    match installed {
        Installed::Verified => "verified".to_owned(),
        Installed::NoContainer => "no container".to_owned(),
        Installed::Failed(cause) => cause.finding.kind.to_string(),
    }
}

fn json(category: &str, message: &str) -> String {
    format!(
        r#"{{"status":"error","category":"{category}","message":"{message}","missing_recipes":[],"install_exit_code":6}}"#
    )
}

#[test]
fn an_installation_says_nothing_where_it_worked() {
    install(0, "", "✅ esbuild@0.28.2", "verified");
    install(6, "", "", "validation_failed/install_failed");
    install(6, "", "Error: something", "validation_failed/install_failed");
    // JSON that states a failure takes precedence over an exit code of success.
    install(0, &json("install_failed", "it broke"), "", "validation_failed/install_failed");
}

#[test]
fn a_verification_that_failed_is_found_behind_the_code_of_an_installation() {
    let mismatch = "installation verification failed: pattern mismatch\\n  Missing: 9\\n  Got: 0";
    let stdout = json("install_failed", mismatch);
    let expected = "validation_failed/verify_pattern_mismatch";
    install(6, &stdout, "", expected);
    install(
        6,
        &format!("Warning: local recipe 'x' shadows embedded recipe\n{stdout}"),
        "",
        expected,
    );
    let ended = json("install_failed", "installation verification failed: exit status 1");
    install(6, &ended, "", "validation_failed/verify_failed");
    // Text that the package prints there blames nothing else.
    let blaming = json("install_failed", "verification failed: No space left on device");
    install(6, &blaming, "", "validation_failed/verify_failed");
}

#[test]
fn what_json_says_of_network_and_recipes_is_read() {
    install(6, &json("network_error", "oh"), "", "api_error/connection_error");
    let timeout = json("network_error\",\"subcategory\":\"timeout", "oh");
    install(6, &timeout, "", "api_error/timeout");
    install(6, &json("network_error", "x: no such host"), "", "api_error/dns_error");
    install(8, &json("missing_dep", "oh"), "", "infrastructure/toolchain_unavailable");
    install(10, &json("ambiguous", "oh"), "", "deterministic_insufficient/ambiguous_source");
    let named = json("missing_dep", "oh").replace("[]", "[\"zlib\"]");
    install(8, &named, "", "missing_dep/recipe_missing");
    install(6, &json("install_failed", "context canceled"), "", "validation_failed/install_failed");
}

#[track_caller]
fn container(exit_code: i32, stdout: &str, expected: &str) {
    let call = output(Subcommand::Install, exit_code, stdout, "");
    assert_eq!(kind(in_container(&call, &|_| None)), expected, "{stdout}");
}

fn answer(passed: bool, install: i32, verify: i32, more: &str) -> String {
    format!(
        r#"{{"tool":"x","passed":{passed},"verified":{passed},"install_exit_code":{install},"verify_exit_code":{verify},"duration_ms":1{more}}}"#
    )
}

#[test]
fn a_container_passes_only_what_installed_and_verified() {
    container(0, &answer(true, 0, 0, ",\"error\":null"), "verified");
    container(6, &answer(true, 0, 0, ""), "infrastructure/tool_crashed");
    let unverified = answer(true, 0, 0, "").replace("\"verified\":true", "\"verified\":false");
    container(0, &unverified, "validation_failed/verify_failed");
    container(0, "", "infrastructure/tool_crashed");
    container(0, "{\"plan\":", "infrastructure/tool_crashed");
    container(6, &answer(false, 0, 1, ""), "validation_failed/verify_failed");
    container(6, &answer(false, 0, 124, ""), "validation_failed/verify_timeout");
    container(
        6,
        &answer(false, 0, -1, ",\"error\":\"verification failed with exit code -1\""),
        "validation_failed/verify_failed",
    );
    let libc = ",\"verify_output\":\"x: error while loading shared libraries: libz.so.1\"";
    container(6, &answer(false, 0, 127, libc), "validation_failed/libc_mismatch");
}

#[test]
fn a_container_tells_why_it_did_not_install() {
    let skipped = ",\"error\":\"no container runtime available (install Podman or Docker)\"";
    container(0, &answer(false, -1, -1, skipped), "no container");
    container(6, &answer(false, 137, -1, ""), "infrastructure/out_of_memory");
    container(6, &answer(false, 124, -1, ""), "infrastructure/build_timeout");
    let built = ",\"install_output\":\"gcc: fatal error: x\\nmake: *** [all] Error 1\"";
    container(6, &answer(false, 1, -1, built), "validation_failed/native_build_failed");
    let failed = ",\"error\":\"installation failed with exit code 8\"";
    container(6, &answer(false, 8, -1, failed), "infrastructure/toolchain_unavailable");
    let image = ",\"error\":\"sandbox execution failed: cannot pull image\"";
    container(6, &answer(false, -1, -1, image), "infrastructure/toolchain_unavailable");
    let refused = json("install_failed", "failed to load recipe: no");
    container(6, &refused, "validation_failed/install_failed");
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
    assert_eq!(plan(0, ""), Err("infrastructure/tool_crashed".to_owned()));
    assert_eq!(plan(0, "{}"), Err("infrastructure/tool_crashed".to_owned()));
    assert_eq!(plan(3, ""), Err("infrastructure/toolchain_unavailable".to_owned()));
    let unknown = "validation_failed/dependency_resolution_failed".to_owned();
    assert_eq!(plan(1, "Error: unsupported platform"), Err(unknown));
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
