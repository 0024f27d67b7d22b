//! Recipes of a pull request: which files it changes, where they are tested, and whether they work.

use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{
    push::remote::{git, obstacle_to_git, recipe_of},
    registry::{self, Package},
    root::{TestRoot, obstacle_to_npm},
    trial,
};

pub(crate) fn trials() -> Vec<Trial> {
    let git = obstacle_to_git();
    let both = obstacle_to_npm().or_else(obstacle_to_git);
    vec![
        trial("only_the_recipes_that_a_commit_changes_are_looked_at", changed, git.as_deref()),
        trial("recipes_of_a_pull_request_are_installed_as_they_are", tested, both.as_deref()),
        trial("what_cannot_be_tested_now_is_a_warning_and_no_failure", undecided, git.as_deref()),
    ]
}

const HERE: &str = "linux-debian-glibc-x86_64";

fn put(root: &TestRoot, name: &str, text: &str) {
    let path = root.path(&format!("recipes/{}/{name}.toml", &name[..1]));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn recipe(name: &str) -> String {
    recipe_of(format!("npm:{name}").parse().unwrap(), name).toml
}

fn commit(root: &TestRoot, message: &str) {
    git(root.dir.path(), &["add", "--all"]);
    git(root.dir.path(), &["commit", "--quiet", "-m", message]);
}

/// A root with recipes in a repository.
fn repository(origin: &str) -> TestRoot {
    let root = TestRoot::new(origin, "");
    std::fs::write(root.path(".gitignore"), ".tsuku-batch/\n").unwrap();
    git(root.dir.path(), &["init", "--quiet"]);
    for name in ["kept", "edited", "removed"] {
        put(&root, name, &recipe(name));
    }
    commit(&root, "recipes");
    root
}

/// The pull request: one recipe is added, one edited, one removed, and another file changed; main has
/// moved on meanwhile.
fn propose(root: &TestRoot) {
    let at = root.dir.path();
    git(at, &["checkout", "--quiet", "-b", "proposal"]);
    put(root, "added", &recipe("added"));
    put(root, "edited", &format!("# by hand\n{}", recipe("edited")));
    std::fs::remove_file(root.path("recipes/r/removed.toml")).unwrap();
    std::fs::write(root.path("recipes/README"), "x").unwrap();
    std::fs::write(root.path("notes.toml"), "x = 1").unwrap();
    commit(root, "proposal");
    git(at, &["checkout", "--quiet", "-"]);
    git(at, &["checkout", "--quiet", "-B", "main"]);
    put(root, "other", &recipe("other"));
    commit(root, "main moves on");
    git(at, &["merge", "--quiet", "--no-ff", "-m", "merge of the pull request", "proposal"]);
}

fn files(report: &Value) -> Vec<String> {
    let name = |it: &Value| it["file"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    report.as_array().unwrap().iter().map(name).collect()
}

fn changed() {
    let root = repository("http://127.0.0.1:9");
    propose(&root);
    let check = ["recipe", "check", "--changed-since", "HEAD^1"];
    assert_eq!(files(&root.json(&check)), ["added.toml", "edited.toml"]);
    // A branch that moved on meanwhile asks the same question.
    git(root.dir.path(), &["checkout", "--quiet", "proposal"]);
    let check = ["recipe", "check", "--changed-since", "main^1"];
    assert_eq!(files(&root.json(&check)), ["added.toml", "edited.toml"]);

    let outputs = root.path("outputs");
    let matrix = ["recipe", "matrix", "--changed-since", "main^1", "--outputs"];
    let matrix: Vec<&str> = matrix.into_iter().chain(outputs.to_str()).collect();
    let shown = root.json(&matrix);
    let places = |it: &Value| it["environment"].as_str().unwrap().to_owned();
    let places: Vec<String> = shown["include"].as_array().unwrap().iter().map(places).collect();
    // npm is not in the images of other distributions.
    assert_eq!(places, [HERE, "linux-debian-glibc-arm64", "darwin-arm64", "darwin-x86_64"]);
    let told = std::fs::read_to_string(&outputs).unwrap();
    assert!(told.contains("\nhas_jobs=true\n") && told.contains("\nhas_runners=true\n"), "{told}");
    assert!(
        told.contains("runners=[\"macos-15\",\"macos-15-intel\",\"ubuntu-24.04-arm\"]"),
        "{told}"
    );
    assert!(told.lines().next().unwrap().starts_with("matrix={\"include\":[{"), "{told}");

    let nothing = root.json(&["recipe", "check", "--changed-since", "HEAD"]);
    assert_eq!(nothing, json!([]));
    for wrong in ["no-such-commit", "--output=x", "HEAD:recipes"] {
        let option = format!("--changed-since={wrong}");
        let output = root.run(&["recipe", "check", &option]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains("names no commit"), "{told}");
    }
    assert!(!root.path("x").exists(), "a name was taken for an option");
}

/// The exit code of `recipe test` here, and the result for each file.
fn test(root: &TestRoot, args: &[&str]) -> (Option<i32>, Vec<String>) {
    let fixed = ["recipe", "test", "--environment", HERE, "-q", "--json"];
    let output = root.command(&fixed).args(args).output().unwrap();
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let of = |it: &Value| {
        let file = it["file"].as_str().unwrap().rsplit('/').next().unwrap();
        let outcome = it["outcome"].as_str().unwrap();
        let kind = it["failure"]["subcategory"].as_str().unwrap_or_default();
        format!("{file} {outcome} {kind}").trim_end().to_owned()
    };
    let lines: Vec<String> = report["recipes"].as_array().unwrap().iter().map(of).collect();
    (output.status.code(), lines)
}

fn tested() {
    let names = ["added", "edited", "kept", "other", "removed"];
    let mut packages: Vec<Package> = names.map(|name| Package::tool(name, 0)).into();
    "2.0.0".clone_into(&mut packages[1].version);
    let root = repository(&registry::serve(packages, Duration::ZERO));
    propose(&root);
    put(
        &root,
        "run",
        &(recipe("run") + "\n[[steps]]\naction = \"run_command\"\ncommand = \"id\"\n"),
    );
    put(
        &root,
        "linux",
        &recipe("linux").replace("\n[[steps]]", "supported_os = [\"darwin\"]\n\n[[steps]]"),
    );
    put(&root, "alien", "[metadata]\nname = \"alien\"\n");
    commit(&root, "more");
    let test = |args: &[&str]| test(&root, args);
    // `edited` prints 1.0.0, and the registry has 2.0.0.
    let (code, lines) = test(&["--changed-since", "HEAD^1^1"]);
    assert_eq!(
        lines,
        [
            "added.toml passed",
            "alien.toml untested",
            "edited.toml failed verify_pattern_mismatch",
            "linux.toml untested",
            "run.toml untested",
        ]
    );
    assert_eq!(code, Some(5));
    let file = |name: &str| root.path(name).display().to_string();
    let (code, lines) = test(&[&file("recipes/a/added.toml")]);
    assert_eq!((code, &*lines), (Some(0), &["added.toml passed".to_owned()][..]));
    // Nothing is recorded.
    assert_eq!(git(root.dir.path(), &["status", "--porcelain"]), "");
    let other = ["--environment", "darwin-arm64", &file("recipes/a/added.toml")];
    let output = root.command(&["recipe", "test"]).args(other).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
}

/// What cannot be found out now is no failure of the recipe.
fn undecided() {
    let root = repository(&registry::serve([Package::tool("kept", 0)], Duration::ZERO));
    let file = root.path("recipes/k/kept.toml").display().to_string();
    let told = |args: &[&str]| test(&root, args);
    root.ok(&["pause", "--reason", "maintenance", "--for", "2h"]);
    assert_eq!(told(&[&file]), (Some(4), vec!["kept.toml undecided".to_owned()]));
    assert_eq!(told(&[&file, "--allow-undecided"]).0, Some(0));
    let annotated = ["recipe", "test", "--environment", HERE, "--format", "github", &file];
    let printed = String::from_utf8(root.run(&annotated).stdout).unwrap();
    let warning = format!("::warning file={file},title=it could not be tested now in {HERE}::");
    assert!(printed.lines().any(|line| line.starts_with(&warning)), "{printed}");
    put(&root, "alien", "[metadata]\nname = \"alien\"\n");
    let alien = root.path("recipes/a/alien.toml").display().to_string();
    let printed =
        String::from_utf8(root.run(&["recipe", "check", "--format", "github", &alien]).stdout);
    let error = format!("::error file={alien},");
    assert!(printed.unwrap().lines().any(|line| line.starts_with(&error)));
}
