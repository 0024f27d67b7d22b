//! Seeding: over virtual time with simulated registries, and as real processes that are killed.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests, helpers included"
)]

mod commands;
mod interrupted;
mod killed;
mod memory;
mod pace;
mod storms;
mod toy;
