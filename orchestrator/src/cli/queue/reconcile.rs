//! `queue reconcile`.

use std::fmt;

use batch_core::{
    decide::preflight::Choice,
    io::StateWriter as _,
    model::{ActionShape, StoredEntry},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::edit::described;
use crate::{
    cli::{Context, damage},
    counted::counted,
    exit::Exit,
    routing,
    stage::preflight,
    upkeep::{self, UpkeepInput},
};

/// How many entries are shown one by one to a person.
const N_SHOWN: usize = 20;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Show what would change, and write nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    let actions: Vec<ActionShape> = cx.env.registry.recipe_actions().collect();
    let recipes = preflight::recipes(&actions, &root.settings.bundled_recipes, &root.state)?;
    let looked_at = routing::looked_at(&cx.env.registry, &root.settings, &root.state)?;
    let input = UpkeepInput {
        registry: &cx.env.registry,
        looked_at: &looked_at,
        recipes: &recipes,
        choice: &Choice::All,
        generator: None,
        now: cx.env.clock.now(),
    };
    let _nobody_else = root.state.exclusive()?;
    let upkeep = upkeep::decide(&root.state, &input)?;
    let changes = upkeep.changes.iter().map(|(before, after)| Reconciled {
        before: before.as_ref().map(StoredEntry::from),
        after: after.into(),
    });
    let report = ReconcileReport {
        dry_run: args.dry_run,
        changed: changes.collect(),
        problems: upkeep.problems.clone(),
    };
    if !args.dry_run {
        upkeep::write(&root.state, upkeep, &input)?;
    }
    cx.out.show(&report)?;
    Ok(Exit::Ok)
}

/// What `queue reconcile --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ReconcileReport {
    /// Whether nothing was written because of `--dry-run`.
    dry_run: bool,
    /// The entries that changed, sorted by id.
    changed: Vec<Reconciled>,
    /// What could not be read, each with file, line and reason.
    problems: Vec<String>,
}

/// An entry that changed.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ReconciledEntry")]
struct Reconciled {
    /// As it was; absent if it is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<StoredEntry>,
    after: StoredEntry,
}

impl fmt::Display for ReconcileReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Reconciled { before, after } in self.changed.iter().take(N_SHOWN) {
            let before = before.as_ref().map_or("not queued".to_owned(), described);
            writeln!(f, "changed  {}: {before} -> {}", after.id, described(after))?;
        }
        if N_SHOWN < self.changed.len() {
            let n = counted(self.changed.len() - N_SHOWN, "more entry", "more entries");
            writeln!(f, "{n}; --json shows all")?;
        }
        damage::write_problems(f, &self.problems)?;
        let n = counted(self.changed.len(), "entry", "entries");
        let verb = if self.dry_run { "would be changed; nothing was written" } else { "changed" };
        writeln!(f, "{n} {verb}")
    }
}
