//! How much of a registry's lists was read, and whether to believe it.

use crate::{
    decide::seeding::{
        list::{End, List},
        walk::Walk,
    },
    model::{SeedOutcome, SeedingRecord, SourceRun},
};

/// A list that has less than this share of what it had, in percent, is not believed.
const BELIEVED_PERCENT: usize = 70;

/// What became of each source.
pub(super) fn sources(walk: &Walk<'_>) -> Vec<SourceRun> {
    walk.lists.iter().map(|list| source(walk, list)).collect()
}

fn source(walk: &Walk<'_>, list: &List) -> SourceRun {
    if let Some(before) = &list.before {
        return before.clone();
    }
    let is_at_end = list.end == Some(End::Exhausted) && list.from.is_none();
    let total = list.stated.or_else(|| is_at_end.then_some(list.n_listed));
    let expected = list.expected;
    let (outcome, reason) = judged(list, total, walk.has_undecided(list));
    let (name, cursor) = (list.name.clone(), walk.cursor(list));
    let seen = walk.n_seen_of(list);
    SourceRun { name, outcome, seen, total, expected, cursor, reason }
}

fn judged(list: &List, total: Option<usize>, has_undecided: bool) -> (SeedOutcome, Option<String>) {
    let because = |outcome, reason: String| (outcome, Some(reason));
    if let (Some(total), Some(expected)) = (total, list.expected)
        && total.saturating_mul(100) < expected.saturating_mul(BELIEVED_PERCENT)
    {
        let reason = format!("it lists {total} packages, and listed {expected} before");
        return because(SeedOutcome::Shrunk, reason);
    }
    let is_unread = list.pages.is_empty();
    match &list.end {
        None | Some(End::Exhausted | End::Limit) if has_undecided => {
            because(SeedOutcome::Partial, "interrupted".to_owned())
        }
        Some(End::Exhausted) if list.n_listed == 0 && list.from.is_none() => {
            because(SeedOutcome::Shrunk, "it lists nothing".to_owned())
        }
        Some(End::Exhausted | End::Limit | End::Before) => (SeedOutcome::Full, None),
        Some(End::Stopped(reason)) if is_unread => {
            because(SeedOutcome::Unavailable, reason.clone())
        }
        Some(End::Stopped(reason)) => because(SeedOutcome::Partial, reason.clone()),
        None => because(SeedOutcome::Partial, "interrupted".to_owned()),
    }
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
    /// How many packages `source` listed when it was last believed.
    pub fn believed(&self, source: &str) -> Option<usize> {
        let run = self.sources.iter().find(|run| run.name == source)?;
        match run.outcome {
            SeedOutcome::Shrunk => run.expected,
            SeedOutcome::Full | SeedOutcome::Partial | SeedOutcome::Unavailable => {
                run.total.or(run.expected)
            }
        }
    }
}
