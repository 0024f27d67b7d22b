//! What is read of the lists of a registry, what of it is queued, and how it ends.

#![expect(clippy::unwrap_used, reason = "a test, helpers included")]

mod merges;
mod suspicions;
mod toy;
mod walks;
