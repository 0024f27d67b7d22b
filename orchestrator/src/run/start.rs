//! The start of a run: repairs, and the decision what it does.

use std::{collections::BTreeMap, fmt, sync::Arc};

use batch_core::{
    decide::{
        ladder::{MinutesLeft, Reach, batch_plan},
        preflight::{Choice, PlannedBatch, Preflight},
        rotation,
    },
    model::{
        BatchId, BatchPlan, Budget, EcosystemId, Environment, SCHEMA_VERSION, Skip, Started, Tier,
    },
};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Request, Testers,
    ports::{Ports, RunConfig},
    recover,
    skipped::SkippedEcosystem,
};
use crate::{
    machine::can_test_hosted,
    stage::preflight::{Recipes, Situation},
};

/// Takes the place of the ecosystem in the id of a run with several batches.
pub(super) const RUN: EcosystemId = EcosystemId::from_static("run");

/// The version of this program.
pub(super) const PROGRAM_VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a run does, with all choices made: the file `run.json` of an artifact folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunPlan {
    /// Version of the format.
    pub schema_version: u32,
    /// The id of the run, `run-<time>`.
    pub run_id: String,
    /// The version of the program that made the plan.
    pub program_version: String,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// The options that it was made with.
    pub options: Options,
    /// The ecosystem that owned the slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<EcosystemId>,
    /// The ecosystems that are skipped.
    pub skipped: Vec<SkippedEcosystem>,
    /// The batches in the order in which they are written into the state; empty when nothing can be
    /// attempted.
    pub batches: Vec<BatchId>,
}

/// The options of a run on which its plan depends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// `auto`, `all`, or an ecosystem.
    pub ecosystem: String,
    /// The maximal number of attempts of each batch.
    pub batch_size: usize,
    /// The least important tier.
    pub tier: Tier,
    /// Whether it is planned for one machine per environment.
    pub matrix: bool,
    /// The environments that are left out: `macos`, `arm64`, `musl`.
    pub skip: Vec<String>,
    /// The generator.
    pub generator: String,
}

impl Options {
    pub(super) fn of(request: &Request, ports: &Ports<'_>) -> Self {
        let Request { choice, batch_limit, testers, skip, .. } = request;
        let ecosystem = match choice {
            Choice::Auto => "auto".to_owned(),
            Choice::All => "all".to_owned(),
            Choice::One(ecosystem) => ecosystem.to_string(),
            Choice::Several(ecosystems) => {
                let ids: Vec<&str> = ecosystems.iter().map(EcosystemId::as_str).collect();
                ids.join(",")
            }
        };
        let skip = [("macos", skip.macos), ("arm64", skip.arm64), ("musl", skip.musl)];
        Self {
            ecosystem,
            batch_size: batch_limit.size,
            tier: batch_limit.tier,
            matrix: matches!(testers, Testers::Matrix(_)),
            skip: skip.iter().filter(|(_, is_set)| *is_set).map(|(it, _)| (*it).into()).collect(),
            generator: ports.generator.name(),
        }
    }
}

/// As on the command line.
impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ecosystem, batch_size, tier, matrix, skip, generator } = self;
        let matrix = if *matrix { " --matrix" } else { "" };
        let tier = u8::from(*tier);
        write!(f, "`--ecosystem {ecosystem} --batch-size {batch_size} --tier {tier}{matrix}")?;
        for left_out in skip {
            write!(f, " --skip-{left_out}")?;
        }
        write!(f, "` and the generator {generator}")
    }
}

/// A run that has started.
pub(super) struct StartedRun<'a> {
    pub(super) plan: RunPlan,
    /// Its batches.
    pub(super) batches: Vec<Started>,
    /// Earlier batches that had ended without a record and are recorded now.
    pub(super) recovered: Vec<BatchId>,
    /// Number of queue entries that changed because recipes were added or removed.
    pub(super) reconciled: usize,
    /// Number of queue entries that changed because of decisions about sources, taken names, or what
    /// packages wait for.
    pub(super) requeued: usize,
    /// Number of entries that became due again, if there is no batch to record it.
    pub(super) n_released: u64,
    /// The packages that were asked for and are not attempted, with the reasons.
    pub(super) not_attempted: Vec<Skip>,
    /// The recipes that exist.
    pub(super) recipes: Arc<Recipes>,
    /// No other run starts as long as it exists.
    pub(super) lock: Box<dyn Send + 'a>,
}

/// Repairs what earlier runs left, and decides what this run does.
pub(super) async fn start<'a>(
    ports: &'a Ports<'_>,
    config: &RunConfig<'_>,
    request: &Request,
) -> anyhow::Result<StartedRun<'a>> {
    let lock = ports.state.lock_run(ports.clock.now())?;
    if let Some(validator) = ports.validator {
        validator.clean_up().await?;
    }
    let (mut recipes, choice) = match config.take_recipes() {
        None => (Arc::new(config.recipes(ports)?), Choice::All),
        Some(recipes) if recipes.is_rerouting_due => (recipes, Choice::All),
        // What earlier runs of this process made matters to a queue when it is its turn.
        Some(recipes) => (recipes, served(&request.choice, ports, config)),
    };
    let existing = config.existing(&recipes);
    let recovered =
        if config.keeps { vec![] } else { recover::pending(ports, config, &mut recipes).await? };
    let mut recipes = existing.after(recipes);
    let generator = ports.generator.name();
    let generator = Some(&*generator);
    let mut kept_up = recover::upkeep(ports, config, &mut recipes, (&choice, generator))?;
    if recipes.is_rerouting_due {
        // What is new may have the name of something else.
        let also = recover::upkeep(ports, config, &mut recipes, (&Choice::All, generator))?;
        kept_up = kept_up.and(also);
    }
    let (mut situation, mut preflight) = decided(ports, config, request)?;
    let others = fallen_through(&preflight, &choice);
    if !others.is_empty() {
        let also =
            recover::upkeep(ports, config, &mut recipes, (&Choice::Several(others), generator))?;
        kept_up = kept_up.and(also);
        (situation, preflight) = decided(ports, config, request)?;
    }
    let not_attempted = situation.not_attempted(&request.only, &preflight, request.batch_limit);
    let budget = ports.state.control()?.budget;
    let (plan, mut batches) = run_plan(preflight, &budget, (ports, config, request))?;
    let n_released = record_released(&mut batches, kept_up.released);
    let (reconciled, requeued) = (kept_up.n_reconciled, kept_up.n_requeued);
    Ok(StartedRun {
        plan,
        batches,
        recovered,
        reconciled,
        requeued,
        n_released,
        not_attempted,
        recipes,
        lock,
    })
}

/// Writes into each batch how many entries of its ecosystem became due again; the first one also counts
/// those of ecosystems without a batch. Returns how many there are without any batch.
fn record_released(batches: &mut [Started], mut released: BTreeMap<EcosystemId, u64>) -> u64 {
    for batch in &mut *batches {
        batch.requeued = released.remove(batch.batch_id.ecosystem()).unwrap_or(0);
    }
    let others = released.into_values().sum();
    match batches.first_mut() {
        Some(first) => {
            first.requeued += others;
            0
        }
        None => others,
    }
}

/// The situation, and the decision what the run attempts.
fn decided<'a>(
    ports: &'a Ports<'_>,
    config: &'a RunConfig<'_>,
    request: &Request,
) -> anyhow::Result<(Situation<'a>, Preflight)> {
    let situation = Situation::read(config.preflight_input(ports), &request.choice)?;
    let situation = if request.only.is_empty() { situation } else { situation.only(&request.only) };
    let situation = situation.without(&config.unpushed);
    let preflight = situation.decide(&request.choice, request.batch_limit);
    Ok((situation, preflight))
}

/// The ecosystems of `preflight` whose queues were not brought up to date with those of `kept_up`.
fn fallen_through(preflight: &Preflight, kept_up: &Choice) -> Vec<EcosystemId> {
    let ids = preflight.batches.iter().map(|planned| planned.plan.batch.ecosystem());
    ids.filter(|id| !kept_up.includes(id)).cloned().collect()
}

/// The ecosystems that a run for `choice` serves now, unless those that own the slot cannot run. They
/// are named one by one, because sources and names have been looked at for all together.
fn served(choice: &Choice, ports: &Ports<'_>, config: &RunConfig<'_>) -> Choice {
    let ids: Vec<&EcosystemId> = config.registry.iter().map(|plugin| &plugin.id).collect();
    match (choice, rotation::owner_rank(ids.len(), ports.clock.now())) {
        (Choice::Auto, Some(rank)) => Choice::One(ids[rank].clone()),
        (Choice::Auto | Choice::All, _) => Choice::Several(ids.into_iter().cloned().collect()),
        (Choice::One(_) | Choice::Several(_), _) => choice.clone(),
    }
}

fn run_plan(
    preflight: Preflight,
    budget: &Budget,
    (ports, config, request): (&Ports<'_>, &RunConfig<'_>, &Request),
) -> anyhow::Result<(RunPlan, Vec<Started>)> {
    let at = ports.clock.now();
    let run_id = BatchId::new(RUN, at).to_string();
    let minutes = MinutesLeft::of(budget, config.budget, at, preflight.batches.len());
    let reach = |ecosystem: &EcosystemId| {
        let is_tested = |place: &Environment| match request.testers {
            Testers::Here => ports.machine.can_run(ecosystem, *place),
            Testers::Matrix(tester) => {
                let plugin = config.registry.get(ecosystem);
                plugin.is_some_and(|plugin| can_test_hosted(plugin, tester, *place))
            }
        };
        let environments = Environment::ALL.iter().copied().filter(is_tested).collect();
        Reach { environments, skip: request.skip, minutes }
    };
    let started = |planned: PlannedBatch| Started {
        schema_version: SCHEMA_VERSION,
        batch_id: planned.plan.batch.clone(),
        at,
        plan: {
            let reach = reach(planned.plan.batch.ecosystem());
            batch_plan(planned, &reach)
        },
        generator: ports.generator.name(),
        run_id: Some(run_id.clone()),
        program_version: PROGRAM_VERSION.to_owned(),
        workflow_run_url: config.workflow_run_url.clone(),
        requeued: 0,
    };
    let batches: Vec<Started> = preflight.batches.into_iter().map(started).collect();
    let is_tested = |plan: &BatchPlan| plan.skipped.len() < Environment::ALL.len();
    anyhow::ensure!(
        batches.iter().all(|batch| is_tested(&batch.plan)),
        "the options leave out every environment that can be tested here"
    );
    let plan = RunPlan {
        schema_version: SCHEMA_VERSION,
        run_id,
        program_version: PROGRAM_VERSION.to_owned(),
        at,
        options: Options::of(request, ports),
        slot: preflight.slot,
        skipped: preflight.skipped.iter().map(SkippedEcosystem::from).collect(),
        batches: batches.iter().map(|started| started.batch_id.clone()).collect(),
    };
    Ok((plan, batches))
}
