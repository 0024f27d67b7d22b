//! Which attempts of a run were redirected.

use crate::model::{Attempt, CuratedSource, Queue, Redirection};

/// Whether some of `attempts` at packages of `queue` took the place of others.
pub fn has_redirections(queue: &Queue, attempts: &[Attempt]) -> bool {
    let from = |attempt: &Attempt| queue.get(&attempt.package)?.routed_from.as_ref();
    attempts.iter().any(|attempt| from(attempt).is_some())
}

/// Those of `attempts` at packages of `queue` that took the place of others, with the reasons of
/// `sources`.
#[must_use]
pub fn used(queue: &Queue, attempts: &[Attempt], sources: &[CuratedSource]) -> Vec<Redirection> {
    let redirection = |attempt: &Attempt| {
        let from = queue.get(&attempt.package)?.routed_from.clone()?;
        let is_about = |source: &&CuratedSource| {
            source.selected == attempt.package
                && (source.alternatives.contains(&from) || source.tool == from.name)
        };
        // The last line of a tool counts.
        let source = sources.iter().rev().find(is_about);
        let reason = source.map(|source| source.selection_reason.clone()).unwrap_or_default();
        Some(Redirection { from, to: attempt.package.clone(), reason })
    };
    attempts.iter().filter_map(redirection).collect()
}
