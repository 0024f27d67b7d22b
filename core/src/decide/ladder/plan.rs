//! The part of the plan of a batch that concerns the ladder.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{
    decide::{apply::monday, preflight::PlannedBatch},
    model::{
        BatchPlan, Budget, Cell, Environment, Os, PackageId, PlannedPackage, Rung, ValidationSkip,
    },
};

/// The minutes that are reserved for one test. A test may take as long as this; most take less.
pub const MINUTES_OF_A_TEST: u64 = 5;

/// Environments that a run leaves out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SkipFlags {
    /// Those with macOS.
    pub macos: bool,
    /// Those with Linux on arm64.
    pub arm64: bool,
    /// Those with the libc musl.
    pub musl: bool,
}

impl SkipFlags {
    /// Whether `environment` is left out.
    pub fn leave_out(self, environment: Environment) -> bool {
        let is_musl = matches!(environment.cell(), Cell::LinuxMuslX86 | Cell::LinuxMuslArm);
        match Rung::of(environment) {
            Rung::Mac => self.macos,
            Rung::Arm => self.arm64 || self.musl && is_musl,
            Rung::First | Rung::OtherX86 => self.musl && is_musl,
        }
    }
}

/// How many minutes of validation a week has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetPolicy {
    /// On macOS; `None` means no limit.
    pub macos: Option<u64>,
    /// On Linux; `None` means no limit.
    pub linux: Option<u64>,
}

impl Default for BudgetPolicy {
    fn default() -> Self {
        Self { macos: Some(1000), linux: None }
    }
}

/// The minutes that are left; `None` means no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "proper names")]
pub struct MinutesLeft {
    pub macos: Option<u64>,
    pub linux: Option<u64>,
}

impl MinutesLeft {
    /// What is left of the ISO week of `now`, shared equally between `n_batches`.
    pub fn of(budget: &Budget, policy: BudgetPolicy, now: DateTime<Utc>, n_batches: usize) -> Self {
        let is_this_week = budget.week_start == Some(monday(now));
        let share = u64::try_from(n_batches.max(1)).unwrap_or(u64::MAX);
        let left = |limit: Option<u64>, used: u64| {
            limit.map(|limit| limit.saturating_sub(if is_this_week { used } else { 0 }) / share)
        };
        Self {
            macos: left(policy.macos, budget.macos_minutes_used),
            linux: left(policy.linux, budget.linux_minutes_used),
        }
    }

    /// Whether the minutes suffice for one more test on `os`. If they do, they are reserved.
    pub fn reserve(&mut self, os: Os) -> bool {
        let left = match os {
            Os::Darwin => &mut self.macos,
            Os::Linux => &mut self.linux,
        };
        match left {
            None => true,
            Some(minutes) => match minutes.checked_sub(MINUTES_OF_A_TEST) {
                Some(rest) => {
                    *minutes = rest;
                    true
                }
                None => false,
            },
        }
    }
}

/// What a run can test, and what it is allowed to test.
#[derive(Debug, Clone)]
pub struct Reach {
    /// The environments that its machines are.
    pub environments: Vec<Environment>,
    /// What an operator leaves out.
    pub skip: SkipFlags,
    /// What is left of the budget for one batch.
    pub minutes: MinutesLeft,
}

impl Reach {
    /// Why nothing is tested in `environment`; `None` if something is.
    fn skips(&self, environment: Environment) -> Option<ValidationSkip> {
        if self.skip.leave_out(environment) {
            Some(ValidationSkip::LeftOut)
        } else if self.environments.contains(&environment) {
            None
        } else {
            Some(ValidationSkip::NotThisMachine)
        }
    }
}

/// The plan of the batch `planned`: for each package, the environments of its ladder. The packages
/// that come first get the minutes of the budget.
#[must_use]
pub fn batch_plan(planned: PlannedBatch, reach: &Reach) -> BatchPlan {
    let PlannedBatch { turn, plan } = planned;
    let mut skipped = BTreeMap::new();
    let mut tested = vec![];
    for &environment in Environment::ALL {
        match reach.skips(environment) {
            Some(reason) => {
                skipped.insert(environment, reason);
            }
            None => tested.push(environment),
        }
    }
    tested.sort_by_key(|&environment| (Rung::of(environment), environment));
    let mut minutes = reach.minutes;
    let mut package = |package_id: PackageId| {
        let (environments, over_budget) =
            tested.iter().partition(|environment| minutes.reserve(environment.os()));
        let lost_before = plan.lost_before.contains(&package_id);
        PlannedPackage { package_id, environments, over_budget, lost_before }
    };
    let packages = plan.attempts.iter().cloned().map(&mut package).collect();
    BatchPlan { turn, probing: plan.probing, sweep: None, skipped, packages }
}
