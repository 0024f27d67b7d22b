//! The stages of a run: each a function from data to facts.

pub mod generate;
pub mod preflight;
pub mod seed;
pub mod validate;

use std::time::Duration;

use batch_core::{io::Clock, model::Fact};
use tokio::sync::mpsc::UnboundedSender;

/// Where facts go as they happen. Nobody listening is no error.
pub type Facts = UnboundedSender<Fact>;

/// Milliseconds on `clock` since its monotonic time was `started`.
fn elapsed_ms(clock: &dyn Clock, started: Duration) -> u64 {
    u64::try_from(clock.monotonic().saturating_sub(started).as_millis()).unwrap_or(u64::MAX)
}
