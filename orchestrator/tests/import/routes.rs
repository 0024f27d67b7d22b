//! The sources of tools in the real data of an earlier pipeline.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::{Value, json};

use crate::{
    corpus::FOLDER,
    old_tree::{import, run},
};

pub(crate) const TESTS: &[(&str, fn())] =
    &[("no_tool_of_the_corpus_is_taken_from_a_library_of_its_name", routed)];

/// Ecosystems of libraries, as the old queue names them, with their present ids.
const OF_LIBRARIES: [(&str, &str); 3] =
    [("rubygems", "rubygems"), ("npm", "npm"), ("crates.io", "cargo")];

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// All entries of the queues of `root` by id.
fn entries(root: &Path) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for file in fs::read_dir(root.join("data/queues")).unwrap() {
        let file = read(&file.unwrap().path());
        let packages = file["packages"].as_array().unwrap().clone();
        found.extend(packages.into_iter().map(|it| (it["id"].as_str().unwrap().to_owned(), it)));
    }
    found
}

/// Copies the recipes of the corpus into `root`.
pub(crate) fn copy_recipes(root: &Path) {
    for folder in fs::read_dir(Path::new(FOLDER).join("recipes")).unwrap() {
        let folder = folder.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        let to = root.join("recipes").join(folder.file_name().unwrap());
        fs::create_dir_all(&to).unwrap();
        for file in fs::read_dir(folder).unwrap() {
            let file = file.unwrap().path();
            if !file.is_file() {
                continue;
            }
            fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
        }
    }
}

/// Whether the program's own list of the ecosystem has the package.
fn is_curated(ecosystem: &str, name: &str) -> bool {
    let lists = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../data/seeds"));
    let list = read(&lists.join(format!("{ecosystem}.json")));
    list["packages"].as_array().unwrap().iter().any(|listed| listed["name"] == name)
}

/// The packages that the old queue would build from a registry of libraries, although Homebrew has a
/// package with the name of the tool, as the old audits say.
fn from_libraries() -> BTreeSet<String> {
    let queue = read(&Path::new(FOLDER).join("data/queues/priority-queue.json"));
    let mut found = BTreeSet::new();
    for entry in queue["entries"].as_array().unwrap() {
        let (tool, source) = (entry["name"].as_str().unwrap(), entry["source"].as_str().unwrap());
        let audit = Path::new(FOLDER).join(format!("data/disambiguations/audit/{tool}.json"));
        let (ecosystem, name) = source.split_once(':').unwrap();
        let id = OF_LIBRARIES.iter().find(|(old, _)| *old == ecosystem).map(|(_, id)| id);
        let (Some(id), "pending", true) = (id, entry["status"].as_str().unwrap(), audit.exists())
        else {
            continue;
        };
        let homebrew = json!(format!("homebrew:{tool}"));
        // A person has looked at what is curated, and found out that a tool has another name elsewhere.
        if name != tool || is_curated(id, name) {
            continue;
        }
        if read(&audit)["alternatives"].as_array().is_some_and(|all| all.contains(&homebrew)) {
            found.insert(format!("{id}:{name}"));
        }
    }
    found
}

fn routed() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    import(Path::new(FOLDER), &root, &[]);
    copy_recipes(&root);
    let before = entries(&root);
    let reconcile = || -> Value {
        let output = run(&root, &["queue", "reconcile", "--json"]);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let report = reconcile();
    assert!(!report["changed"].as_array().unwrap().is_empty());
    assert_eq!(reconcile()["changed"], json!([]), "repeatable");
    let after = entries(&root);

    let libraries = from_libraries();
    assert!(150 < libraries.len(), "another corpus: {}", libraries.len());
    for id in &libraries {
        assert_eq!(after[id]["status"], "requires_manual", "{}", after[id]);
        let reason = after[id]["status_reason"].as_str().unwrap();
        assert!(reason.starts_with("name_taken: "), "{reason}");
    }
    for name in ["redis", "parallel", "memcached", "rsync", "haproxy", "less", "lsof"] {
        assert!(libraries.contains(&format!("rubygems:{name}")), "{name}");
    }

    let taps: Vec<&String> =
        before.keys().filter(|id| id.starts_with("homebrew:") && id.contains('/')).collect();
    assert_eq!(taps.len(), 915, "another corpus");
    for id in taps {
        let decided = ["requires_manual", "excluded", "success"];
        assert!(decided.contains(&after[id]["status"].as_str().unwrap()), "{}", after[id]);
    }
    // What waited for a person still does, unless a rule said so that says otherwise now.
    for (id, entry) in &before {
        if ["requires_manual", "excluded"].contains(&entry["status"].as_str().unwrap()) {
            let now = &after[id]["status"];
            assert!(*now == "requires_manual" || *now == "excluded", "{id} is {now}");
        }
    }
    let list = run(&root, &["disambiguation", "list", "--audits", "--high-risk", "--json"]);
    let list: Value = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!((&list["n_audits"], &list["n_high_risk"]), (&json!(4059), &json!(2009)));
    assert_eq!(list["audits"].as_array().unwrap().len(), 2009);
    assert_eq!(list["overrides"].as_array().unwrap().len(), 20);
}
