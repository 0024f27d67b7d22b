//! Bottles that can be installed.

use libtest_mimic::Trial;
use serde_json::json;

use crate::{
    layout::{BottleFile, LINK},
    local_tap::LocalTap,
    obstacle,
    root::TestRoot,
    trial,
};

pub(crate) fn trials(backends: &[String]) -> Vec<Trial> {
    let obstacle = obstacle(backends);
    let tests: [(&str, fn()); 8] = [
        ("commands_that_no_annotation_lists_are_found_in_the_archive", listed_commands),
        ("a_revised_versioned_formula_lies_under_its_own_image_and_tag", revised),
        ("a_script_finds_the_program_of_a_dependency", dependency),
        ("a_blocked_formula_is_made_as_soon_as_its_dependency_has_a_recipe", blocked),
        ("a_command_that_people_take_for_another_waits_for_a_person", unsafe_names),
        ("a_recipe_for_macos_is_not_tried_on_linux", macos_only),
        ("a_library_passes_by_its_files", library),
        ("a_run_writes_the_recipe_of_a_bottle", whole_run),
    ];
    let tests = tests.into_iter().map(|(name, test)| trial(name, test, obstacle));
    let in_backends = backends.iter().cloned().map(|backend| {
        let name = format!("a_poured_script_is_verified_in_{backend}");
        trial(name, move || poured_script(&backend), obstacle)
    });
    tests.chain(in_backends).collect()
}

/// A script that prints its version only if it can read a file of its own keg through an absolute
/// path.
const SCRIPT: &[u8] =
    b"#!/bin/sh\nread -r version < @@HOMEBREW_CELLAR@@/tiny/1.2.3/share/version\necho tiny $version\n";

fn poured_script(backend: &str) {
    let mut local_tap = LocalTap::new();
    let files: &[BottleFile<'_>] = &[
        ("bin/tiny", SCRIPT, 0o555),
        ("bin/also", b"tiny", LINK),
        ("share/version", b"1.2.3\n", 0o444),
    ];
    local_tap.add("tiny", files, Some("bin/also,bin/tiny"), &json!({}));
    let (origin, served) = local_tap.serve();
    let root = TestRoot::new(&origin, &format!("[sandbox]\nbackend = \"{backend}\"\n"));
    let (report, code) = root.attempt("homebrew:tiny");
    assert_eq!((&report["outcome"], code), (&json!("verified"), Some(0)), "{report:#}");
    assert_eq!(report["executables"], json!(["tiny", "also"]));
    let recipe = report["recipe"].as_str().unwrap();
    for part in ["formula = \"tiny\"", "\"bin/tiny\"", "tiny --version", "supported_os"] {
        assert!(recipe.contains(part), "{recipe}");
    }
    // One token for the look at the content, and one for the download.
    assert_eq!(served.scopes(), ["repository:homebrew/core/tiny:pull"; 2]);
}

fn listed_commands() {
    let mut local_tap = LocalTap::new();
    let files: &[BottleFile<'_>] = &[
        ("sbin/tiny", b"#!/bin/sh\necho 1.2.3\n", 0o755),
        ("bin/no-program", b"text", 0o644),
        ("libexec/bin/inner", b"#!/bin/sh\n", 0o755),
    ];
    local_tap.add("tiny", files, None, &json!({}));
    let (origin, _) = local_tap.serve();
    let (report, _) = TestRoot::new(&origin, "").attempt("homebrew:tiny");
    assert_eq!(report["outcome"], "verified", "{report:#}");
    assert_eq!(report["executables"], json!(["tiny"]));
    assert!(report["recipe"].as_str().unwrap().contains("\"sbin/tiny\""), "{report:#}");
}

fn revised() {
    let mut local_tap = LocalTap::new();
    let files: &[BottleFile<'_>] = &[("bin/tiny", b"#!/bin/sh\necho 1.2.3\n", 0o755)];
    let more = json!({ "revision": 2, "keg_only": true });
    local_tap.add("tiny+x@1.2", files, Some("bin/tiny"), &more);
    let (origin, served) = local_tap.serve();
    let (report, _) = TestRoot::new(&origin, "").attempt("brew:tiny+x@1.2");
    assert_eq!(report["outcome"], "verified", "{report:#}");
    let recipe = report["recipe"].as_str().unwrap();
    assert!(recipe.contains("name = \"tiny+x-1.2\""), "{recipe}");
    assert!(recipe.contains("formula = \"tiny+x@1.2\""), "{recipe}");
    assert_eq!(served.scopes()[0], "repository:homebrew/core/tinyxx/1.2:pull");
}

fn dependency() {
    let mut local_tap = LocalTap::new();
    let inner: &[BottleFile<'_>] = &[("bin/tiny-inner", b"#!/bin/sh\necho 1.2.3\n", 0o755)];
    local_tap.add("inner", inner, Some("bin/tiny-inner"), &json!({}));
    let outer: &[BottleFile<'_>] =
        &[("bin/tiny", b"#!/bin/sh\nexec @@HOMEBREW_PREFIX@@/opt/inner/bin/tiny-inner\n", 0o755)];
    local_tap.add("tiny", outer, Some("bin/tiny"), &json!({ "dependencies": ["inner"] }));
    let (origin, _) = local_tap.serve();
    let root = TestRoot::new(&origin, "");
    let (report, code) = root.attempt("homebrew:tiny");
    assert_eq!((&report["outcome"], code), (&json!("failed"), Some(5)), "{report:#}");
    assert_eq!(report["failure"]["subcategory"], "recipe_missing");
    assert_eq!(report["failure"]["blocked_by"], json!(["inner"]));
    assert!(report["recipe"].as_str().unwrap().contains("runtime_dependencies = [\"inner\"]"));

    root.add_recipe("inner-tools", INNER);
    let (report, _) = root.attempt("homebrew:tiny");
    assert_eq!(report["outcome"], "verified", "{report:#}");
    let recipe = report["recipe"].as_str().unwrap();
    assert!(recipe.contains("runtime_dependencies = [\"inner-tools\"]"), "{recipe}");
}

/// A recipe that provides the formula `inner`.
const INNER: &str = "[metadata]\nname = \"inner-tools\"\ndescription = \"Is needed\"\n\
    supported_libc = [\"glibc\"]\n\n[metadata.satisfies]\nhomebrew = [\"inner\"]\n\n\
    [[steps]]\naction = \"homebrew\"\nformula = \"inner\"\n\n\
    [[steps]]\naction = \"install_binaries\"\nbinaries = [\"bin/tiny-inner\"]\n\n\
    [verify]\ncommand = \"tiny-inner\"\npattern = \"{version}\"\n";

fn blocked() {
    let mut local_tap = LocalTap::new();
    let files: &[BottleFile<'_>] = &[("bin/tiny", b"#!/bin/sh\necho 1.2.3\n", 0o755)];
    let inner: &[BottleFile<'_>] = &[("bin/tiny-inner", b"#!/bin/sh\necho 1.2.3\n", 0o755)];
    local_tap.add("inner", inner, Some("bin/tiny-inner"), &json!({}));
    local_tap.add("tiny", files, Some("bin/tiny"), &json!({ "dependencies": ["inner"] }));
    let (origin, _) = local_tap.serve();
    let root = TestRoot::new(&origin, "");
    assert_eq!(root.entry_after_run("homebrew:tiny")["status"], "blocked");
    assert!(!root.path("recipes/t/tiny.toml").exists());
    root.add_recipe("inner-tools", INNER);
    assert_eq!(root.entry_after_run("homebrew:tiny")["status"], "success");
    assert!(root.path("recipes/t/tiny.toml").is_file());
}

fn unsafe_names() {
    let mut local_tap = LocalTap::new();
    let files: &[BottleFile<'_>] =
        &[("bin/tiny", b"#!/bin/sh\necho 1.2.3\n", 0o755), ("bin/ls", b"#!/bin/sh\n", 0o755)];
    local_tap.add("tiny", files, Some("bin/ls,bin/tiny"), &json!({}));
    let (origin, _) = local_tap.serve();
    let root = TestRoot::new(&origin, "");
    let entry = root.entry_after_run("homebrew:tiny");
    assert_eq!(entry["status"], "requires_manual", "{entry:#}");
    assert!(!root.path("recipes/t/tiny.toml").exists());
    let settings = "reviewed_packages = [\"homebrew:tiny\"]\n";
    let reviewed = TestRoot::with_settings_before(&origin, settings);
    assert_eq!(reviewed.entry_after_run("homebrew:tiny")["status"], "success");
}

fn macos_only() {
    let mut local_tap = LocalTap::new();
    let files: &[BottleFile<'_>] = &[("bin/tiny", b"#!/bin/sh\necho 1.2.3\n", 0o755)];
    let requirement = json!([{ "name": "macos", "version": null, "contexts": [] }]);
    local_tap.add_for("all", "tiny", files, &json!({ "requirements": requirement }));
    let (origin, _) = local_tap.serve();
    let (report, _) = TestRoot::new(&origin, "").attempt("homebrew:tiny");
    assert_eq!(report["failure"]["subcategory"], "no_bottle", "{report:#}");
    let message = report["failure"]["message"].as_str().unwrap();
    assert!(message.contains("the recipe is not for linux"), "{message}");
}

fn library() {
    let mut local_tap = LocalTap::new();
    let files: &[BottleFile<'_>] = &[
        ("lib/libtiny.so.1", b"\x7fELF", 0o444),
        ("lib/libtiny.so", b"libtiny.so.1", LINK),
        ("include/tiny.h", b"int tiny(void);\n", 0o444),
        ("share/doc/tiny", b"text", 0o444),
    ];
    local_tap.add("libtiny", files, Some(""), &json!({ "executables": [] }));
    let (origin, _) = local_tap.serve();
    let (report, _) = TestRoot::new(&origin, "").attempt("homebrew:libtiny");
    assert_eq!(report["outcome"], "verified", "{report:#}");
    assert_eq!(report["kind"], "library");
    let recipe = report["recipe"].as_str().unwrap();
    let outputs = "outputs = [\"lib/libtiny.so\", \"lib/libtiny.so.1\", \"include/tiny.h\"]";
    assert!(recipe.contains("type = \"library\"") && recipe.contains(outputs), "{recipe}");
    assert!(!recipe.contains("[verify]"), "{recipe}");
}

fn whole_run() {
    let mut local_tap = LocalTap::new();
    let files: &[BottleFile<'_>] = &[("bin/tiny", b"#!/bin/sh\necho 1.2.3\n", 0o755)];
    local_tap.add("tiny", files, Some("bin/tiny"), &json!({}));
    let (origin, _) = local_tap.serve();
    let root = TestRoot::new(&origin, "");
    let queue = r#"{"schema_version":2,"ecosystem":"homebrew","updated_at":"2026-01-01T00:00:00Z",
        "tiers":{"1":"curated","2":"popular","3":"rest"},"packages":[{"id":"homebrew:tiny",
        "tier":1,"status":"pending","added_at":"2026-01-01T00:00:00Z"},{"id":"homebrew:missing",
        "tier":1,"status":"pending","added_at":"2026-01-01T00:00:00Z"}]}"#;
    let path = root.path("data/queues/priority-queue-homebrew.json");
    std::fs::write(&path, queue).unwrap();
    let output = root.run(&["run", "--ecosystem", "homebrew", "-q", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let batch = &summary["batches"][0];
    assert_eq!((&batch["total"], &batch["succeeded"]), (&json!(2), &json!(1)), "{summary:#}");
    assert!(root.path("recipes/t/tiny.toml").is_file());
    let queue = std::fs::read_to_string(path).unwrap();
    assert!(queue.contains("\"success\"") && queue.contains("\"failed\""), "{queue}");
}
