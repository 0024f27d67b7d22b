//! How much of what failed has a known cause.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::{EcosystemId, FailureKind, FailureRecord};

/// Numbers of failures by what their evidence says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EvidenceShares {
    /// All failures.
    pub failures: u64,
    /// Failures whose text ends before it states a cause.
    pub evidence_lost: u64,
    /// Failures whose text states a cause that no rule knows.
    pub unclassified: u64,
}

impl EvidenceShares {
    /// The part of all failures whose evidence is lost, from 0 to 1; `None` without failures.
    pub fn lost_share(self) -> Option<f64> {
        share(self.evidence_lost, self.failures)
    }

    /// The part of the failures with evidence that no rule knows, from 0 to 1; `None` without such
    /// failures.
    pub fn unclassified_share(self) -> Option<f64> {
        share(self.unclassified, self.failures - self.evidence_lost)
    }
}

/// `None` for a part of nothing.
fn share(part: u64, whole: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a share is shown with few digits")]
    let share = || part as f64 / whole as f64;
    (whole > 0).then(share)
}

/// A share as percentage, rounded so that only nothing is 0 % and only everything is 100 %. A dash
/// for a part of nothing.
pub fn percentage(share: Option<f64>) -> String {
    let Some(share) = share else { return "–".to_owned() };
    let rounded = format!("{:.0}", share * 100.0);
    match &*rounded {
        "0" if share > 0.0 => "<1 %".to_owned(),
        "100" if share < 1.0 => ">99 %".to_owned(),
        _ => format!("{rounded} %"),
    }
}

/// Adds `failure` to the numbers of its ecosystem.
pub fn add(shares: &mut BTreeMap<EcosystemId, EvidenceShares>, failure: &FailureRecord) {
    let of = shares.entry(failure.ecosystem.clone()).or_default();
    of.failures += 1;
    of.evidence_lost += u64::from(failure.kind() == FailureKind::EvidenceLost);
    of.unclassified += u64::from(failure.kind() == FailureKind::Unclassified);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(ecosystem: &str, [category, subcategory]: [&str; 2]) -> FailureRecord {
        serde_json::from_value(serde_json::json!({
            "schema_version": 2, "id": "x", "package_id": format!("{ecosystem}:x"),
            "ecosystem": ecosystem, "batch_id": "x", "stage": "validate", "category": category,
            "subcategory": subcategory, "confidence": "stated", "message": "it failed",
            "fingerprint": "00000000000000ff", "timestamp": "2026-01-01T00:00:00Z",
        }))
        .unwrap()
    }

    #[test]
    fn lost_evidence_is_a_part_of_all_and_unclassified_of_the_rest() {
        let lost = ["unknown", "evidence_lost"];
        let unclassified = ["unknown", "unclassified"];
        let known = ["validation_failed", "install_failed"];
        let mut shares = BTreeMap::new();
        for kind in [lost, lost, unclassified, known, known, known] {
            add(&mut shares, &failure("aa", kind));
        }
        add(&mut shares, &failure("bb", lost));
        let of = |id: &str| shares[&id.parse::<EcosystemId>().unwrap()];
        assert_eq!(of("aa"), EvidenceShares { failures: 6, evidence_lost: 2, unclassified: 1 });
        assert_eq!(percentage(of("aa").lost_share()), "33 %");
        assert_eq!(percentage(of("aa").unclassified_share()), "25 %");
        assert_eq!(percentage(of("bb").lost_share()), "100 %");
        assert_eq!(of("bb").unclassified_share(), None);
        assert_eq!(EvidenceShares::default().lost_share(), None);
    }

    #[test]
    fn only_nothing_is_0_and_only_everything_is_100_percent() {
        for (share, text) in [
            (None, "–"),
            (Some(0.0), "0 %"),
            (Some(0.004), "<1 %"),
            (Some(0.02), "2 %"),
            (Some(0.994), "99 %"),
            (Some(0.996), ">99 %"),
            (Some(1.0), "100 %"),
        ] {
            assert_eq!(percentage(share), text, "{share:?}");
        }
    }
}
