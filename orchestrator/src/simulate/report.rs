//! The result of a simulation, as JSON and as a table.

use std::{collections::BTreeMap, fmt};

use batch_core::{
    decide::ladder::BudgetPolicy,
    model::{EcosystemId, RunnerMinutes},
};
use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    history::History,
    measure::Measure,
    merges::{OldPullRequest, PullRequestReport},
    observed::{OfEcosystem, Recovery, Violation},
};

/// What `simulate --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Report {
    /// Slots in which a run started.
    pub runs: u64,
    /// Attempts.
    pub attempts: u64,
    /// Packages that were attempted.
    pub distinct_packages: usize,
    /// Recipes of a week, on average.
    pub recipes_per_week: f64,
    /// Validation minutes.
    pub minutes: RunnerMinutes,
    /// The most macOS minutes of an ISO week.
    pub max_macos_minutes_of_a_week: u64,
    /// The minutes that the ladder saved, because it does not test a recipe in other environments
    /// that fails in a cheap one.
    pub minutes_saved: RunnerMinutes,
    /// The share of attempts at packages that were due and had not been attempted since they became
    /// due. 0 without an attempt.
    pub due_share: f64,
    /// Packages that were due at some time.
    pub entries_eligible: usize,
    /// Those of them that were never attempted.
    pub never_attempted: usize,
    /// The largest number of runs of its ecosystem that an entry waited while it was due.
    pub max_wait_runs: usize,
    /// The limit for that, which the rules promise: the largest of all ecosystems.
    pub bound_runs: usize,
    /// Pull requests, if recipes are merged by them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_requests: Option<PullRequestReport>,
    /// What must not have happened.
    pub violations: Vec<Violation>,
    /// Each ecosystem.
    pub ecosystems: BTreeMap<EcosystemId, EcosystemReport>,
    /// What the recorded history of the root says.
    pub history: History,
}

/// One ecosystem.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EcosystemReport {
    /// Attempts.
    pub attempts: u64,
    /// Packages that were attempted.
    pub distinct: usize,
    /// Recipes.
    pub merged: u64,
    /// The share of slots in which its breaker was open.
    pub breaker_open_share: f64,
    /// What happened after each disturbance.
    pub recoveries: Vec<Recovery>,
    /// How many hours passed until the first attempt at a package.
    pub first_attempt_hours: Hours,
}

/// Percentiles in hours; all 0 without an attempt.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Hours {
    pub p50: i64,
    pub p95: i64,
    pub max: i64,
}

/// `part` of `whole`; 0 without a whole.
#[expect(clippy::cast_precision_loss, reason = "counts of a simulation are small")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

impl Report {
    /// The result of `measure`, where so many packages were due and so many of them were never
    /// attempted.
    pub fn new(mut measure: Measure, budget: BudgetPolicy, hours: u32, history: History) -> Self {
        measure.check_budget(budget);
        let half = measure.half();
        let ecosystems = measure.ecosystems.iter();
        let merged: u64 = ecosystems.clone().map(|(_, of)| of.merged).sum();
        let max_macos = measure.weeks.values().map(|minutes| minutes.macos).max();
        let minutes = RunnerMinutes {
            linux: measure.weeks.values().map(|minutes| minutes.linux).sum(),
            macos: measure.weeks.values().map(|minutes| minutes.macos).sum(),
        };
        Self {
            runs: measure.runs,
            attempts: measure.attempts,
            distinct_packages: ecosystems.clone().map(|(_, of)| of.distinct.len()).sum(),
            recipes_per_week: share(merged * 24 * 7, hours.into()),
            minutes,
            max_macos_minutes_of_a_week: max_macos.unwrap_or_default(),
            minutes_saved: measure.saved,
            due_share: share(measure.due_attempts, measure.attempts),
            entries_eligible: measure.eligible.len(),
            never_attempted: measure.n_never_attempted(),
            max_wait_runs: ecosystems.clone().map(|(_, of)| of.max_wait).max().unwrap_or_default(),
            bound_runs: ecosystems.clone().map(|(_, of)| of.bound(half)).max().unwrap_or_default(),
            ecosystems: ecosystems.map(|(id, of)| (id.clone(), of.into())).collect(),
            pull_requests: measure.pull_requests,
            violations: measure.violations,
            history,
        }
    }
}

impl From<&OfEcosystem> for EcosystemReport {
    fn from(of: &OfEcosystem) -> Self {
        Self {
            attempts: of.attempts,
            distinct: of.distinct.len(),
            merged: of.merged,
            breaker_open_share: share(of.open_slots, of.slots),
            recoveries: of.recoveries.clone(),
            first_attempt_hours: Hours::of(of.first_waits.clone()),
        }
    }
}

impl Hours {
    fn of(mut waits: Vec<TimeDelta>) -> Self {
        waits.sort_unstable();
        let at = |percent: usize| {
            let place = (waits.len() * percent).div_ceil(100).max(1) - 1;
            waits.get(place).map_or(0, TimeDelta::num_hours)
        };
        Self { p50: at(50), p95: at(95), max: at(100) }
    }
}

fn instant(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M").to_string()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} runs, {} attempts at {} packages, {:.1} recipes a week",
            self.runs, self.attempts, self.distinct_packages, self.recipes_per_week
        )?;
        let never = self.never_attempted;
        writeln!(
            f,
            "of {} packages that were due, {never} were never attempted; {:.1} % of the attempts \
             were at packages that were due",
            self.entries_eligible,
            100.0 * self.due_share
        )?;
        writeln!(
            f,
            "the longest wait of a package that was due: {} runs of its ecosystem (at most {})",
            self.max_wait_runs, self.bound_runs
        )?;
        let RunnerMinutes { linux, macos } = self.minutes;
        writeln!(
            f,
            "validation: {linux} minutes on Linux, {macos} on macOS (at most {} in a week); the \
             ladder saved {} and {}",
            self.max_macos_minutes_of_a_week, self.minutes_saved.linux, self.minutes_saved.macos
        )?;
        self.table(f)?;
        self.recoveries(f)?;
        if let Some(pull_requests) = &self.pull_requests {
            write!(f, "{pull_requests}")?;
        }
        let History { failures, failed_packages, runs, .. } = self.history;
        let (full, ladder) = (self.history.jobs_of_full_matrix, self.history.jobs_of_ladder);
        if runs + failures > 0 {
            writeln!(
                f,
                "recorded history: {failures} failures of {failed_packages} packages in {runs} \
                 runs; the ladder needs {ladder} of {full} validation jobs ({:.1} % saved)",
                100.0 * (1.0 - share(ladder, full))
            )?;
        }
        if self.violations.is_empty() {
            return writeln!(f, "no rule was violated");
        }
        for Violation { code, subject, at, detail } in self.violations.iter().take(SHOWN) {
            writeln!(f, "VIOLATED {code}: {subject} at {}: {detail}", instant(*at))?;
        }
        match self.violations.len().checked_sub(SHOWN) {
            Some(more) if more > 0 => writeln!(f, "VIOLATED {more} more times; see --json"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for PullRequestReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { opened, merged, longest_open_hours, state_waited_hours, alerts } = self;
        writeln!(
            f,
            "pull requests: {opened} opened, {merged} merged; the longest was open for \
             {longest_open_hours:.1} h, not counting one that nobody merges; the state waited for \
             {state_waited_hours:.1} h"
        )?;
        for OldPullRequest { batch_id, since, from, until } in alerts.iter().take(SHOWN) {
            let since = since.map_or_else(|| "an unknown time".to_owned(), instant);
            let from = instant(*from);
            let until = until.map_or_else(|| "the end".to_owned(), instant);
            writeln!(
                f,
                "alert pr_old: {batch_id}, open since {since}, was named from {from} until {until}"
            )?;
        }
        match alerts.len().checked_sub(SHOWN) {
            Some(more) if more > 0 => writeln!(f, "alert pr_old: {more} more; see --json"),
            _ => Ok(()),
        }
    }
}

/// How many violations and alerts the text shows.
const SHOWN: usize = 20;

impl Report {
    /// What happened after disturbances that opened breakers.
    fn recoveries(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.ecosystems.iter();
        for (id, recovery) in all.flat_map(|(id, of)| of.recoveries.iter().map(move |it| (id, it)))
        {
            let Some(until) = recovery.open_until else { continue };
            let closed_at = recovery.closed_at.map(|at| format!("closed at {}", instant(at)));
            let closed_at = closed_at.unwrap_or_else(|| "not closed since".to_owned());
            let (end, until) = (instant(recovery.outage_end), instant(until));
            writeln!(f, "{id}: outage until {end}, breaker open until {until}, {closed_at}")?;
        }
        Ok(())
    }

    fn table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n{:<12}{:>10}{:>10}{:>10}{:>12}{:>24}",
            "ecosystem", "attempts", "packages", "recipes", "open", "first attempt after (h)"
        )?;
        writeln!(f, "{:<54}{:>24}", "", "p50 / p95 / max")?;
        for (id, of) in &self.ecosystems {
            let Hours { p50, p95, max } = of.first_attempt_hours;
            let open = format!("{:.1} %", 100.0 * of.breaker_open_share);
            let hours = format!("{p50} / {p95} / {max}");
            writeln!(
                f,
                "{:<12}{:>10}{:>10}{:>10}{open:>12}{hours:>24}",
                id.as_str(),
                of.attempts,
                of.distinct,
                of.merged
            )?;
        }
        writeln!(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let of = |hours: &[i64]| {
            let Hours { p50, p95, max } =
                Hours::of(hours.iter().copied().map(TimeDelta::hours).collect());
            (p50, p95, max)
        };
        assert_eq!(of(&[]), (0, 0, 0));
        assert_eq!(of(&[7]), (7, 7, 7));
        assert_eq!(of(&(1..=100).rev().collect::<Vec<_>>()), (50, 95, 100));
        assert_eq!(of(&[1, 2]), (1, 2, 2));
    }
}
