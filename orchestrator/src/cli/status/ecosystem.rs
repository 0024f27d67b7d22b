//! What `status` shows of one ecosystem: its queue and its breaker.

use std::{collections::BTreeMap, fmt};

use batch_core::{
    decide::{breaker::Admission, preflight},
    model::{Control, EcosystemId, SkipReason, StatusLabel},
};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{cli::out::table, env::Root};

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct EcosystemStatus {
    pub(super) id: EcosystemId,
    /// Number of entries by status; an absent status means 0.
    pub(super) counts: BTreeMap<StatusLabel, u64>,
    /// What the breaker admits now.
    breaker: String,
    /// End of its last run.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_run_at: Option<DateTime<Utc>>,
}

impl EcosystemStatus {
    /// Whether the breaker admits whole batches.
    pub(super) fn is_closed(&self) -> bool {
        self.breaker == CLOSED
    }
}

/// The word for a breaker that admits whole batches.
const CLOSED: &str = "closed";

pub(super) fn status(
    id: &EcosystemId,
    counts: BTreeMap<StatusLabel, u64>,
    control: &Control,
    (root, now): (&Root, DateTime<Utc>),
) -> EcosystemStatus {
    let last_run_at = control.breaker(id).last_run_at;
    let gate = match preflight::admission(id, control, (now, &root.settings.breaker_policy())) {
        Admission::Nothing(SkipReason::Disabled) => "disabled".to_owned(),
        Admission::Batch => CLOSED.to_owned(),
        Admission::Probes(_) | Admission::FirstOfQueue(_) => {
            "half-open: its next run is a probe".to_owned()
        }
        Admission::Nothing(reason) => reason.to_string(),
    };
    EcosystemStatus { id: id.clone(), counts, breaker: gate, last_run_at }
}

/// Writes a table with a line for each of them.
pub(super) fn write(f: &mut fmt::Formatter<'_>, ecosystems: &[EcosystemStatus]) -> fmt::Result {
    let row = |ecosystem: &EcosystemStatus| {
        let count = |label| ecosystem.counts.get(&label).map_or("-".to_owned(), u64::to_string);
        let mut row = vec![ecosystem.id.to_string()];
        row.extend(StatusLabel::ALL.iter().map(|&label| count(label)));
        row.push(ecosystem.breaker.clone());
        row
    };
    let rows: Vec<Vec<String>> = ecosystems.iter().map(row).collect();
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
    write!(f, "\n{}", table(&headings, &rows))
}
