//! `failures top`: the causes whose removal would help most packages.

use std::{fmt, ops::ControlFlow};

use batch_core::{
    decide::{
        clusters::{AffectedPopularity, Cluster, Clusters, Targets},
        shell_word::shell_word,
    },
    io::{HistoryFilter, StateError, StateReader as _, Visited},
    model::EcosystemId,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    cli::{
        Context,
        damage::{self, Damage},
        filters::Filters,
        runs,
    },
    counted::counted,
    env::Root,
    exit::Exit,
    explained::ExplainedFailure,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    filters: Filters,
    /// Maximal number of causes
    #[arg(long, value_name = "N", default_value_t = 10)]
    limit: usize,
}

pub(super) fn run(args: &Args, root: &Root, cx: &Context) -> anyhow::Result<Exit> {
    let wanted = args.filters.wanted(cx)?;
    let mut damage = Damage::default();
    let filter = &wanted.filter;
    let ecosystem = filter.ecosystem.as_ref().or(filter.package.as_ref().map(|id| &id.ecosystem));
    let targets = targets(ecosystem, root, &mut damage)?;
    let now = cx.env.clock.now();
    let end = filter.until.map_or(now, |until| until.min(now));
    let mut clusters = Clusters::new(end, targets);
    root.state.visit_failure_summaries(filter, &mut |visited| {
        match visited {
            Visited::Damaged(damaged) => damage.note(damaged),
            Visited::Record(failure) if wanted.takes(failure.pair(), failure.environment) => {
                clusters.add(&failure);
            }
            Visited::Record(_) => (),
        }
        ControlFlow::Continue(())
    })?;
    let ranking = clusters.ranking();
    let problems = damage.into_problems();
    if let Some(id) = &filter.batch
        && ranking.clusters.is_empty()
        && problems.is_empty()
    {
        runs::find(id, root)?;
    }
    let exit = damage::exit(ranking.clusters.len(), &problems);
    let total_causes = ranking.clusters.len();
    let causes = ranking.clusters.into_iter().take(args.limit);
    let causes = causes.map(|cluster| Cause::new(cluster, root, cx));
    let causes = causes.collect::<Result<Vec<Cause>, StateError>>()?;
    cx.out.show(&TopReport {
        causes,
        total_causes,
        total_failures: ranking.n_failures,
        unassigned_failures: ranking.n_unassigned,
        packages_are_complete: ranking.packages_are_complete,
        problems,
    })?;
    Ok(exit)
}

/// The packages that wait in the queues, or in the queue of `ecosystem`. What cannot be read is
/// added to `damage`.
fn targets(
    ecosystem: Option<&EcosystemId>,
    root: &Root,
    damage: &mut Damage,
) -> anyhow::Result<Targets> {
    let mut targets = Targets::default();
    for id in root.state.queued_ecosystems()? {
        if ecosystem.is_some_and(|wanted| *wanted != id) {
            continue;
        }
        match root.state.queue(&id) {
            Ok(Some(queue)) => {
                queue.entries.values().for_each(|entry| targets.add(entry));
                queue.quarantined.iter().for_each(|damaged| damage.note(damaged));
            }
            Ok(None) => (),
            Err(error) => damage.note(&error),
        }
    }
    Ok(targets)
}

/// Failures with one cause, and what happened to the newest of them.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExplainedCluster")]
struct Cause {
    #[serde(flatten)]
    cluster: Cluster,
    /// What happened to the newest of its failures; absent if its record cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    headline: Option<String>,
}

impl Cause {
    fn new(cluster: Cluster, root: &Root, cx: &Context) -> Result<Self, StateError> {
        let newest = root.state.failures(&HistoryFilter::of_failure(&cluster.example))?;
        let explained = |record| ExplainedFailure::new(record, &cx.env.registry).headline;
        let headline = newest.records.into_iter().next().map(explained);
        Ok(Self { cluster, headline })
    }
}

/// What `failures top --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct TopReport {
    /// The causes whose removal unlocks most packages come first; then those of most packages, and
    /// of most failures.
    causes: Vec<Cause>,
    /// The number of causes without the limit.
    total_causes: usize,
    /// The number of failures that were counted.
    total_failures: u64,
    /// The number of failures whose causes are not among them, because there are too many causes.
    unassigned_failures: u64,
    /// Whether all packages were counted; otherwise there are too many, and their numbers are too
    /// low.
    packages_are_complete: bool,
    /// What could not be read, each with file, position, reason and remedy.
    problems: Vec<String>,
}

impl fmt::Display for TopReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, cause) in self.causes.iter().enumerate() {
            write_cause(f, n + 1, cause)?;
        }
        let failures = counted(self.total_failures, "failure", "failures");
        let causes = counted(self.total_causes, "cause", "causes");
        writeln!(f, "{} of {causes} of {failures}", self.causes.len())?;
        if 0 < self.unassigned_failures {
            let failures = counted(self.unassigned_failures, "failure has", "failures have");
            writeln!(f, "{failures} further causes, which are too many to be listed")?;
        }
        if !self.packages_are_complete {
            writeln!(f, "There are too many packages to count; their numbers are too low.")?;
        }
        damage::write_problems(f, &self.problems)
    }
}

fn write_cause(f: &mut fmt::Formatter<'_>, n: usize, cause: &Cause) -> fmt::Result {
    let Cause { cluster: cause, headline } = cause;
    let Cluster { category, subcategory, count, packages, unlocks, .. } = cause;
    writeln!(f, "{n}. {category}/{subcategory}  {}", cause.trend.as_str())?;
    if let Some(headline) = headline {
        writeln!(f, "   newest      {headline}")?;
    }
    let waiting = counted(*unlocks, "package that waits", "packages that wait");
    let sums: Vec<String> = cause.popularity.iter().map(sum).collect();
    let separator = if sums.is_empty() { "" } else { ": " };
    writeln!(f, "   unlocks     {waiting}{separator}{}", sums.join(", "))?;
    let failures = counted(*count, "failure", "failures");
    let packages = counted(*packages, "package", "packages");
    let [first, last] = [cause.first_seen, cause.last_seen].map(|at| at.date_naive());
    writeln!(f, "   seen        {failures} of {packages}, {first} to {last}")?;
    let (recent, before) = (cause.last_7_days, cause.previous_7_days);
    writeln!(f, "   trend       {recent} in the last 7 days, {before} in the 7 days before")?;
    writeln!(f, "   what to do  {}", cause.remediation)?;
    writeln!(f, "   example     tsuku-batch failures show {}\n", shell_word(&cause.example))
}

/// `1200 downloads in 30 days (npm)`.
fn sum(popularity: &AffectedPopularity) -> String {
    let AffectedPopularity { ecosystem, value, unit, period_days } = popularity;
    let period = period_days.map(|days| format!(" in {}", counted(days, "day", "days")));
    format!("{value} {unit}{} ({ecosystem})", period.unwrap_or_default())
}
