//! Ctrl-C while a dump is read; the reading thread cannot be interrupted directly.

use std::{
    io::Write as _,
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use axum::{Router, routing::get};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use crate::killed::{program, root};

/// Uncompressed, in MB, and below the limit of an archive: an unoptimised program reads it for
/// minutes.
const LARGE_MB: usize = 900;
const DUMP: &str = "/download-counts/-/download-counts-2.20261101.0.tgz";

/// A dump of counts that is small when compressed: the same megabyte again and again, each time
/// with a name that cannot be compressed, so that its ratio is that of a real dump.
fn dump() -> Vec<u8> {
    let packed = |bytes: &[u8]| {
        let mut packer = GzEncoder::new(vec![], Compression::best());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    };
    let mut random = fastrand::Rng::with_seed(7);
    let name: String = (0..16_384).map(|_| random.alphanumeric()).collect();
    let mut megabyte = format!(",\n\"{name}\":1000");
    let row = ",\n\"package\":1000";
    megabyte.push_str(&row.repeat((1_000_000 - megabyte.len()) / row.len()));
    let (head, tail) = ("{\"zero\":0", "}");
    let mut header = tar::Header::new_gnu();
    header.set_path("package/counts.json").unwrap();
    header.set_size((head.len() + LARGE_MB * megabyte.len() + tail.len()) as u64);
    header.set_mode(0o644);
    header.set_cksum();
    let mut dump = packed(&[header.as_bytes(), head.as_bytes()].concat());
    dump.extend(packed(megabyte.as_bytes()).repeat(LARGE_MB));
    dump.extend(packed(tail.as_bytes()));
    dump
}

fn serve(dump: Vec<u8>) -> String {
    let listener = std::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    listener.set_nonblocking(true).unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let tarball = format!("https://registry.npmjs.org{DUMP}");
    let newest = json!({ "version": "2.20261101.0", "dist": { "tarball": tarball } }).to_string();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let router = Router::new()
                .route("/download-counts/latest", get(|| async { newest }))
                .route(DUMP, get(|| async { dump }));
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await.unwrap();
        });
    });
    origin
}

fn has_file_of(dir: &Path, n_bytes: u64) -> bool {
    let Ok(entries) = std::fs::read_dir(dir) else { return false };
    entries.flatten().any(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => has_file_of(&entry.path(), n_bytes),
        Ok(metadata) => metadata.len() == n_bytes,
        Err(_) => false,
    })
}

#[test]
fn ctrl_c_ends_a_seeding_that_reads_a_dump() {
    let dump = dump();
    let n_bytes = dump.len() as u64;
    let root = root(&serve(dump));
    let mut child = program(root.path(), &["seed", "npm"]).spawn().unwrap();
    let began = Instant::now();
    while !has_file_of(root.path(), n_bytes) {
        assert!(
            began.elapsed() < Duration::from_secs(600),
            "the dump is not fetched in ten minutes"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    // At this time it is being read.
    std::thread::sleep(Duration::from_millis(300));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let asked = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Duration::from_secs(90) < asked.elapsed() {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it still goes on 90 seconds later");
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    assert_eq!(status.code(), Some(130));
    let runs = std::fs::read_to_string(root.path().join("data/metrics/seeding-runs.jsonl"));
    let run: Value = serde_json::from_str(&runs.unwrap()).unwrap();
    assert_eq!((&run["outcome"], &run["seen"]), (&"partial".into(), &0.into()), "{run}");
}
