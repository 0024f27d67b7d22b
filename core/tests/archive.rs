//! Reads hostile archives within limits.

#![expect(clippy::unwrap_used, reason = "a test, helpers included")]

#[path = "archive/digests.rs"]
mod digests;
#[path = "archive/fuzz.rs"]
mod fuzz;
#[path = "archive/remote_tars.rs"]
mod remote_tars;
#[path = "archive/served.rs"]
mod served;
#[path = "archive/tars.rs"]
mod tars;
#[path = "archive/zips.rs"]
mod zips;
