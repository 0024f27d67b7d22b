//! Nouns, rules and contract of the batch pipeline; it knows no ecosystem by name.
//!
//! Read in this order: [`model`] (nouns), [`decide`] (pure functions over them), [`io`] (the
//! ports: the only module that touches time, network or files), [`plugin`] (what an ecosystem
//! crate implements), [`persist`] (a run goes into the stored state), `testing` (virtual time and
//! network).

pub mod decide;
pub mod io;
pub mod model;
pub mod persist;
pub mod plugin;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

#[doc(hidden)]
pub use inventory as __inventory;
