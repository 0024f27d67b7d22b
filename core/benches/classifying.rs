//! Measures how long it takes to clean and classify the output of a failed program, of the length that
//! is kept: `cargo bench -p batch-core --bench classifying`. It fails if one takes longer than 5 ms.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it measures, and prints what"
)]

use std::{process::ExitCode, time::Instant};

use batch_core::{
    decide::{
        classify,
        clean::{Cleaner, KnownFolders, Redactor},
        evidence,
        patterns::{PatternTable, Rules},
    },
    model::{Evidence, FailureKind, Stage},
};

/// The length of the longest output that is kept, in bytes.
const LENGTH: usize = evidence::HEAD_BYTES + evidence::TAIL_BYTES;
/// How long it may take, in milliseconds.
const LIMIT_MS: f64 = 5.0;
/// How often each text is read. The shortest time counts, because other programs may disturb.
const ROUNDS: usize = 20;

/// Parts of texts that give the search much to do: patterns, beginnings of patterns, marks without a
/// cause, codes, quotes, and lines of all kinds.
const TEXTS: &[(&str, &[u8])] = &[
    ("lines of a build", b"   Compiling less v1.2.3 (/srv/work/less-x1/src)\n"),
    ("empty lines", b"\n"),
    ("short lines", b"ab\n"),
    ("short causes", b"enomem\nmake: *** \n"),
    ("one line of marks", b"error failed cannot "),
    ("one line of causes in prose", b"it says no such host, "),
    ("one line of quoted causes", b"'no such host' "),
    ("warnings with causes", b"warning: connection refused: no space left on device\n"),
    ("retries", b"warning: retrying after connection refused by https://r.example/x\n"),
    ("status codes", b"http error 403 http error 404 "),
    ("beginnings of causes", b"no space left on devic no such hos connection refuse "),
    ("names of packages", b"no-such-host x-toomanyrequests /resolutionimpossible/ "),
    ("source code", b" 12 | \"fatal error: no such host\"\n"),
    ("compiler messages", b"x.c:1:2: warning: no such host: error: y\n"),
    ("addresses", b"://://https://x.example "),
    ("symptoms", b"failed to generate plan: installation failed: step "),
    ("secrets", b"token=ghp_0123456789abcdef password=hunter2 "),
    ("not ASCII", "é‘no such host’…".as_bytes()),
    ("not UTF-8", b"\xff\x80a"),
    ("hidden characters", "e\u{200b}rr\u{ad}or".as_bytes()),
    ("colours", b"\x1b[31mno such host\x1b[0m\n"),
    ("overwritten lines", b"10 %\r20 %\rno such host\n"),
    ("short remarks", b"info: enospc\n"),
    ("short remarks about a compiler", b"a:1: note: tls: error: \n"),
    ("killed programs", b"make: *** killed signal\n"),
    ("the known value", b"Zx81-kilobyte "),
    ("the known value in parts", b"Zx81-%6B\nilobyte "),
];

fn main() -> ExitCode {
    let own = PatternTable {
        hosts: &["registry.example"],
        causes: &[("no such package", FailureKind::PackageNotFound)],
        build_failures: &[("tool: it does not build", FailureKind::NativeBuildFailed)],
        ..PatternTable::SHARED
    };
    let rules = Rules::new(own);
    let cleaner = Cleaner::new(Redactor::new(["Zx81-kilobyte"]), KnownFolders::new(None));
    let mut is_slow = false;
    println!("{:28} {:>8} {:>10} {:>10}  kind", "text", "bytes", "clean ms", "read ms");
    for (name, part) in TEXTS {
        let text = part.repeat(LENGTH.div_ceil(part.len()));
        let mut best = (f64::MAX, f64::MAX);
        let mut kind = None;
        for _ in 0..ROUNDS {
            let began = Instant::now();
            let (clean, _) = evidence::cap(&cleaner.text(&text));
            let clean_ms = began.elapsed().as_secs_f64() * 1e3;
            let began = Instant::now();
            let found = rules.read(&clean);
            let evidence = Evidence {
                stage: Stage::Validate,
                tool: "tool".to_owned(),
                exit_code: Some(1),
                text: clean,
            };
            let found = classify::finding(&evidence, found);
            let read_ms = began.elapsed().as_secs_f64() * 1e3;
            if clean_ms + read_ms < best.0 + best.1 {
                best = (clean_ms, read_ms);
            }
            kind = Some(found.kind);
        }
        let (clean_ms, read_ms) = best;
        is_slow |= LIMIT_MS <= clean_ms + read_ms;
        let kind = kind.map(|kind| kind.to_string()).unwrap_or_default();
        println!("{name:28} {:>8} {clean_ms:>10.2} {read_ms:>10.2}  {kind}", text.len());
    }
    if is_slow { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
