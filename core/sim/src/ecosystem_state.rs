//! The state of one ecosystem, to which tests apply deltas.

use batch_core::{
    decide::apply::{self, Applied, Rules},
    model::{Breaker, Delta, Queue},
};

/// The part of the state that belongs to one ecosystem.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the types say it")]
pub struct EcosystemState {
    pub queue: Queue,
    pub breaker: Breaker,
}

impl EcosystemState {
    /// Applies `delta` and returns what changed.
    pub fn apply(&mut self, delta: &Delta, rules: &Rules<'_>) -> Applied {
        let applied = apply::delta(&self.queue, &self.breaker, delta, rules);
        self.queue.extend(applied.entries.clone());
        self.breaker = applied.breaker.clone();
        applied
    }

    /// The state after `delta` was applied.
    #[must_use]
    pub fn after(mut self, delta: &Delta, rules: &Rules<'_>) -> Self {
        self.apply(delta, rules);
        self
    }
}
