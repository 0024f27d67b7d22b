//! Archives as hostile as anyone could upload, read within limits.

#![expect(clippy::unwrap_used, reason = "a test, helpers included")]

#[path = "archive/served.rs"]
mod served;
#[path = "archive/zips.rs"]
mod zips;
