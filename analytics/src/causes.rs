//! Failures grouped by their cause, as in "412 failures, 3 causes".

use std::collections::{BTreeMap, BTreeSet};

use batch_core::model::{FailureRecord, Fingerprint, PackageId};

/// Failures that share one fingerprint.
#[derive(Debug)]
pub(crate) struct Cause<'a> {
    pub(crate) fingerprint: Fingerprint,
    /// Newest first; never empty.
    pub(crate) failures: Vec<&'a FailureRecord>,
    /// The packages that failed for this cause, each once, sorted.
    pub(crate) packages: BTreeSet<&'a PackageId>,
}

impl<'a> Cause<'a> {
    pub(crate) fn newest(&self) -> &'a FailureRecord {
        self.failures[0]
    }

    pub(crate) fn oldest(&self) -> &'a FailureRecord {
        self.failures[self.failures.len() - 1]
    }
}

/// The causes of `failures` (which must be sorted, newest first). The cause that hit the most
/// packages comes first: one package that fails every hour counts as one.
pub(crate) fn rank(failures: &[FailureRecord]) -> Vec<Cause<'_>> {
    let mut by_fingerprint: BTreeMap<Fingerprint, Cause<'_>> = BTreeMap::new();
    for failure in failures {
        let fingerprint = failure.fingerprint;
        let cause = by_fingerprint.entry(fingerprint).or_insert_with(|| Cause {
            fingerprint,
            failures: vec![],
            packages: BTreeSet::new(),
        });
        cause.failures.push(failure);
        cause.packages.insert(&failure.package_id);
    }
    let mut causes: Vec<_> = by_fingerprint.into_values().collect();
    let weight = |cause: &Cause<'_>| (cause.packages.len(), cause.failures.len());
    causes.sort_by(|a, b| weight(b).cmp(&weight(a)).then(a.fingerprint.cmp(&b.fingerprint)));
    causes
}
