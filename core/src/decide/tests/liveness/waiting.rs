//! How long an entry that can be attempted waits for its turn.

use std::collections::BTreeMap;

use proptest::collection::vec;

use super::*;

/// An entry that can be attempted is taken by this many runs of its ecosystem at the latest.
fn bound(n_entries: usize, size: usize) -> usize {
    n_entries.div_ceil(size.div_ceil(2))
}

/// Counts, for each entry, the runs that passed it over since it can be attempted. Probe runs test
/// the ecosystem and have an order of their own, so they are not counted.
#[derive(Debug, Default)]
struct Waits {
    of: BTreeMap<PackageId, usize>,
    longest: usize,
}

impl Waits {
    fn count(&mut self, state: &EcosystemState, plan: &Plan) {
        let now = plan.batch.started_at();
        for (id, entry) in &state.queue {
            if plan.attempts.contains(id) || !is_eligible(entry, now) {
                self.of.remove(id);
            } else if !plan.probing {
                let n = self.of.entry(id.clone()).or_default();
                *n += 1;
                self.longest = self.longest.max(*n);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_entry_is_passed_over_by_more_runs_than_the_bound_whatever_fails(
        tiers in vec(1_u8..=3, 1..=60),
        size in 1_usize..=12,
        runs in vec((1_i64..=30, vec(any_end(), 12)), 1..150),
    ) {
        let policies = Policies::of_size(size);
        let bound = bound(tiers.len(), size);
        let mut state = ecosystem(&tiers);
        let (mut now, mut waits) = (second(0), Waits::default());
        for (hours, ends) in runs {
            now += TimeDelta::hours(hours);
            if matches!(policies.admission(&state, now), Admission::Nothing(_)) {
                continue;
            }
            let plan = policies.plan(&state, now);
            waits.count(&state, &plan);
            prop_assert!(waits.longest < bound, "{} of {bound}", waits.longest);
            state = policies.after(state, &plan, &ends);
        }
    }
}

/// The number of runs that the longest waiting of `n` entries waits in hourly runs of ten, while the
/// first sixty, the most important ones, fail for ever. `is_new` says whether each of their failures
/// is followed by a new version, which makes them due at once.
fn longest_wait(n: usize, n_runs: usize, is_new: bool) -> usize {
    const N_BAD: usize = 60;
    let tiers: Vec<u8> = (0..n).map(|i| if i < N_BAD { 1 } else { 3 }).collect();
    let policies = Policies::of_size(10);
    let mut state = ecosystem(&tiers);
    let bad: BTreeSet<PackageId> = state.queue.keys().take(N_BAD).cloned().collect();
    let mut waits = Waits::default();
    for i in 0..n_runs {
        let now = second(3600 * i64::try_from(i).unwrap());
        let plan = policies.plan(&state, now);
        waits.count(&state, &plan);
        // The others fail too: none of them leaves the queue and makes the waiting shorter.
        let ends = vec![End::OfPackage; plan.attempts.len()];
        state = policies.after(state, &plan, &ends);
        for id in bad.iter().filter(|_| is_new) {
            state.queue.get_mut(id).unwrap().next_retry_at = None;
        }
    }
    waits.longest
}

#[test]
fn sixty_important_packages_that_fail_for_ever_delay_no_other_entry_beyond_the_bound() {
    let (n, size) = (1000, 10);
    for is_new in [false, true] {
        let longest = longest_wait(n, 2 * bound(n, size), is_new);
        assert!(longest < bound(n, size), "{longest} runs");
        assert!(bound(n, size) / 3 < longest, "nothing had to wait: {longest} runs");
    }
}
