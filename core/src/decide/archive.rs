//! Decides what is old enough for the archive, and in which month it belongs.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::model::{FailureRecord, Month, OutputRef, RunName};

/// The month in whose archive the records of a run belong, if it started before `before`. `None`
/// for a later run, and for a name that does not say when its run started.
#[must_use]
pub fn month_of_old_run(name: Option<RunName<'_>>, before: DateTime<Utc>) -> Option<Month> {
    let started_at = name?.started_at()?;
    (started_at < before).then(|| Month::of(started_at))
}

/// A digest: 32 bytes take half the memory of their hexadecimal digits.
pub type Digest = [u8; 32];

/// The digest that is written in `hex`; `None` for any other text.
#[must_use]
pub fn digest(hex: &str) -> Option<Digest> {
    let mut digest = Digest::default();
    hex::decode_to_slice(hex, &mut digest).ok()?;
    Some(digest)
}

/// Which outputs are referred to, by what is archived and by what is not.
#[derive(Debug, Default)]
pub struct References {
    recent: BTreeSet<Digest>,
    /// With the month of the newest of the records that are archived now.
    old: BTreeMap<Digest, Month>,
    has_unknown: bool,
}

impl References {
    /// Adds what `failure` refers to. `month` is the archive to which it is moved; `None` when it
    /// stays where it is.
    pub fn add(&mut self, failure: &FailureRecord, month: Option<Month>) {
        let digest_of = |output: &OutputRef| digest(&output.sha256);
        let outputs = failure.output.iter().chain(&failure.repro).filter_map(digest_of);
        for output in outputs {
            match month {
                None => {
                    self.recent.insert(output);
                }
                Some(month) => {
                    let newest = self.old.entry(output).or_insert(month);
                    *newest = month.max(*newest);
                }
            }
        }
    }

    /// Adds a record that cannot be read. Each text in it that looks like a digest may refer to an
    /// output. If nothing of it is known, every output may be needed.
    pub fn add_damaged(&mut self, raw: &str) {
        if raw.is_empty() {
            self.has_unknown = true;
        }
        let words = raw.split(|c: char| !c.is_ascii_hexdigit());
        self.recent.extend(words.filter_map(digest));
    }

    /// Whether the output is not needed where it is: no recent record refers to it.
    pub fn is_old(&self, output: &Digest) -> bool {
        !self.has_unknown && !self.recent.contains(output)
    }

    /// The outputs to archive, by month, each with the newest old record that refers to it. Empty
    /// if it is not known what is still needed.
    pub fn old_outputs(&self) -> BTreeMap<Month, BTreeSet<Digest>> {
        let mut by_month: BTreeMap<Month, BTreeSet<Digest>> = BTreeMap::new();
        for (output, month) in self.old.iter().filter(|(output, _)| self.is_old(output)) {
            by_month.entry(*month).or_default().insert(*output);
        }
        by_month
    }
}

/// What is counted before and after records are moved. Equal sets of records have equal tallies,
/// in whatever order they are added.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// The number of records.
    pub records: u64,
    /// The sum of their digests.
    sum: u128,
}

impl Tally {
    /// Adds a record with the digest `digest`.
    pub fn add(&mut self, digest: &Digest) {
        self.records += 1;
        let (half, _) = digest.split_first_chunk().unwrap_or((&[0; 16], &[]));
        self.sum = self.sum.wrapping_add(u128::from_be_bytes(*half));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    /// A failure that refers to the outputs whose digests consist of these bytes.
    fn failure(output: Option<u8>, repro: Option<u8>) -> FailureRecord {
        let reference = |byte: u8| {
            let sha256 = hex::encode([byte; 32]);
            serde_json::json!({"sha256": sha256, "bytes": 1, "truncated": false})
        };
        serde_json::from_value(serde_json::json!({
            "schema_version": 2, "id": "npm-2026-01-01T00-00-00Z-x", "package_id": "npm:x",
            "ecosystem": "npm", "batch_id": "npm-2026-01-01T00-00-00Z", "stage": "validate",
            "category": "validation_failed", "subcategory": "install_failed",
            "confidence": "stated", "message": "it failed", "fingerprint": "00000000000000ff",
            "timestamp": "2026-01-01T00:00:00Z", "output": output.map(reference),
            "repro": repro.map(reference),
        }))
        .unwrap()
    }

    #[test]
    fn a_run_is_old_when_it_started_before_the_limit() {
        let name = RunName::parse("npm-2026-03-31T23-59-59Z");
        let of = |before| month_of_old_run(name, at(before));
        assert_eq!(of("2026-04-01T00:00:00Z"), Some(month("2026-03")));
        assert_eq!(of("2026-03-31T23:59:59Z"), None);
        assert_eq!(month_of_old_run(None, at("2026-04-01T00:00:00Z")), None);
        let odd = RunName::parse("npm-2026-99-31T23-59-59Z");
        assert_eq!(month_of_old_run(odd, at("2027-04-01T00:00:00Z")), None);
    }

    #[test]
    fn an_output_goes_with_the_newest_record_and_only_if_no_other_needs_it() {
        let mut references = References::default();
        references.add(&failure(Some(1), Some(2)), Some(month("2026-02")));
        references.add(&failure(Some(1), None), Some(month("2026-01")));
        references.add(&failure(Some(3), Some(4)), Some(month("2026-01")));
        references.add(&failure(None, Some(3)), None);
        let expected =
            [(month("2026-01"), [[4; 32]].into()), (month("2026-02"), [[1; 32], [2; 32]].into())];
        assert_eq!(references.old_outputs(), expected.into());
        assert!(references.is_old(&[1; 32]) && !references.is_old(&[3; 32]));
    }

    #[test]
    fn a_record_that_cannot_be_read_keeps_what_it_may_refer_to() {
        let mut references = References::default();
        references.add(&failure(Some(1), Some(2)), Some(month("2026-02")));
        references.add_damaged(&format!("{{\"output\":{{\"sha256\":\"{}\"", hex::encode([1; 32])));
        assert_eq!(references.old_outputs(), [(month("2026-02"), [[2; 32]].into())].into());
        references.add_damaged("");
        assert!(references.old_outputs().is_empty());
    }

    #[test]
    fn a_tally_depends_on_every_record_and_not_on_their_order() {
        let tally = |digests: &[u8]| {
            let mut tally = Tally::default();
            for byte in digests {
                tally.add(&[*byte; 32]);
            }
            tally
        };
        assert_eq!(tally(&[1, 2, 2]), tally(&[2, 1, 2]));
        assert_ne!(tally(&[1, 2, 2]), tally(&[1, 1, 2]));
        assert_ne!(tally(&[1, 2]), tally(&[1, 2, 2]));
        assert_eq!(tally(&[1, 2]).records, 2);
    }
}
