//! How much memory the real program takes at most while it seeds from servers on this machine.
//!
//! The dumps are made on disk, row by row, and served from there. Those of 500 MB take a minute or
//! two each, so they are asked for by name:
//! `cargo test -p orchestrator --test seeding -- --ignored --nocapture memory`.

mod dumps;

use std::{
    fmt::Write as _,
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use axum::{
    Router,
    http::{StatusCode, Uri},
};
use serde_json::{Value, json};
use tower_http::services::ServeFile;

const MAX_KB: u64 = 100_000;
/// The uncompressed size in MB of the dumps that every test run uses.
const SMALL_MB: usize = 60;
const LARGE_MB: usize = 500;
/// Packages that are requested one by one.
const N: usize = 5_000;

/// Serves `dump` at `path`, with registries beside it.
fn serve(path: &str, dump: &Path) -> String {
    let router = Router::new().route_service(path, ServeFile::new(dump)).fallback(answer);
    let listener = std::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    listener.set_nonblocking(true).unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await.unwrap();
        });
    });
    origin
}

async fn answer(uri: Uri) -> (StatusCode, String) {
    match respond(&uri) {
        Some(text) => (StatusCode::OK, text),
        None => (StatusCode::NOT_FOUND, json!({ "error": "Not found" }).to_string()),
    }
}

fn respond(uri: &Uri) -> Option<String> {
    let query = |key: &str| {
        let mut pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(name, _)| *name == key)?.1.parse::<usize>().ok()
    };
    match uri.path() {
        "/-/v1/search" => Some(search(query("from")?, query("size")?)),
        "/download-counts/latest" => Some(
            json!({
                "version": "2.20261101.0",
                "dist": { "tarball": format!("https://registry.npmjs.org{}", dumps::COUNTS) },
            })
            .to_string(),
        ),
        "/rubygems-dumps/" => {
            let key = dumps::GEMS.strip_prefix("/rubygems-dumps/").unwrap();
            Some(format!("<ListBucketResult><Key>{key}</Key></ListBucketResult>"))
        }
        "/api/v1/search.json" => Some("[]".to_owned()),
        path => Some(manifest(path.strip_suffix("/latest")?.trim_start_matches('/'))),
    }
}

fn search(from: usize, size: usize) -> String {
    let hit = |i: usize| json!({ "package": { "name": format!("tool-{i:04}") }, "downloads": { "monthly": 9 * N - i } });
    let hits: Vec<Value> = (from..(from + size).min(N)).map(hit).collect();
    json!({ "objects": hits, "total": N, "time": "2026-11-20T10:00:00Z" }).to_string()
}

/// A manifest with the length of most manifests.
fn manifest(name: &str) -> String {
    let dependencies: Value =
        (0..40).map(|i| (format!("dependency-{i}"), json!("^1.0.0"))).collect();
    json!({
        "name": name, "version": "1.0.0", "description": "A package of the tests.", "bin": "cli.js",
        "dependencies": dependencies, "readme": "x".repeat(2_000),
        "dist": { "tarball": format!("https://registry.npmjs.org/{name}/-/{name}-1.0.0.tgz") },
    })
    .to_string()
}

/// A root whose registries are `origin`, with limits that are permitted only for mirrors.
fn root(origin: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    assert!(program(dir.path(), &["init"]).status().unwrap().success());
    let mut settings = "[origins]\n".to_owned();
    for host in [
        "registry.npmjs.org",
        "static.crates.io",
        "crates.io",
        "s3-us-west-2.amazonaws.com",
        "rubygems.org",
    ] {
        writeln!(settings, "\"https://{host}\" = \"{origin}\"").unwrap();
    }
    settings += "[limits]\n";
    let loose = "period_ms = 1, burst = 1000, concurrency = 8";
    for place in ["registry.npmjs.org/", "rubygems.org/info/", "rubygems.org/api/v1/search"] {
        writeln!(settings, "\"{place}\" = {{ {loose} }}").unwrap();
    }
    let search = "registry.npmjs.org/-/v1/search";
    writeln!(settings, "\"{search}\" = {{ {loose}, max_per_run = 100 }}").unwrap();
    std::fs::write(dir.path().join("pipeline.toml"), settings).unwrap();
    dir
}

fn program(root: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tsuku-batch"));
    command.arg("--root").arg(root).args(args);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// The peak memory of `seed ecosystem`, in kB. The kernel keeps the maximum while the process
/// lives; the maximum that `wait` returns afterwards would include the memory of the test, of which
/// the process was a copy at first.
fn peak(root: &Path, ecosystem: &str) -> u64 {
    let mut child = program(root, &["seed", ecosystem]).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let ended = loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kb = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        // Before `exec`, the process is that copy.
        if text.lines().any(|line| line == "Name:\ttsuku-batch") {
            peak = kb.unwrap_or_default().max(peak);
        }
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    assert!(matches!(ended.code(), Some(0 | 3)), "{ended}");
    peak
}

fn queued(root: &Path, ecosystem: &str) -> usize {
    let path = root.join(format!("data/queues/priority-queue-{ecosystem}.json"));
    let queue: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    queue["packages"].as_array().unwrap().len()
}

/// How many packages the last seeding listed from its source `name`.
fn listed(root: &Path, name: &str) -> u64 {
    let runs = std::fs::read_to_string(root.join("data/metrics/seeding-runs.jsonl")).unwrap();
    let run: Value = serde_json::from_str(runs.lines().last().unwrap()).unwrap();
    let sources = run["sources"].as_array().unwrap();
    let source = sources.iter().find(|source| source["name"] == name).unwrap();
    source["seen"].as_u64().unwrap_or_else(|| panic!("{source}"))
}

#[track_caller]
fn check(what: &str, kb: u64) {
    println!("{what}: {} MB at most", kb.div_ceil(1_000));
    assert!(0 < kb && kb < MAX_KB, "{what}: {kb} kB");
}

/// Seeds `ecosystem` from a dump of `megabytes` at `path`; the list has the name `source`.
#[track_caller]
fn check_dump(ecosystem: &str, source: &str, path: &str, megabytes: usize) {
    let dir = tempfile::tempdir().unwrap();
    let dump = dir.path().join(path.rsplit('/').next().unwrap());
    let n_bytes = dumps::write(ecosystem, &dump, megabytes);
    assert!(megabytes as u64 * 1_000_000 <= n_bytes, "{n_bytes} bytes only");
    let root = root(&serve(path, &dump));
    let kb = peak(root.path(), ecosystem);
    assert!(N as u64 <= listed(root.path(), source), "the dump was not read");
    check(&format!("{ecosystem}, {} MB unpacked", n_bytes / 1_000_000), kb);
}

#[test]
fn five_thousand_packages_one_by_one_take_little_memory() {
    let root = root(&serve("/nothing", Path::new("/nothing")));
    let kb = peak(root.path(), "npm");
    assert!(N <= queued(root.path(), "npm"));
    check("npm, one by one", kb);
}

#[test]
fn a_dump_of_crates_is_never_held_in_memory() {
    check_dump("cargo", "dump", dumps::CRATES, SMALL_MB);
}

#[test]
fn a_dump_of_gems_is_never_held_in_memory() {
    check_dump("rubygems", "dump", dumps::GEMS, SMALL_MB);
}

#[test]
fn a_dump_of_downloads_is_never_held_in_memory() {
    check_dump("npm", "download-counts", dumps::COUNTS, SMALL_MB);
}

#[test]
#[ignore = "a dump of 500 MB takes a minute: .ci/run asks for it with --ignored"]
fn memory_does_not_grow_with_a_large_dump_of_crates() {
    check_dump("cargo", "dump", dumps::CRATES, LARGE_MB);
}

#[test]
#[ignore = "a dump of 500 MB takes a minute: .ci/run asks for it with --ignored"]
fn memory_does_not_grow_with_a_large_dump_of_gems() {
    check_dump("rubygems", "dump", dumps::GEMS, LARGE_MB);
}

#[test]
#[ignore = "a dump of 500 MB takes a minute: .ci/run asks for it with --ignored"]
fn memory_does_not_grow_with_a_large_dump_of_downloads() {
    check_dump("npm", "download-counts", dumps::COUNTS, LARGE_MB);
}
