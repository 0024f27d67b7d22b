//! The content of the first page for programs: `data/v1/dashboard.json`. Its texts are as recorded;
//! only HTML needs marks and escapes.

use std::collections::BTreeMap;

use batch_core::{
    decide::health::Reason,
    model::{FailureRecord, RecipeName, RunRecord},
};
use serde::Serialize;

use super::{
    Page,
    failures::by_category,
    overview::{BreakerRow, N_BLOCKERS, N_FAILURES, N_RUNS, Overview},
};
use crate::{site::Site, text::Timestamp};

/// Version of this file's format.
const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct Dashboard<'a> {
    schema_version: u32,
    /// Time of the newest record, `null` before the first.
    generated_at: Option<String>,
    queue: QueueCounts<'a>,
    blockers: Vec<BlockerCount<'a>>,
    runs: &'a [RunRecord],
    failures: &'a [FailureRecord],
    failures_summary: FailureCounts<'a>,
    health: HealthFacts<'a>,
    data_problems: usize,
}

#[derive(Serialize)]
struct QueueCounts<'a> {
    total: usize,
    by_status: BTreeMap<&'a str, usize>,
    by_ecosystem: BTreeMap<&'a str, BTreeMap<&'a str, usize>>,
}

#[derive(Serialize)]
struct BlockerCount<'a> {
    id: String,
    waiting: usize,
    status: Option<&'a str>,
}

#[derive(Serialize)]
struct FailureCounts<'a> {
    total: usize,
    by_category: BTreeMap<&'a str, usize>,
    by_ecosystem: BTreeMap<String, usize>,
    causes: usize,
}

#[derive(Serialize)]
struct HealthFacts<'a> {
    /// What the pipeline does: `running`, `stalled` or `paused`.
    status: &'a str,
    verdict: &'a str,
    reason: &'a str,
    reasons: &'a [Reason],
    ecosystems: BTreeMap<&'a str, BreakerFacts<'a>>,
    last_run: Option<RunFacts<'a>>,
    last_successful_run: Option<SuccessFacts<'a>>,
    runs_since_last_success: usize,
}

#[derive(Serialize)]
struct BreakerFacts<'a> {
    breaker_state: &'a str,
    consecutive_failures: u32,
    last_failure: Option<String>,
    next_probe_at: Option<String>,
}

#[derive(Serialize)]
struct RunFacts<'a> {
    batch_id: &'a str,
    ecosystem: Option<String>,
    timestamp: String,
    succeeded: u64,
    failed: u64,
    blocked: u64,
    total: u64,
}

#[derive(Serialize)]
struct SuccessFacts<'a> {
    batch_id: &'a str,
    recipes_merged: u64,
    recipes: Vec<&'a str>,
    timestamp: String,
}

pub(super) fn build(site: &Site<'_>, overview: &Overview<'_>) -> Page {
    let records = site.records;
    let dashboard = Dashboard {
        schema_version: SCHEMA_VERSION,
        generated_at: site.data_as_of.map(|at| Timestamp(at).iso()),
        queue: queue(overview),
        blockers: site
            .blockers
            .iter()
            .take(N_BLOCKERS)
            .map(|blocker| BlockerCount {
                id: blocker.id.to_string(),
                waiting: blocker.waiting.len(),
                status: blocker.entry.map(|entry| entry.status.label().as_str()),
            })
            .collect(),
        runs: &records.runs[..records.runs.len().min(N_RUNS)],
        failures: &records.failures[..records.failures.len().min(N_FAILURES)],
        failures_summary: failure_counts(site),
        health: health(overview),
        data_problems: records.problems.len(),
    };
    let json = serde_json::to_string_pretty(&dashboard).expect("all keys of its maps are strings");
    Page { path: "data/v1/dashboard.json".to_owned(), body: json + "\n" }
}

fn queue<'a>(overview: &'a Overview<'_>) -> QueueCounts<'a> {
    let counts = |cells: &'a [super::overview::Cell]| {
        cells.iter().map(|cell| (cell.status, cell.n)).collect::<BTreeMap<_, _>>()
    };
    QueueCounts {
        total: overview.n_entries,
        by_status: counts(&overview.totals),
        by_ecosystem: overview
            .queue
            .iter()
            .map(|line| (line.ecosystem.as_str(), counts(&line.cells)))
            .collect(),
    }
}

fn failure_counts<'a>(site: &Site<'a>) -> FailureCounts<'a> {
    let failures: Vec<&FailureRecord> = site.records.failures.iter().collect();
    let mut by_ecosystem = BTreeMap::new();
    for failure in &failures {
        *by_ecosystem.entry(failure.package_id.ecosystem.to_string()).or_default() += 1;
    }
    FailureCounts {
        total: failures.len(),
        by_category: by_category(&failures).into_iter().map(|(c, f)| (c, f.len())).collect(),
        by_ecosystem,
        causes: site.causes.len(),
    }
}

fn health<'a>(overview: &'a Overview<'_>) -> HealthFacts<'a> {
    let health = &overview.health;
    let breaker = |row: &'a BreakerRow| BreakerFacts {
        breaker_state: row.word,
        consecutive_failures: row.unhealthy,
        last_failure: row.last_failure.map(|at| at.iso()),
        next_probe_at: row.probes_at.map(|at| at.iso()),
    };
    HealthFacts {
        status: health.evaluated.pipeline.as_str(),
        verdict: health.evaluated.verdict.as_str(),
        reason: &health.why,
        reasons: &health.evaluated.reasons,
        ecosystems: overview
            .breakers
            .iter()
            .map(|row| (row.ecosystem.as_str(), breaker(row)))
            .collect(),
        last_run: health.last_run.map(|run| RunFacts {
            batch_id: &run.batch_id,
            ecosystem: run.ecosystem.as_ref().map(ToString::to_string),
            timestamp: Timestamp(run.timestamp).iso(),
            succeeded: run.succeeded,
            failed: run.failed,
            blocked: run.blocked,
            total: run.total,
        }),
        last_successful_run: health.last_success.map(|run| SuccessFacts {
            batch_id: &run.batch_id,
            recipes_merged: run.merged,
            recipes: run.recipes_generated.iter().map(RecipeName::as_str).collect(),
            timestamp: Timestamp(run.timestamp).iso(),
        }),
        runs_since_last_success: health.since_success.len(),
    }
}
