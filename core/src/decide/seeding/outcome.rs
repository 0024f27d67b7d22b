//! How much of a registry's lists was read, and whether the result is trusted.

use crate::{
    decide::seeding::{
        list::{End, List, TrustedSize},
        walk::Walk,
    },
    model::{SeedOutcome, SeedingRecord, SourceRun},
};

/// A list that has less than this share (in percent) of its former size is not trusted.
const TRUSTED_PERCENT: usize = 70;
/// This many packages that the registry's answers do not allow to decide are not a coincidence, if
/// they are at least one in [`UNREADABLE_ONE_IN`] of all.
const MANY_UNREADABLE: usize = 5;
const UNREADABLE_ONE_IN: usize = 100;

/// The result of each source.
pub(super) fn sources(walk: &Walk<'_>) -> Vec<SourceRun> {
    walk.lists.iter().map(|list| source(walk, list)).collect()
}

fn source(walk: &Walk<'_>, list: &List) -> SourceRun {
    if let Some(before) = &list.before {
        return before.clone();
    }
    let is_at_end = list.end == Some(End::Exhausted);
    let total = list.stated.or_else(|| is_at_end.then(|| list.n_came()));
    let TrustedSize { total: expected, size: size_before } = list.trusted_size;
    let (outcome, reason) = outcome_of(walk, list, total);
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

fn outcome_of(walk: &Walk<'_>, list: &List, total: Option<usize>) -> (SeedOutcome, Option<String>) {
    let because = |outcome, reason: String| (outcome, Some(reason));
    let TrustedSize { total: expected, size } = list.trusted_size;
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
            if MANY_UNREADABLE.max(n_seen / UNREADABLE_ONE_IN) <= n_unreadable =>
        {
            let reason = format!(
                "the registry's answers about {n_unreadable} of {n_seen} packages could not be read"
            );
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

/// How much smaller the list is than before, if the difference is too large to be trusted.
fn shrunk(now: Option<usize>, before: Option<usize>) -> Option<String> {
    let (now, before) = (now?, before?);
    let is_shrunk = now.saturating_mul(100) < before.saturating_mul(TRUSTED_PERCENT);
    is_shrunk.then(|| format!("it lists {now} packages, and listed {before} before"))
}

/// The combined result of all sources.
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
    /// The size of `source` when it was last trusted.
    pub fn trusted_size(&self, source: &str) -> TrustedSize {
        let Some(run) = self.sources.iter().find(|run| run.name == source) else {
            return TrustedSize::default();
        };
        let total = match run.outcome {
            SeedOutcome::Shrunk => run.expected,
            SeedOutcome::Full | SeedOutcome::Partial | SeedOutcome::Unavailable => {
                run.total.or(run.expected)
            }
        };
        TrustedSize { total, size: run.size }
    }
}
