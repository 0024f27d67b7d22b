//! The packages of the corpus that waited for libraries, and what becomes of them when the libraries can
//! be built.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use batch_core::{
    decide::{preflight::Choice, recipe},
    io::{FsState, HistoryFilter, StateReader as _, StateWriter as _},
    model::{
        Control, EcosystemId, FailureKind, GeneratedRecipe, PackageId, PackageName, QueueEntry,
        RecipeName, Status, Tier,
    },
    plugin::EcosystemPlugin,
};
use batch_sim::MemoryState;
use chrono::DateTime;
use orchestrator::{scripted, simulate};

use crate::{
    corpus::FOLDER,
    old_tree::import,
    routes::copy_recipes,
    test_ports::{SECOND, TestPorts, id, not_generated},
};

pub(crate) const TESTS: &[(&str, fn())] =
    &[("neovim_tmux_and_wget_are_made_once_their_libraries_are", made_after_their_libraries)];

const TOOLS: [&str; 3] = ["homebrew:neovim", "homebrew:tmux", "homebrew:wget"];
const HOMEBREW: EcosystemId = EcosystemId::from_static("homebrew");
const MAX_RUNS: usize = 8;

/// What the corpus says that each tool waited for.
fn needed(state: &FsState) -> BTreeMap<PackageId, BTreeSet<PackageName>> {
    let of = |tool: &str| {
        let package = Some(id(tool));
        let filter = HistoryFilter { package, ..HistoryFilter::default() };
        let failures = state.failures(&filter).unwrap().records;
        (id(tool), failures.into_iter().flat_map(|failure| failure.blocked_by).collect())
    };
    TOOLS.iter().map(|tool| of(tool)).collect()
}

/// The corpus in memory, as it was while nobody had made the libraries: `needed` have no recipes and
/// are not queued, and the tools wait for them.
fn blocked(root: &Path, needed: &BTreeMap<PackageId, BTreeSet<PackageName>>) -> MemoryState {
    let mut gone: BTreeSet<String> = needed.keys().map(|tool| tool.name.to_string()).collect();
    // The recipe of tree-sitter satisfies tree-sitter@0.25.
    gone.extend(needed.values().flatten().map(|name| name.as_str().replace("@0.25", "")));
    // One of them was never made.
    let file = |name: &String| root.join(format!("recipes/{}/{name}.toml", &name[..1]));
    let n_removed = gone.iter().filter(|name| fs::remove_file(file(name)).is_ok()).count();
    assert_eq!(n_removed + 1, gone.len(), "another corpus: {gone:?}");
    let state = simulate::copy(&FsState::open(root).unwrap(), DateTime::UNIX_EPOCH).unwrap();
    let mut file = Arc::unwrap_or_clone(state.queue(&HOMEBREW).unwrap().unwrap());
    for (tool, by) in needed {
        for name in by {
            file.entries.remove(&PackageId { ecosystem: HOMEBREW, name: name.clone() });
        }
        let entry = file.entries.get_mut(tool).unwrap();
        let fresh = QueueEntry::new(tool.clone(), entry.tier, entry.added_at);
        *entry =
            QueueEntry { status: Status::Blocked { by: by.iter().cloned().collect() }, ..fresh };
    }
    state.put_queue(&file).unwrap();
    // The breakers of the corpus are open.
    state.put_control(&Control::default()).unwrap();
    state
}

/// A recipe with a command of its own.
fn tool(plugin: &EcosystemPlugin, package: &PackageId) -> GeneratedRecipe {
    let command = RecipeName::nearest(package.name.as_str());
    scripted::recipe_of(plugin, package, "1.0", &command.as_str().parse().unwrap()).unwrap()
}

/// The recipe of a library: it has no command to verify, and says which package it satisfies.
fn library(plugin: &EcosystemPlugin, package: &PackageId) -> GeneratedRecipe {
    let made = tool(plugin, package);
    let mut recipe = recipe::read(&made.toml, plugin.recipe_actions).unwrap();
    recipe.metadata.kind = "library".to_owned();
    recipe.verify = None;
    let satisfied = vec![package.name.to_string()];
    recipe.metadata.satisfies = [(HOMEBREW.to_string(), satisfied)].into();
    GeneratedRecipe { toml: recipe.to_toml(), ..made }
}

fn made_after_their_libraries() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    import(Path::new(FOLDER), &root, &[]);
    copy_recipes(&root);
    let needed = needed(&FsState::open(&root).unwrap());
    let libraries: BTreeSet<PackageId> = needed
        .values()
        .flatten()
        .map(|name| PackageId { ecosystem: HOMEBREW, name: name.clone() })
        .collect();
    assert_eq!(libraries.len(), 9, "another corpus: {libraries:?}");

    let mut test_ports = TestPorts::new(&[]);
    test_ports.state = Arc::new(blocked(&root, &needed));
    let attempts: Arc<Mutex<Vec<PackageId>>> = Arc::default();
    let (noted, is_library) = (Arc::clone(&attempts), libraries.clone());
    test_ports.generator.script = Box::new(move |plugin, package| {
        noted.lock().unwrap().push(package.clone());
        let made = if is_library.contains(package) {
            Ok(library(plugin, package))
        } else if TOOLS.contains(&package.to_string().as_str()) {
            Ok(tool(plugin, package))
        } else {
            // What other packages come to does not matter here.
            Err(not_generated(package, FailureKind::BinaryDiscoveryFailed))
        };
        (SECOND, made)
    });
    let entry = |state: &MemoryState, id: &PackageId| {
        state.queue(&HOMEBREW).unwrap().unwrap().entries.get(id).cloned()
    };
    let is_made = |state: &MemoryState, id: &PackageId| {
        entry(state, id).is_some_and(|entry| entry.status == Status::Success)
    };
    let mut n_runs = 0;
    while !needed.keys().all(|tool| is_made(&test_ports.state, tool)) && n_runs < MAX_RUNS {
        test_ports.clock.run(test_ports.run(Choice::One(HOMEBREW), 4)).unwrap();
        n_runs += 1;
    }
    for package in needed.keys().chain(&libraries) {
        assert!(
            is_made(&test_ports.state, package),
            "{package}: {:?}",
            entry(&test_ports.state, package)
        );
    }
    let attempts = attempts.lock().unwrap();
    let place = |id: &PackageId| attempts.iter().position(|it| it == id).unwrap();
    for (tool, by) in &needed {
        let important = entry(&test_ports.state, tool).unwrap().tier;
        for name in by {
            let library = PackageId { ecosystem: HOMEBREW, name: name.clone() };
            let queued = entry(&test_ports.state, &library).unwrap();
            assert!(queued.tier <= important && queued.tier < Tier::REST, "{library}");
            assert!(place(&library) < place(tool), "{library} comes before {tool}");
        }
    }
    let runs = test_ports.state.runs(&HistoryFilter::default()).unwrap().records;
    let n_released: u64 = runs.iter().map(|run| run.requeued).sum();
    assert!(3 <= n_released, "each tool is released once: {n_released}");
}
