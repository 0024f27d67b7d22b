//! How the lists of a registry are read, which packages are queued, and how a seeding ends.

#![expect(clippy::unwrap_used, reason = "a test, helpers included")]

mod merges;
mod suspicions;
mod toy;
mod walks;
