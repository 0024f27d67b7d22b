//! `status`: ten seconds of state.

use std::{collections::BTreeMap, fmt};

use batch_core::{
    decide::breaker::{self, Admission},
    io::StateReader as _,
    model::{EcosystemId, RunRecord, StatusLabel},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Context, out::table};
use crate::exit::Exit;

pub(super) fn run(cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    let (control, runs) = (root.state.control()?, root.state.runs()?);
    let (policy, now) = (root.settings.breaker_policy(), cx.env.clock.now());
    let mut ecosystems = vec![];
    let mut problems: Vec<String> = runs
        .quarantined
        .iter()
        .map(|bad| format!("{}, line {}: {}", bad.file, bad.place, bad.reason))
        .collect();
    for plugin in cx.env.registry.iter() {
        let mut counts = BTreeMap::new();
        match root.state.queue(&plugin.id) {
            Ok(Some(queue)) => {
                for entry in queue.entries.values() {
                    *counts.entry(entry.status.label()).or_default() += 1;
                }
                let bad = queue.quarantined.iter();
                problems.extend(
                    bad.map(|bad| format!("{}, entry {}: {}", bad.file, bad.place, bad.reason)),
                );
            }
            Ok(None) => (),
            Err(error) => problems.push(error.to_string()),
        }
        let breaker = control.breaker(&plugin.id);
        let gate = match breaker::admission(&breaker, now, &policy) {
            _ if !control.allows(&plugin.id) => "disabled".to_owned(),
            Admission::Batch => "closed".to_owned(),
            Admission::Probes(_) => "half-open: probes next".to_owned(),
            Admission::Nothing(reason) => reason.to_string(),
        };
        let last_run_at = breaker.last_run_at;
        ecosystems.push(EcosystemStatus {
            id: plugin.id.clone(),
            counts,
            breaker: gate,
            last_run_at,
        });
    }
    let ran = |record: &&RunRecord| record.ecosystem.is_some();
    let report = StatusReport {
        enabled: control.enabled,
        reason: control.reason,
        last_run: runs.records.iter().rev().find(ran).cloned(),
        runs_since_success: runs
            .records
            .iter()
            .rev()
            .filter(ran)
            .take_while(|r| r.succeeded == 0)
            .count(),
        ecosystems,
        problems,
    };
    cx.out.show(&report)?;
    Ok(Exit::Ok)
}

/// What `status --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct StatusReport {
    /// Whether anything may run.
    enabled: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The newest run that attempted something.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_run: Option<RunRecord>,
    /// Runs without a verified recipe since the last one that had some.
    runs_since_success: usize,
    /// In rotation order.
    ecosystems: Vec<EcosystemStatus>,
    /// What cannot be read: file, place, reason and remedy.
    problems: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct EcosystemStatus {
    id: EcosystemId,
    /// Entries by status; absent ones are 0.
    counts: BTreeMap<StatusLabel, u64>,
    /// What its breaker admits now.
    breaker: String,
    /// End of its last run.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_run_at: Option<chrono::DateTime<chrono::Utc>>,
}

impl fmt::Display for StatusReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.enabled, &self.last_run) {
            (false, _) => {
                let reason = self.reason.as_deref().unwrap_or("no reason given");
                writeln!(f, "PAUSED: {reason}")?;
            }
            (true, None) => writeln!(f, "READY: nothing has run yet")?,
            (true, Some(run)) => {
                let RunRecord { batch_id, succeeded, total, .. } = run;
                writeln!(f, "RUNNING: last run {batch_id}, {succeeded} of {total} verified")?;
                if self.runs_since_success > 0 {
                    writeln!(f, "{} runs since the last verified recipe", self.runs_since_success)?;
                }
            }
        }
        let row = |ecosystem: &EcosystemStatus| {
            let count = |label| ecosystem.counts.get(&label).map_or("-".to_owned(), u64::to_string);
            let mut row = vec![ecosystem.id.to_string()];
            row.extend(StatusLabel::ALL.iter().map(|&label| count(label)));
            row.push(ecosystem.breaker.clone());
            row
        };
        let rows: Vec<Vec<String>> = self.ecosystems.iter().map(row).collect();
        let headings = [
            "ECOSYSTEM",
            "PENDING",
            "IN PR",
            "SUCCESS",
            "FAILED",
            "BLOCKED",
            "MANUAL",
            "EXCLUDED",
            "BREAKER",
        ];
        write!(f, "\n{}", table(&headings, &rows))?;
        for problem in &self.problems {
            writeln!(f, "problem: {problem}")?;
        }
        Ok(())
    }
}
