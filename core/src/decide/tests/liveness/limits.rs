//! What no plan exceeds, and what every plan and every written run accounts for.

use proptest::{collection::vec, sample::subsequence};

use super::*;
use crate::{
    decide::{
        ladder::{MINUTES_OF_A_TEST, MinutesLeft, Reach, SkipFlags, batch_plan},
        preflight::PlannedBatch,
    },
    model::{Environment, Os, Turn},
};

#[test]
fn waiting_times_grow_up_to_a_limit_and_stay_there_for_ten_thousand_failures() {
    let policy = BackoffPolicy::default();
    for wait in [BackoffPolicy::after_structural, BackoffPolicy::after_fault] {
        let waits: Vec<Duration> = (1..=10_000).map(|n| wait(&policy, n)).collect();
        assert!(waits.is_sorted());
        let longest = waits[9_999];
        let n_shorter = waits.iter().filter(|&&wait| wait < longest).count();
        assert!((1..10).contains(&n_shorter), "{n_shorter}");
        assert_eq!(wait(&policy, u32::MAX), longest);
    }
}

fn any_status() -> impl Strategy<Value = Status> {
    prop_oneof![
        3 => Just(Status::Pending),
        3 => Just(Status::Failed),
        1 => Just(Status::Success),
        1 => Just(Status::InProgress { batch: batch(second(0)) }),
        1 => Just(Status::Blocked { by: vec![] }),
        1 => Just(Status::RequiresManual { reason: String::new() }),
        1 => Just(Status::Excluded { reason: String::new() }),
    ]
}

/// An ecosystem in any state; the moment at which it is looked at is [`at`].
fn any_ecosystem() -> impl Strategy<Value = EcosystemState> {
    let entry = (1_u8..=3, any_status(), proptest::option::of(-50_i64..50));
    let breaker = proptest::option::of(-5_i64..5);
    (vec(entry, 0..40), breaker).prop_map(|(entries, until)| {
        let tiers: Vec<u8> = entries.iter().map(|(tier, ..)| *tier).collect();
        let mut state = ecosystem(&tiers);
        for (entry, (_, status, retry_in)) in state.queue.values_mut().zip(entries) {
            entry.status = status;
            entry.next_retry_at = retry_in.map(|hours| at() + TimeDelta::hours(hours));
        }
        state.breaker.open = until.map(|hours| crate::model::Open {
            since: at() - TimeDelta::hours(9),
            until: at() + TimeDelta::hours(hours),
            level: 1,
            signature: None,
            reason: String::new(),
        });
        state
    })
}

fn at() -> DateTime<Utc> {
    second(1_000_000)
}

proptest! {
    #[test]
    fn a_plan_takes_or_skips_each_entry_once_and_takes_no_more_than_its_batch(
        state in any_ecosystem(),
        size in 0_usize..=12,
    ) {
        let policies = Policies::of_size(size);
        let plan = policies.plan(&state, at());
        prop_assert!(plan.attempts.len() <= size);
        let n_eligible = match policies.admission(&state, at()) {
            Admission::Nothing(_) => 0,
            Admission::Probes(n) | Admission::FirstOfQueue(n) => n_live(&state.queue).min(n),
            Admission::Batch => state.queue.values().filter(|it| is_eligible(it, at())).count(),
        };
        prop_assert_eq!(plan.attempts.len(), n_eligible.min(size), "a place stays empty");
        let mut all = [plan.attempts.clone(), policies.skipped(&state, at())].concat();
        all.sort();
        prop_assert!(all.iter().eq(state.queue.keys()), "{all:?}");
        prop_assert!(plan.attempts.iter().all(|id| is_live(&state.queue[id])));
    }

    #[test]
    fn a_plan_reserves_no_more_minutes_than_are_left_of_the_budget(
        state in any_ecosystem(),
        environments in subsequence(Environment::ALL.to_vec(), 0..=11),
        left in [proptest::option::of(0_u64..200), proptest::option::of(0_u64..200)],
    ) {
        let [macos, linux] = left;
        let minutes = MinutesLeft { macos, linux };
        let reach = Reach { environments, skip: SkipFlags::default(), minutes };
        let plan = Policies::of_size(12).plan(&state, at());
        let planned = batch_plan(PlannedBatch { turn: Turn::Own, plan }, &reach);
        for (os, left) in [(Os::Darwin, macos), (Os::Linux, linux)] {
            let is_on = |environment: &&Environment| environment.os() == os;
            let tests = planned.packages.iter().flat_map(|it| &it.environments).filter(is_on);
            let n_reserved = u64::try_from(tests.count()).unwrap() * MINUTES_OF_A_TEST;
            prop_assert!(left.is_none_or(|left| n_reserved <= left), "{n_reserved} of {left:?}");
            let over = planned.packages.iter().flat_map(|it| &it.over_budget).filter(is_on);
            let is_full = left.is_some_and(|left| left < n_reserved + MINUTES_OF_A_TEST);
            prop_assert!(over.count() == 0 || is_full, "minutes are left over");
        }
    }

    #[test]
    fn a_run_that_is_written_again_changes_nothing(
        tiers in vec(1_u8..=3, 1..=12),
        runs in vec((vec(any_end(), 4), 1_i64..30), 1..20),
    ) {
        let policies = Policies::of_size(4);
        let (mut state, mut now) = (ecosystem(&tiers), second(0));
        for (ends, hours) in runs {
            now += TimeDelta::hours(hours);
            let run = run_of(&policies.plan(&state, now), &ends);
            policies.apply(&mut state, &run);
            let once = state.clone();
            let again = policies.apply(&mut state, &run);
            prop_assert_eq!(&state, &once);
            prop_assert_eq!(again.transition, None);
        }
    }
}
