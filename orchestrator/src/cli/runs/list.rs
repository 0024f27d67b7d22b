//! `runs list`.

use std::{collections::BTreeMap, fmt, ops::ControlFlow};

use batch_core::{
    io::{StateError, StateReader as _, Visited},
    model::{EcosystemId, RunRecord},
};

use super::{find, remark};
use crate::{
    cli::{
        Context, damage,
        filters::Filters,
        listing::{LimitArgs, Listing, write_count},
        out::table,
    },
    env::Root,
    exit::Exit,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    filters: Filters,
    /// Only runs in which a package failed
    #[arg(long)]
    failed: bool,
    #[command(flatten)]
    limit: LimitArgs,
}

pub(super) fn run(args: &Args, root: &Root, cx: &Context) -> anyhow::Result<Exit> {
    let wanted = args.filters.wanted(cx)?;
    let mut listing = Listing::new(&args.limit, cx);
    let mut failure: Result<(), StateError> = Ok(());
    root.state.visit_runs(&wanted.filter, &mut |visited| {
        let Visited::Record(record) = &visited else { return listing.visit(visited) };
        if args.failed && record.failed == 0 {
            return ControlFlow::Continue(());
        }
        match wanted.takes_run(record, root, &mut listing.damage) {
            Ok(true) => listing.visit(visited),
            Ok(false) => ControlFlow::Continue(()),
            Err(error) => {
                failure = Err(error);
                ControlFlow::Break(())
            }
        }
    })?;
    failure?;
    let listed = listing.end()?;
    if let Some(id) = &wanted.filter.batch
        && listed.is_empty
        && listed.problems.is_empty()
    {
        find(id, root)?;
    }
    if !cx.out.is_json() {
        let (runs, problems) = (listed.records, listed.problems);
        cx.out.text(&RunList { runs, total: listed.total, problems })?;
    }
    Ok(listed.exit)
}

/// What a person sees.
#[derive(Debug)]
struct RunList {
    /// Newest first.
    runs: Vec<RunRecord>,
    total: Option<usize>,
    problems: Vec<String>,
}

/// How many attempts of how many succeeded.
#[derive(Debug, Default, PartialEq, Eq)]
struct Rate {
    succeeded: u64,
    total: u64,
}

impl Rate {
    /// In per cent, rounded down, so that only a rate without failures is 100.
    fn percent(&self) -> u128 {
        u128::from(self.succeeded) * 100 / u128::from(self.total.max(1))
    }
}

/// The success rate of each ecosystem that attempted something. Runs that test existing recipes do
/// not count.
fn rates(runs: &[RunRecord]) -> BTreeMap<&EcosystemId, Rate> {
    let mut rates: BTreeMap<&EcosystemId, Rate> = BTreeMap::new();
    for run in runs.iter().filter(|run| run.sweep.is_none() && 0 < run.total) {
        let Some(ecosystem) = &run.ecosystem else { continue };
        let rate = rates.entry(ecosystem).or_default();
        rate.succeeded = rate.succeeded.saturating_add(run.succeeded);
        rate.total = rate.total.saturating_add(run.total);
    }
    rates
}

impl fmt::Display for RunList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |record: &RunRecord| {
            vec![
                record.batch_id.clone(),
                format!("{}/{}", record.succeeded, record.total),
                format!("{} s", record.duration_seconds),
                remark(record),
            ]
        };
        let rows: Vec<Vec<String>> = self.runs.iter().map(row).collect();
        write!(f, "{}", table(&["RUN", "VERIFIED", "TOOK", "REMARK"], &rows))?;
        for (ecosystem, rate) in rates(&self.runs) {
            let Rate { succeeded, total } = rate;
            writeln!(
                f,
                "{ecosystem}: {succeeded} of {total} attempts verified ({} %)",
                rate.percent()
            )?;
        }
        write_count(f, self.runs.len(), self.total, ["run", "runs"])?;
        damage::write_problems(f, &self.problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(ecosystem: Option<&str>, succeeded: u64, total: u64) -> RunRecord {
        let record = serde_json::json!({
            "schema_version": 2, "batch_id": "x", "ecosystem": ecosystem,
            "timestamp": "2026-01-01T00:00:00Z", "duration_seconds": 1, "outcome": "ran",
            "total": total, "succeeded": succeeded, "failed": 0, "blocked": 0, "generated": 0,
            "merged": 0,
        });
        serde_json::from_value(record).unwrap()
    }

    #[test]
    fn the_rate_of_an_ecosystem_counts_attempts_of_all_its_runs() {
        let mut sweep = run(Some("npm"), 5, 5);
        sweep.sweep = Some(batch_core::model::Sweep::Again);
        let runs = vec![
            run(Some("npm"), 1, 4),
            run(Some("npm"), 1, 2),
            run(Some("go"), 0, 0),
            run(None, 0, 0),
            sweep,
            run(Some("cargo"), u64::MAX, u64::MAX),
            run(Some("cargo"), 1, 1),
        ];
        let list = RunList { runs, total: None, problems: vec![] }.to_string();
        let rates: Vec<&str> = list.lines().filter(|line| line.contains('%')).collect();
        let max = u64::MAX;
        assert_eq!(
            rates,
            [
                &*format!("cargo: {max} of {max} attempts verified (100 %)"),
                "npm: 2 of 6 attempts verified (33 %)"
            ]
        );
    }
}
