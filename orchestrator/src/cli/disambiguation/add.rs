//! `disambiguation add`.

use std::fmt;

use batch_core::{
    decide::recipe::one_line,
    io::StateWriter as _,
    model::{CuratedSource, PackageId, PackageName, RecipeName, SCHEMA_VERSION, StoredEntry},
};
use chrono::{SubsecRound as _, TimeDelta};
use schemars::JsonSchema;
use serde::Serialize;

use super::World;
use crate::{
    cli::{Context, Refusal, names, period::age},
    counted::counted,
    exit::Exit,
    routing,
};

/// How many entries are shown one by one to a person.
const N_SHOWN: usize = 20;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The tool, as people call it
    #[arg(value_name = "TOOL")]
    tool: String,
    /// The package that it is taken from; a source that no plugin builds means that nothing is built
    #[arg(long, value_name = "PACKAGE ID")]
    select: String,
    /// A package of another source that is not attempted any more; may be given several times
    #[arg(long, value_name = "PACKAGE ID")]
    instead_of: Vec<String>,
    /// The name of its recipe, if it is not the usual one
    #[arg(long, value_name = "NAME")]
    recipe_name: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// End the override by itself after this time, such as 90d
    #[arg(long = "for", value_name = "PERIOD", value_parser = age)]
    period: Option<TimeDelta>,
    /// The packages may be different programs of the same name
    #[arg(long)]
    high_risk: bool,
    /// Show what would change, and write nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let source = source(args, cx)?;
    let state = cx.open_root()?.state;
    let _nobody_else = state.exclusive()?;
    let world = World::read(cx)?;
    let recipes = world.recipes(cx)?;
    let routing = world.routing(cx)?;
    let before = routing.sources.iter().find(|other| other.tool == source.tool).cloned();
    let routing = routing.with(source.clone());
    let changed = routing.changed(&world.files, &recipes);
    let report = AddedReport {
        dry_run: args.dry_run,
        replaced: before,
        changed: changed.iter().map(StoredEntry::from).collect(),
        source: source.clone(),
    };
    if !args.dry_run {
        state.put_curated_source(&source)?;
        routing::write(&state, &cx.env.registry, changed, cx.env.clock.now())?;
    }
    cx.out.show(&report)?;
    Ok(Exit::Ok)
}

fn source(args: &Args, cx: &Context) -> anyhow::Result<CuratedSource> {
    let tool: PackageName = args
        .tool
        .parse()
        .map_err(|_| Refusal::usage(format!("{:?} is not the name of a tool", args.tool)))?;
    let selection_reason = one_line(&args.reason);
    if selection_reason.is_empty() {
        return Err(Refusal::usage("--reason is empty"));
    }
    let now = cx.env.clock.now().trunc_subsecs(0);
    let selected = package(&args.select, cx)?;
    let alternatives = args.instead_of.iter().map(|word| package(word, cx));
    let alternatives: Vec<PackageId> = alternatives.collect::<anyhow::Result<_>>()?;
    if alternatives.contains(&selected) {
        return Err(Refusal::usage(format!("{selected} cannot be taken instead of itself")));
    }
    Ok(CuratedSource {
        schema_version: SCHEMA_VERSION,
        tool,
        selected,
        recipe_name: args.recipe_name.as_deref().map(recipe_name).transpose()?,
        alternatives,
        selection_reason,
        high_risk: args.high_risk,
        reviewed_at: Some(now),
        expires_at: args.period.map(|period| now + period),
    })
}

fn recipe_name(word: &str) -> anyhow::Result<RecipeName> {
    let usage = "lower-case letters, digits and ._+-, with a letter or a digit first";
    word.parse().map_err(|_| Refusal::usage(format!("{word:?} is no name of a recipe: {usage}")))
}

/// A package of an ecosystem of ours, or of a source that no plugin builds. A misspelt ecosystem is
/// neither.
fn package(word: &str, cx: &Context) -> anyhow::Result<PackageId> {
    names::package(&cx.env.registry, word).map(|(_, id)| id).or_else(|error| {
        let foreign: Option<PackageId> = word.parse().ok();
        let is_foreign =
            |id: &PackageId| !names::resembles_ecosystem(&cx.env.registry, &id.ecosystem);
        foreign.filter(is_foreign).ok_or(error)
    })
}

/// What `disambiguation add --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AddedOverrideReport")]
pub(crate) struct AddedReport {
    /// Whether nothing was written because of `--dry-run`.
    dry_run: bool,
    /// The override.
    source: CuratedSource,
    /// The override of the same tool that it replaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced: Option<CuratedSource>,
    /// The entries that change, as they are then.
    changed: Vec<StoredEntry>,
}

impl fmt::Display for AddedReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CuratedSource { tool, selected, expires_at, .. } = &self.source;
        let until = expires_at.map(|at| format!(" until {at}")).unwrap_or_default();
        writeln!(f, "{tool} is taken from {selected}{until}")?;
        if let Some(replaced) = &self.replaced {
            writeln!(f, "replaced  the override that took it from {}", replaced.selected)?;
        }
        for entry in self.changed.iter().take(N_SHOWN) {
            let why = entry.status_reason.as_ref().map(|why| format!(" ({why})"));
            writeln!(
                f,
                "changed   {}: {}{}",
                entry.id,
                entry.status.as_str(),
                why.unwrap_or_default()
            )?;
        }
        let n = counted(self.changed.len(), "entry", "entries");
        let verb = if self.dry_run { "would change; nothing was written" } else { "changed" };
        writeln!(f, "{n} {verb}")
    }
}
