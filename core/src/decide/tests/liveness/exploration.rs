//! Every state that small ecosystems can get into, whatever fails, whichever slots are lost, and
//! whatever an operator does to the breaker.

use std::collections::HashSet;

use super::{
    small_state::{LONGEST_PAUSE, Model, SmallState, now},
    *,
};
use crate::decide::pause;

/// Every sequence of `n` ends.
fn all_ends(n: usize) -> Vec<Vec<End>> {
    (0..n).fold(vec![vec![]], |sequences, _| {
        let longer = |ends: Vec<End>| {
            End::ALL.into_iter().map(move |end| [ends.as_slice(), &[end]].concat())
        };
        sequences.into_iter().flat_map(longer).collect()
    })
}

/// Calls `check` with every state that `model` can get into, and returns how many there are.
fn explore(model: &Model, mut check: impl FnMut(&SmallState)) -> usize {
    let first = SmallState::new(model.n);
    let mut seen = HashSet::from([first.clone()]);
    let mut unchecked = vec![first];
    while let Some(state) = unchecked.pop() {
        check(&state);
        for next in successors(&state, model) {
            if seen.insert(next.clone()) {
                unchecked.push(next);
            }
        }
    }
    seen.len()
}

/// What the state can become within an hour.
fn successors(small: &SmallState, model: &Model) -> Vec<SmallState> {
    let (state, policies) = (small.full(), &model.policies);
    let plan = policies.plan(&state, now());
    let with = |breaker| EcosystemState { breaker, queue: state.queue.clone() };
    let opened = pause::opened(&state.breaker, now() + TimeDelta::hours(2), "", now());
    let mut next = vec![small.later(1)];
    next.extend([opened, pause::closed(&state.breaker)].map(|it| model.small(&with(it))));
    if !plan.attempts.is_empty() {
        for ends in all_ends(plan.attempts.len()) {
            let after = policies.after(state.clone(), &plan, &ends);
            next.push(model.small(&after).later(1));
        }
    }
    next
}

/// What must hold of a state.
fn check_state(small: &SmallState, model: &Model) {
    let (state, policies) = (small.full(), &model.policies);
    assert_eq!(model.small(&state), *small, "the test keeps everything");
    let n_probes = policies.breaker.probes.min(policies.size);
    if small.n_live() == 0 {
        return;
    }
    let Some(until_in) = small.until_in() else { return };
    assert!(until_in <= LONGEST_PAUSE, "it would be asked later than ever intended: {small:?}");
    if 0 < until_in {
        assert!(policies.plan(&state, now()).attempts.is_empty(), "a pause is kept: {small:?}");
    }
    let half_open = small.later(until_in);
    let state = half_open.full();
    let plan = policies.plan(&state, now());
    assert!(plan.probing, "{small:?}");
    assert_eq!(plan.attempts.len(), n_probes.min(small.n_live()), "{small:?}");
    for ends in all_ends(plan.attempts.len()) {
        if service_answers(&ends) {
            let after = policies.after(state.clone(), &plan, &ends);
            check_probed(&half_open, &plan, &ends, &(after, policies));
        }
    }
}

/// Whether a probe run can end so while registry, tools and generator work. If a shared cause opened
/// the breaker, or could open it, not every package fails in that way any more.
fn service_answers(ends: &[End]) -> bool {
    let is_uniform = ends.contains(&End::Uniform);
    let is_other = ends.iter().any(|&end| matches!(end, End::Success | End::OfPackage));
    !ends.contains(&End::OwnFault) && (is_other || !is_uniform)
}

/// One probe run that proves something closes the breaker. One that proves nothing costs no time:
/// the next one may come at once, and takes other packages.
fn check_probed(
    before: &SmallState,
    plan: &Plan,
    ends: &[End],
    (after, policies): &(EcosystemState, &Policies),
) {
    let open = &after.breaker.open;
    if ends.iter().any(|end| end.is_proof()) {
        assert_eq!(*open, None, "{before:?} after {ends:?}");
        return;
    }
    assert!(open.as_ref().is_some_and(|open| open.until <= now()), "{before:?} after {ends:?}");
    let later = now() + TimeDelta::seconds(1);
    let next = policies.plan(after, later);
    let n_left = n_live(&after.queue);
    assert_eq!(next.attempts.is_empty(), n_left == 0, "{before:?} after {ends:?}");
    let is_again = |id: &&PackageId| plan.attempts.contains(id);
    let n_stay = plan.attempts.iter().filter(|id| is_live(&after.queue[*id])).count();
    let n_unprobed = n_left - n_stay;
    let n_again = next.attempts.iter().filter(is_again).count();
    let expected = next.attempts.len().saturating_sub(n_unprobed);
    assert_eq!(n_again, expected, "others come first: {before:?} after {ends:?}");
}

#[test]
fn from_every_state_one_probe_run_closes_the_breaker_once_the_service_answers() {
    for model in
        [Model::new(1, 1, 1), Model::new(2, 1, 1), Model::new(2, 2, 2), Model::reduced(3, 2, 1)]
    {
        let (mut n_half_open, mut n_signatures) = (0, 0);
        let n_states = explore(&model, |small| {
            check_state(small, &model);
            n_half_open += usize::from(small.until_in() == Some(0));
            n_signatures += usize::from(small.has_signature());
        });
        assert!(100 < n_states && 0 < n_half_open, "{n_states} states of {model:?}");
        assert_eq!(0 < n_signatures, model.has_signatures());
    }
}
