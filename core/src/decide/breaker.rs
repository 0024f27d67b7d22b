//! How the circuit breaker changes its state.

use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, Utc};

use crate::{
    decide::{ahead, backoff},
    model::{
        Attempt, Breaker, Consequence, Failure, Fingerprint, Health, Open, Outcome, SkipReason,
        UniformRow,
    },
};

/// Thresholds of the breaker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Number of unhealthy runs in a row after which it opens.
    pub open_after: u32,
    /// First pause. It doubles each time a probe is unhealthy.
    pub first_pause: Duration,
    /// Upper limit of the doubling.
    pub longest_pause: Duration,
    /// Number of attempts in a half-open run.
    pub probes: usize,
    /// Number of latest attempts that must all fail in the same way to count as a systemic failure.
    pub systemic_row: usize,
    /// What makes a run unhealthy.
    pub rule: HealthRule,
}

/// What makes a run unhealthy, and which packages are probes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HealthRule {
    /// The evidence that registry and tool do not answer; see [`health`]. The probes are packages
    /// that were not probed before.
    #[default]
    Evidence,
    /// That it made no recipe; the probes are always the first packages of the queue. Only
    /// simulations use this rule of the first design, for comparison: most packages of a backlog
    /// fail for reasons of their own, so breakers open and stay open.
    NoRecipe,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        let hour = Duration::from_secs(60 * 60);
        Self {
            open_after: 3,
            first_pause: hour,
            longest_pause: 24 * hour,
            probes: 3,
            systemic_row: 10,
            rule: HealthRule::Evidence,
        }
    }
}

/// What an ecosystem may attempt. It follows from the breaker, the control file and the tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// A whole batch.
    Batch,
    /// At most this many attempts, to test the ecosystem.
    Probes(usize),
    /// The same, always with the first packages of the queue, for [`HealthRule::NoRecipe`].
    FirstOfQueue(usize),
    /// Nothing.
    Nothing(SkipReason),
}

/// What `breaker` admits at `now`. A breaker that was opened in the future counts as closed.
pub fn admission(breaker: &Breaker, now: DateTime<Utc>, policy: &BreakerPolicy) -> Admission {
    match &breaker.open {
        None => Admission::Batch,
        Some(open) if was_opened_ahead(open, now) => Admission::Batch,
        Some(Open { until, .. }) if *until <= now => match policy.rule {
            HealthRule::Evidence => Admission::Probes(policy.probes),
            HealthRule::NoRecipe => Admission::FirstOfQueue(policy.probes),
        },
        Some(Open { until, .. }) => Admission::Nothing(SkipReason::BreakerOpen { until: *until }),
    }
}

/// Whether a machine with a wrong clock opened the breaker: its beginning lies in the future, and
/// its end lies after that. A breaker that an operator opened may have no beginning; then its
/// beginning is its end.
pub fn was_opened_ahead(open: &Open, now: DateTime<Utc>) -> bool {
    open.since < open.until && ahead::is_ahead(open.since, now)
}

/// What `attempts` say about the health of the ecosystem whose hosts and tools are `own`.
///
/// A success or a structural failure proves that the registry and the tool answer. There are two
/// exceptions: more attempts failed because of own hosts or tools, or everything failed in exactly
/// the same way.
pub fn health(
    attempts: &[Attempt],
    own: &BTreeSet<&str>,
    breaker: &Breaker,
    policy: &BreakerPolicy,
) -> Health {
    let failures: Vec<&Failure> = attempts.iter().filter_map(failure).collect();
    let n_succeeded = attempts.len() - failures.len();
    if policy.rule == HealthRule::NoRecipe {
        let unhealthy = Health::Unhealthy { signature: None };
        return if n_succeeded > 0 { Health::Healthy } else { unhealthy };
    }
    let n_own_faults = failures.iter().filter(|failure| failure.finding.blames(own)).count();
    let n_structural = failures.iter().filter(|failure| is_structural(failure)).count();
    let row = uniform_row(breaker, attempts, policy).filter(|row| {
        let is_whole = policy.systemic_row <= row.packages.len();
        is_whole && !attempts.is_empty()
    });
    let signature = row.map(|row| row.fingerprint).or_else(|| {
        let known = breaker.open.as_ref()?.signature?;
        // A failure of a service, or a wait for other recipes, says nothing about the cause. Only
        // structural failures can repeat the known failure or show a different one.
        let mut structural = failures.iter().filter(|failure| is_structural(failure));
        let is_known = |failure: &&Failure| failure.fingerprint == known;
        let is_only_known = n_structural > 0 && structural.all(is_known);
        (n_succeeded == 0 && is_only_known).then_some(known)
    });
    if signature.is_some() || n_succeeded == 0 && n_own_faults > n_structural {
        return Health::Unhealthy { signature };
    }
    if n_succeeded > 0 || n_structural > 0 { Health::Healthy } else { Health::Neutral }
}

fn failure(attempt: &Attempt) -> Option<&Failure> {
    match &attempt.outcome {
        Outcome::Failed(failure) => Some(failure),
        Outcome::Succeeded { .. } => None,
    }
}

/// Whether the failure says something about the package itself, which proves that the registry and
/// the tool answer.
fn is_structural(failure: &Failure) -> bool {
    match failure.finding.kind.consequence() {
        Consequence::Excluded | Consequence::RequiresManual | Consequence::Failed => true,
        Consequence::Blocked | Consequence::Spared => false,
    }
}

/// The list of uniform failures of `breaker`, continued or ended by `attempts`: a broken generator
/// makes every package fail in the same way. Failures of services are left to the majority rule,
/// which considers whose services they are.
fn uniform_row(
    breaker: &Breaker,
    attempts: &[Attempt],
    policy: &BreakerPolicy,
) -> Option<UniformRow> {
    attempts.iter().fold(breaker.row.clone(), |row, attempt| {
        let failure = failure(attempt).filter(|failure| failure.finding.may_be_systemic())?;
        let fingerprint = failure.fingerprint;
        let row = row.filter(|row| row.fingerprint == fingerprint);
        let mut packages = row.map_or(vec![], |row| row.packages);
        packages.push(attempt.package.clone());
        // A package that fails repeatedly proves nothing. The list starts after its earlier
        // attempt.
        let n_before = packages.len() - 1;
        let again = packages[..n_before].iter().position(|known| *known == attempt.package);
        let n_too_many = packages.len().saturating_sub(policy.systemic_row);
        packages.drain(..again.map_or(n_too_many, |i| i + 1));
        Some(UniformRow { fingerprint, packages })
    })
}

/// The breaker after the run `batch` of `attempts`, which ended at `now`.
#[must_use]
pub fn after_run(
    breaker: &Breaker,
    attempts: &[Attempt],
    health: Health,
    now: DateTime<Utc>,
    policy: &BreakerPolicy,
) -> Breaker {
    let row = uniform_row(breaker, attempts, policy);
    let last_run_at = Some(now);
    let signature = match health {
        Health::Healthy => {
            let last_failure_at = breaker.last_failure_at;
            return Breaker { row, last_run_at, last_failure_at, ..Breaker::default() };
        }
        Health::Neutral => return Breaker { row, last_run_at, ..breaker.clone() },
        Health::Unhealthy { signature } => signature,
    };
    let unhealthy_runs = breaker.unhealthy_runs.saturating_add(1);
    let was_open = breaker.open.as_ref();
    let level = was_open.map_or(0, |open| open.level).saturating_add(1);
    let pause = backoff::doubling(policy.first_pause, policy.longest_pause, level);
    let until = backoff::later(now, pause);
    let open = (was_open.is_some() || policy.open_after <= unhealthy_runs).then(|| Open {
        since: was_open.map_or(now, |open| open.since),
        until,
        level,
        signature,
        reason: reason(unhealthy_runs, signature),
    });
    let last_failure_at = Some(now);
    Breaker { unhealthy_runs, open, row, last_run_at, last_failure_at, last_batch: None }
}

fn reason(unhealthy_runs: u32, signature: Option<Fingerprint>) -> String {
    match signature {
        Some(fingerprint) => format!(
            "different packages all failed in the same way ({fingerprint}); \
             a probe that succeeds, or fails in another way, closes the breaker"
        ),
        None => format!(
            "{unhealthy_runs} unhealthy runs in a row; \
             a probe that reaches the registry and the tool closes the breaker"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{FailureKind, Fingerprint},
        records::{attempt, failed_on, succeeded},
    };

    const OWN: &str = "registry.example";

    /// `outcomes`: `+` success, `s` structural failure, `o` failure of an own service, `f` failure
    /// of a foreign service, `b` blocked.
    #[track_caller]
    fn check(outcomes: &str, expected: Health) {
        let outcome = |c| match c {
            '+' => succeeded("x"),
            's' => failed_on(FailureKind::InstallFailed, None),
            'o' => failed_on(FailureKind::Timeout, Some(OWN)),
            'f' => failed_on(FailureKind::RateLimited, Some("elsewhere.example")),
            _ => failed_on(FailureKind::RecipeMissing, None),
        };
        let attempts: Vec<Attempt> = outcomes
            .chars()
            .enumerate()
            .map(|(i, c)| attempt(&format!("eco:{i}"), outcome(c)))
            .collect();
        let policy = BreakerPolicy::default();
        assert_eq!(
            health(&attempts, &[OWN].into(), &Breaker::default(), &policy),
            expected,
            "{outcomes}"
        );
    }

    #[test]
    fn only_own_faults_and_uniform_failure_are_unhealthy() {
        let unhealthy = Health::Unhealthy { signature: None };
        let systemic =
            Health::Unhealthy { signature: Some(Fingerprint(FailureKind::InstallFailed as u64)) };
        for outcomes in ["oos", "o", "oob", "offb"] {
            check(outcomes, unhealthy);
        }
        for outcomes in ["+ooo", "oss", "sssssssss", "+"] {
            check(outcomes, Health::Healthy);
        }
        for outcomes in ["", "bb", "fff", "fb", "ffffffffff"] {
            check(outcomes, Health::Neutral);
        }
        check("ssssssssss", systemic);
        check("sssssbsssss", Health::Healthy);
    }

    #[test]
    fn a_systemic_row_spans_runs_and_counts_distinct_packages() {
        let policy = BreakerPolicy::default();
        // Numbers of packages, one slice for each run. All but -1 fail in the same way.
        let check = |runs: &[&[i8]], is_systemic: bool| {
            let (mut breaker, mut last) = (Breaker::default(), Health::Neutral);
            for run in runs {
                let kind =
                    |n| if n < 0 { FailureKind::LibraryOnly } else { FailureKind::InstallFailed };
                let failed = |&n: &i8| attempt(&format!("eco:p{n}"), failed_on(kind(n), None));
                let attempts: Vec<Attempt> = run.iter().map(failed).collect();
                last = health(&attempts, &BTreeSet::new(), &breaker, &policy);
                breaker = after_run(&breaker, &attempts, last, DateTime::UNIX_EPOCH, &policy);
            }
            assert_eq!(matches!(last, Health::Unhealthy { .. }), is_systemic, "{runs:?}");
        };
        check(&[&[0, 1, 2, 3, 4], &[5, 6, 7, 8, 9]], true);
        check(&[&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], &[10, 11]], true);
        check(&[&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], &[]], false);
        check(&[&[0, 1, 2, 3, 4], &[-1, 5, 6, 7, 8, 9]], false);
        check(&[&[0, 1, 2, 3, 4], &[0, 1, 2, 3, 4], &[0, 1, 2, 3, 4]], false);
    }

    #[test]
    fn pauses_double_from_an_hour_to_a_day_and_one_healthy_run_closes() {
        let policy = BreakerPolicy::default();
        let unhealthy = Health::Unhealthy { signature: None };
        let (mut now, mut breaker, mut pauses) = (DateTime::UNIX_EPOCH, Breaker::default(), vec![]);
        for _ in 0..9 {
            breaker = after_run(&breaker, &[], unhealthy, now, &policy);
            if let Some(open) = breaker.open.clone() {
                assert_eq!(after_run(&breaker, &[], Health::Neutral, now, &policy), breaker);
                pauses.push((open.until - now).num_hours());
                now = open.until;
                assert_eq!(admission(&breaker, now, &policy), Admission::Probes(3));
            }
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 24, 24]);
        assert_eq!(after_run(&breaker, &[], Health::Healthy, now, &policy).open, None);
    }

    /// Why the first design made nothing for months.
    #[test]
    fn by_the_rule_of_the_first_design_packages_that_fail_keep_the_breaker_open() {
        let policy = BreakerPolicy { rule: HealthRule::NoRecipe, ..BreakerPolicy::default() };
        let fails = [attempt("eco:a", failed_on(FailureKind::InstallFailed, None))];
        let (mut now, mut breaker) = (DateTime::UNIX_EPOCH, Breaker::default());
        for _ in 0..9 {
            let health = health(&fails, &BTreeSet::new(), &breaker, &policy);
            breaker = after_run(&breaker, &fails, health, now, &policy);
            now = breaker.open.as_ref().map_or(now, |open| open.until);
        }
        assert_eq!(admission(&breaker, now, &policy), Admission::FirstOfQueue(3));
    }

    #[test]
    fn a_probe_with_another_fingerprint_ends_a_systemic_failure() {
        use FailureKind::{InstallFailed, LibraryOnly, RecipeMissing, Timeout};

        let policy = BreakerPolicy::default();
        let signature = Some(Fingerprint(InstallFailed as u64));
        let (until, reason) = (DateTime::UNIX_EPOCH, String::new());
        let open = Open { since: until, until, level: 1, signature, reason };
        let breaker = Breaker { unhealthy_runs: 3, open: Some(open), ..Breaker::default() };
        let probe = |&kind: &FailureKind| attempt("eco:a", failed_on(kind, None));
        let evaluate = |kinds: &[FailureKind]| {
            let probes: Vec<Attempt> = kinds.iter().map(probe).collect();
            health(&probes, &BTreeSet::new(), &breaker, &policy)
        };
        assert_eq!(evaluate(&[InstallFailed]), Health::Unhealthy { signature });
        assert_eq!(
            evaluate(&[InstallFailed, Timeout, RecipeMissing]),
            Health::Unhealthy { signature }
        );
        assert_eq!(evaluate(&[InstallFailed, LibraryOnly]), Health::Healthy);
        assert_eq!(evaluate(&[LibraryOnly]), Health::Healthy);
        assert_eq!(evaluate(&[Timeout, RecipeMissing]), Health::Neutral);
    }
}
