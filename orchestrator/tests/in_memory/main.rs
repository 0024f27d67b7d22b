//! Runs without a disk, a network or a sandbox, on virtual time: the real `run` with every port in
//! memory.
#![expect(clippy::unwrap_used, reason = "tests, helpers included")]

mod concurrency;
mod killed;
mod world;
mod year;
