//! `blockers`: the packages that others wait for.

use std::fmt;

use batch_core::{
    decide::{
        blockers::{self, Blocker, Blockers, Cycle},
        clusters::AffectedPopularity,
    },
    model::{ActionShape, PackageId, StatusLabel},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Context, out::table};
use crate::{
    counted::counted,
    exit::Exit,
    routing::{self, LinkedPlugins},
    stage::preflight,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Maximal number of packages
    #[arg(long, value_name = "N", default_value_t = 10)]
    limit: usize,
}

pub(super) fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    let files = routing::files(&root.state)?;
    let actions: Vec<ActionShape> = cx.env.registry.recipe_actions().collect();
    let known = preflight::recipes(&actions, &root.settings.bundled_recipes, &root.state)?.known;
    let plugins = LinkedPlugins(&cx.env.registry);
    let Blockers { mut blockers, cycles, n_blocked } =
        blockers::blockers(&routing::queues(&files), &known, &plugins);
    let n_blockers = blockers.len();
    blockers.truncate(args.limit);
    cx.out.show(&BlockersReport { blockers, n_blockers, cycles, n_blocked })?;
    Ok(Exit::Ok)
}

/// What `blockers --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct BlockersReport {
    /// The packages that others wait for and that wait for no package themselves, those first that
    /// would unlock most.
    blockers: Vec<Blocker>,
    /// The number of such packages without the limit.
    n_blockers: usize,
    /// Packages that wait for each other, so that none of them can ever be made first.
    cycles: Vec<Cycle>,
    /// Number of packages that wait for recipes.
    n_blocked: usize,
}

impl fmt::Display for BlockersReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |blocker: &Blocker| {
            let sums: Vec<String> = blocker.popularity.iter().map(sum).collect();
            let status = blocker.status.map_or("not queued", StatusLabel::as_str);
            let obstacle = blocker.obstacle.as_ref().map(|why| format!("{status}: {why}"));
            vec![
                blocker.package.to_string(),
                blocker.unlocks.to_string(),
                blocker.waiting.to_string(),
                sums.join(", "),
                obstacle.unwrap_or_else(|| status.to_owned()),
                blocker.command.clone(),
            ]
        };
        if !self.blockers.is_empty() {
            let rows: Vec<_> = self.blockers.iter().map(row).collect();
            let headings = ["BLOCKER", "UNLOCKS", "WAITING", "POPULARITY", "STATUS", "COMMAND"];
            write!(f, "{}", table(&headings, &rows))?;
        }
        for Cycle { packages, waiting } in &self.cycles {
            let names: Vec<String> = packages.iter().map(PackageId::to_string).collect();
            let first = names.first().map(String::as_str).unwrap_or_default();
            let n = counted(*waiting, "package waits", "packages wait");
            writeln!(f, "cycle: {} -> {first}; {n} for it", names.join(" -> "))?;
        }
        let blocked = counted(self.n_blocked, "package waits", "packages wait");
        let n = counted(self.n_blockers, "blocker", "blockers");
        writeln!(f, "{} of {n}; {blocked} for recipes", self.blockers.len())
    }
}

/// `1200 downloads in 30 days`.
fn sum(popularity: &AffectedPopularity) -> String {
    let AffectedPopularity { value, unit, period_days, .. } = popularity;
    let period = period_days.map(|days| format!(" in {}", counted(days, "day", "days")));
    format!("{value} {unit}{}", period.unwrap_or_default())
}
