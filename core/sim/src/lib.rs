//! Virtual time, a virtual network, and state and journals without a disk, for tests and for
//! simulation.

mod clock;
mod ecosystem_state;
mod memory_facts;
mod memory_state;
mod no_traffic;
mod records;
mod static_transport;
mod transport;

pub use clock::SimClock;
pub use ecosystem_state::EcosystemState;
pub use memory_facts::MemoryFacts;
pub use memory_state::MemoryState;
pub use no_traffic::NoTraffic;
pub use records::{FactsAt, INSTALL, attempt, delta, failed_on, queue, recipe_of, succeeded};
pub use static_transport::StaticTransport;
pub use transport::{Answer, SentRequest, SimTransport};
