//! The nouns, the rules and the plugin contract of the batch pipeline. This crate names no
//! ecosystem.
//!
//! Read in this order: [`model`] (nouns), [`decide`] (pure functions over them), [`io`] (the ports;
//! the only module that touches time, network or files), [`plugin`] (what an ecosystem crate
//! implements), [`persist`] (writes a run into the stored state), [`old_formats`] (reads what the
//! earlier pipeline left).

pub mod decide;
pub mod io;
pub mod model;
pub mod old_formats;
pub mod persist;
pub mod plugin;
// The unit tests of this crate cannot use the types of `batch-sim` as a library: `batch-sim`
// depends on another copy of this crate, whose types the compiler treats as different types.
// Therefore the tests compile the source of `batch-sim` once more, as a part of this crate.
#[cfg(test)]
extern crate self as batch_core;
#[cfg(test)]
#[path = "../sim/src/ecosystem_state.rs"]
pub mod ecosystem_state;
#[cfg(test)]
#[path = "../sim/src/records.rs"]
pub mod records;

#[doc(hidden)]
pub use inventory as __inventory;
