//! How a run is asked to end before its work is done.

use tokio_util::sync::CancellationToken;

/// The two ways in which a run can be asked to end. The second includes the first.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    drain: CancellationToken,
    now: CancellationToken,
}

impl Stop {
    /// Begin nothing new. Work that has begun is finished.
    pub fn drain(&self) {
        self.drain.cancel();
    }

    /// End work that has begun.
    pub fn now(&self) {
        self.drain.cancel();
        self.now.cancel();
    }

    /// Whether nothing new is to be begun.
    pub fn is_draining(&self) -> bool {
        self.drain.is_cancelled()
    }

    /// Waits until nothing new is to be begun.
    pub async fn draining(&self) {
        self.drain.cancelled().await;
    }

    /// Whoever works watches it, and ends when it is cancelled.
    pub fn token(&self) -> &CancellationToken {
        &self.now
    }

    /// A part of the work that can be stopped by itself, and stops with the whole.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { drain: self.drain.child_token(), now: self.now.child_token() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_stops_with_the_whole_and_not_the_other_way_round() {
        let whole = Stop::default();
        let (first, second) = (whole.child(), whole.child());
        first.now();
        assert!(first.is_draining() && first.token().is_cancelled() && !whole.is_draining());
        whole.drain();
        assert!(second.is_draining() && !second.token().is_cancelled());
        whole.now();
        assert!(second.token().is_cancelled());
    }
}
