//! Runs without disk, network and sandbox on virtual time: the real `run` with every port in
//! memory.
#![expect(clippy::unwrap_used, reason = "tests, helpers included")]

mod chain;
mod concurrency;
mod discovery;
mod killed;
mod ladder;
mod limits;
mod pauses;
mod rerouted;
mod simulate;
mod sweep;
mod test_ports;
mod year;
