//! Seeding: over virtual time against made-up registries, and as real processes that are killed.

mod killed;
mod storms;
mod toy;
