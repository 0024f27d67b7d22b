//! How much of what failed lately has a known cause.

use std::{collections::BTreeMap, fmt};

use batch_core::{
    decide::shares::{EvidenceShares, percentage},
    model::EcosystemId,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::out::table;

/// The failures of one ecosystem, by what their evidence says.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct EcosystemEvidence {
    pub(super) ecosystem: EcosystemId,
    /// Numbers of failures.
    pub(super) counts: EvidenceShares,
    /// The part of the failures whose text ends before it states a cause, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    lost_share: Option<f64>,
    /// The part of the other failures whose cause no rule knows, from 0 to 1; absent if all
    /// evidence is lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    unclassified_share: Option<f64>,
}

/// One item for each ecosystem that has failures.
pub(super) fn of(shares: BTreeMap<EcosystemId, EvidenceShares>) -> Vec<EcosystemEvidence> {
    let of = |(ecosystem, counts): (EcosystemId, EvidenceShares)| EcosystemEvidence {
        ecosystem,
        lost_share: counts.lost_share(),
        unclassified_share: counts.unclassified_share(),
        counts,
    };
    shares.into_iter().map(of).collect()
}

/// Writes a table; nothing without failures.
pub(super) fn write(f: &mut fmt::Formatter<'_>, evidence: &[EcosystemEvidence]) -> fmt::Result {
    if evidence.is_empty() {
        return Ok(());
    }
    let row = |of: &EcosystemEvidence| {
        vec![
            of.ecosystem.to_string(),
            of.counts.failures.to_string(),
            percentage(of.lost_share),
            percentage(of.unclassified_share),
        ]
    };
    let rows: Vec<Vec<String>> = evidence.iter().map(row).collect();
    let headings = ["ECOSYSTEM", "FAILURES", "EVIDENCE LOST", "UNCLASSIFIED (OF THE REST)"];
    write!(f, "\n{}", table(&headings, &rows))
}
