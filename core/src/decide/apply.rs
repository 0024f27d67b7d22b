//! How the state changes when a run has ended.

mod entry;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike as _, Days, NaiveDate, TimeDelta, Utc};

use crate::{
    decide::{
        backoff::BackoffPolicy,
        breaker::{self, BreakerPolicy},
        record,
    },
    model::{
        Attempt, Breaker, BreakerTransition, CircuitState, Control, Delta, Health, HostPause,
        Outcome, PackageId, Queue, QueueEntry, RecipeName, SCHEMA_VERSION, Status, StoredBreaker,
        Sweep,
    },
};
use entry::{to_entry, to_rechecked, to_swept};
pub(super) use entry::{to_failed_entry, to_merged};

/// Why a breaker was closed.
const CLOSING_REASON: &str = "a run reached registry and tool";

/// Everything besides state and delta that the result depends on.
#[derive(Debug, Clone)]
pub struct Rules<'a> {
    /// Hosts and tools of the ecosystem. Only their failures count for its breaker.
    pub own_services: BTreeSet<&'a str>,
    /// Waiting times of packages.
    pub backoff: &'a BackoffPolicy,
    /// Thresholds of breakers.
    pub breaker: &'a BreakerPolicy,
    /// How verified recipes come to the main branch.
    pub merging: Merging,
    /// How long the cells that a recipe lost are left alone.
    pub recheck_after: TimeDelta,
}

/// How verified recipes come to the main branch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Merging {
    /// With the state: the recipe counts as merged as soon as it is written.
    #[default]
    AtOnce,
    /// By a pull request of the batch: the entry is in progress until that is merged.
    PullRequest,
}

/// What a run changes in the state of its ecosystem.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// The entries that change. All others stay as they are.
    pub entries: BTreeMap<PackageId, QueueEntry>,
    /// The ecosystem's breaker.
    pub breaker: Breaker,
    /// What the run says about the health of the ecosystem.
    pub health: Health,
    /// The line for the breaker log, if the breaker changed.
    pub transition: Option<BreakerTransition>,
    /// The packages whose recipes are to be written, now or by a pull request. A recipe whose entry
    /// was removed from the queue during the run is not wanted any more.
    pub wanted: BTreeSet<PackageId>,
}

/// Applies `delta` to the `queue` and the breaker of its ecosystem. Applying a delta a second time
/// changes nothing, so a writer that was interrupted, or that another writer overtook, reads the
/// newest state and applies again.
#[must_use]
pub fn delta(queue: &Queue, before: &Breaker, delta: &Delta, rules: &Rules) -> Applied {
    let entries = changed_entries(queue, delta, rules);
    let wanted = wanted(queue, &entries, delta);
    let health = breaker::health(&delta.attempts, &rules.own_services, before, rules.breaker);
    if before.last_batch.as_ref() == Some(&delta.batch) {
        let breaker = before.clone();
        return Applied { entries, breaker, health, transition: None, wanted };
    }
    // Recipes that exist are no probe of what makes new ones.
    let mut after = if delta.sweep.is_some() {
        before.clone()
    } else {
        let during = (delta.batch.started_at(), delta.ended_at);
        let counted = breaker::counted(health, before, during);
        breaker::after_run(before, &delta.attempts, counted, delta.ended_at, rules.breaker)
    };
    after.last_batch = Some(delta.batch.clone());
    let moved =
        before.open.as_ref().map(|open| open.until) != after.open.as_ref().map(|open| open.until);
    let transition = moved.then(|| BreakerTransition {
        schema_version: SCHEMA_VERSION,
        at: delta.ended_at,
        ecosystem: delta.batch.ecosystem().clone(),
        from: StoredBreaker::from(before).circuit_state,
        to: StoredBreaker::from(&after).circuit_state,
        reason: after.open.as_ref().map_or(CLOSING_REASON, |open| &open.reason).to_owned(),
        evidence: evidence(delta),
        next_probe_at: after.open.as_ref().map(|open| open.until),
    });
    Applied { entries, breaker: after, health, transition, wanted }
}

fn evidence(delta: &Delta) -> Vec<String> {
    let failed = record::failures(delta).into_iter().map(|noted| noted.record);
    failed.filter(|record| record.removed_cell.is_none()).map(|record| record.id).collect()
}

/// The entries of `queue` that `delta` changes, as they are afterwards.
fn changed_entries(queue: &Queue, delta: &Delta, rules: &Rules) -> BTreeMap<PackageId, QueueEntry> {
    let mut changed: BTreeMap<PackageId, QueueEntry> = BTreeMap::new();
    let mut change = |package: &PackageId, change: &dyn Fn(&mut QueueEntry)| {
        let Some(entry) = changed.get(package).or_else(|| queue.get(package)) else { return };
        let mut after = entry.clone();
        change(&mut after);
        if after != *entry {
            changed.insert(package.clone(), after);
        }
    };
    for attempt in &delta.attempts {
        change(&attempt.package, &|entry| match delta.sweep {
            None => to_entry(entry, attempt, delta, rules),
            Some(Sweep::Recheck) => to_rechecked(entry, attempt, delta, rules),
            Some(sweep) => to_swept(entry, attempt, (delta, sweep), rules.backoff),
        });
    }
    for package in &delta.lost {
        change(package, &|entry| {
            if entry.last_batch.as_ref() != Some(&delta.batch) {
                entry.last_batch = Some(delta.batch.clone());
                entry.lost = true;
            }
        });
    }
    changed
}

fn wanted(
    queue: &Queue,
    changed: &BTreeMap<PackageId, QueueEntry>,
    delta: &Delta,
) -> BTreeSet<PackageId> {
    // The recipes of a sweep are there, and those that got cells back change.
    if delta.sweep.is_some_and(|sweep| sweep != Sweep::Recheck) {
        return BTreeSet::new();
    }
    let is_wanted = |attempt: &&Attempt| {
        let entry = changed.get(&attempt.package).or_else(|| queue.get(&attempt.package));
        matches!(attempt.outcome, Outcome::Succeeded { .. })
            && entry.is_none_or(|entry| match &entry.status {
                Status::Success => true,
                Status::InProgress { batch } => *batch == delta.batch,
                Status::Pending
                | Status::Failed
                | Status::Blocked { .. }
                | Status::RequiresManual { .. }
                | Status::Excluded { .. } => false,
            })
    };
    delta.attempts.iter().filter(is_wanted).map(|attempt| attempt.package.clone()).collect()
}

/// The recipes of `delta` whose packages are `wanted`: package, name and text.
pub fn wanted_recipes<'a>(
    delta: &'a Delta,
    wanted: &'a BTreeSet<PackageId>,
) -> impl Iterator<Item = (&'a PackageId, &'a RecipeName, &'a str)> {
    delta.attempts.iter().filter_map(|attempt| match &attempt.outcome {
        Outcome::Succeeded { recipe, toml, .. } if wanted.contains(&attempt.package) => {
            Some((&attempt.package, recipe, &**toml))
        }
        Outcome::Succeeded { .. } | Outcome::Failed(_) => None,
    })
}

/// `control` with the pauses that hosts asked for, and without pauses that have ended at `now`.
#[must_use]
pub fn with_pauses(
    mut control: Control,
    pauses: &BTreeMap<String, DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Control {
    for (host, &paused_until) in pauses {
        let pause = control.hosts.entry(host.clone()).or_insert(HostPause { paused_until });
        pause.paused_until = pause.paused_until.max(paused_until);
    }
    control.hosts.retain(|_, pause| now < pause.paused_until);
    control
}

/// `control` after `delta`, where `applied` is the result of [`delta`] for its ecosystem. Can be
/// repeated like [`delta`].
#[must_use]
pub fn to_control(mut control: Control, delta: &Delta, applied: &Applied) -> Control {
    let ecosystem = delta.batch.ecosystem().clone();
    let is_in = control.breaker(&ecosystem).last_batch.as_ref() == Some(&delta.batch);
    control = with_pauses(control, &delta.pauses, delta.ended_at);
    if !is_in {
        let week = monday(delta.ended_at);
        if control.budget.week_start != Some(week) {
            control.budget = crate::model::Budget { week_start: Some(week), ..Default::default() };
        }
        let budget = &mut control.budget;
        budget.linux_minutes_used = budget.linux_minutes_used.saturating_add(delta.minutes.linux);
        budget.macos_minutes_used = budget.macos_minutes_used.saturating_add(delta.minutes.macos);
    }
    control.ecosystems.insert(ecosystem, (&applied.breaker).into());
    control
}

/// First day of the ISO week of `at`.
pub(super) fn monday(at: DateTime<Utc>) -> NaiveDate {
    let day = at.date_naive();
    let monday = day.checked_sub_days(Days::new(day.weekday().num_days_from_monday().into()));
    monday.unwrap_or(day)
}

/// The name of a change of state.
pub fn describe(transition: &BreakerTransition) -> &'static str {
    match (transition.from, transition.to) {
        (CircuitState::Closed, CircuitState::Open) => "opened",
        (CircuitState::Open, CircuitState::Open) => "stays open",
        (CircuitState::Open | CircuitState::Closed, CircuitState::Closed) => "closed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ecosystem_state::EcosystemState,
        model::{
            BatchId, Consequence, EcosystemId, Environment, EnvironmentResult, FailureKind, Verdict,
        },
        records::{self, attempt, failed_on, queue, succeeded},
    };

    fn run(second: i64, attempts: Vec<Attempt>) -> Delta {
        let ended_at = DateTime::from_timestamp(second, 0).unwrap();
        let attempts =
            attempts.into_iter().map(|attempt| Attempt { ended_at, ..attempt }).collect();
        Delta {
            probing: true,
            ended_at,
            ..records::delta(BatchId::new(EcosystemId::from_static("eco"), ended_at), attempts)
        }
    }

    fn rules<'a>(backoff: &'a BackoffPolicy, breaker: &'a BreakerPolicy) -> Rules<'a> {
        Rules {
            own_services: ["own.example"].into(),
            backoff,
            breaker,
            merging: Merging::AtOnce,
            recheck_after: TimeDelta::days(30),
        }
    }

    #[test]
    fn only_its_own_failures_count_against_a_package() {
        let (backoff, breaker) = Default::default();
        let mut state = EcosystemState { queue: queue([("a", 1, 0)]), ..EcosystemState::default() };
        for (second, kind, expected) in [
            (1, FailureKind::Timeout, (Status::Pending, 0, 1)),
            (2, FailureKind::Timeout, (Status::Pending, 0, 2)),
            (3, FailureKind::InstallFailed, (Status::Failed, 1, 0)),
        ] {
            let run = run(second, vec![attempt("eco:a", failed_on(kind, None))]);
            state.apply(&run, &rules(&backoff, &breaker));
            let entry = state.queue.values().next().unwrap();
            let counts = (entry.consecutive_failures, entry.consecutive_faults);
            assert_eq!((entry.status.clone(), counts.0, counts.1), expected);
            assert!(entry.last_probe_at.is_some());
        }
    }

    #[test]
    fn every_consequence_of_the_table_reaches_the_entry() {
        let (backoff, breaker) = Default::default();
        for &kind in FailureKind::ALL {
            let state = EcosystemState { queue: queue([("a", 1, 0)]), ..Default::default() };
            let run = run(1, vec![attempt("eco:a", failed_on(kind, None))]);
            let state = state.after(&run, &rules(&backoff, &breaker));
            let entry = state.queue.values().next().unwrap();
            let status = entry.status.label().as_str();
            let expected = match kind.consequence() {
                Consequence::Excluded => "excluded",
                Consequence::RequiresManual => "requires_manual",
                Consequence::Blocked => "blocked",
                Consequence::Spared => "pending",
                Consequence::Failed => "failed",
            };
            assert_eq!(status, expected, "{kind:?}");
            assert_eq!(entry.next_retry_at.is_some(), ["failed", "pending"].contains(&status));
        }
    }

    #[test]
    fn a_delta_that_was_applied_before_changes_nothing() {
        let (backoff, breaker) = Default::default();
        let rules = rules(&backoff, &breaker);
        let fault = || failed_on(FailureKind::Timeout, Some("own.example"));
        let mut control = Control::default();
        let mut state =
            EcosystemState { queue: queue([("a", 1, 0), ("b", 1, 0)]), ..Default::default() };
        let mut transitions = vec![];
        for second in 1..=3 {
            let run = run(second, vec![attempt("eco:a", fault()), attempt("eco:b", fault())]);
            for _ in 0..2 {
                let applied = state.apply(&run, &rules);
                control = to_control(control, &run, &applied);
                transitions.extend(applied.transition);
            }
        }
        assert_eq!(state.breaker.unhealthy_runs, 3);
        assert_eq!(transitions.len(), 1, "opened once");
        assert_eq!(control.breaker(&EcosystemId::from_static("eco")), state.breaker);
        assert_eq!(state.queue.values().next().unwrap().consecutive_faults, 3);
    }

    #[test]
    fn what_is_in_is_known_by_its_batch_whatever_the_clock_says() {
        let (backoff, breaker) = Default::default();
        let mut state = EcosystemState { queue: queue([("a", 1, 0)]), ..Default::default() };
        let fails = || vec![attempt("eco:a", failed_on(FailureKind::InstallFailed, None))];
        // The clock was put back by 900 s between the two runs.
        for second in [1_000, 100] {
            let run = run(second, fails());
            state.apply(&run, &rules(&backoff, &breaker));
        }
        let entry = state.queue.values().next().unwrap();
        assert_eq!(entry.consecutive_failures, 2);
        assert_eq!(entry.last_attempt_at, DateTime::from_timestamp(100, 0));
        let run = run(50, vec![attempt("eco:a", succeeded("x"))]);
        let applied = state.apply(&run, &rules(&backoff, &breaker));
        let entry = state.queue.values().next().unwrap();
        let recipe = entry.recipe.as_ref().map(RecipeName::as_str);
        assert_eq!((&entry.status, recipe), (&Status::Success, Some("x")));
        assert_eq!(applied.wanted, ["eco:a".parse().unwrap()].into());
    }

    #[test]
    fn a_package_on_which_a_process_died_is_marked_and_its_next_attempt_takes_the_mark_away() {
        let (backoff, breaker) = Default::default();
        let mut state = EcosystemState { queue: queue([("a", 1, 0)]), ..Default::default() };
        let before = state.queue.values().next().unwrap().clone();
        let lost = Delta { lost: vec![before.id.clone()], ..run(1, vec![]) };
        for _ in 0..2 {
            state.apply(&lost, &rules(&backoff, &breaker));
            let entry = state.queue.values().next().unwrap();
            let last_batch = Some(lost.batch.clone());
            assert_eq!(*entry, QueueEntry { lost: true, last_batch, ..before.clone() });
        }
        for (second, kind, is_lost) in
            [(2, FailureKind::RunnerLost, true), (3, FailureKind::LibraryOnly, false)]
        {
            let run = run(second, vec![attempt("eco:a", failed_on(kind, None))]);
            state.apply(&run, &rules(&backoff, &breaker));
            assert_eq!(state.queue.values().next().unwrap().lost, is_lost);
        }
    }

    struct Swept {
        state: EcosystemState,
        applied: Applied,
        run: Delta,
    }

    impl Swept {
        fn entry(&self) -> &QueueEntry {
            self.state.queue.values().next().unwrap()
        }
    }

    /// A queue with a recipe of `eco:a`, after it was tested again with this outcome.
    fn swept(sweep: Sweep, outcome: Outcome, verdict: Option<Verdict>) -> Swept {
        let (backoff, breaker) = Default::default();
        let mut state = EcosystemState { queue: queue([("a", 1, 0)]), ..Default::default() };
        let entry = state.queue.values_mut().next().unwrap();
        (entry.status, entry.recipe) = (Status::Success, Some("a".parse().unwrap()));
        let result = verdict.map(|verdict| EnvironmentResult {
            environment: Environment::DebianX86,
            verdict,
            tries: 1,
            duration_ms: 1,
            sandbox: None,
            failure: None,
            verify: None,
        });
        let attempt =
            Attempt { results: result.into_iter().collect(), ..attempt("eco:a", outcome) };
        let run = Delta { sweep: Some(sweep), ..run(100, vec![attempt]) };
        let applied = state.apply(&run, &rules(&backoff, &breaker));
        assert_eq!(state.clone().after(&run, &rules(&backoff, &breaker)), state);
        Swept { state, applied, run }
    }

    #[test]
    fn a_recipe_that_stopped_working_is_told_apart_from_one_that_never_worked() {
        let failed = |kind| failed_on(kind, None);
        let fail = Some(Verdict::Fail);
        let swept_once = swept(Sweep::Again, failed(FailureKind::VerifyFailed), fail);
        let Swept { applied, run, .. } = &swept_once;
        let entry = swept_once.entry();
        assert_eq!((&entry.status, entry.regressed_at), (&Status::Failed, Some(run.ended_at)));
        assert!(entry.recipe.is_some() && entry.next_retry_at.is_some());
        assert!(applied.wanted.is_empty() && applied.transition.is_none());
        let gone = swept(Sweep::Again, failed(FailureKind::PackageNotFound), None);
        assert!(gone.entry().regressed_at.is_some());

        // What says nothing about the recipe changes nothing.
        for (sweep, kind, verdict) in [
            (Sweep::Again, FailureKind::Timeout, None),
            (Sweep::Again, FailureKind::BinaryDiscoveryFailed, None),
            (Sweep::Elsewhere, FailureKind::VerifyFailed, fail),
        ] {
            let swept = swept(sweep, failed(kind), verdict);
            let entry = swept.entry();
            assert_eq!((&entry.status, entry.regressed_at), (&Status::Success, None), "{kind:?}");
        }
        let passed = swept(Sweep::Again, succeeded("a"), Some(Verdict::Pass));
        assert_eq!(passed.entry().verified_at, Some(passed.run.ended_at));
    }

    #[test]
    fn a_recipe_that_works_again_has_not_regressed_any_more() {
        let (backoff, breaker) = Default::default();
        let fail = Some(Verdict::Fail);
        let failed = failed_on(FailureKind::VerifyFailed, None);
        let mut state = swept(Sweep::Again, failed, fail).state;
        let run = run(200, vec![attempt("eco:a", succeeded("a"))]);
        state.apply(&run, &rules(&backoff, &breaker));
        let entry = state.queue.values().next().unwrap();
        assert_eq!((&entry.status, entry.regressed_at), (&Status::Success, None));
    }

    #[test]
    fn a_decision_made_during_the_run_stands() {
        let (backoff, breaker) = Default::default();
        let mut state = EcosystemState { queue: queue([("a", 1, 0)]), ..Default::default() };
        let excluded = Status::Excluded { reason: "operator".to_owned() };
        state.queue.values_mut().next().unwrap().status = excluded.clone();
        let run = run(1, vec![attempt("eco:a", succeeded("a"))]);
        let applied = state.apply(&run, &rules(&backoff, &breaker));
        assert_eq!(state.queue.values().next().unwrap().status, excluded);
        assert!(applied.wanted.is_empty(), "its recipe is not written");
    }
}
