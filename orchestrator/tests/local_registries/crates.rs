//! crates.io: an index and archives for the real `cargo`, and the messages of compilers and build
//! scripts about crates that cannot be built.

use std::{fmt::Write as _, path::Path};

use batch_conformance::tables::FAULTS;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::root::{TestRoot, put};

pub(crate) fn trials() -> Vec<Trial> {
    crate::trials(
        &["cargo", "cc"],
        &[
            ("compile_errors_that_quote_faults_are_the_crates_own_failures", quoted_faults),
            ("a_recipe_is_verified_by_what_was_seen_to_prove_the_version", verified),
            ("a_build_script_sees_neither_the_token_nor_other_variables_of_ci", build_script),
        ],
    )
}

/// A program crate, version 0.1.0.
pub(crate) struct Crate {
    pub(crate) name: String,
    main: String,
    build_script: Option<String>,
}

impl Crate {
    pub(crate) fn new(name: &str, main: &str) -> Self {
        Self { name: name.to_owned(), main: main.to_owned(), build_script: None }
    }

    fn archive(&self) -> Vec<u8> {
        let manifest = format!(
            "[package]\nname = \"{}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
            self.name
        );
        let gzip = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
        let mut archive = tar::Builder::new(gzip);
        let mut add = |path: &str, text: &str| {
            let mut entry = tar::Header::new_gnu();
            entry.set_size(u64::try_from(text.len()).unwrap());
            entry.set_mode(0o644);
            entry.set_mtime(1_700_000_000);
            entry.set_cksum();
            let path = format!("{}-0.1.0/{path}", self.name);
            archive.append_data(&mut entry, path, text.as_bytes()).unwrap();
        };
        add("Cargo.toml", &manifest);
        add("src/main.rs", &self.main);
        if let Some(script) = &self.build_script {
            add("build.rs", script);
        }
        archive.into_inner().unwrap().finish().unwrap()
    }
}

pub(crate) fn publish(dir: &Path, krate: &Crate) {
    let archive = krate.archive();
    let digest = Sha256::digest(&archive).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let name = &krate.name;
    let line = json!({"name": name, "vers": "0.1.0", "deps": [], "cksum": digest, "features": {},
        "yanked": false, "rust_version": "1.56"});
    put(&dir.join(&name[..2]).join(&name[2..4]).join(name), format!("{line}\n"));
    put(&dir.join(format!("crates/{name}/{name}-0.1.0.crate")), archive);
}

/// A root whose queue holds `crates`, and a registry with them.
fn root(crates: &[Crate]) -> (TestRoot, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    for krate in crates {
        publish(dir.path(), krate);
    }
    let registries = ["https://index.crates.io", "https://static.crates.io"];
    let root = TestRoot::new("cargo", &registries, dir.path());
    let archives = format!("{}/crates/{{crate}}/{{crate}}-{{version}}.crate", root.origin());
    put(&dir.path().join("config.json"), json!({"dl": archives}).to_string());
    root.put_pending(&crates.iter().map(|krate| &*krate.name).collect::<Vec<_>>());
    (root, dir)
}

fn json_of(root: &TestRoot, file: &str) -> Value {
    serde_json::from_slice(&std::fs::read(root.path(file)).unwrap()).unwrap()
}

/// The text of a fault occurs in a type error, in a compiler error of its own, and in the last
/// output of a build script.
fn quoted_faults() {
    let krate = |(i, fault): (usize, &&str)| {
        let name = format!("quoting-{i:02}");
        match i % 3 {
            0 => Crate::new(&name, &format!("fn main() {{ let _x: i32 = {fault:?}; }}\n")),
            1 => Crate::new(&name, &format!("compile_error!({fault:?});\nfn main() {{}}\n")),
            _ => Crate {
                build_script: Some(format!(
                    "fn main() {{ println!(\"cargo:warning={fault}\"); panic!({fault:?}); }}\n"
                )),
                ..Crate::new(&name, "fn main() {}\n")
            },
        }
    };
    let crates: Vec<Crate> = FAULTS.iter().enumerate().map(krate).collect();
    let (root, _registry) = root(&crates);
    let outcomes = root.outcomes();
    assert_eq!(outcomes.len(), FAULTS.len());
    for (i, fault) in FAULTS.iter().enumerate() {
        let outcome = &outcomes[&format!("quoting-{i:02}")];
        assert_eq!(outcome, "validation_failed/native_build_failed", "{fault}");
    }
    let queue = json_of(&root, "data/queues/priority-queue-cargo.json");
    for entry in queue["packages"].as_array().unwrap() {
        assert_eq!(entry["status"], "failed", "{entry}");
        assert_eq!(entry["consecutive_failures"], 1, "{entry}");
        assert_eq!(entry["consecutive_faults"], Value::Null, "{entry}");
    }
    let control = json_of(&root, "batch-control.json");
    let breaker = &control["ecosystems"]["cargo"];
    assert_eq!(breaker["circuit_state"], "closed", "{control:#}");
    assert_eq!(breaker["consecutive_failures"], 0, "{control:#}");
    assert_eq!(control["hosts"], json!({}), "{control:#}");
}

/// The token of a job. No prefix says that it is one.
const TOKEN: &str = "Vm7qK2xTz9LpWc4RbN8s";

/// A build script runs while the crate is installed, with network. It prints the names of all variables, and
/// their values as numbers, in which nothing recognises and removes a secret.
const DUMP: &str = r#"fn main() {
    for (name, value) in std::env::vars() {
        let numbers: Vec<String> = value.bytes().map(|byte| byte.to_string()).collect();
        if !name.starts_with("CARGO") { println!("SEEN {name} {}", numbers.join("-")); }
    }
    println!("END");
    std::process::exit(3);
}
"#;

fn build_script() {
    let krate =
        Crate { build_script: Some(DUMP.to_owned()), ..Crate::new("dumping", "fn main() {}\n") };
    let (root, _registry) = root(&[krate]);
    let names = ["GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_RUNTIME_TOKEN", "GITHUB_ENV"];
    let run = ["run", "--ecosystem", "cargo", "-q"];
    let output = root.run_with(&run, &names.map(|name| (name, TOKEN)));
    assert!(output.status.success(), "{output:?}");
    let listed: Value = serde_json::from_str(&root.ok(&["failures", "list", "--json"])).unwrap();
    let id = listed["id"].as_str().unwrap();
    let shown: Value = serde_json::from_str(&root.ok(&["failures", "show", id, "--json"])).unwrap();
    let said = shown["output"].as_str().unwrap_or_else(|| panic!("{shown:#}"));
    assert!(said.contains("SEEN PATH ") && said.contains("END"), "it ran: {said}");
    let numbers: Vec<String> = TOKEN.bytes().map(|byte| byte.to_string()).collect();
    assert!(!said.contains(&numbers.join("-")), "{said}");
    for start in ["GITHUB_", "GH_", "ACTIONS_"] {
        assert!(!said.contains(&format!("SEEN {start}")), "{said}");
    }
}

/// A program that prints `answer` when called with `way`, and otherwise exits with code 3.
fn answering(name: &str, way: &str, answer: &str) -> Crate {
    let main = format!(
        "fn main() {{\n    let way = std::env::args().nth(1).unwrap_or_default();\n    \
         if way != {way:?} {{\n        eprintln!(\"unknown argument\");\n        \
         std::process::exit(3);\n    }}\n    {answer}\n}}\n"
    );
    Crate::new(name, &main)
}

fn verified() {
    let crates = [
        answering("by-word", "version", "println!(\"by-word version v0.1.0 (test)\");"),
        answering("by-letter", "-V", "println!(\"by-letter 0.1.0\");"),
        answering(
            "by-usage",
            "--help",
            "eprintln!(\"usage: by-usage [flags]\"); std::process::exit(2);",
        ),
        Crate::new("says-more", "fn main() { println!(\"says-more 10.1.0\"); }\n"),
        answering("says-nothing", "--nothing", ""),
    ];
    let (root, _registry) = root(&crates);
    let outcomes = root.outcomes();
    for (name, expected) in [
        ("by-word", "verified"),
        ("by-letter", "verified"),
        ("by-usage", "verified"),
        ("says-more", "validation_failed/verify_pattern_mismatch"),
        ("says-nothing", "validation_failed/verify_failed"),
    ] {
        assert_eq!(outcomes[name], expected, "{name}: {outcomes:#?}");
    }
    for (name, parts) in [
        ("by-word", ["command = \"by-word version\"", "pattern = \"{version}\""].as_slice()),
        ("by-letter", &["command = \"by-letter -V\"", "pattern = \"{version}\""]),
        ("by-usage", &["command = \"by-usage --help\"", "pattern = \"usage\"", "exit_code = 2"]),
    ] {
        let recipe = std::fs::read_to_string(root.path(&format!("recipes/b/{name}.toml"))).unwrap();
        for part in parts.iter().chain(&["# needs rustc 1.56 or newer\n[metadata]"]) {
            assert!(recipe.contains(part), "{part} is not in\n{recipe}");
        }
    }
    let queue = json_of(&root, "data/queues/priority-queue-cargo.json");
    for entry in queue["packages"].as_array().unwrap() {
        assert_eq!(entry["notes"], json!(["needs rustc 1.56 or newer"]), "{entry}");
    }
    let tried = root.tried("by-letter");
    assert_eq!(tried["notes"], json!(["needs rustc 1.56 or newer"]), "{tried:#}");
    let recipe = tried["recipe"].as_str().unwrap();
    assert!(recipe.contains("command = \"by-letter -V\""), "{recipe}");
}
