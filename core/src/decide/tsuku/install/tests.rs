use super::*;
use crate::model::PackageName;

fn output<'a>(exit_code: i32, stdout: &'a str, stderr: &'a str) -> Output<'a> {
    Output { of: Subcommand::Install, exit_code: Some(exit_code), stdout, stderr }
}

#[track_caller]
fn install(exit_code: i32, stdout: &str, stderr: &str, expected: &str) {
    let call = output(exit_code, stdout, stderr);
    assert_eq!(kind(&installed(&call, &|_| None)), expected, "{stdout}{stderr}");
}

/// The cause of an installation that failed with this standard output.
fn cause_of(stdout: &str) -> Cause {
    match installed(&output(6, stdout, ""), &|_| None) {
        Installed::Failed(cause) => cause,
        other @ (Installed::Verified | Installed::NoContainer) => panic!("{other:?}"),
    }
}

fn kind(installed: &Installed) -> String {
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
    let blocked_by = cause_of(&named).blocked_by;
    assert_eq!(blocked_by.iter().map(PackageName::as_str).collect::<Vec<_>>(), ["zlib"]);
    install(6, &json("install_failed", "context canceled"), "", "validation_failed/install_failed");
}

#[track_caller]
fn container(exit_code: i32, stdout: &str, expected: &str) {
    let call = output(exit_code, stdout, "");
    assert_eq!(kind(&in_container(&call, &|_| None)), expected, "{stdout}");
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
fn json_tells_more_than_the_exit_code_of_an_installation() {
    // 6 is the code of every installation that failed.
    for (category, expected) in [
        ("network_error\",\"subcategory\":\"dns_error", "api_error/dns_error"),
        ("network_error\",\"subcategory\":\"tls_error", "api_error/tls_error"),
        ("network_error\",\"subcategory\":\"timeout", "api_error/timeout"),
        ("network_error\",\"subcategory\":\"new", "api_error/connection_error"),
        ("ambiguous", "deterministic_insufficient/ambiguous_source"),
        ("recipe_not_found", "infrastructure/toolchain_unavailable"),
        ("missing_dep", "infrastructure/toolchain_unavailable"),
        ("new", "validation_failed/install_failed"),
    ] {
        install(6, &json(category, "oh"), "", expected);
    }
}

#[test]
fn a_cause_that_only_a_category_names_is_inferred() {
    for category in ["network_error", "missing_dep", "recipe_not_found"] {
        let finding = cause_of(&json(category, "oh")).finding;
        assert_eq!(finding.confidence, Confidence::Inferred, "{category}");
    }
    assert_eq!(cause_of(&json("ambiguous", "oh")).finding.confidence, Confidence::Stated);
    let stated = cause_of(&json("network_error", "x: no such host")).finding;
    assert_eq!(stated.confidence, Confidence::Stated);
}
