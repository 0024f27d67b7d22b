//! A registry of recipes that is not this project gets the pipeline by the steps of the README.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use serde_json::json;

use super::{
    git,
    pipeline::Pipeline,
    registries::{Numbers, Registries},
};
use crate::root::{program, put};

/// How many recipes the registry has before.
const N_RECIPES: usize = 20;

/// The blocks of the section "In CI" of the README: commands, and a workflow.
fn steps() -> (String, String) {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let text = fs::read_to_string(readme).unwrap();
    let section = text.split("\n## In CI\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let block = |kind: &str| {
        let after = section.split(&format!("```{kind}\n")).nth(1).unwrap();
        after.split("```").next().unwrap().to_owned()
    };
    (block("sh"), block("yaml"))
}

fn recipe(name: &str, package: &str) -> String {
    format!(
        "# by hand\n[metadata]\nname = \"{name}\"\ndescription = \"A tool\"\nhomepage = \"https://example.org\"\n\n\
         [[steps]]\naction = \"npm_install\"\npackage = \"{package}\"\nexecutables = [\"{name}\"]\n\n\
         [verify]\ncommand = \"{name} --version\"\npattern = \"{{version}}\"\n"
    )
}

pub(super) fn registry() {
    let registries = Registries::serve(Numbers { npm: 2, others: 1, later: 0 });
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "--quiet", "--bare", "-b", "main", "registry.git"]);
    git(dir.path(), &["clone", "--quiet", "registry.git", "checkout"]);
    let checkout = dir.path().join("checkout");
    git(&checkout, &["checkout", "--quiet", "-b", "main"]);
    // One of the recipes is for a package that is queued.
    let mut recipes = BTreeMap::new();
    for n in 1..=N_RECIPES {
        let name = if n == 1 { "en-tool1".to_owned() } else { format!("by-hand{n}") };
        recipes.insert(format!("recipes/{}/{name}.toml", &name[..1]), recipe(&name, &name));
    }
    for (path, text) in &recipes {
        put(&checkout.join(path), text);
    }
    git(&checkout, &["add", "--all"]);
    git(&checkout, &["commit", "--quiet", "-m", "Recipes"]);
    git(&checkout, &["push", "--quiet", "origin", "main"]);

    let (commands, workflow) = steps();
    for command in commands.lines() {
        let command = command.split(" #").next().unwrap().trim();
        run(command, &checkout);
        if command.starts_with("tsuku-batch init") {
            // The curated lists have packages of the real registries, which no test asks.
            registries.fill(&checkout);
            git(&checkout, &["add", "pipeline.toml"]);
        }
    }
    let mut pipeline = Pipeline::over(dir, &workflow, registries);
    for slot in 0..8 {
        let ended = pipeline.slot(slot, "schedule", json!({}), BTreeMap::new());
        for (job, end) in &ended {
            assert_eq!(end.result, "success", "slot {slot}, {job}: {}", end.printed);
        }
        let printed = &ended["merge"].printed;
        assert!(!printed.contains("taken over"), "it has what is its own: {printed}");
        // Nothing requires these checks, so GitHub merges nothing by itself.
        pipeline.checks_end(|_| Some("success"));
    }
    let records = pipeline.records();
    assert_eq!(records.len(), 8, "{:?}", records.keys());
    for record in records.values() {
        pipeline.check_record(record);
    }
    pipeline.check_that_nothing_was_pushed_twice();
    let found = pipeline.files("recipes/");
    for name in ["be-tool1", "ce-tool1", "en-tool2", "pe-tool1", "ge-tool1", "app-pl1"] {
        let path = format!("recipes/{}/{name}.toml", &name[..1]);
        assert!(found.contains(&path), "{path} is not in {found:#?}");
    }
    assert_eq!(found.len(), N_RECIPES + 6, "{found:#?}");
    for (path, text) in &recipes {
        assert_eq!(pipeline.file(path), text.trim_end(), "{path} is as it was");
    }
}

/// Runs a command of the README.
fn run(command: &str, dir: &Path) {
    let words = command.replace("tsuku-batch", program().to_str().unwrap());
    let mut bash = Command::new("bash");
    bash.args(["-ec", &words]).current_dir(dir);
    for role in ["AUTHOR", "COMMITTER"] {
        bash.env(format!("GIT_{role}_NAME"), "Joe")
            .env(format!("GIT_{role}_EMAIL"), "joe@a.example");
    }
    let output = bash.output().unwrap();
    assert!(output.status.success(), "{command}: {output:?}");
}
