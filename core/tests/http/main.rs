//! `PoliteHttp` over real sockets: a server on this machine stands in for a registry.

#![expect(clippy::unwrap_used, reason = "a test, helpers included")]

mod answers;
mod cache;
mod faults;
mod mirrors;
mod real;
mod slow;
mod wire;
