//! Measures a simulation while it runs, and notices what must not happen.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io,
};

use batch_core::{
    decide::ladder::BudgetPolicy,
    model::{Breaker, EcosystemId, PackageId, RunRecord, RunnerMinutes},
};
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

use super::{
    merges::PullRequestReport,
    observed::{Batch, OfEcosystem, Recovery, TraceLine, Violation},
    scenario::{Period, Scenario},
};

/// What a simulation has shown so far.
pub struct Measure {
    /// The start of the simulation.
    pub from: DateTime<Utc>,
    /// The maximal number of attempts of a batch.
    pub batch_size: usize,
    /// Slots in which a run started.
    pub runs: u64,
    /// Attempts.
    pub attempts: u64,
    /// Attempts at packages that were due and had not been attempted since they became due.
    pub due_attempts: u64,
    /// When each package was attempted last.
    pub last_attempts: HashMap<PackageId, DateTime<Utc>>,
    /// Each ecosystem.
    pub ecosystems: BTreeMap<EcosystemId, OfEcosystem>,
    /// The minutes of validation of each week, by its first day.
    pub weeks: BTreeMap<NaiveDate, RunnerMinutes>,
    /// The minutes that the ladder saved.
    pub saved: RunnerMinutes,
    /// The packages that were due at the start or at the end, or were attempted.
    pub eligible: HashSet<PackageId>,
    /// What became of pull requests; `None` if recipes are merged with the state.
    pub pull_requests: Option<PullRequestReport>,
    /// What must not have happened.
    pub violations: Vec<Violation>,
}

impl Measure {
    /// A simulation that starts at `from`, when `due` are due.
    pub fn new(from: DateTime<Utc>, batch_size: usize, due: HashSet<PackageId>) -> Self {
        Self {
            from,
            batch_size,
            runs: 0,
            attempts: 0,
            due_attempts: 0,
            last_attempts: HashMap::new(),
            ecosystems: BTreeMap::new(),
            weeks: BTreeMap::new(),
            saved: RunnerMinutes::default(),
            eligible: due,
            pull_requests: None,
            violations: vec![],
        }
    }

    fn violation(
        &mut self,
        code: &'static str,
        subject: &dyn ToString,
        at: DateTime<Utc>,
        detail: String,
    ) {
        self.violations.push(Violation { code, subject: subject.to_string(), at, detail });
    }

    /// A slot begins, in which the breaker of `ecosystem` is open, or not.
    pub fn slot(&mut self, ecosystem: &EcosystemId, at: DateTime<Utc>, is_open: bool) {
        let of = self.ecosystems.entry(ecosystem.clone()).or_default();
        of.slots += 1;
        of.open_slots += u64::from(is_open);
        let until = at + TimeDelta::hours(1);
        match of.open.last_mut().filter(|(_, end)| *end == at) {
            Some((_, end)) if is_open => *end = until,
            _ if is_open => of.open.push((at, until)),
            None | Some(_) => (),
        }
    }

    /// A run left `n_records` new records.
    pub fn run(&mut self, slot: DateTime<Utc>, n_records: usize) {
        self.runs += 1;
        if n_records == 0 {
            self.violation("no_record", &"slot", slot, "each slot leaves a record".to_owned());
        }
    }

    /// A batch ended.
    pub fn batch(
        &mut self,
        batch: &Batch<'_>,
        trace: &mut dyn FnMut(&TraceLine<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let record = batch.record;
        let Some(ecosystem) = &record.ecosystem else { return Ok(()) };
        let outcomes: HashMap<&PackageId, String> = batch
            .failures
            .iter()
            .map(|it| (&it.package_id, format!("{}/{}", it.category(), it.subcategory())))
            .collect();
        let n = record.packages_processed.len();
        if self.batch_size < n {
            let detail = format!("{n} attempts in a batch of {}", self.batch_size);
            self.violation("batch_too_large", &record.batch_id, record.timestamp, detail);
        }
        for package_id in &record.packages_processed {
            let due_since = (batch.due_since)(package_id);
            let outcome = outcomes.get(package_id).map_or("succeeded", String::as_str);
            trace(&TraceLine {
                at: record.timestamp,
                slot: batch.slot,
                ecosystem,
                batch_id: &record.batch_id,
                package_id,
                due_since,
                outcome,
            })?;
            self.attempt(package_id, due_since, batch);
        }
        self.minutes(record);
        let of = self.ecosystems.entry(ecosystem.clone()).or_default();
        of.merged += record.merged;
        let day = of.days.entry(record.timestamp.date_naive()).or_default();
        *day = (day.0 + record.total, day.1 + record.merged);
        of.max_due = of.max_due.max(batch.n_due + n);
        if !batch.probing && !record.interrupted && record.deferred.is_empty() {
            of.batch_starts.push(record.timestamp);
        }
        Ok(())
    }

    fn attempt(
        &mut self,
        package: &PackageId,
        due_since: Option<DateTime<Utc>>,
        batch: &Batch<'_>,
    ) {
        let at = batch.record.timestamp;
        let before = self.last_attempts.insert(package.clone(), at);
        let of = self.ecosystems.entry(package.ecosystem.clone()).or_default();
        self.attempts += 1;
        self.eligible.insert(package.clone());
        of.attempts += 1;
        if of.distinct.insert(package.clone()) {
            let since = due_since.map_or(self.from, |since| since.max(self.from));
            of.first_waits.push((at - since).max(TimeDelta::zero()));
        }
        match due_since {
            Some(since) if before.is_none_or(|before| before < since) => {
                self.due_attempts += 1;
                of.max_wait = of.max_wait.max(of.n_batches_since(since));
            }
            // The clock was set back since that attempt, which therefore lies in the future and has no
            // influence.
            Some(_) if before.is_some_and(|before| at < before) => (),
            Some(since) => {
                let detail = format!("it has been due since {since} and was attempted since");
                self.violation("attempted_again", package, at, detail);
            }
            None if batch.probing => (),
            None => self.violation("not_due", package, at, "only a probe may be early".to_owned()),
        }
    }

    fn minutes(&mut self, record: &RunRecord) {
        let monday = record.timestamp.date_naive().week(chrono::Weekday::Mon).first_day();
        let week = self.weeks.entry(monday).or_default();
        week.linux += record.minutes.linux;
        week.macos += record.minutes.macos;
        self.saved.linux += record.minutes_saved.linux;
        self.saved.macos += record.minutes_saved.macos;
    }

    /// The breaker of `ecosystem` changed between two states, `before` and `after`, at `at`.
    pub fn breaker(
        &mut self,
        ecosystem: &EcosystemId,
        (before, after): (&Breaker, &Breaker),
        at: DateTime<Utc>,
        scenario: &Scenario,
    ) {
        let of = self.ecosystems.entry(ecosystem.clone()).or_default();
        if after.open.is_none() {
            for recovery in &mut of.recoveries {
                let was_open = recovery.open_until.is_some();
                if was_open && recovery.closed_at.is_none() {
                    recovery.closed_at = Some(at);
                }
            }
        }
        if before.open.is_some() || after.open.is_none() {
            return;
        }
        // Three runs in a row open it; they can be as far apart as the slots of the ecosystem.
        let since = of.batch_starts.iter().rev().nth(3).copied().unwrap_or(self.from);
        let is_explained = scenario.disturbances(ecosystem).any(|it| it.overlaps(since, at));
        if !is_explained {
            let detail = "the breaker opened although nothing was wrong".to_owned();
            self.violation("opened_without_outage", ecosystem, at, detail);
        }
    }

    /// `disturbance` of `ecosystem`, whose breaker is `breaker`, is over.
    pub fn over(&mut self, ecosystem: &EcosystemId, disturbance: &Period, breaker: &Breaker) {
        let of = self.ecosystems.entry(ecosystem.clone()).or_default();
        of.recoveries.push(Recovery {
            outage_end: disturbance.until,
            open_until: breaker.open.as_ref().map(|open| open.until),
            closed_at: None,
        });
    }

    /// A probe of `ecosystem` ended at `at`, and the breaker is `breaker`. It has to close unless
    /// something was wrong meanwhile, or the probe said nothing.
    pub fn probed(
        &mut self,
        ecosystem: &EcosystemId,
        breaker: &Breaker,
        (from, at): (DateTime<Utc>, DateTime<Utc>),
        scenario: &Scenario,
    ) {
        let is_disturbed = scenario.disturbances(ecosystem).any(|it| it.overlaps(from, at));
        if let Some(open) = &breaker.open
            && !is_disturbed
            && at < open.until
        {
            let detail = format!("the registry answered, and it is open until {}", open.until);
            self.violation("not_recovered", ecosystem, at, detail);
        }
    }

    /// The simulation ends: `waiting` entries have been due since the given instants.
    pub fn end<'a>(
        &mut self,
        waiting: impl IntoIterator<Item = (&'a PackageId, DateTime<Utc>)>,
        at: DateTime<Utc>,
    ) {
        for (package, since) in waiting {
            self.eligible.insert(package.clone());
            let of = self.ecosystems.entry(package.ecosystem.clone()).or_default();
            of.max_wait = of.max_wait.max(of.n_batches_since(since));
        }
        let half = self.half();
        let late: Vec<(EcosystemId, String)> = self
            .ecosystems
            .iter()
            .filter(|(_, of)| of.bound(half) < of.max_wait)
            .map(|(id, of)| {
                (id.clone(), format!("{} runs, at most {}", of.max_wait, of.bound(half)))
            })
            .collect();
        for (id, detail) in late {
            self.violation("waited_too_long", &id, at, detail);
        }
    }
}

impl Measure {
    /// The places of a batch that go to the entries that have waited longest.
    pub fn half(&self) -> usize {
        self.batch_size.div_ceil(2).max(1)
    }

    /// The number of packages that were due and never attempted.
    pub fn n_never_attempted(&self) -> usize {
        self.eligible.iter().filter(|id| !self.last_attempts.contains_key(*id)).count()
    }

    /// Notices the weeks with more minutes than `budget`.
    pub fn check_budget(&mut self, budget: BudgetPolicy) {
        for (monday, minutes) in self.weeks.clone() {
            let used =
                [("macOS", budget.macos, minutes.macos), ("Linux", budget.linux, minutes.linux)];
            for (os, limit, used) in used {
                if limit.is_some_and(|limit| limit < used) {
                    let at = monday.and_time(NaiveTime::MIN).and_utc();
                    self.violation("over_budget", &os, at, format!("{used} minutes in a week"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
