//! `import`: brings the records of an earlier pipeline into a root.

mod read;
mod report;

use std::path::PathBuf;

use batch_core::{
    decide::import::{Import, Known},
    io::{FsState, OldTree, QueueFile, StateError, StateErrorKind},
    model::{Control, EcosystemId, Evidence, InvalidId, PackageName, QueueHeader, TierMeanings},
    persist::persist_import,
    plugin::Registry,
};
use chrono::{DateTime, Utc};

pub(super) use self::report::ImportReport;
use super::{Context, Refusal};
use crate::{exit::Exit, machine, seeds};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder of the earlier pipeline; it is only read
    #[arg(value_name = "OLD TREE")]
    tree: PathBuf,
    /// Show what would be imported, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Import this queue instead of the newest one in the old tree, for example an older version
    #[arg(long, value_name = "FILE")]
    queue: Option<PathBuf>,
}

pub(super) fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let registry = &cx.env.registry;
    let tree = OldTree::open(&args.tree)?;
    refuse_own_root(args, cx)?;
    let recipes = tree.recipe_names()?;
    let has_recipe = |name: &str| recipes.as_ref().is_some_and(|names| names.contains(name));
    let normalise = |id: &EcosystemId, name: &str| normalise(registry, id, name);
    let classify = |id: &EcosystemId, evidence: &Evidence| {
        registry.get(id).and_then(|plugin| plugin.classifier.classify(evidence))
    };
    let mut import = Import::new(Known {
        names: registry.names(),
        normalise: &normalise,
        classify: &classify,
        cleaner: &cx.env.cleaner,
        has_recipe: recipes.is_some().then_some(&has_recipe),
    });
    let queue = read::tree(&tree, args.queue.as_deref(), &mut import)?;
    let imported = import.finish();
    let counts = imported.report.clone();
    let changes = if args.dry_run {
        None
    } else {
        let now = cx.env.clock.now();
        let state = open_or_create(cx)?;
        let _no_run_in_between = state.lock(now)?;
        let root = state.layout().root().to_owned();
        let empty = |ecosystem: &EcosystemId| empty_queue(registry, ecosystem, now);
        let force = || machine::force_to_disk(&root);
        Some(persist_import(&state, imported, &empty, &force)?)
    };
    let report = ImportReport::new(cx.root.display().to_string(), queue, counts, changes);
    cx.out.show(&report)?;
    Ok(if report.is_balanced() { Exit::Ok } else { Exit::Unexpected })
}

/// New failures would be written over the old ones.
fn refuse_own_root(args: &Args, cx: &Context) -> anyhow::Result<()> {
    let (tree, root) = (args.tree.canonicalize(), cx.root.canonicalize());
    if tree.is_ok_and(|tree| root.is_ok_and(|root| root == tree)) {
        return Err(Refusal::usage(
            "the old tree is the root itself; name another root with --root, for example a new folder",
        ));
    }
    Ok(())
}

/// A folder that is no root becomes one, with nothing in its queues but what is imported.
fn open_or_create(cx: &Context) -> Result<FsState, StateError> {
    match FsState::open(&cx.root) {
        Err(StateError { kind: StateErrorKind::NotRoot, .. }) => {
            Ok(FsState::init(&cx.root, &Control::default(), &[])?.0)
        }
        opened => opened,
    }
}

fn normalise(registry: &Registry, id: &EcosystemId, name: &str) -> Result<PackageName, InvalidId> {
    match registry.get(id) {
        Some(plugin) => plugin.names.normalise(name),
        None => name.parse(),
    }
}

fn empty_queue(registry: &Registry, ecosystem: &EcosystemId, now: DateTime<Utc>) -> QueueFile {
    match registry.get(ecosystem) {
        Some(plugin) => seeds::empty(plugin, now),
        None => QueueFile {
            header: QueueHeader {
                ecosystem: ecosystem.clone(),
                updated_at: now,
                tiers: TierMeanings::default(),
            },
            entries: batch_core::model::Queue::new(),
            quarantined: vec![],
        },
    }
}
