//! Lines of logs, and decisions about sources.

use std::collections::BTreeMap;

use chrono::{DateTime, SubsecRound as _, Utc};

use super::{Finding, FindingCode, OLD, Place};
use crate::{
    decide::ahead,
    model::{BreakerTransition, CuratedSource, EcosystemId, Queue, SeedingRecord},
};

/// What is wrong with a line of the log of the breakers, before which a line of `before` was written.
pub fn breaker_log(
    at: Place<'_>,
    line: &BreakerTransition,
    before: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<Finding> {
    let id = line.ecosystem.as_str();
    let shown = line.at.trunc_subsecs(0);
    if ahead::is_ahead(line.at, now) {
        let message = format!("the breaker of {id} changed at {shown}");
        return Some(Finding::new(FindingCode::RecordAhead, at, id, message));
    }
    let before = before.filter(|&before| !ahead::is_ahead(before, now));
    let before = before.filter(|&before| ahead::is_ahead(before, line.at))?;
    let before = before.trunc_subsecs(0);
    let message =
        format!("the breaker of {id} changed at {shown}, and the line before is of {before}");
    Some(Finding::new(FindingCode::ClockBackwards, at, id, message))
}

/// What is wrong with a decision about a source.
pub fn curated_source(
    at: Place<'_>,
    source: &CuratedSource,
    now: DateTime<Utc>,
) -> Option<Finding> {
    let expires_at = source.expires_at.filter(|&expires_at| expires_at <= now)?;
    let tool = source.tool.as_str();
    let message = format!(
        "the decision about {tool} was to be looked at again by {}",
        expires_at.date_naive()
    );
    Some(Finding::new(FindingCode::OverrideExpired, at, tool, message))
}

/// What is wrong with the seedings `runs`, each with its place, and with the `queues` that they filled,
/// each with the name of its file.
pub fn seeding(
    runs: &[(Place<'_>, &SeedingRecord)],
    queues: &BTreeMap<EcosystemId, (&str, &Queue)>,
    now: DateTime<Utc>,
) -> Vec<Finding> {
    let mut findings = vec![];
    let mut newest: BTreeMap<&EcosystemId, DateTime<Utc>> = BTreeMap::new();
    for (at, run) in runs {
        let id = run.ecosystem.as_str();
        if ahead::is_ahead(run.ended_at, now) {
            let message = format!("a seeding of {id} ended at {}", run.ended_at.trunc_subsecs(0));
            findings.push(Finding::new(FindingCode::RecordAhead, *at, id, message));
            continue;
        }
        if ahead::is_ahead(run.started_at, run.ended_at) {
            let (from, to) = (run.started_at.trunc_subsecs(0), run.ended_at.trunc_subsecs(0));
            let message = format!("a seeding of {id} began at {from} and ended at {to}");
            findings.push(Finding::new(FindingCode::ClockBackwards, *at, id, message));
        }
        let newest = newest.entry(&run.ecosystem).or_insert(run.ended_at);
        *newest = run.ended_at.max(*newest);
    }
    for (ecosystem, (file, queue)) in queues {
        let id = ecosystem.as_str();
        let at = Place { file, line: 0 };
        let since = match newest.get(ecosystem) {
            Some(&ended_at) => ended_at,
            None => match queue.values().map(|entry| entry.added_at).min() {
                Some(added_at) => added_at,
                None => continue,
            },
        };
        if now.signed_duration_since(since) <= OLD {
            continue;
        }
        let day = since.date_naive();
        let (code, message) = if newest.contains_key(ecosystem) {
            (FindingCode::SeedingOld, format!("{id} was filled last on {day}"))
        } else {
            let message = format!("{id} has entries of {day}, and no seeding is recorded");
            (FindingCode::NeverSeeded, message)
        };
        findings.push(Finding::new(code, at, id, message));
    }
    findings
}
