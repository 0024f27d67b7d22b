//! Writes the site of made-up records into a folder, so that a developer can look at it: `cargo run
//! -p analytics --example sample_site DIR`.

use std::path::Path;

#[expect(clippy::unwrap_used, reason = "made-up records, shared with the tests")]
#[path = "../tests/site/memory.rs"]
mod memory;
#[expect(clippy::unwrap_used, reason = "made-up records, shared with the tests")]
#[path = "../tests/site/sample.rs"]
mod sample;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: sample_site DIR")?;
    let as_of = sample::now() + chrono::TimeDelta::minutes(20);
    analytics::write(Path::new(&folder), &sample::state(), &analytics::Circumstances::at(as_of))?;
    Ok(())
}
