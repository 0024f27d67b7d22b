//! The ladder: in which environments a recipe is tested, and in which order.
//!
//! The environments of a cheap [`Rung`] are tested first. A recipe that the first of its rungs fails
//! is tested nowhere else, and it gets to a further rung only after an environment of a cheaper one
//! has passed it. So a recipe that does not work costs the minutes of one cheap machine.

mod climb;
mod plan;

use std::collections::BTreeMap;

pub use climb::{Climb, ToTest, climbs, due, to_generate};
pub use plan::{BudgetPolicy, MINUTES_OF_A_TEST, MinutesLeft, Reach, SkipFlags, batch_plan};

use crate::model::{BatchPlan, Cell, Environment, PlannedPackage, Rung, ValidationSkip, Verdict};

/// What is known about the test of a recipe in one environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// The result.
    Ended(Verdict),
    /// A result may still come.
    Open,
    /// No result will come: the process that tests there has ended, or a host asked for a pause.
    Closed,
}

/// What follows for one environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The recipe was tested there.
    Ended,
    /// The recipe has to be tested there now.
    Due,
    /// Whether it is to be tested there depends on results that may still come.
    Later,
    /// It was to be tested there, and no result will come.
    Closed,
    /// It is not tested there.
    Skipped(ValidationSkip),
}

/// What follows for each environment of `plan` about the recipe of `planned`. The package declares
/// that it runs in `platforms`; an empty list means everywhere.
#[must_use]
pub fn steps(
    plan: &BatchPlan,
    planned: &PlannedPackage,
    platforms: &[Cell],
    known: impl Fn(Environment) -> Known,
) -> BTreeMap<Environment, Step> {
    let skipped = plan.skipped.iter().map(|(&place, &reason)| (place, Step::Skipped(reason)));
    let over_budget =
        planned.over_budget.iter().map(|&place| (place, Step::Skipped(ValidationSkip::Budget)));
    let mut steps: BTreeMap<Environment, Step> = skipped.chain(over_budget).collect();
    let is_supported =
        |place: Environment| platforms.is_empty() || platforms.contains(&place.cell());
    let supported = planned.environments.iter().copied().filter(|&place| is_supported(place));
    let first = supported.map(Rung::of).min();
    let mut below = Below { has_passed: false, has_failed_first: false, is_settled: true };
    for &rung in Rung::ALL {
        let mut so_far = below;
        for &place in planned.environments.iter().filter(|&&place| Rung::of(place) == rung) {
            let known = known(place);
            let step = match known {
                Known::Ended(_) => Step::Ended,
                _ if !is_supported(place) => Step::Skipped(ValidationSkip::UnsupportedPlatform),
                Known::Closed if first == Some(rung) || below.may_promote() => Step::Closed,
                Known::Open if first == Some(rung) || below.promotes() => Step::Due,
                Known::Open if below.may_promote() => Step::Later,
                Known::Open | Known::Closed => Step::Skipped(ValidationSkip::NotPromoted),
            };
            so_far.has_passed |= known == Known::Ended(Verdict::Pass);
            so_far.has_failed_first |= first == Some(rung) && known == Known::Ended(Verdict::Fail);
            so_far.is_settled &= !matches!(step, Step::Due | Step::Later);
            steps.insert(place, step);
        }
        below = so_far;
    }
    steps
}

/// What the cheaper rungs say.
#[derive(Clone, Copy)]
struct Below {
    has_passed: bool,
    /// Whether an environment of the first rung failed it.
    has_failed_first: bool,
    /// Whether no more results come.
    is_settled: bool,
}

impl Below {
    /// Whether the recipe is tested on the next rung.
    fn promotes(self) -> bool {
        self.is_settled && self.has_passed && !self.has_failed_first
    }

    /// The same, or whether results that may still come can lead to it.
    fn may_promote(self) -> bool {
        !self.has_failed_first && (self.has_passed || !self.is_settled)
    }
}

#[cfg(test)]
mod tests;
