//! Measures the time and the memory to bring queues up to date with recipes, sources, names and
//! dependencies: `cargo bench -p batch-core --bench reconcile`. It fails if that takes too long.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it measures, and prints what"
)]

use std::{
    collections::BTreeSet,
    process::ExitCode,
    time::{Duration, Instant},
};

use batch_core::{
    decide::{
        blockers,
        name_registry::NameRegistry,
        reconcile,
        requeue::{self, Inputs},
        reserved::Reserved,
        route::{self, Overrides, Plugins, Queues, Rules},
    },
    model::{
        ActionShape, EcosystemId, KnownRecipes, Metadata, PackageFacts, PackageId, PackageName,
        Queue, QueueEntry, Recipe, RecipeName, RecipeStep, Status, Threshold, Tier,
    },
};
use chrono::{DateTime, Utc};

const BENCH: EcosystemId = EcosystemId::from_static("bench");
const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

/// The numbers of entries and recipes, and how long each decision may take.
const SIZES: [(usize, usize, Duration); 2] =
    [(5_305, 1_449, Duration::from_millis(500)), (100_000, 50_000, Duration::from_secs(2))];

/// The memory that everything may take together, in KiB.
const MAX_KIB: u64 = 200_000;

struct Plain;

impl Plugins for Plain {
    fn unsupported(&self, _: &PackageId) -> Option<String> {
        None
    }

    fn usual_name(&self, id: &PackageId) -> RecipeName {
        RecipeName::nearest(id.name.as_str())
    }

    /// Nothing is, so that every entry is compared with everything that it may imitate.
    fn is_reviewed(&self, _: &EcosystemId) -> bool {
        false
    }

    fn popular(&self, _: &EcosystemId) -> Option<Threshold> {
        None
    }
}

fn name(i: usize) -> PackageName {
    format!("package-{:x}-{i}", i.wrapping_mul(0x9e37_79b9) & 0xfff_ffff)
        .parse()
        .expect("letters and digits are a name")
}

fn id(i: usize) -> PackageId {
    PackageId { ecosystem: BENCH, name: name(i) }
}

/// Every second entry of the first ones has a recipe. A third of the others wait for the next entry,
/// so that there are chains, and for one package that many need.
fn entry(i: usize, n_recipes: usize) -> QueueEntry {
    let mut entry = QueueEntry::new(id(i), Tier::REST, NOW);
    if i < n_recipes && i.is_multiple_of(2) {
        entry.status = Status::Success;
    } else if i.is_multiple_of(3) {
        entry.status = Status::Blocked { by: vec![name(i + 3), name(1_000_000)] };
    }
    entry
}

fn recipe(i: usize) -> Recipe {
    let commands = [format!("command-{i}")];
    let facts = PackageFacts::of_commands(id(i), "1".to_owned(), "bench_install", &commands);
    let satisfies = [(BENCH.to_string(), vec![format!("alias-{i}")])].into();
    let metadata = Metadata { satisfies, ..Metadata::default() };
    Recipe { metadata, version: None, steps: vec![RecipeStep::from(&facts.install)], verify: None }
}

/// Whether `decide`, which returns a number of entries or blockers, takes less than `limit`.
fn is_fast(what: &str, limit: Duration, decide: impl FnOnce() -> usize) -> bool {
    let began = Instant::now();
    let n = decide();
    let took = began.elapsed();
    println!("  {what:<10} {took:>9.2?}  {n}");
    took < limit
}

fn main() -> ExitCode {
    let mut are_fast = true;
    for (n_entries, n_recipes, limit) in SIZES {
        println!("{n_entries} entries, {n_recipes} recipes");
        let queue: Queue = (0..n_entries).map(|i| (id(i), entry(i, n_recipes))).collect();
        let (mut name_registry, mut known) = (NameRegistry::default(), KnownRecipes::default());
        for i in 0..n_recipes {
            let (name, recipe) = (RecipeName::nearest(name(i).as_str()), recipe(i));
            name_registry.add(&name, &recipe);
            known.add(&name, &recipe);
        }
        let actions = [ActionShape::of_commands("bench_install")];
        are_fast &= is_fast("reconcile", limit, || {
            let installed = name_registry.installed(&actions);
            let recipes = reconcile::Recipes {
                name_registry: &name_registry,
                installed: &|package| installed.recipe_of(package),
                known: &known,
                usual: &|id| Plain.usual_name(id),
            };
            let (changed, _) = reconcile::changed_entries(&queue, recipes);
            changed.len()
        });
        let ecosystem = BENCH;
        let queues = Queues::from([(&ecosystem, &queue)]);
        let (overrides, looked_at) = (Overrides::default(), BTreeSet::new());
        let rules = Rules {
            overrides: &overrides,
            audits: &[],
            recipes: &name_registry,
            looked_at: &looked_at,
            plugins: &Plain,
            now: NOW,
        };
        are_fast &= is_fast("route", limit, || route::changed(&queues, &rules).len());
        are_fast &= is_fast("reserved", limit, || {
            usize::from(route::reserved(&queues, &rules) != Reserved::default())
        });
        let inputs = Inputs {
            known: &known,
            plugins: &Plain,
            overrides: &overrides,
            generator: Some("builtin 1"),
            now: NOW,
        };
        are_fast &= is_fast("requeue", limit, || requeue::changed(&queues, &inputs).len());
        are_fast &= is_fast("blockers", limit, || {
            blockers::blockers(&queues, &known, &Plain).blockers.len()
        });
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    println!("peak: {}", peak.trim());
    let kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap_or(0);
    if are_fast && kib < MAX_KIB { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
