//! Virtual time and a virtual network, for tests and for simulation.

mod clock;
mod records;
mod shelf;
mod transport;

pub use clock::SimClock;
pub use records::{attempt, failed_on, queue, succeeded};
pub use shelf::Shelf;
pub use transport::{Answer, Sent, SimTransport};
