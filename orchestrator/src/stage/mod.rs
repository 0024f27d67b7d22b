//! The stages of a run. Each is a function from data to facts.

pub mod discover;
pub mod generate;
pub mod preflight;
pub mod seed;
mod stop;
pub mod validate;

pub use stop::Stop;

use std::time::Duration;

use batch_core::{io::Clock, model::Fact};
use tokio::sync::mpsc::Sender;

/// Receives the facts as they happen. Whoever tells a fact waits until there is room for it, so that
/// a slow disk slows the work down and does not fill the memory. It is no error if nobody receives
/// them.
pub type Facts = Sender<Fact>;

/// Milliseconds on `clock` since `started`, a time that it has measured.
fn elapsed_ms(clock: &dyn Clock, started: Duration) -> u64 {
    u64::try_from(clock.measured().saturating_sub(started).as_millis()).unwrap_or(u64::MAX)
}
