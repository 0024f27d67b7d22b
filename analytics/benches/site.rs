//! How long it takes to read a large state, to make its pages, and to build an unchanged site again:
//! `cargo bench -p analytics`. `FAILURES` sets the number of failures (20,000). Fails above the limits.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "measures"
)]

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use analytics::{Circumstances, Page};
use batch_core::io::{FsState, StateError};
use chrono::{DateTime, TimeDelta, Utc};

/// Failures of one run.
const PER_RUN: usize = 10;
/// Runs of a day.
const PER_DAY: usize = 24;

fn main() {
    let n: usize = std::env::var("FAILURES").map_or(20_000, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let now = "2026-11-21T12:00:00Z".parse::<DateTime<Utc>>().unwrap();
    let n_runs = n / PER_RUN;
    write_state(folder.path(), n_runs, now);
    let state = FsState::open(folder.path()).unwrap();
    let circumstances = Circumstances::at(now);

    let mut n_pages = 0_u32;
    let mut bytes = 0;
    let made = measured("all pages, nothing written", || {
        let count = |page: Page| {
            n_pages += 1;
            bytes += page.body.len();
            Ok::<_, StateError>(())
        };
        analytics::pages(&state, &circumstances, count).unwrap();
    });
    println!("{n_pages} pages, {} MB, {:?} for a page", bytes >> 20, made / n_pages);

    let site = folder.path().join("site");
    let first = measured("first build", || {
        analytics::write(&site, &state, &circumstances).unwrap();
    });
    let second = measured("second build of the unchanged state", || {
        let (written, _) = analytics::write(&site, &state, &circumstances).unwrap();
        assert_eq!(written.n_written, 0);
    });
    let per_record = second / u32::try_from(n + n_runs).unwrap();
    println!("{per_record:?} for each failure and run; memory: {} MB at most", peak_mb());
    assert!(second < first * 2, "an unchanged site takes no longer than a new one");
    assert!(made / n_pages < Duration::from_millis(2), "a page takes too long");
}

fn measured(what: &str, work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    let took = start.elapsed();
    println!("{what}: {took:?}");
    took
}

/// The most memory that this process has used.
fn peak_mb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) >> 10
}

fn write_state(root: &Path, n_runs: usize, now: DateTime<Utc>) {
    for dir in ["data/failures", "data/metrics", "data/queues"] {
        fs::create_dir_all(root.join(dir)).unwrap();
    }
    fs::write(root.join("batch-control.json"), r#"{"schema_version": 2, "enabled": true}"#)
        .unwrap();
    for i in 0..n_runs {
        let before = TimeDelta::seconds(i64::try_from(i * 86_400 / PER_DAY).unwrap());
        let at = now - before;
        let (batch, instant) =
            (format!("npm-{}", at.format("%Y-%m-%dT%H-%M-%SZ")), at.to_rfc3339());
        let mut failures = String::new();
        let names: Vec<String> =
            (0..PER_RUN).map(|j| format!("package-{}", (i * 7 + j) % 5_000)).collect();
        for name in &names {
            writeln!(failures, "{{\"schema_version\":2,\"id\":\"{batch}-{name}\",\"package_id\":\"npm:{name}\",\
                \"ecosystem\":\"npm\",\"batch_id\":\"{batch}\",\"stage\":\"validate\",\"category\":\"validation_failed\",\
                \"subcategory\":\"install_failed\",\"confidence\":\"stated\",\"message\":\"npm error code E404\\nnpm error 404 \
                Not Found - GET https://registry.npmjs.org/{name}\",\"fingerprint\":\"{:016x}\",\"exit_code\":1,\
                \"environment\":\"linux-debian-glibc-x86_64\",\"timestamp\":\"{instant}\"}}", i % 50).unwrap();
        }
        fs::write(root.join(format!("data/failures/{batch}.jsonl")), failures).unwrap();
        let ids: Vec<String> = names.iter().map(|name| format!("\"npm:{name}\"")).collect();
        let run = format!(
            "{{\"schema_version\":2,\"batch_id\":\"{batch}\",\"ecosystem\":\"npm\",\"slot\":\"npm\",\
            \"timestamp\":\"{instant}\",\"duration_seconds\":60,\"outcome\":\"ran\",\"total\":{PER_RUN},\"succeeded\":0,\
            \"failed\":{PER_RUN},\"blocked\":0,\"generated\":0,\"merged\":0,\"packages_processed\":[{}],\
            \"recipes_generated\":[]}}\n",
            ids.join(",")
        );
        fs::write(root.join(format!("data/metrics/batch-runs-{batch}.jsonl")), run).unwrap();
    }
}
