//! Measures how long it takes to clean outputs, and how often each byte is looked at: `cargo bench
//! -p batch-core --bench cleaning`. An output that is four times as long should take four times as
//! long.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it measures, and prints what"
)]

use std::{path::PathBuf, time::Instant};

use batch_core::decide::clean::{Cleaner, KnownFolders, Redactor};

/// Typical parts of outputs, and texts that are made to slow down the search for secrets.
const TEXTS: &[(&str, &str)] = &[
    ("lines of a build", "   Compiling less v1.2.3 (/srv/work/less-x1/src)\n"),
    ("names of tokens", "token=token=token="),
    ("names and values", "password=hunter2 "),
    ("marks of tokens", "ghp_ghp_ghp_"),
    ("addresses", "https://joe:x@example.com/"),
    ("web tokens", "eyJhbGci.eyJzdWIi "),
    ("web tokens, unbroken", "eyJ"),
    ("private keys", "-----BEGIN PRIVATE KEY-----"),
    ("parts of a value", "p@ss-W0rd!"),
    ("escapes", "%25%5c\\u0025"),
];

fn main() {
    let values = ["http://build:p%40ss-W0rd!7@proxy.example:3128", "Zx81-kilobyte"];
    let redactor = Redactor::new(values);
    let known_folders = KnownFolders::new(Some(PathBuf::from("/home/joe")));
    let cleaner = Cleaner::new(Redactor::new(values), known_folders);
    // The first use prepares tables, which is not measured.
    let _ = cleaner.text(b"token");
    println!("{:24} {:>10} {:>10} {:>14}", "text", "bytes", "ms", "looks a byte");
    for (name, part) in TEXTS {
        for n_bytes in [54_000, 216_000, 864_000] {
            let text = part.repeat(n_bytes / part.len());
            let began = Instant::now();
            let clean = cleaner.text(text.as_bytes());
            let ms = began.elapsed().as_secs_f64() * 1e3;
            let looks = redactor.redact(&text).steps / text.len();
            println!("{name:24} {:>10} {ms:>10.2} {looks:>14}", text.len());
            drop(clean);
        }
    }
}
