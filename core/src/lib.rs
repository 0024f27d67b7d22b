//! Nouns, rules and contract of the batch pipeline; it knows no ecosystem by name.
//!
//! Read in this order: [`model`] (nouns), [`decide`] (pure functions over them), [`io`] (the
//! ports: the only module that touches time, network or files), [`plugin`] (what an ecosystem
//! crate implements), [`persist`] (a run goes into the stored state).

pub mod decide;
pub mod io;
pub mod model;
pub mod persist;
pub mod plugin;
// The unit tests of this crate cannot use what `batch-sim` makes: to them the types of the library
// it depends on are other types. So they compile its source once more, as part of this crate.
#[cfg(test)]
extern crate self as batch_core;
#[cfg(test)]
#[path = "../sim/src/records.rs"]
pub mod records;

#[doc(hidden)]
pub use inventory as __inventory;
