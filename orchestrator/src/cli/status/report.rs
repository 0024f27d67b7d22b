//! What `status` prints.

use std::fmt;

use batch_core::{
    decide::{
        health::{Code, Health, Reason, Verdict},
        slo::Slo,
    },
    model::{BatchId, RunRecord},
};
use chrono::{DateTime, SubsecRound as _, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::{ecosystem, evidence, levels};
use crate::{
    cli::{damage, plan::PlannedSlot},
    counted::counted,
};

/// What `status --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct StatusReport {
    /// When it was made.
    pub(super) at: DateTime<Utc>,
    /// The health of the pipeline, with reasons.
    pub(super) health: Health,
    /// Whether runs are allowed.
    pub(super) enabled: bool,
    /// Why they are not allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// How many days back runs and failures were read. Runs are read further back if there are few.
    pub(super) window_days: i64,
    /// The newest run that attempted something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_run: Option<RunRecord>,
    /// The id of the newest record, which may be that of an imported run or of an empty slot.
    #[serde(skip)]
    pub(super) newest: Option<String>,
    /// Number of runs without a verified recipe since the last one with a verified recipe, among
    /// the runs that were read.
    pub(super) runs_since_success: u64,
    /// Hours since the last run that attempted something ended; absent if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hours_since_last_run: Option<u64>,
    /// Hours since the last run that merged a recipe ended; absent if none of the runs that were read
    /// did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hours_since_last_merge: Option<u64>,
    /// The next slots, the present one first, if nothing but time changes and every tool is there.
    pub(super) next_slots: Vec<PlannedSlot>,
    /// Hosts that asked for a pause.
    pub(super) paused_hosts: Vec<PausedHost>,
    /// In rotation order.
    pub(super) ecosystems: Vec<ecosystem::EcosystemStatus>,
    /// Batches that are kept until they are pushed, oldest first.
    pub(super) unpushed: Vec<BatchId>,
    /// What is to be achieved, and what is.
    pub(super) slos: Vec<Slo>,
    /// What the evidence of the failures of these days says, by ecosystem.
    pub(super) evidence: Vec<evidence::EcosystemEvidence>,
    /// What cannot be read, each with file, position, reason and remedy.
    pub(super) problems: Vec<String>,
}

/// A host that asked for a pause.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PausedHost {
    pub(super) host: String,
    /// When it may be asked again.
    pub(super) until: DateTime<Utc>,
}

impl StatusReport {
    /// The verdict, the state of the pipeline, and its last run.
    fn headline(&self) -> String {
        let word = self.health.verdict.as_str().replace('_', " ").to_uppercase();
        if self.health.verdict == Verdict::Paused {
            return format!("{word}: {}", self.reason.as_deref().unwrap_or("no reason given"));
        }
        let last = match (&self.last_run, &self.newest) {
            (Some(RunRecord { batch_id, succeeded, total, .. }), _) => {
                format!("last run {batch_id}, {succeeded} of {total} verified")
            }
            (None, Some(newest)) => format!("the newest record is {newest}"),
            (None, None) => "nothing has run yet".to_owned(),
        };
        if self.health.verdict == Verdict::NeverRun {
            return format!("{word}: {last}");
        }
        format!("{word}: the pipeline is {}; {last}", self.health.pipeline.as_str())
    }

    /// How long ago something ran, and how long ago a recipe was merged.
    fn ages(&self) -> String {
        let ago = |hours: u64| format!("{} ago", counted(hours, "hour", "hours"));
        let run = self.hours_since_last_run.map_or("never".to_owned(), ago);
        let none = format!("none in {} days", self.window_days);
        let merge = self.hours_since_last_merge.map_or(none, ago);
        format!("Last run: {run}; last merged recipe: {merge}")
    }

    /// One reason as a sentence, with the command that shows more.
    fn sentence(&self, reason: &Reason) -> String {
        let until = self.paused_hosts.iter().find(|host| host.host == reason.subject);
        let until = until.filter(|_| reason.code == Code::HostPaused);
        let until = until.map(|host| format!(", until {}", host.until.trunc_subsecs(0)));
        let since = reason.since.map(|at| format!(" (since {})", at.trunc_subsecs(0)));
        let command = reason.command.as_ref().map(|command| format!("      {command}\n"));
        format!(
            "  {}: {} {}{}{}\n{}",
            reason.code.as_str(),
            reason.subject,
            reason.code.meaning(),
            until.unwrap_or_default(),
            since.unwrap_or_default(),
            command.unwrap_or_default()
        )
    }

    fn slots(&self) -> String {
        let slots: Vec<String> = self.next_slots.iter().map(PlannedSlot::brief).collect();
        format!("Next slots: {}", slots.join("; "))
    }
}

impl fmt::Display for StatusReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.headline())?;
        for reason in &self.health.reasons {
            write!(f, "{}", self.sentence(reason))?;
        }
        if self.runs_since_success > 0 {
            let runs = counted(self.runs_since_success, "run", "runs");
            writeln!(f, "{runs} since the last verified recipe")?;
        }
        writeln!(f, "{}", self.ages())?;
        if !self.next_slots.is_empty() {
            writeln!(f, "{}", self.slots())?;
        }
        if let Some(oldest) = self.unpushed.first() {
            let n = counted(self.unpushed.len(), "batch waits", "batches wait");
            let since = oldest.started_at().trunc_subsecs(0);
            writeln!(f, "{n} for a push, since {since}: `tsuku-batch merge --push --resume`")?;
        }
        ecosystem::write(f, &self.ecosystems)?;
        levels::write(f, &self.slos)?;
        evidence::write(f, &self.evidence)?;
        writeln!(f, "Based on the runs and failures of the last {} days.", self.window_days)?;
        damage::write_problems(f, &self.problems)
    }
}
