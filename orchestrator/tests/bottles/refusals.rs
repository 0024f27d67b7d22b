//! Bottles that must not be installed, each refused with its own kind and message.

use libtest_mimic::Trial;
use serde_json::json;

use crate::{
    layout::BottleFile, layout::LINK, local_tap::LocalTap, obstacle, root::TestRoot, trial,
};

pub(crate) fn trials(backends: &[String]) -> Vec<Trial> {
    let obstacle = obstacle(backends);
    let tests: [(&str, fn()); 7] = [
        ("a_bottle_of_another_digest_is_not_unpacked", other_digest),
        ("a_path_that_leads_outside_is_refused", path_outside),
        ("a_link_that_leads_outside_is_refused", link_outside),
        ("a_missing_bottle_is_no_bottle", missing_bottle),
        ("a_disabled_formula_says_why_and_what_replaces_it", disabled),
        ("a_refused_token_blames_the_registry", token_refused),
        ("a_command_that_is_not_in_the_bottle_is_missed", absent_command),
    ];
    tests.into_iter().map(|(name, test)| trial(name, test, obstacle)).collect()
}

const TOOL: BottleFile<'_> = ("bin/tiny", b"#!/bin/sh\necho 1.2.3\n", 0o755);

#[track_caller]
fn check(local_tap: LocalTap, kind: &str, message: &str) {
    let (origin, _) = local_tap.serve();
    let (report, code) = TestRoot::new(&origin, "").attempt("homebrew:tiny");
    assert_eq!((&report["outcome"], code), (&json!("failed"), Some(5)), "{report:#}");
    let failure = &report["failure"];
    assert_eq!(failure["subcategory"], kind, "{report:#}");
    assert!(failure["message"].as_str().unwrap().contains(message), "{report:#}");
}

fn tiny(files: &[BottleFile<'_>]) -> LocalTap {
    let mut local_tap = LocalTap::new();
    local_tap.add("tiny", files, Some("bin/tiny"), &json!({}));
    local_tap
}

fn other_digest() {
    let mut local_tap = LocalTap::new();
    let digest = local_tap.add("tiny", &[TOOL], Some("bin/tiny"), &json!({}));
    local_tap.layout().corrupt(&digest);
    check(local_tap, "archive_extraction_failed", "checksum mismatch");
}

fn path_outside() {
    let evil: BottleFile<'_> = ("../../../../evil", b"evil", 0o644);
    check(tiny(&[TOOL, evil]), "archive_extraction_failed", "evil");
}

fn link_outside() {
    let evil: BottleFile<'_> = ("share/passwd", b"/etc/passwd", LINK);
    check(tiny(&[TOOL, evil]), "archive_extraction_failed", "leads outside, to");
}

fn missing_bottle() {
    let mut local_tap = LocalTap::new();
    let digest = local_tap.add("tiny", &[TOOL], Some("bin/tiny"), &json!({}));
    local_tap.layout().remove(&digest);
    check(local_tap, "no_bottle", "cannot download https://ghcr.io/v2/homebrew/core/tiny");
    let mut local_tap = LocalTap::new();
    let digest = local_tap.add("tiny", &[TOOL], None, &json!({}));
    local_tap.layout().remove(&digest);
    check(local_tap, "no_bottle", "names a bottle that is not there");
}

fn disabled() {
    let mut local_tap = LocalTap::new();
    let more = json!({ "disabled": true, "disable_reason": "unmaintained",
        "disable_replacement_formula": "huge" });
    local_tap.add("tiny", &[TOOL], Some("bin/tiny"), &more);
    check(local_tap, "package_not_found", "tiny is disabled: unmaintained; huge replaces it");
}

fn token_refused() {
    let mut local_tap = tiny(&[TOOL]);
    local_tap.refuse_tokens();
    check(local_tap, "auth_required", "https://ghcr.io/token");
}

fn absent_command() {
    let mut local_tap = LocalTap::new();
    local_tap.add("tiny", &[TOOL], Some("bin/other,bin/tiny"), &json!({}));
    check(local_tap, "executable_missing", "other");
}
