//! How many bytes a reader loads, and how much of a large state fits.

use std::io::Write as _;

use chrono::TimeDelta;
use flate2::{Compression, write::GzEncoder};
use serde_json::json;

use crate::{sample, sample_site, site};

/// The size of a text as a server sends it.
fn packed(text: &str) -> usize {
    let mut encoder = GzEncoder::new(vec![], Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap().len()
}

const KB: usize = 1_000;

#[test]
fn the_first_page_with_all_that_it_loads_has_at_most_60_kb() {
    let site = sample_site();
    let files = ["index.html", "assets/site.css", "assets/site.js"];
    let asset = |name: &str| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../website");
        String::from_utf8(std::fs::read(folder.join(name)).unwrap()).unwrap()
    };
    let text = |name: &str| site.get(name).cloned().unwrap_or_else(|| asset(name));
    let sizes: Vec<usize> = files.iter().map(|name| packed(&text(name))).collect();
    assert!(sizes.iter().sum::<usize>() <= 60 * KB, "{files:?}: {sizes:?}");
}

#[test]
fn a_full_page_of_a_list_has_at_most_40_kb() {
    let mut state = sample::state();
    for i in 0..500_u32 {
        // Every text is another one, which packs as badly as it can.
        let word = format!("{:x}", u64::from(i).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        state.queue(json!({"id": format!("npm:p{word}"), "tier": 3, "status": "requires_manual",
            "added_at": sample::now(), "status_reason": format!("its command {word} is taken by {i}")}));
        state.failure(
            json!({"id": format!("npm-2026-11-21T12-00-00Z-p{word}"), "ecosystem": "npm",
            "package_id": format!("npm:p{word}"), "batch_id": "npm-2026-11-21T12-00-00Z",
            "message": format!("error: cannot find {word} in the archive of version {i}"),
            "timestamp": sample::now() - TimeDelta::seconds(i.into())}),
        );
    }
    let site = site(&state, sample::now());
    for list in
        ["failures.html", "requires_manual.html", "queue.html", "category/validation_failed.html"]
    {
        let n = packed(&site[list]);
        assert!(n <= 40 * KB, "{list}: {n} bytes");
    }
}
