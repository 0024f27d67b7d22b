//! Names that change hands during a simulation.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use batch_core::{
    decide::{
        backoff::BackoffPolicy, breaker::BreakerPolicy, ladder::BudgetPolicy, plan::BatchLimit,
        preflight::Choice,
    },
    io::{QueueFile, StateReader as _, StateWriter as _},
    model::{
        Confidence, EcosystemId, FailureHead, FailureKind, FailureRecord, Fingerprint, PackageId,
        QueueEntry, QueueHeader, Stage, StatusLabel, Tier, TierMeanings,
    },
};
use batch_sim::MemoryState;
use chrono::{DateTime, Utc};
use orchestrator::{
    plugins,
    simulate::{Oracle, Policy, Scenario, Simulation, simulate},
    stage::Stop,
};

use crate::test_ports::id;

const START: DateTime<Utc> = DateTime::UNIX_EPOCH;

fn state(packages: &[&str]) -> MemoryState {
    let mut queues: BTreeMap<EcosystemId, QueueFile> = BTreeMap::new();
    for package in packages.iter().map(|text| id(text)) {
        let ecosystem = package.ecosystem.clone();
        let (updated_at, tiers) = (START, TierMeanings::default());
        let header = QueueHeader { ecosystem: ecosystem.clone(), updated_at, tiers };
        let empty = || QueueFile { header, entries: BTreeMap::new(), quarantined: vec![] };
        let file = queues.entry(ecosystem).or_insert_with(empty);
        file.entries.insert(package.clone(), QueueEntry::new(package, Tier::REST, START));
    }
    MemoryState::new(queues.into_values())
}

/// What simulated runs of `hours` make of the entries of `state`, where every attempt succeeds that did
/// not fail before.
fn after(state: MemoryState, looked_at: &[&str], hours: u32) -> Arc<MemoryState> {
    let registry = plugins::registry().unwrap();
    let state = Arc::new(state);
    let simulation = Simulation {
        registry: &registry,
        from: START,
        hours,
        batch_limit: BatchLimit { size: 10, tier: Tier::REST },
        choice: Choice::Auto,
        oracle: Oracle::recorded(7, 1.0, &*state).unwrap(),
        scenario: Scenario::default(),
        policy: Policy::Decided,
        seed: 7,
        backoff: BackoffPolicy::default(),
        breaker: BreakerPolicy::default(),
        budget: BudgetPolicy::default(),
        bundled_recipes: &BTreeMap::new(),
        looked_at: looked_at.iter().map(|text| id(text)).collect::<BTreeSet<PackageId>>(),
        artifacts: None,
    };
    simulate(simulation, Arc::clone(&state), &mut |_| Ok(()), &Stop::default()).unwrap();
    state
}

fn status(state: &MemoryState, package: &str) -> StatusLabel {
    let package = id(package);
    state.queue(&package.ecosystem).unwrap().unwrap().entries[&package].status.label()
}

#[test]
fn what_waited_behind_a_name_is_attempted_when_its_owner_turns_out_to_be_no_tool() {
    let state = state(&["homebrew:lion", "rubygems:lion", "npm:other"]);
    let record = FailureRecord::new(FailureHead {
        id: "homebrew-1969-12-31T00-00-00Z-lion".to_owned(),
        package_id: id("homebrew:lion"),
        batch_id: "homebrew-1969-12-31T00-00-00Z".parse().unwrap(),
        stage: Stage::Generate,
        kind: FailureKind::LibraryOnly,
        confidence: Confidence::Stated,
        message: "it installs no command".to_owned(),
        fingerprint: Fingerprint(1),
        timestamp: START,
    });
    state.put_failures("homebrew-1969-12-31T00-00-00Z", &[record]).unwrap();
    // The first run looks at all names, and the second one excludes the owner of this one.
    let state = after(state, &[], 24);
    assert_eq!(status(&state, "homebrew:lion"), StatusLabel::Excluded);
    assert_eq!(status(&state, "rubygems:lion"), StatusLabel::Success);
    assert_eq!(status(&state, "npm:other"), StatusLabel::Success);
}

#[test]
fn a_simulation_knows_which_packages_people_have_looked_at() {
    let both = ["homebrew:lion", "npm:lion"];
    let reviewed = after(state(&both), &[], 24);
    assert_eq!(
        both.map(|id| status(&reviewed, id)),
        [StatusLabel::Success, StatusLabel::RequiresManual]
    );
    let looked_at = after(state(&both), &["npm:lion"], 24);
    assert_eq!(
        both.map(|id| status(&looked_at, id)),
        [StatusLabel::RequiresManual, StatusLabel::Success]
    );
}
