//! Seeding: over virtual time against made-up registries, and as real processes that are killed.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests, helpers included")]

mod commands;
mod killed;
mod storms;
mod toy;
