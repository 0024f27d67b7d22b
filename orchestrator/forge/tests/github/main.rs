//! GitHub, with the answers that it documents, from a server on this machine.
#![expect(clippy::unwrap_used, reason = "tests")]

mod archives;
mod checks;
mod limits;
mod merging;
mod pulls;
mod secrecy;
mod server;
