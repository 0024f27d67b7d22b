//! The site for programs: `dashboard.json` with its shards, and `health.json` for monitors. Texts are
//! as recorded; only HTML needs marks and escapes.

mod format;

use std::collections::BTreeMap;

use batch_core::{
    decide::health::STALLED_AFTER,
    model::{EcosystemId, FailureRecord, QueueEntry, RunRecord, StatusLabel},
};
use schemars::{Schema, schema_for};
use serde::Serialize;

use self::format::{
    BlockerFacts, BreakerFacts, Dashboard, DecisionCounts, FailureCounts, FailureFacts,
    HealthFacts, LastRun, LastSuccess, Monitor, PackageEntry, PlatformCounts, QueueFacts, RunFacts,
    Shard, ShardFacts,
};
use super::{
    Page, disambiguations,
    failures::{group, pair},
    overview::Overview,
};
use crate::{health, records::StoredOutput, site::Site};

/// Version of the format of these files.
const SCHEMA_VERSION: u32 = 1;

/// From this size of its failures on, a file is full, and the next one begins.
const SHARD_BYTES: usize = 4 << 20;

/// The schemas of the files, by name.
#[must_use]
pub fn schemas() -> Vec<(&'static str, Schema)> {
    vec![
        ("dashboard", schema_for!(Dashboard<'_>)),
        ("dashboard-shard", schema_for!(Shard<'_>)),
        ("health", schema_for!(Monitor<'_>)),
    ]
}

pub(super) fn build(site: &Site<'_>, overview: &Overview<'_>) -> Vec<Page> {
    let records = site.records;
    let mut shards = shards(site).into_iter();
    let failures = shards.next().unwrap_or_default();
    let mut failure_shards = vec![];
    let mut pages = vec![];
    for (i, failures) in shards.enumerate() {
        let path = format!("data/v1/failures-{}.json", i + 2);
        failure_shards.push(ShardFacts { path: path.clone(), count: failures.len() });
        pages.push(json(&path, &Shard { schema_version: SCHEMA_VERSION, failures }));
    }
    let dashboard = Dashboard {
        schema_version: SCHEMA_VERSION,
        generated_at: site.as_of,
        data_as_of: site.data_as_of,
        since: records.since,
        queue: queue(site),
        blockers: blockers(site),
        runs: records.runs.iter().map(run).collect(),
        failures,
        failure_shards,
        failures_summary: failure_counts(site),
        health: health(site, overview),
        disambiguations: decisions(site),
        data_problems: records.problems.len(),
    };
    pages.push(json("dashboard.json", &dashboard));
    let monitor = Monitor {
        schema_version: SCHEMA_VERSION,
        generated_at: site.as_of,
        stale_after: site.data_as_of.unwrap_or(site.as_of) + STALLED_AFTER,
        health: health(site, overview),
    };
    pages.push(json("health.json", &monitor));
    pages
}

fn json(path: &str, content: &impl Serialize) -> Page {
    let json = serde_json::to_string(content).expect("all keys of its maps are strings");
    Page { path: path.to_owned(), body: (json + "\n").into_bytes() }
}

fn shards<'a>(site: &Site<'a>) -> Vec<Vec<FailureFacts<'a>>> {
    let mut shards: Vec<Vec<FailureFacts<'_>>> = vec![vec![]];
    let mut n_bytes = 0;
    for failure in &site.records.failures {
        let facts = failure_facts(site, failure);
        n_bytes += 500 + facts.message.len() + facts.full_output.map_or(0, str::len);
        if SHARD_BYTES < n_bytes {
            shards.push(vec![]);
            n_bytes = 0;
        }
        shards.last_mut().expect("there is one").push(facts);
    }
    shards
}

fn failure_facts<'a>(site: &Site<'a>, failure: &'a FailureRecord) -> FailureFacts<'a> {
    let output = failure.output.as_ref();
    let full_output = match output.and_then(|it| site.records.outputs.get(&it.sha256)) {
        Some(StoredOutput::Whole(text)) => Some(text.as_str()),
        Some(StoredOutput::TooOld | StoredOutput::Missing) | None => None,
    };
    FailureFacts {
        id: &failure.id,
        package: failure.package_id.name.as_str(),
        package_id: &failure.package_id,
        ecosystem: &failure.package_id.ecosystem,
        category: failure.category(),
        subcategory: failure.subcategory(),
        headline: site.headline(failure).line.clone(),
        message: &failure.message,
        full_output,
        platform: failure.environment,
        batch_id: &failure.batch_id,
        timestamp: failure.timestamp,
        workflow_run_url: failure.workflow_run_url.as_deref(),
        fingerprint: failure.fingerprint.to_string(),
    }
}

fn run(run: &RunRecord) -> RunFacts<'_> {
    let counts = |counts: &batch_core::model::EnvironmentCounts| PlatformCounts {
        tested: counts.tested,
        passed: counts.passed,
        failed: counts.failed,
        blocked: counts.blocked,
        skipped: counts.skipped,
    };
    RunFacts {
        batch_id: &run.batch_id,
        ecosystem: run.ecosystem.as_ref(),
        timestamp: run.timestamp,
        total: run.total,
        succeeded: run.succeeded,
        failed: run.failed,
        blocked: run.blocked,
        merged: run.merged,
        used_disambiguation: run.used_disambiguation,
        duration_seconds: run.duration_seconds,
        packages_processed: &run.packages_processed,
        recipes_generated: &run.recipes_generated,
        disambiguations: &run.disambiguations,
        workflow_run_url: run.workflow_run_url.as_deref(),
        platform_results: run.environments.iter().map(|(it, n)| (*it, counts(n))).collect(),
        minutes: run.minutes,
        minutes_saved: run.minutes_saved,
    }
}

fn queue<'a>(site: &Site<'a>) -> QueueFacts<'a> {
    let count = |ecosystem: Option<&EcosystemId>| -> BTreeMap<&'static str, usize> {
        let n = |label| site.entries.count(ecosystem, Some(label));
        StatusLabel::ALL.iter().map(|&label| (label.as_str(), n(label))).collect()
    };
    let package = |entry: &&'a QueueEntry| PackageEntry {
        id: &entry.id,
        tier: entry.tier,
        status: entry.status.label(),
        reason: entry.status.reason(),
        next_retry_at: entry.next_retry_at,
        last_attempt_at: entry.last_attempt_at,
    };
    let queued = site.records.queues.keys();
    QueueFacts {
        total: site.entries.all.len(),
        by_status: count(None),
        by_ecosystem: queued.map(|id| (id, count(Some(id)))).collect(),
        packages: site.entries.all.iter().map(package).collect(),
    }
}

fn blockers<'s>(site: &'s Site<'_>) -> Vec<BlockerFacts<'s>> {
    let facts = |blocker: &'s crate::blockers::Blocker<'_>| BlockerFacts {
        id: &blocker.id,
        waiting: blocker.waiting.len(),
        unlocks: blocker.unlocks.len(),
        status: blocker.entry.map(|entry| entry.status.label()),
    };
    site.blockers.iter().map(facts).collect()
}

fn failure_counts<'a>(site: &Site<'a>) -> FailureCounts<'a> {
    fn count<K: Ord>(groups: BTreeMap<K, Vec<&FailureRecord>>) -> BTreeMap<K, usize> {
        groups.into_iter().map(|(key, failures)| (key, failures.len())).collect()
    }
    let all: Vec<&FailureRecord> = site.records.failures.iter().collect();
    FailureCounts {
        total: all.len(),
        by_category: count(group(&all, FailureRecord::category)),
        by_subcategory: count(group(&all, |it| pair(it)[1])),
        by_ecosystem: count(group(&all, |it| &it.package_id.ecosystem)),
        causes: site.causes.len(),
    }
}

fn decisions<'a>(site: &Site<'a>) -> DecisionCounts<'a> {
    let all = disambiguations::decisions(site);
    let by_reason = disambiguations::by_reason(&all);
    DecisionCounts {
        total: all.len(),
        by_reason: by_reason.into_iter().map(|(reason, list)| (reason, list.len())).collect(),
        need_review: all.iter().filter(|it| it.needs_review).count(),
    }
}

fn health<'s>(site: &'s Site<'_>, overview: &'s Overview<'_>) -> HealthFacts<'s> {
    let health = &overview.health;
    let breaker = |id: &EcosystemId| {
        let (permission, breaker) = health::permission(&site.records.control, id, site.as_of);
        BreakerFacts {
            breaker_state: permission.as_str(),
            last_failure: breaker.last_failure_at,
            consecutive_failures: breaker.unhealthy_runs,
            next_probe_at: breaker.open.map(|open| open.until),
        }
    };
    HealthFacts {
        status: health.evaluated.pipeline.as_str(),
        verdict: health.evaluated.verdict.as_str(),
        reason: &health.why,
        command: health.command.as_deref(),
        reasons: &health.evaluated.reasons,
        ecosystems: site.ecosystems().into_iter().map(|id| (id, breaker(id))).collect(),
        last_run: health.last_run.map(|run| LastRun {
            batch_id: &run.batch_id,
            ecosystem: run.ecosystem.as_ref(),
            timestamp: run.timestamp,
            succeeded: run.succeeded,
            failed: run.failed,
            blocked: run.blocked,
            total: run.total,
        }),
        last_successful_run: health.last_success.map(|run| LastSuccess {
            batch_id: &run.batch_id,
            recipes_merged: run.merged,
            recipes_verified: run.succeeded,
            recipes: &run.recipes_generated,
            timestamp: run.timestamp,
        }),
        runs_since_last_success: health.since_success.len(),
        hours_since_last_run: health.hours_since_run,
        hours_since_recipe_merged: health.hours_since_merge,
    }
}
