//! Virtual time and a virtual network, for tests and for simulation.

mod clock;
pub mod conformance;
mod recordings;
mod records;
mod shelf;
pub mod tables;
mod transport;

pub use clock::SimClock;
pub use recordings::all_are_named;
pub use records::{attempt, failed_on, queue, succeeded};
pub use shelf::Shelf;
pub use transport::{Answer, Sent, SimTransport};
