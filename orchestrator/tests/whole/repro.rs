//! A failure is printed as it happened, and repeated.

use std::{path::Path, process::Command, time::Duration};

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{
    facts::check_schema,
    registry::{self, Package},
    root::{TestRoot, obstacle_to_npm, program},
    trial,
};

pub(crate) fn trials() -> Vec<Trial> {
    let obstacle = obstacle_to_npm();
    let tests: [(&str, fn()); 1] =
        [("a_failure_is_printed_as_it_happened_and_occurs_again", a_failure_occurs_again)];
    tests.into_iter().map(|(name, test)| trial(name, test, obstacle.as_deref())).collect()
}

/// A tool that prints another version than its own, and a library.
fn packages() -> [Package; 2] {
    let script = "#!/usr/bin/env node\nconsole.log('9.9.9');\n".to_owned();
    let tool =
        Package { files: [("cli.js".to_owned(), script)].into(), ..Package::tool("liar", 0) };
    let library = Package { bin: Value::Null, ..Package::tool("library", 0) };
    [tool, library]
}

/// Checks what `failures show` says of `failure`, an item of `failures list`, that is stored as
/// `record`.
fn check_shown(root: &TestRoot, failure: &Value, record: &Value) {
    let id = failure["id"].as_str().unwrap();
    let shown = root.json(&["failures", "show", id]);
    assert_eq!(&shown["record"], record);
    let headline = "liar --version printed \"9.9.9\", without \"1.0.0\"";
    assert_eq!([&shown["headline"], &failure["headline"]], [headline, headline]);
    assert_eq!(shown["command"], format!("tsuku-batch repro {id} --run"));
}

fn a_failure_occurs_again() {
    let origin = registry::serve(packages(), Duration::ZERO);
    let root = TestRoot::new(&origin, "");
    root.put_pending(&["liar", "library"]);
    // The root is not named by an absolute path, and outputs contain absolute paths.
    let mut run = Command::new(program());
    run.current_dir(root.dir.path()).args(["run", "--ecosystem", "npm", "-q"]);
    assert!(run.output().unwrap().status.success());
    let failures = root.json_lines(&["failures", "list"]);
    let of = |name: &str| {
        let id = json!(format!("npm:{name}"));
        failures.iter().find(|it| it["package_id"] == id).unwrap().clone()
    };
    let id_of = |name: &str| of(name)["id"].as_str().unwrap().to_owned();

    let report = root.json(&["repro", &id_of("liar")]);
    check_schema(&root, "output-repro", &report);
    check_shown(&root, &of("liar"), &report["record"]);
    assert!(report["recipe"].as_str().unwrap().contains("package = \"liar\""), "{report:#}");
    let steps = report["steps"].as_array().unwrap();
    let argv = |step: &Value| -> Vec<String> {
        let words = step["argv"].as_array().unwrap();
        words.iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let (first, last) = (&steps[0], argv(&steps[steps.len() - 1]));
    let registry = format!("--registry={origin}");
    let install = argv(first);
    assert_eq!(install[..2], ["npm", "install"], "{first:#}");
    assert!(install.contains(&registry) && install.last().unwrap() == "liar@1.0.0", "{first:#}");
    let is = |key: &str| (first[key].clone(), steps[steps.len() - 1][key].clone());
    assert_eq!(is("has_network"), (json!(true), json!(false)));
    assert_eq!(is("is_sandboxed"), (json!(true), json!(true)));
    assert_eq!(first["exit_code"], 0);
    assert_eq!(first["variables"]["npm_config_cache"], "cache");
    assert_eq!(first["path"][0], "$WORK/prefix/bin");
    assert_eq!(last[..2], ["/bin/sh", "-c"]);
    assert!(steps.iter().any(|step| step["what"] == "look in prefix/bin for the commands liar"));
    let stored = of("liar")["repro"]["sha256"].as_str().unwrap().to_owned();
    let stored = root.path(&format!("data/outputs/{}/{stored}.txt", &stored[..2]));
    let document = std::fs::read_to_string(&stored).unwrap();
    check_schema(&root, "repro", &serde_json::from_str(&document).unwrap());

    let text = root.ok(&["repro", &id_of("liar")]);
    for part in [
        "\n  npm install --prefix=prefix ",
        "in the sandbox, with network, exit code 0",
        "\n  WORK=$(mktemp -d); cd \"$WORK\"\n",
        "\n  export PATH=\"$WORK\"/prefix/bin:",
        "\n  package      npm:liar 1.0.0\n",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }

    // The same occurs again, for a validation and for a generation.
    let again = root.json(&["repro", &id_of("liar"), "--run"])["again"].clone();
    assert_eq!(again["outcome"], "reproduced", "{again:#}");
    assert_eq!(again["steps"], report["steps"]);
    assert_eq!(again["environment"], of("liar")["environment"]);
    let library = root.json(&["repro", &id_of("library"), "--run"]);
    check_schema(&root, "output-repro", &library);
    assert_eq!(library["again"]["outcome"], "reproduced", "{library:#}");
    assert!(library["recipe"].is_null() && library["steps"] == json!([]), "{library:#}");
    assert!(root.ok(&["repro", &id_of("library")]).contains("\n  package      npm:library\n"));

    other_outcomes(&root, &id_of("liar"), &stored, &document);
}

/// The failure `id`, whose `document` is stored at `stored`, does not occur again, or cannot.
fn other_outcomes(root: &TestRoot, id: &str, stored: &Path, document: &str) {
    // If the command is now expected to print what it prints, nothing fails any more.
    let other =
        document.replace(r#""version":"1.0.0""#, r#""version":"1.0.0","printed_version":"9.9.9""#);
    std::fs::write(stored, other).unwrap();
    let passed = root.run(&["repro", id, "--run", "--json"]);
    assert_eq!(passed.status.code(), Some(5), "{passed:?}");
    let passed: Value = serde_json::from_slice(&passed.stdout).unwrap();
    assert_eq!(passed["again"]["outcome"], "passed", "{passed:#}");

    // Without the recipe the record is still shown, and nothing can be repeated.
    let file = stored.strip_prefix(root.dir.path()).unwrap().to_str().unwrap();
    let check = |code, word: &str| {
        let lost = root.run(&["repro", id, "--json"]);
        assert_eq!(lost.status.code(), Some(code), "{lost:?}");
        let lost: Value = serde_json::from_slice(&lost.stdout).unwrap();
        let problem = lost["problems"][0].as_str().unwrap().to_owned();
        let again = root.run(&["repro", id, "--run"]);
        assert_eq!(again.status.code(), Some(code), "{again:?}");
        for said in [problem, String::from_utf8(again.stderr).unwrap()] {
            let words = [file, word, "; restore the file from version control, or see with"];
            assert!(words.iter().all(|word| said.contains(word)), "{said}");
        }
    };
    std::fs::write(stored, &document[..document.len() / 2]).unwrap();
    check(6, "EOF while parsing");
    std::fs::remove_file(stored).unwrap();
    check(3, "no longer stored");
    assert_eq!(root.run(&["repro", "no-such-failure"]).status.code(), Some(3));
}
