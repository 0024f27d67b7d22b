//! The last runs of an ecosystem beside each other: a line for each package that they attempted.

use std::collections::{BTreeMap, BTreeSet};

use batch_core::model::{EcosystemId, PackageId};

use super::{
    row::Link,
    strip::{self, Mark},
};
use crate::{
    path,
    site::Site,
    text::{Text, Timestamp},
    tried::{Ended, Tried},
};

/// Runs beside each other.
const N_RUNS: usize = 10;

/// Lines of a grid; ten runs of the usual size attempt no more packages.
const N_LINES: usize = 200;

/// Packages and runs.
pub(super) struct Grid {
    /// The oldest run comes first.
    pub(super) runs: Vec<(Timestamp, Link)>,
    pub(super) lines: Vec<Line>,
    /// Packages that have no line because there are too many.
    pub(super) n_more: usize,
}

/// The attempts at one package.
pub(super) struct Line {
    pub(super) package: Link,
    pub(super) trend: &'static str,
    /// One for each run.
    pub(super) marks: Vec<Option<Mark>>,
}

impl Grid {
    pub(super) fn new(site: &Site<'_>, id: &EcosystemId) -> Self {
        let mut batches = site.attempts.newest_batches(Some(id), site.as_of);
        batches.truncate(N_RUNS);
        batches.reverse();
        let mut of: BTreeMap<&PackageId, BTreeMap<&str, &Tried<'_>>> = BTreeMap::new();
        for &(batch, _) in &batches {
            for tried in site.attempts.of_batch(batch) {
                of.entry(tried.package).or_default().insert(batch, tried);
            }
        }
        let line = |(id, tried): (&PackageId, BTreeMap<&str, &Tried<'_>>)| {
            let mark =
                |&(batch, _): &(&str, _)| tried.get(batch).map(|tried| strip::mark(site, tried));
            let in_order = batches.iter().filter_map(|(batch, _)| tried.get(batch).copied());
            Line {
                package: Link::package(site, id),
                trend: trend(in_order),
                marks: batches.iter().map(mark).collect(),
            }
        };
        let n = of.len();
        let mut lines: Vec<Line> = of.into_iter().map(line).collect();
        // What changes comes first.
        lines.sort_by_key(|line| rank(line.trend));
        lines.truncate(N_LINES);
        let run = |&(batch, at): &(&str, _)| {
            (Timestamp(at), Link { href: path::run(batch), text: Text::new(batch) })
        };
        Self { runs: batches.iter().map(run).collect(), n_more: n - lines.len(), lines }
    }
}

/// What some attempts, oldest first, have in common.
fn trend<'t>(tried: impl Iterator<Item = &'t Tried<'t>>) -> &'static str {
    let says = |it: &&Tried<'_>| !matches!(it.ended, Ended::Spared | Ended::Unknown);
    let good: Vec<bool> = tried.filter(says).map(|it| it.ended.is_verified()).collect();
    let n_changes = good.windows(2).filter(|pair| pair[0] != pair[1]).count();
    let kinds: BTreeSet<bool> = good.iter().copied().collect();
    match (n_changes, kinds.len(), good.last()) {
        (_, 0, _) | (_, _, None) => "unclear",
        (0, _, Some(true)) => "works",
        (0, _, Some(false)) => "fails",
        (1, _, Some(true)) => "fixed",
        (1, _, Some(false)) => "regressed",
        _ => "flaky",
    }
}

fn rank(trend: &str) -> usize {
    const ORDER: [&str; 5] = ["regressed", "flaky", "fails", "fixed", "works"];
    ORDER.iter().position(|it| *it == trend).unwrap_or(ORDER.len())
}
