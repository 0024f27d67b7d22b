//! Collects findings within bounded memory.

use std::collections::BTreeMap;

use super::{Finding, FindingCode};

/// How many findings of one kind are kept. A root with more of them is damaged as a whole.
pub const MAX_OF_A_KIND: u64 = 10_000;

/// Findings, of which only a limited number of each kind is kept.
#[derive(Debug, Default)]
pub struct Findings {
    kept: Vec<Finding>,
    counts: BTreeMap<FindingCode, u64>,
}

impl Findings {
    /// Adds a finding.
    pub fn add(&mut self, finding: Finding) {
        let count = self.counts.entry(finding.code).or_default();
        *count += 1;
        if *count <= MAX_OF_A_KIND {
            self.kept.push(finding);
        }
    }

    /// Adds all of `others`.
    pub fn absorb(&mut self, others: Self) {
        for (code, n) in others.counts {
            *self.counts.entry(code).or_default() += n;
        }
        self.kept.extend(others.kept);
    }

    /// The findings by kind, file and line, and the number of all of each kind.
    pub fn end(mut self) -> (Vec<Finding>, BTreeMap<FindingCode, u64>) {
        self.kept.sort();
        (self.kept, self.counts)
    }
}

impl Extend<Finding> for Findings {
    fn extend<I: IntoIterator<Item = Finding>>(&mut self, findings: I) {
        findings.into_iter().for_each(|finding| self.add(finding));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::doctor::Place;

    #[test]
    fn the_number_is_right_however_many_are_kept() {
        let mut findings = Findings::default();
        let at = Place { file: "f", line: 1 };
        let one = |code| Finding::new(code, at, "x", "x".to_owned());
        findings.extend((0..MAX_OF_A_KIND + 5).map(|_| one(FindingCode::OutputMissing)));
        findings.add(one(FindingCode::ControlUnreadable));
        let (kept, counts) = findings.end();
        assert_eq!(kept.len() as u64, MAX_OF_A_KIND + 1);
        assert_eq!(kept[0].code, FindingCode::ControlUnreadable);
        assert_eq!(counts[&FindingCode::OutputMissing], MAX_OF_A_KIND + 5);
    }
}
