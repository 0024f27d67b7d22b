//! Simulated months: what goes wrong in them ends well.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use batch_core::{
    decide::{
        backoff::BackoffPolicy, breaker::BreakerPolicy, ladder::BudgetPolicy, plan::BatchLimit,
        preflight::Choice, pull_request::HoldPolicy,
    },
    io::{FsState, HistoryFilter, QueueFile, StateReader as _, StateWriter as _},
    model::{EcosystemId, QueueEntry, QueueHeader, Tier, TierMeanings},
};
use batch_sim::MemoryState;
use chrono::{DateTime, TimeDelta, Utc};
use orchestrator::{
    plugins,
    simulate::{
        History, Measure, Oracle, OutageText, Period, Policy, PullRequests, Report, Scenario,
        Simulation, simulate,
    },
    stage::Stop,
};

const HOURS: u32 = 24 * 91;

fn start() -> DateTime<Utc> {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// Queues of six ecosystems with so many entries each. Two ecosystems have no queue.
fn state(n: usize) -> MemoryState {
    let queue = |name: &'static str| {
        let ecosystem = EcosystemId::from_static(name);
        let entry = |i: usize| {
            let id = format!("{name}:{name}-p{i}").parse().unwrap();
            QueueEntry::new(id, Tier::REST, start())
        };
        let entries = (0..n).map(entry).map(|entry| (entry.id.clone(), entry)).collect();
        let header = QueueHeader { ecosystem, updated_at: start(), tiers: TierMeanings::default() };
        QueueFile { header, entries, quarantined: vec![] }
    };
    MemoryState::new(["cargo", "npm", "pypi", "rubygems", "cpan", "homebrew"].map(queue))
}

/// The trace of a simulation with these parts, its result, and the state at its end.
fn simulated(
    state: MemoryState,
    scenario: Scenario,
    rules: (Policy, f64, u32),
) -> (Vec<String>, Measure, Arc<MemoryState>) {
    simulated_in(None, state, scenario, rules)
}

/// The same, in stages with artifacts in a folder if there is one.
fn simulated_in(
    artifacts: Option<&Path>,
    state: MemoryState,
    scenario: Scenario,
    (policy, success, hours): (Policy, f64, u32),
) -> (Vec<String>, Measure, Arc<MemoryState>) {
    let registry = plugins::registry().unwrap();
    let state = Arc::new(state);
    let simulation = Simulation {
        registry: &registry,
        from: start(),
        hours,
        batch_limit: BatchLimit { size: 10, tier: Tier::REST },
        choice: Choice::Auto,
        oracle: Oracle::of_rate(7, success),
        scenario,
        policy,
        seed: 7,
        backoff: BackoffPolicy::default(),
        breaker: BreakerPolicy::default(),
        budget: BudgetPolicy::default(),
        bundled_recipes: &BTreeMap::new(),
        looked_at: [].into(),
        artifacts: artifacts.map(Path::to_owned),
    };
    let mut trace = vec![];
    let mut write = |line: &orchestrator::simulate::TraceLine<'_>| {
        trace.push(serde_json::to_string(line)?);
        Ok(())
    };
    let measure = simulate(simulation, Arc::clone(&state), &mut write, &Stop::default()).unwrap();
    (trace, measure, state)
}

/// Everything that can go wrong, at its time.
fn everything() -> Scenario {
    let outage = |text: &str, after_days: i64| {
        let OutageText { ecosystem, period } = text.parse().unwrap();
        (ecosystem.parse().unwrap(), period.starting_at(start() + TimeDelta::days(after_days)))
    };
    Scenario {
        outages: vec![outage("npm=6h", 10), outage("cargo=3d", 12), outage("npm=4d", 14)],
        storms: vec![outage("pypi=1d", 20)],
        broken_generator: vec!["3d".parse::<orchestrator::simulate::PeriodText>().unwrap()]
            .into_iter()
            .map(|text| text.starting_at(start() + TimeDelta::days(30)))
            .collect(),
        clock_back: Some((start() + TimeDelta::days(45), TimeDelta::hours(2))),
        missed_slots: "20%".parse().unwrap(),
        crash_rate: "1%".parse().unwrap(),
        slot_delay: "10..70m".parse().unwrap(),
        damaged_artifacts: None,
        pull_requests: None,
    }
}

fn report(measure: Measure, hours: u32) -> Report {
    Report::new(measure, BudgetPolicy::default(), hours, History::default())
}

#[test]
fn a_quarter_in_which_everything_goes_wrong_violates_no_rule_and_leaves_a_valid_state() {
    let (_, measure, state) = simulated(state(400), everything(), (Policy::Decided, 0.02, HOURS));
    let report = report(measure, HOURS);
    assert_eq!(report.violations, []);
    assert_eq!(report.never_attempted, 0);
    assert!(report.max_wait_runs <= report.bound_runs, "{report}");
    let opened = report.ecosystems.values().flat_map(|of| &of.recoveries);
    let opened: Vec<_> = opened.filter(|recovery| recovery.open_until.is_some()).collect();
    assert!(opened.len() > 2, "the scenario opens breakers: {report}");
    for recovery in opened {
        // The first slot of an ecosystem comes at most eight hours after the pause.
        let (until, closed_at) = (recovery.open_until.unwrap(), recovery.closed_at.unwrap());
        let from = until.max(recovery.outage_end);
        assert!(closed_at - from < TimeDelta::hours(24), "{recovery:?}");
    }
    is_valid(&state);
}

/// A month as the jobs of CI carry it out: stages that are processes of their own, artifacts between
/// them, and nobody who does anything.
#[test]
#[expect(clippy::disallowed_methods, reason = "artifacts are in a folder of the test")]
fn a_month_in_stages_ends_well_whatever_goes_wrong() {
    const MONTH: u32 = 720;
    let at = |day: i64, lasts: i64| Period {
        from: start() + TimeDelta::days(day),
        until: start() + TimeDelta::days(day + lasts),
    };
    let scenario = Scenario {
        outages: vec![("npm".parse().unwrap(), at(3, 1)), ("cargo".parse().unwrap(), at(12, 2))],
        broken_generator: vec![at(8, 3)],
        missed_slots: "20%".parse().unwrap(),
        crash_rate: "5%".parse().unwrap(),
        slot_delay: "10..26m".parse().unwrap(),
        damaged_artifacts: Some(start() + TimeDelta::days(2)),
        pull_requests: Some(PullRequests {
            unmerged: Some(at(5, 20)),
            red: Some(2),
            ..PullRequests::default()
        }),
        ..Scenario::default()
    };
    // Artifacts are forced to disk, which takes long on a disk.
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let dir = dir.unwrap();
    let rules = (Policy::Decided, 0.3, MONTH);
    let (_, measure, state) = simulated_in(Some(dir.path()), state(60), scenario, rules);
    let report = report(measure, MONTH);
    assert_eq!(report.violations, []);
    assert_eq!(report.never_attempted, 0);
    assert!(report.max_wait_runs <= report.bound_runs, "{report}");
    let pulls = report.pull_requests.as_ref().unwrap();
    let alerts: Vec<_> = pulls.alerts.iter().map(|alert| alert.until.is_some()).collect();
    assert_eq!(alerts, [true], "the one that was left open, until it was merged: {pulls:?}");
    let failures = state.failures(&HistoryFilter::default()).unwrap().records;
    let red = failures.iter().filter(|failure| failure.message.contains("does not work")).count();
    assert!(0 < red, "red checks are a failure of the packages");
    let opened = report.ecosystems.values().flat_map(|of| &of.recoveries);
    for recovery in opened.filter(|recovery| recovery.open_until.is_some()) {
        assert!(recovery.closed_at.is_some(), "{recovery:?}");
    }
    is_valid(&state);
    let left = std::fs::read_dir(dir.path()).unwrap().count();
    assert!(left <= 1 + MONTH as usize / 20, "{left} folders of artifacts are left");
}

/// What was simulated can be written and read.
fn is_valid(state: &MemoryState) {
    let dir = tempfile::tempdir().unwrap();
    let queues: Vec<QueueFile> = state
        .queued_ecosystems()
        .unwrap()
        .iter()
        .map(|id| Arc::unwrap_or_clone(state.queue(id).unwrap().unwrap()))
        .collect();
    let control = state.control().unwrap();
    let (written, _) = FsState::init(dir.path(), &control, &queues).unwrap();
    assert_eq!(written.control().unwrap(), control);
    for queue in &queues {
        let read = written.queue(&queue.header.ecosystem).unwrap().unwrap();
        assert_eq!(read.quarantined, []);
        // Files have whole seconds.
        assert_eq!(read.entries.len(), queue.entries.len());
    }
    let failures = state.failures(&HistoryFilter::default()).unwrap();
    assert_eq!(failures.quarantined, []);
}

/// Simulations of the past start with what was known then.
#[test]
fn attempts_after_the_start_have_not_happened_in_the_copy() {
    let (before, after) = (start() - TimeDelta::days(1), start() + TimeDelta::days(1));
    let known = state(2);
    let id = "npm".parse().unwrap();
    let file = known.queue(&id).unwrap().unwrap();
    let mut changed = file.entries.clone();
    for (entry, at) in changed.values_mut().zip([before, after]) {
        (entry.last_attempt_at, entry.last_probe_at) = (Some(at), Some(at));
        entry.next_retry_at = Some(at + TimeDelta::days(7));
    }
    known.put_entries(file, changed, start()).unwrap();
    let copied = orchestrator::simulate::copy(&known, start()).unwrap();
    let copied = copied.queue(&id).unwrap().unwrap();
    let times =
        |entry: &QueueEntry| (entry.last_attempt_at, entry.last_probe_at, entry.next_retry_at);
    let times: Vec<_> = copied.entries.values().map(times).collect();
    let retry = Some(before + TimeDelta::days(7));
    assert_eq!(times, [(Some(before), Some(before), retry), (None, None, None)]);
}

#[test]
fn the_same_seed_gives_the_same_attempts() {
    let run = || simulated(state(30), everything(), (Policy::Decided, 0.5, 200)).0;
    assert_eq!(run(), run());
}

#[test]
fn without_outages_no_breaker_opens_and_the_first_design_keeps_them_open() {
    let run = |policy| {
        let (_, measure, _) = simulated(state(100), Scenario::default(), (policy, 0.02, 24 * 14));
        report(measure, 24 * 14)
    };
    let decided = run(Policy::Decided);
    assert_eq!(decided.violations, []);
    assert!(decided.ecosystems.values().all(|of| of.breaker_open_share < f64::EPSILON));
    assert_eq!((decided.entries_eligible, decided.never_attempted), (600, 0));
    let literal = run(Policy::Literal);
    assert!(literal.never_attempted > 200, "{literal}");
    assert!(literal.violations.iter().any(|it| it.code == "not_recovered"), "{literal}");
}

/// The trace and the result of so many hours with these pull requests, and with what else goes wrong.
fn of_pull_requests(rules: &PullRequests, scenario: Scenario, hours: u32) -> (Vec<String>, Report) {
    let scenario = Scenario { pull_requests: Some(rules.clone()), ..scenario };
    let (trace, measure, _) = simulated(state(100), scenario, (Policy::Decided, 0.05, hours));
    (trace, report(measure, hours))
}

/// Nobody merges the first pull request of 52 days.
fn unmerged() -> PullRequests {
    let from = start() + TimeDelta::days(2);
    let period = Period { from, until: from + TimeDelta::days(52) };
    PullRequests { unmerged: Some(period), ..PullRequests::default() }
}

fn slow() -> PullRequests {
    PullRequests { checks: TimeDelta::minutes(90), ..PullRequests::default() }
}

#[test]
fn a_pull_request_that_nobody_merges_for_52_days_is_named_and_stops_nothing() {
    let (trace, report) = of_pull_requests(&unmerged(), Scenario::default(), HOURS);
    assert_eq!((&report.violations[..], report.never_attempted), (&[][..], 0), "{report}");
    let undisturbed = simulated(state(100), Scenario::default(), (Policy::Decided, 0.05, HOURS)).0;
    assert_eq!(trace, undisturbed, "the same packages are attempted at the same time");
    let pulls = report.pull_requests.as_ref().unwrap();
    assert!(pulls.opened > 50 && pulls.merged == pulls.opened, "{report}");
    assert!(pulls.longest_open_hours < 0.2, "{report}");
    let [alert] = &pulls.alerts[..] else { panic!("{report}") };
    let of_batch = trace.iter().filter(|line| line.contains(&alert.batch_id));
    assert!(of_batch.clone().any(|line| line.contains("\"succeeded\"")), "{alert:?}");
    let period = unmerged().unmerged.unwrap();
    assert!(period.contains(alert.since.unwrap()), "{alert:?}");
    let age = alert.from - alert.since.unwrap();
    assert!(TimeDelta::hours(48) < age && age < TimeDelta::hours(50), "{alert:?}");
    assert_eq!(alert.until.unwrap(), period.until, "{alert:?}");
}

#[test]
fn with_slow_checks_every_pull_request_is_merged_because_the_state_waits_for_it() {
    const HOURS: u32 = 24 * 21;
    let of = |rules: &PullRequests| of_pull_requests(rules, Scenario::default(), HOURS).1;
    let report = of(&slow());
    assert_eq!((&report.violations[..], report.never_attempted), (&[][..], 0), "{report}");
    let pulls = report.pull_requests.as_ref().unwrap();
    // One may have been opened in the last hours.
    assert!(pulls.merged > 20 && pulls.opened - pulls.merged < 4, "{report}");
    // Checks that begin again three times.
    assert!(1.5 < pulls.longest_open_hours && pulls.longest_open_hours <= 6.0, "{report}");
    assert!(pulls.state_waited_hours > 20.0 && pulls.alerts.is_empty(), "{report}");

    let never = HoldPolicy { after_updates: u32::MAX, ..HoldPolicy::default() };
    let report = of(&PullRequests { hold: never, ..slow() });
    let pulls = report.pull_requests.as_ref().unwrap();
    assert_eq!((pulls.merged, pulls.state_waited_hours), (0, 0.0), "{report}");
    assert!(!pulls.alerts.is_empty(), "{report}");

    // What is merged keeps the others from being merged, and the state waits for none of them then.
    let report = of(&PullRequests { strict: true, ..slow() });
    assert!(report.violations.iter().any(|it| it.code == "pull_request_too_old"), "{report}");
}

#[test]
fn whatever_else_goes_wrong_pull_requests_are_merged() {
    let rules = PullRequests { checks: TimeDelta::minutes(90), ..unmerged() };
    let (_, report) = of_pull_requests(&rules, everything(), HOURS);
    assert_eq!((&report.violations[..], report.never_attempted), (&[][..], 0), "{report}");
    let pulls = report.pull_requests.as_ref().unwrap();
    assert!(pulls.merged > 50 && pulls.opened - pulls.merged < 4, "{report}");
    assert_eq!(pulls.alerts.len(), 1, "{report}");
    let merged: u64 = report.ecosystems.values().map(|of| of.merged).sum();
    assert!(merged >= pulls.merged, "{report}");
}
