//! How much of a registry's lists was read, and whether to believe it.

use crate::{
    decide::seeding::{
        list::{Believed, End, List},
        walk::Walk,
    },
    model::{SeedOutcome, SeedingRecord, SourceRun},
};

/// A list that has less than this share of what it had, in percent, is not believed.
const BELIEVED_PERCENT: usize = 70;
/// So many packages that the registry could not be read about are no accident of these packages,
/// where they are at least [`UNREADABLE_PERCENT`] of all.
const MANY_UNREADABLE: usize = 5;
const UNREADABLE_PERCENT: usize = 1;

/// What became of each source.
pub(super) fn sources(walk: &Walk<'_>) -> Vec<SourceRun> {
    walk.lists.iter().map(|list| source(walk, list)).collect()
}

fn source(walk: &Walk<'_>, list: &List) -> SourceRun {
    if let Some(before) = &list.before {
        return before.clone();
    }
    let is_at_end = list.end == Some(End::Exhausted);
    let total = list.stated.or_else(|| is_at_end.then(|| list.n_came()));
    let Believed { total: expected, size: size_before } = list.believed;
    let (outcome, reason) = judged(walk, list, total);
    let (name, cursor) = (list.name.clone(), walk.cursor(list));
    let size = match outcome {
        SeedOutcome::Shrunk => size_before,
        SeedOutcome::Full | SeedOutcome::Partial | SeedOutcome::Unavailable => {
            list.size.or(size_before)
        }
    };
    let seen = list.n_seen_before + walk.n_seen_of(list);
    let seen = total.map_or(seen, |total| seen.min(total.max(walk.n_seen_of(list))));
    SourceRun { name, outcome, seen, total, size, expected, cursor, reason }
}

fn judged(walk: &Walk<'_>, list: &List, total: Option<usize>) -> (SeedOutcome, Option<String>) {
    let because = |outcome, reason: String| (outcome, Some(reason));
    let Believed { total: expected, size } = list.believed;
    if let Some(reason) = shrunk(total, expected).or_else(|| shrunk(list.size, size)) {
        return because(SeedOutcome::Shrunk, reason);
    }
    let is_unread = list.pages.is_empty();
    let (n_unreadable, n_seen) = (walk.n_unreadable_of(list), walk.n_seen_of(list));
    match &list.end {
        None | Some(End::Exhausted | End::Limit) if walk.has_undecided(list) => {
            because(SeedOutcome::Partial, "interrupted".to_owned())
        }
        Some(End::Exhausted) if list.n_came() == 0 => {
            because(SeedOutcome::Shrunk, "it lists nothing".to_owned())
        }
        Some(End::Exhausted | End::Limit)
            if MANY_UNREADABLE.max(n_seen * UNREADABLE_PERCENT / 100) <= n_unreadable =>
        {
            let reason =
                format!("the registry could not be read about {n_unreadable} of {n_seen} packages");
            because(SeedOutcome::Partial, reason)
        }
        Some(End::Exhausted | End::Limit | End::Before) => (SeedOutcome::Full, None),
        Some(End::Stopped(reason)) if is_unread => {
            because(SeedOutcome::Unavailable, reason.clone())
        }
        Some(End::Stopped(reason)) => because(SeedOutcome::Partial, reason.clone()),
        None => because(SeedOutcome::Partial, "interrupted".to_owned()),
    }
}

/// How much less it has than before, if that is too much to be believed.
fn shrunk(now: Option<usize>, before: Option<usize>) -> Option<String> {
    let (now, before) = (now?, before?);
    let is_shrunk = now.saturating_mul(100) < before.saturating_mul(BELIEVED_PERCENT);
    is_shrunk.then(|| format!("it lists {now} packages, and listed {before} before"))
}

/// What the outcomes of all sources say together.
pub fn overall(sources: &[SourceRun]) -> SeedOutcome {
    let has = |outcome| sources.iter().any(|source| source.outcome == outcome);
    if sources.iter().all(|source| source.outcome == SeedOutcome::Unavailable) {
        SeedOutcome::Unavailable
    } else if has(SeedOutcome::Shrunk) {
        SeedOutcome::Shrunk
    } else if has(SeedOutcome::Partial) || has(SeedOutcome::Unavailable) {
        SeedOutcome::Partial
    } else {
        SeedOutcome::Full
    }
}

impl SeedingRecord {
    /// What `source` was when it was last believed.
    pub fn believed(&self, source: &str) -> Believed {
        let Some(run) = self.sources.iter().find(|run| run.name == source) else {
            return Believed::default();
        };
        let total = match run.outcome {
            SeedOutcome::Shrunk => run.expected,
            SeedOutcome::Full | SeedOutcome::Partial | SeedOutcome::Unavailable => {
                run.total.or(run.expected)
            }
        };
        Believed { total, size: run.size }
    }
}
