//! How long it takes to read a large state, to make its pages, and to build an unchanged site again:
//! `cargo bench -p analytics`. `FAILURES` sets the number of failures (21,600: those of the 90 days
//! that pages show, at ten an hour). `STATE` names the root of a state to measure instead, as
//! `docs/scale.md` and `tsuku-batch import` make them; `PARTS=read` and `PARTS=pages` measure a part. Fails above the
//! limits, which are for two processors. Other programs on the machine make times longer and hardly
//! change the processor time.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "measures"
)]

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use analytics::{Circumstances, Page, Records};
use batch_core::{
    io::{Clock as _, FsState, HistoryFilter, StateError, StateReader as _, SystemClock, Visited},
    model::{EcosystemId, FailureKind, FailureRecord, Month, RunRecord},
};
use chrono::{DateTime, TimeDelta, Utc};

/// Failures of one run.
const PER_RUN: usize = 10;
/// Runs of a day.
const PER_DAY: usize = 24;

/// The limits for processor time. On two processors the times are half as long. Reading: of a million
/// failures or fewer.
const PER_PAGE: Duration = Duration::from_micros(30);
const PER_FILE_AGAIN: Duration = Duration::from_micros(32);
const READING: Duration = Duration::from_secs(6);
const MEMORY_MB: u64 = 300;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let root = std::env::var("STATE").map_or_else(|_| folder.path().join("state"), PathBuf::from);
    let mut now = SystemClock::default().now();
    if !is_given() {
        now = "2026-11-21T12:00:00Z".parse().unwrap();
        let n: usize = std::env::var("FAILURES").map_or(21_600, |text| text.parse().unwrap());
        write_state(&root, n / PER_RUN, now);
    }
    let state = FsState::open(&root).unwrap();
    let n_records = read_all(&state, now);
    let parts = std::env::var("PARTS").unwrap_or_default();
    if parts == "read" {
        return;
    }
    let circumstances =
        Circumstances { program: std::env::current_exe().ok(), ..Circumstances::at(now) };
    render(&state, &circumstances);
    if parts == "pages" {
        return;
    }
    let n_files = count_files(&root);
    let site = folder.path().join("site");
    measured("first build", || analytics::write(&site, &state, &circumstances).unwrap());
    let (written, again) = measured("second build of the unchanged state", || {
        analytics::write(&site, &state, &circumstances).unwrap().0
    });
    assert_eq!(written.n_written, 0);
    println!("{} files, {} MB", written.n_unchanged, written.n_bytes >> 20);
    let n = u32::try_from(n_records.max(n_files)).unwrap();
    let n_files = u32::try_from(n_files).unwrap();
    println!("  for each failure and run: {}; for each file: {}", again / n, again / n_files);
    let as_of = now + TimeDelta::seconds(1);
    let later = Circumstances { as_of, ..circumstances };
    measured("third build, a second later: all pages are made and few change", || {
        analytics::write(&site, &state, &later).unwrap()
    });
    println!("memory: {} MB at most", peak_mb());
    let limit = PER_FILE_AGAIN * n;
    assert!(is_given() || again.processor <= limit, "building again takes too long");
}

/// Whether somebody names the state to measure.
fn is_given() -> bool {
    std::env::var("STATE").is_ok()
}

/// Reads and counts all records as pages need them, whatever their age.
fn read_all(state: &FsState, now: DateTime<Utc>) -> usize {
    let read = || {
        let all = HistoryFilter::default();
        let (mut n_failures, mut n_runs) = (0, 0);
        let mut sums: BTreeMap<(EcosystemId, FailureKind, Month), usize> = BTreeMap::new();
        let mut failure = |visited: Visited<FailureRecord>| {
            let Visited::Record(it) = visited else { return ControlFlow::Continue(()) };
            n_failures += 1;
            let key = (it.ecosystem.clone(), it.kind(), Month::of(it.timestamp));
            *sums.entry(key).or_default() += 1;
            ControlFlow::Continue(())
        };
        state.visit_failures(&all, &mut failure).unwrap();
        let mut run = |visited: Visited<RunRecord>| {
            n_runs += usize::from(matches!(visited, Visited::Record(_)));
            ControlFlow::Continue(())
        };
        state.visit_runs(&all, &mut run).unwrap();
        // What pages show whole.
        let records = Records::read(state, now).unwrap();
        (n_failures, n_runs, sums.len(), records.failures.len())
    };
    // Once so that the files are in memory.
    read();
    let ((n_failures, n_runs, n_sums, n_shown), took) = measured("read and counted", read);
    println!("{n_failures} failures ({n_shown} of the last 90 days), {n_runs} runs, {n_sums} sums");
    println!("memory: {} MB at most", peak_mb());
    assert!(took.processor <= READING, "reading takes too long");
    assert!(peak_mb() <= MEMORY_MB, "reading needs too much memory");
    n_failures + n_runs
}

fn render(state: &FsState, circumstances: &Circumstances<'_>) {
    let records = Records::read(state, circumstances.as_of).unwrap();
    let mut n_pages = 0_u32;
    let mut n_bytes = 0;
    let ((), made) = measured("all pages of 90 days, nothing written", || {
        let count = |page: Page| {
            n_pages += 1;
            n_bytes += page.body.len();
            Ok::<_, StateError>(())
        };
        analytics::pages_of(&records, circumstances, count).unwrap();
    });
    println!("{n_pages} pages, {} MB; for each page: {}", n_bytes >> 20, made / n_pages);
    // A state of somebody may have few pages and a long queue.
    assert!(is_given() || (made / n_pages).processor <= PER_PAGE, "a page takes too long");
}

/// Files of failures and runs.
fn count_files(root: &Path) -> usize {
    let count = |folder: &str| {
        let files = fs::read_dir(root.join("data").join(folder)).into_iter().flatten().flatten();
        files.filter(|file| file.file_type().is_ok_and(|kind| kind.is_file())).count()
    };
    count("failures") + count("metrics")
}

/// How long something took.
#[derive(Clone, Copy)]
struct Took {
    time: Duration,
    processor: Duration,
}

impl std::ops::Div<u32> for Took {
    type Output = Self;

    fn div(self, n: u32) -> Self {
        Self { time: self.time / n, processor: self.processor / n }
    }
}

impl std::fmt::Display for Took {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} ({:?} of processor time)", self.time, self.processor)
    }
}

fn measured<T>(what: &str, work: impl FnOnce() -> T) -> (T, Took) {
    let (start, before) = (Instant::now(), processor_time());
    let result = work();
    let took = Took { time: start.elapsed(), processor: processor_time().saturating_sub(before) };
    println!("{what}: {took}");
    (result, took)
}

/// What this process used, with the system's work for it.
fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let (_, fields) = stat.rsplit_once(") ").unwrap_or_default();
    let ticks = fields.split(' ').skip(11).take(2).filter_map(|it| it.parse::<u64>().ok());
    // A tick is a hundredth of a second on every Linux.
    Duration::from_millis(10 * ticks.sum::<u64>())
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
