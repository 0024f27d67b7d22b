//! Decides how the attempts of a simulation end.

use std::collections::BTreeMap;

use batch_core::{
    io::{HistoryFilter, StateReader, Visited},
    model::{Failure, FailureKind, FailureRecord, Finding, PackageId, Stage},
};
use sha2::{Digest as _, Sha256};

use crate::failure::failure;

/// Decides by the recorded failures of packages and by chance. The same seed gives the same results,
/// whatever the order in which packages are attempted.
pub struct Oracle {
    seed: u64,
    /// The share of attempts that succeed, of packages without a recorded failure.
    success: f64,
    recorded: BTreeMap<PackageId, Failure>,
}

/// Structural failures of packages without a recorded one.
const USUAL: [(Stage, FailureKind, &str); 6] = [
    (Stage::Generate, FailureKind::BinaryDiscoveryFailed, "error: no executable is declared"),
    (Stage::Generate, FailureKind::NoBottle, "error: no binary for this platform"),
    (Stage::Generate, FailureKind::BuildFromSource, "error: only sources are published"),
    (Stage::Validate, FailureKind::InstallFailed, "error: the install step failed"),
    (Stage::Validate, FailureKind::NativeBuildFailed, "error: the compiler failed"),
    (Stage::Validate, FailureKind::VerifyFailed, "error: the verify command failed"),
];

impl Oracle {
    /// Attempts succeed with the probability `success`.
    pub fn of_rate(seed: u64, success: f64) -> Self {
        Self { seed, success, recorded: BTreeMap::new() }
    }

    /// Each package repeats the newest of its failures in `state`; other attempts succeed with the
    /// probability `success`.
    pub fn recorded(seed: u64, success: f64, state: &dyn StateReader) -> anyhow::Result<Self> {
        let mut recorded = BTreeMap::new();
        state.visit_failures(&HistoryFilter::default(), &mut |visited| {
            match visited {
                // The newest comes first.
                Visited::Record(record) => {
                    recorded.entry(record.package_id.clone()).or_insert_with(|| again(&record));
                }
                Visited::Damaged(damaged) => tracing::warn!("passed over: {damaged}"),
            }
            std::ops::ControlFlow::Continue(())
        })?;
        Ok(Self { seed, success, recorded })
    }

    /// The number of packages that have a recorded failure.
    pub fn n_recorded(&self) -> usize {
        self.recorded.len()
    }

    /// How the attempt with the number `n` at `package` ends; `None` if it succeeds.
    pub fn failure(&self, package: &PackageId, n: u32) -> Option<Failure> {
        if let Some(failure) = self.recorded.get(package) {
            return Some(failure.clone());
        }
        let mut rng = self.chance(package, n);
        if rng.f64() < self.success {
            return None;
        }
        let (stage, kind, message) = USUAL[rng.usize(..USUAL.len())];
        Some(failure(stage, Finding::stated(kind), message, package))
    }

    /// The random numbers of one attempt.
    pub fn chance(&self, package: &PackageId, n: u32) -> fastrand::Rng {
        let digest = Sha256::digest(format!("{} {n} {package}", self.seed));
        let first = digest.first_chunk().copied().unwrap_or_default();
        fastrand::Rng::with_seed(u64::from_le_bytes(first))
    }
}

/// The failure of `record`, as if it happened once more.
fn again(record: &FailureRecord) -> Failure {
    Failure {
        stage: record.stage,
        finding: Finding {
            kind: record.kind(),
            service: record.service.clone(),
            confidence: record.confidence,
        },
        fingerprint: record.fingerprint,
        message: record.message.clone(),
        output: String::new(),
        exit_code: record.exit_code,
        blocked_by: record.blocked_by.clone(),
        steps: vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_depends_on_seed_package_and_number_only() {
        let package = |name: &str| format!("npm:{name}").parse::<PackageId>().unwrap();
        let ends = |seed, name: &str| {
            let oracle = Oracle::of_rate(seed, 0.5);
            (0..64).map(|n| oracle.failure(&package(name), n).is_none()).collect::<Vec<_>>()
        };
        assert_eq!(ends(1, "a"), ends(1, "a"));
        assert_ne!(ends(1, "a"), ends(1, "b"));
        assert_ne!(ends(1, "a"), ends(2, "a"));
        let n_succeeded = ends(1, "a").into_iter().filter(|it| *it).count();
        assert!((16..48).contains(&n_succeeded), "{n_succeeded}");
    }

    #[test]
    fn certain_results_are_certain() {
        let package = "npm:a".parse().unwrap();
        for n in 0..100 {
            assert_eq!(Oracle::of_rate(n, 1.0).failure(&package, 0), None);
            assert!(Oracle::of_rate(n, 0.0).failure(&package, 0).is_some());
        }
    }
}
