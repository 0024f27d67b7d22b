//! The content of the first page and of its JSON. It is computed once, so the two cannot disagree.

use std::collections::BTreeMap;

use batch_core::{
    decide::{
        ahead,
        health::{Reason, paused_hosts},
        shares::{self, EvidenceShares},
    },
    model::{Control, EcosystemId, RunRecord, StatusLabel},
};
use chrono::{DateTime, NaiveDate, Utc};

use super::{
    causes::CauseRow,
    failures::by_category,
    row::{FailureRow, RunRow},
};
use crate::{
    blockers::Blocker,
    health::{self, Health, Permission},
    path,
    site::Site,
    text::{Text, Timestamp, https_url},
};

/// Rows in the lists of the first page.
pub(super) const N_RUNS: usize = 10;
pub(super) const N_FAILURES: usize = 20;
const N_CAUSES: usize = 8;
pub(super) const N_BLOCKERS: usize = 10;
const N_RECIPES: usize = 12;

pub(super) struct Overview<'a> {
    pub(super) health: Health<'a>,
    pub(super) word: String,
    pub(super) word_class: &'static str,
    pub(super) why: Text,
    pub(super) reasons: Vec<ReasonRow>,
    pub(super) incident: Option<String>,
    pub(super) last_run: Option<RunRow>,
    pub(super) last_success: Option<RunRow>,
    pub(super) recipes: Vec<Text>,
    pub(super) n_more_recipes: usize,
    pub(super) n_since_success: usize,
    /// The newest run record, where it is not `last_run`.
    pub(super) last_slot: Option<RunRow>,
    pub(super) n_problems: usize,
    pub(super) queue: Vec<QueueLine>,
    pub(super) totals: Vec<Cell>,
    pub(super) n_entries: usize,
    pub(super) breakers: Vec<BreakerRow>,
    pub(super) n_transitions: usize,
    pub(super) hosts: Vec<(Text, Timestamp)>,
    pub(super) week: Option<NaiveDate>,
    /// Minutes on macOS, then on Linux.
    pub(super) minutes: (u64, u64),
    pub(super) runs: Vec<RunRow>,
    pub(super) n_runs: usize,
    pub(super) failures: Vec<FailureRow>,
    pub(super) n_failures: usize,
    pub(super) causes: Vec<CauseRow>,
    pub(super) n_causes: usize,
    pub(super) evidence: Vec<EvidenceRow>,
    pub(super) categories: Vec<Category>,
    pub(super) blockers: Vec<BlockerRow>,
    pub(super) n_blocked: usize,
}

/// One reason for the verdict.
pub(super) struct ReasonRow {
    pub(super) code: &'static str,
    pub(super) subject: Text,
    pub(super) meaning: &'static str,
    pub(super) since: Option<Timestamp>,
    pub(super) command: Option<Text>,
}

impl ReasonRow {
    fn new(reason: &Reason) -> Self {
        Self {
            code: reason.code.as_str(),
            subject: Text::last_line(&reason.subject, 120),
            meaning: reason.code.meaning(),
            since: reason.since.map(Timestamp),
            command: reason.command.as_deref().map(Text::new),
        }
    }
}

pub(super) struct QueueLine {
    pub(super) ecosystem: Text,
    pub(super) cells: Vec<Cell>,
    pub(super) n: usize,
    pub(super) href: String,
}

/// A count, and a link to the list that has as many rows.
pub(super) struct Cell {
    pub(super) status: &'static str,
    pub(super) n: usize,
    pub(super) href: String,
}

pub(super) struct BreakerRow {
    pub(super) ecosystem: Text,
    pub(super) word: &'static str,
    pub(super) probes_at: Option<Timestamp>,
    pub(super) probes: &'static str,
    pub(super) unhealthy: u32,
    pub(super) last_failure: Option<Timestamp>,
    pub(super) last_run: Option<RunRow>,
    pub(super) reason: Text,
}

pub(super) struct Category {
    pub(super) name: Text,
    pub(super) n: usize,
    pub(super) href: String,
}

/// What the evidence of all failures of an ecosystem says.
pub(super) struct EvidenceRow {
    pub(super) ecosystem: Text,
    pub(super) counts: EvidenceShares,
    pub(super) lost: String,
    pub(super) unclassified: String,
}

pub(super) struct BlockerRow {
    pub(super) name: Text,
    pub(super) ecosystem: Text,
    pub(super) n: usize,
    pub(super) href: String,
    pub(super) package: Option<String>,
    pub(super) status: Option<&'static str>,
}

impl<'a> Overview<'a> {
    pub(super) fn new(site: &Site<'a>) -> Self {
        let records = site.records;
        let control = &records.control;
        let health = health::of(records, site.as_of);
        let queue = queue_lines(site);
        let recipes = health.last_success.map_or(&[][..], |run| &run.recipes_generated);
        let failures: Vec<_> = records.failures.iter().collect();
        let hosts = paused_hosts(control, site.as_of).into_iter();
        Self {
            word: health.evaluated.verdict.as_str().replace('_', " "),
            word_class: health.evaluated.verdict.as_str(),
            why: Text::new(&health.why),
            reasons: health.evaluated.reasons.iter().map(ReasonRow::new).collect(),
            incident: incident(control, site.as_of).and_then(https_url),
            last_run: health.last_run.map(RunRow::new),
            last_success: health.last_success.map(RunRow::new),
            recipes: recipes.iter().take(N_RECIPES).map(Text::of).collect(),
            n_more_recipes: recipes.len().saturating_sub(N_RECIPES),
            n_since_success: health.since_success.len(),
            last_slot: last_slot(&health, site).map(RunRow::new),
            n_problems: records.problems.len(),
            totals: StatusLabel::ALL.iter().map(|status| total(&queue, *status)).collect(),
            n_entries: queue.iter().map(|line| line.n).sum(),
            queue,
            breakers: site.ecosystems().into_iter().map(|id| breaker_row(site, id)).collect(),
            n_transitions: records.transitions.len(),
            hosts: hosts.map(|(host, until)| (Text::new(host), Timestamp(until))).collect(),
            week: control.budget.week_start,
            minutes: (control.budget.macos_minutes_used, control.budget.linux_minutes_used),
            runs: records.runs.iter().take(N_RUNS).map(RunRow::new).collect(),
            n_runs: records.runs.len(),
            failures: records
                .failures
                .iter()
                .take(N_FAILURES)
                .map(|failure| FailureRow::new(site, failure))
                .collect(),
            n_failures: records.failures.len(),
            causes: site
                .causes
                .iter()
                .take(N_CAUSES)
                .map(|cause| CauseRow::new(site, cause))
                .collect(),
            n_causes: site.causes.len(),
            evidence: evidence_rows(site),
            categories: by_category(&failures)
                .into_iter()
                .map(|(name, failures)| Category {
                    name: Text::new(name),
                    n: failures.len(),
                    href: path::list(&path::category(name), 1),
                })
                .collect(),
            blockers: site.blockers.iter().take(N_BLOCKERS).map(|b| blocker_row(site, b)).collect(),
            n_blocked: site.entries(None, Some(StatusLabel::Blocked)).len(),
            health,
        }
    }
}

/// The newest run record if it is of a run without a batch: it says why nothing was attempted.
/// Other runs are shown already.
fn last_slot<'a>(health: &Health<'a>, site: &Site<'a>) -> Option<&'a RunRecord> {
    let mut runs = site.records.runs.iter();
    let newest = runs.find(|run| !ahead::is_ahead(run.timestamp, site.as_of))?;
    health.last_run.is_none_or(|run| run.batch_id != newest.batch_id).then_some(newest)
}

fn evidence_rows(site: &Site<'_>) -> Vec<EvidenceRow> {
    let mut of = BTreeMap::new();
    site.records.failures.iter().for_each(|failure| shares::add(&mut of, failure));
    let row = |(ecosystem, counts): (EcosystemId, EvidenceShares)| EvidenceRow {
        ecosystem: Text::of(&ecosystem),
        counts,
        lost: shares::percentage(counts.lost_share()),
        unclassified: shares::percentage(counts.unclassified_share()),
    };
    of.into_iter().map(row).collect()
}

fn queue_lines(site: &Site<'_>) -> Vec<QueueLine> {
    let line = |(ecosystem, entries): (&EcosystemId, &batch_core::model::Queue)| {
        let cell = |&status: &StatusLabel| Cell {
            status: status.as_str(),
            n: entries.values().filter(|entry| entry.status.label() == status).count(),
            href: path::list(&path::status_in(ecosystem, status), 1),
        };
        QueueLine {
            ecosystem: Text::of(ecosystem),
            cells: StatusLabel::ALL.iter().map(cell).collect(),
            n: entries.len(),
            href: path::list(&path::queue(ecosystem), 1),
        }
    };
    site.records.queues.iter().map(line).collect()
}

fn total(queue: &[QueueLine], status: StatusLabel) -> Cell {
    let cells = queue.iter().flat_map(|line| &line.cells);
    Cell {
        status: status.as_str(),
        n: cells.filter(|cell| cell.status == status.as_str()).map(|cell| cell.n).sum(),
        href: path::list(&path::status(status), 1),
    }
}

fn breaker_row(site: &Site<'_>, ecosystem: &EcosystemId) -> BreakerRow {
    let (permission, breaker) = health::permission(&site.records.control, ecosystem, site.as_of);
    let (probes_at, probes) = match permission {
        Permission::Disabled => (None, "not while disabled"),
        Permission::Closed => (None, "–"),
        Permission::Open(until) => (Some(Timestamp(until)), ""),
        Permission::HalfOpen(_) => (None, "in its next run"),
    };
    let reason = match permission {
        Permission::Disabled => site.records.control.reason.clone().unwrap_or_default(),
        Permission::Closed | Permission::Open(_) | Permission::HalfOpen(_) => {
            breaker.open.map_or_else(String::new, |open| open.reason)
        }
    };
    let is_own = |run: &&RunRecord| run.ecosystem.as_ref() == Some(ecosystem);
    BreakerRow {
        ecosystem: Text::of(ecosystem),
        word: permission.as_str(),
        probes_at,
        probes,
        unhealthy: breaker.unhealthy_runs,
        last_failure: breaker.last_failure_at.map(Timestamp),
        last_run: site.records.runs.iter().find(is_own).map(RunRow::new),
        reason: Text::last_line(&reason, 200),
    }
}

fn blocker_row(site: &Site<'_>, blocker: &Blocker<'_>) -> BlockerRow {
    let id = &blocker.id;
    BlockerRow {
        name: Text::of(&id.name),
        ecosystem: Text::of(&id.ecosystem),
        n: blocker.waiting.len(),
        href: path::list(&path::blocker(&id.ecosystem, &id.name), 1),
        package: site.packages.contains_key(id).then(|| path::package(id)),
        status: blocker.entry.map(|entry| entry.status.label().as_str()),
    }
}

/// The link to the incident because of which everything is stopped.
fn incident(control: &Control, as_of: DateTime<Utc>) -> Option<&str> {
    if control.enabled {
        control.pause_of_all(as_of)?.incident_url.as_deref()
    } else {
        control.incident_url.as_deref()
    }
}
