//! Rules of the project that a compiler cannot check.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test that reads sources")]

#[path = "architecture/documents.rs"]
mod documents;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use orchestrator::plugins;
use serde_json::Value;

/// The dependencies that each kind of crate may have. An addition here is a design decision.
const MAY_DEPEND_ON: &[(&str, &str)] = &[
    (
        "batch-core",
        "aho-corasick async-trait base64 chrono fastrand flate2 governor hex httpdate inventory memchr \
         percent-encoding rawzip reqwest rustix rustls ruzstd schemars serde serde_json sha2 smol_str \
         strsim tar tempfile thiserror tokio toml toml_edit tracing twox-hash \
         unicode-security url vte",
    ),
    ("batch-sim", "async-trait batch-core chrono sha2"),
    ("batch-fuzz", "fastrand"),
    (
        "batch-forge",
        "async-trait base64 batch-core chrono fastrand rustix serde serde_json tempfile thiserror tokio url zip",
    ),
    (
        "batch-conformance",
        "async-trait batch-core batch-fuzz batch-sim fastrand flate2 hex serde serde_json sha2 tar tempfile \
         toml tracing url zip",
    ),
    (
        "eco-",
        "async-trait base64 batch-core csv-core pep440_rs saphyr-parser semver serde serde_json toml",
    ),
    (
        "analytics",
        "askama batch-core chrono flate2 foldhash schemars serde serde_json smol_str tempfile thiserror \
         twox-hash",
    ),
];

/// The modules that each layer of core may name after `crate::`.
const MAY_USE: &[(&str, &str)] = &[
    ("model", "model"),
    ("decide", "model decide"),
    ("io", "model decide io"),
    ("plugin", "model io plugin"),
    ("old_formats", "model old_formats"),
];

/// Licences that are accepted for dependencies.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "OpenSSL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates that are present in two versions, because the crates that we use need different ones.
const DUPLICATES: &[&str] = &["base64", "getrandom", "hashbrown", "syn"];

/// The names of ecosystems that core must not contain. Names of later ecosystems may be common
/// words, for example names of systems.
const FIRST_EIGHT: [&str; 8] =
    ["homebrew", "cargo", "npm", "pypi", "rubygems", "go", "cpan", "cask"];

/// Folders with production code.
const CODE: &[&str] = &[
    "core/src",
    "core/sim/src",
    "core/conformance/src",
    "core/fuzz/src",
    "analytics/src",
    "ecosystems",
    "orchestrator/src",
    "orchestrator/forge/src",
];

/// The length limit of a file, in lines of production code.
const MAX_FILE: usize = 300;

fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn metadata(args: &[&str]) -> Value {
    let output = Command::new(env!("CARGO"))
        .current_dir(workspace_root())
        .args(["metadata", "--locked", "--offline", "--format-version", "1"])
        .args(args)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The platform of this machine, because dependencies for other platforms may not be downloaded.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

/// Every Rust file under `dir`.
fn sources(dir: &Path) -> Vec<PathBuf> {
    let of = |path: PathBuf| if path.is_dir() { sources(&path) } else { vec![path] };
    let Ok(entries) = fs::read_dir(dir) else { return vec![] };
    let mut found: Vec<PathBuf> = entries.flat_map(|entry| of(entry.unwrap().path())).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    found.sort();
    found
}

/// The part of the file before its unit tests.
fn production(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.split("#[cfg(test)]\nmod").next().unwrap().to_owned()
}

/// Whether `path` holds nothing but unit tests.
fn is_test(path: &Path) -> bool {
    path.iter().any(|part| part == "tests" || part == "tests.rs")
}

/// Production code of a layer of core, without comments and line breaks.
fn layer(name: &str) -> Vec<(PathBuf, String)> {
    let is_production = |path: &PathBuf| !is_test(path);
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let code = |path: PathBuf| {
        let code = production(&path).lines().filter(is_code).collect();
        (path, code)
    };
    let files = sources(&workspace_root().join("core/src").join(name));
    files.into_iter().filter(is_production).map(code).collect()
}

/// External packages with their features, as cargo builds them with `edges`.
fn built_with(edges: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(workspace_root())
        .args(["tree", "--workspace", "--locked", "--offline", "--prefix", "none", "--no-dedupe"])
        .args(["--edges", edges, "--format", "{p} [{f}]"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|line| !line.contains("(/")).map(str::to_owned).collect()
}

#[test]
fn the_program_and_its_tests_share_all_dependencies() {
    let (program, tests) = (built_with("normal,build"), built_with("normal,build,dev"));
    let differ: Vec<&String> = program.difference(&tests).collect();
    assert!(differ.is_empty(), "the tests build these with other features: {differ:#?}");
}

#[test]
fn dependencies_of_crates_follow_the_layers() {
    for package in metadata(&["--no-deps"])["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let rule = MAY_DEPEND_ON.iter().find(|(prefix, _)| name.starts_with(prefix));
        for dependency in package["dependencies"].as_array().unwrap() {
            let on = dependency["name"].as_str().unwrap();
            let may =
                rule.is_none_or(|(_, allowed)| allowed.split_whitespace().any(|word| word == on));
            assert!(may || dependency["kind"] == "dev", "{name} must not depend on {on}");
        }
    }
}

#[test]
fn only_the_orchestrator_knows_the_ecosystems() {
    for package in metadata(&["--no-deps"])["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            let on = dependency["name"].as_str().unwrap();
            assert!(!on.starts_with("eco-") || name == "orchestrator", "{name} depends on {on}");
        }
    }
}

#[test]
fn pages_need_no_network() {
    let output = Command::new(env!("CARGO"))
        .current_dir(workspace_root())
        .args([
            "tree",
            "--locked",
            "--offline",
            "-p",
            "analytics",
            "-e",
            "normal",
            "--prefix",
            "none",
        ])
        .output()
        .unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(tree.contains("askama"), "{tree}");
    assert!(!tree.lines().any(|line| line.starts_with("reqwest ")), "{tree}");
}

#[test]
fn licences_sources_and_versions_are_as_agreed() {
    let metadata = metadata(&["--filter-platform", &host()]);
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        let text = |key: &str| package[key].as_str().unwrap_or_default();
        let (name, licence, source) = (text("name"), text("license"), text("source"));
        let is_crates_io =
            source.starts_with("registry+https://github.com/rust-lang/crates.io-index");
        assert!(is_crates_io || package["source"].is_null(), "{name} comes from {source}");
        assert!(is_permitted(licence), "{name} has the licence {licence:?}");
        versions.entry(name).or_default().insert(text("version"));
    }
    let several = versions.iter().filter(|(_, versions)| versions.len() > 1);
    let several: Vec<&str> = several.map(|(name, _)| *name).collect();
    assert_eq!(several, DUPLICATES, "crates in several versions");
}

/// Whether all parts of at least one alternative of an SPDX expression are permitted.
fn is_permitted(expression: &str) -> bool {
    let plain = expression.replace(['(', ')'], " ").replace('/', " OR ");
    plain.split(" OR ").any(|alternative| {
        alternative.split(" AND ").all(|licence| LICENCES.contains(&licence.trim()))
    })
}

#[test]
fn layers_use_only_the_layers_below_them() {
    for (name, allowed) in MAY_USE {
        for (path, code) in layer(name) {
            let code = code.replace(' ', "");
            for used in ["model", "decide", "io", "plugin", "persist"] {
                let mut before = ["crate::", "crate::{", "},"].iter();
                let is_used = before.any(|before| code.contains(&format!("{before}{used}::")));
                let may = allowed.split(' ').any(|word| word == used);
                assert!(!is_used || may, "{} uses {used}", path.display());
            }
        }
    }
}

/// For each module of the orchestrator, the other modules that it names after `crate::`.
fn uses_of_modules() -> BTreeMap<String, BTreeSet<String>> {
    let src = workspace_root().join("orchestrator/src");
    let is_module = |stem: &&str| !["lib", "main"].contains(stem);
    let entries = fs::read_dir(&src).unwrap().map(|entry| entry.unwrap().path());
    let stems = entries.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
    let names: BTreeSet<String> = stems.filter(|stem| is_module(&&**stem)).collect();
    let uses_of = |name: &String| {
        let (folder, file) = (src.join(name), src.join(format!("{name}.rs")));
        let files = sources(&folder).into_iter().chain(file.exists().then_some(file));
        let code: String = files.map(|path| without_comments(&production(&path))).collect();
        let used = names.iter().filter(|other| *other != name && names_module(&code, other));
        (name.clone(), used.cloned().collect())
    };
    names.iter().map(uses_of).collect()
}

/// Whether `code`, which has neither comments nor spaces, names `crate::<module>`, alone or in a
/// list.
fn names_module(code: &str, module: &str) -> bool {
    let is_end = |rest: &str| rest.starts_with("::") || rest.starts_with([';', ',', '}']);
    let alone = format!("crate::{module}");
    if code.match_indices(&alone).any(|(at, _)| is_end(&code[at + alone.len()..])) {
        return true;
    }
    let lists = code.match_indices("crate::{").map(|(at, word)| list(&code[at + word.len()..]));
    lists
        .flatten()
        .any(|item| item.strip_prefix(module).is_some_and(|rest| rest.is_empty() || is_end(rest)))
}

/// The items of a `use` list without its opening brace.
fn list(code: &str) -> Vec<&str> {
    let (mut depth, mut from, mut items) = (0, 0, vec![]);
    for (at, c) in code.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                items.push(&code[from..at]);
                from = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => (),
        }
    }
    items
}

fn without_comments(code: &str) -> String {
    let lines = code.lines().map(|line| line.split("//").next().unwrap());
    lines.flat_map(str::split_whitespace).collect()
}

#[test]
fn modules_of_the_orchestrator_have_no_cycles() {
    let mut left = uses_of_modules();
    assert!(left["cli"].contains("run") && left["run"].contains("stage"), "{left:#?}");
    // Removes modules that use no remaining module; only cycles are left.
    while let Some(free) =
        left.iter().find(|(_, used)| used.is_empty()).map(|(name, _)| name.clone())
    {
        left.remove(&free);
        for used in left.values_mut() {
            used.remove(&free);
        }
    }
    assert!(left.is_empty(), "these need each other: {left:#?}");
}

#[test]
fn generators_and_validators_know_no_stage() {
    let uses = uses_of_modules();
    for module in ["generator", "validator"] {
        for above in ["stage", "run", "cli"] {
            assert!(!uses[module].contains(above), "{module} uses {above}");
        }
    }
}

#[test]
fn lists_of_names_are_read_as_the_compiler_reads_them() {
    let code = without_comments("use crate::{a::{b, c}, d}; // crate::e::x\nuse crate::f::g;");
    let found = ["a", "b", "c", "d", "e", "f", "g"].map(|module| names_module(&code, module));
    assert_eq!(found, [true, false, false, true, false, true, false]);
}

#[test]
fn decisions_are_pure() {
    for (path, code) in layer("decide") {
        for word in ["async ", ".await", "std::fs", "std::env", "std::process", "tokio"] {
            assert!(!code.contains(word), "{} says {word:?}", path.display());
        }
    }
}

#[test]
fn core_names_no_ecosystem() {
    let code: Vec<_> =
        ["", "../sim/src", "../conformance/src"].into_iter().flat_map(layer).collect();
    assert!(code.len() > 40, "the sources of core were not found");
    for plugin in plugins::registry().unwrap().iter() {
        let id = plugin.id.to_string();
        if !FIRST_EIGHT.contains(&&*id) {
            continue;
        }
        let hosts = plugin.rate_limit.quotas().iter().map(|quota| quota.host);
        for word in plugin.aliases.iter().copied().chain(hosts).chain([&*id]) {
            let literal = format!("\"{word}\"");
            for (path, code) in &code {
                assert!(!code.contains(&literal), "{} says {literal}", path.display());
            }
        }
    }
}

#[test]
fn only_the_registry_iterates_what_is_linked() {
    for path in CODE.iter().flat_map(|dir| sources(&workspace_root().join(dir))) {
        let is_registry = path.ends_with("plugin/registry.rs");
        assert!(
            is_registry || !production(&path).contains("inventory::iter"),
            "{}",
            path.display()
        );
    }
}

#[test]
fn every_folder_under_ecosystems_is_registered() {
    let folders = fs::read_dir(workspace_root().join("ecosystems")).unwrap();
    let folders: BTreeSet<String> =
        folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let plugins = plugins::registry().unwrap();
    assert_eq!(folders, plugins.iter().map(|plugin| plugin.id.to_string()).collect());
}

#[test]
fn no_file_is_longer_than_the_limit() {
    for path in CODE.iter().flat_map(|dir| sources(&workspace_root().join(dir))) {
        let n_lines = production(&path).lines().count();
        assert!(
            is_test(&path) || n_lines <= MAX_FILE,
            "{} has {n_lines} lines of production code, and {MAX_FILE} are allowed; move one \
             concept of it into a file of its own",
            path.display()
        );
    }
}

#[test]
fn no_module_has_a_name_without_meaning() {
    for path in ["core", "analytics", "ecosystems", "orchestrator"]
        .iter()
        .flat_map(|dir| sources(&workspace_root().join(dir)))
    {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(
            !["util", "utils", "common", "helpers", "misc"].contains(&&*stem),
            "{}",
            path.display()
        );
    }
}

#[test]
fn every_exception_from_a_lint_has_a_reason() {
    for path in ["core", "analytics", "ecosystems", "orchestrator"]
        .iter()
        .flat_map(|dir| sources(&workspace_root().join(dir)))
    {
        let text = fs::read_to_string(&path).unwrap();
        let says = concat!("#[", "allow(");
        assert!(!text.contains(says), "{}", path.display());
    }
}
