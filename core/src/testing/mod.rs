//! Virtual time and a virtual network, for tests and for simulation.

mod clock;
mod records;
mod transport;

pub use clock::SimClock;
pub use records::{attempt, failed_on, queue, succeeded};
pub use transport::{Answer, Sent, SimTransport};
