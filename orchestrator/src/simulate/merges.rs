//! What `merge --push` does after each run, where the recipes of a simulation are merged by pull
//! requests. The state is in memory and written by the run itself.

use std::collections::{BTreeMap, BTreeSet};

use batch_core::{
    decide::{
        health::{self, Code, Digest},
        pull_request::Hold,
    },
    io::{Clock as _, StateReader as _, StateWriter as _},
    model::{BatchId, BatchPullRequest, Fate, PullRequestLink, RecipeName, RedCheck, Status},
};
use batch_sim::{MemoryState, SimClock};
use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    forge::{Forge, PullRequest, PullRequests},
    measure::Measure,
    observed::Violation,
    world::World,
};
use crate::{
    merge::fates,
    run::{RunConfig, Summary},
};

/// What became of the pull requests of a simulation.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PullRequestReport {
    /// Pull requests that were opened.
    pub opened: u64,
    /// Those of them that were merged.
    pub merged: u64,
    /// The longest time that one was open, in hours, without the one that nobody merges.
    pub longest_open_hours: f64,
    /// How long the state waited, in hours, for pull requests that it would keep from being merged.
    pub state_waited_hours: f64,
    /// The pull requests that the health of the pipeline named as old.
    pub alerts: Vec<OldPullRequest>,
}

/// A pull request that the health named with the reason `pr_old`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OldPullRequest {
    /// Its batch.
    pub batch_id: String,
    /// Since when it has been open, according to the reason.
    pub since: Option<DateTime<Utc>>,
    /// When the reason was there for the first time.
    pub from: DateTime<Utc>,
    /// When it was gone; absent if it was there at the end of the simulation.
    pub until: Option<DateTime<Utc>>,
}

/// What the merges of a simulation work on.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) state: &'a MemoryState,
    pub(super) world: &'a World,
    pub(super) clock: &'a SimClock,
    pub(super) config: &'a RunConfig<'a>,
}

/// The merges of a simulation.
pub(super) struct Merges {
    forge: Forge,
    n_merged: u64,
    longest_open: TimeDelta,
    violations: Vec<Violation>,
    /// The start of the oldest batch that is not pushed, by the clock of the pipeline.
    kept_since: Option<DateTime<Utc>>,
    waits_since: Option<DateTime<Utc>>,
    waited: TimeDelta,
    alerts: Vec<OldPullRequest>,
}

impl Merges {
    pub(super) fn new(rules: PullRequests) -> Self {
        Self {
            forge: Forge::new(rules),
            n_merged: 0,
            longest_open: TimeDelta::zero(),
            violations: vec![],
            kept_since: None,
            waits_since: None,
            waited: TimeDelta::zero(),
            alerts: vec![],
        }
    }

    /// Brings what was merged since the last slot into the state.
    pub(super) fn settle(
        &mut self,
        around: &Around<'_>,
        measure: &mut Measure,
    ) -> anyhow::Result<()> {
        let Around { state, world, clock, config } = *around;
        let red = self.forge.red(world.now());
        let merged = self.forge.settle(world.now());
        if merged.is_empty() && red.is_none() {
            return Ok(());
        }
        let mut pulls: BTreeMap<BatchId, BatchPullRequest> =
            self.forge.open_ones().iter().map(|pull| known(pull, Fate::Open)).collect();
        if let Some(pull) = &red {
            let check = RedCheck {
                name: "validate-recipes".to_owned(),
                summary: "a recipe does not work".to_owned(),
                url: String::new(),
            };
            pulls.extend([known(pull, Fate::Red(vec![check]))]);
        }
        let mut batches = vec![];
        for (pull, at) in merged {
            pulls.extend([known(&pull, Fate::Merged)]);
            for (name, toml) in &pull.recipes {
                state.put_recipe(name, toml)?;
                config.learn(name, toml);
            }
            self.n_merged += 1;
            self.was_open(&pull, at);
            batches.push(pull.batch);
        }
        fates::write(state, &pulls, config, clock.now())?;
        for batch in batches {
            if let Some(record) = state.run(&batch.to_string())? {
                let of = measure.ecosystems.entry(batch.ecosystem().clone()).or_default();
                of.merged_later(record.merged, world.now());
            }
        }
        Ok(())
    }

    fn was_open(&mut self, pull: &PullRequest, until: DateTime<Utc>) {
        if pull.was_left() {
            return;
        }
        let open_for = until - pull.opened_at;
        self.longest_open = self.longest_open.max(open_for);
        if let Some(bound) = self.forge.bound().filter(|bound| *bound < open_for) {
            let detail = format!(
                "its pull request was open for {} minutes, at most {}",
                open_for.num_minutes(),
                bound.num_minutes()
            );
            self.violations.push(Violation {
                code: "pull_request_too_old",
                subject: pull.batch.to_string(),
                at: until,
                detail,
            });
        }
    }

    /// A run has ended with `summary`; `None` if its process died, which then did not come so far as to push
    /// anything.
    pub(super) fn after_run(
        &mut self,
        around: &Around<'_>,
        summary: Option<&Summary>,
    ) -> anyhow::Result<()> {
        if let Some(Summary { recovered, batches, .. }) = summary {
            let batches = recovered.iter().chain(batches.iter().map(|batch| &batch.batch_id));
            self.push(around, batches.map(BatchId::started_at).min())?;
        }
        self.watch(around)
    }

    /// Pushes the state after a run whose oldest batch started at `started_at`, unless the state waits. Opens
    /// and updates pull requests.
    fn push(
        &mut self,
        around: &Around<'_>,
        started_at: Option<DateTime<Utc>>,
    ) -> anyhow::Result<()> {
        let Around { state, world, clock, .. } = *around;
        let (now, by_clock) = (world.now(), clock.now());
        self.kept_since = self.kept_since.or(started_at);
        let oldest = self.kept_since.unwrap_or(by_clock);
        if let Hold::Wait { .. } = self.forge.hold(now, (oldest, by_clock)) {
            self.waits_since.get_or_insert(now);
            return Ok(());
        }
        self.kept_since = None;
        self.waited += self.waits_since.take().map_or(TimeDelta::zero(), |since| now - since);
        self.forge.pushed(now);
        let open: BTreeSet<&BatchId> = self.forge.open_ones().iter().map(|it| &it.batch).collect();
        let proposed: Vec<_> = proposed(state, world)?
            .into_iter()
            .filter(|(batch, _)| !open.contains(batch))
            .collect();
        for (batch, recipes) in proposed {
            self.forge.open(batch, recipes, now);
        }
        Ok(())
    }

    /// Notes what the health says about old pull requests.
    fn watch(&mut self, around: &Around<'_>) -> anyhow::Result<()> {
        let now = around.clock.now();
        let mut digest = Digest::new(now);
        for id in around.state.queued_ecosystems()? {
            if let Some(file) = around.state.queue(&id)? {
                digest.queue(&id, &file.entries);
            }
        }
        let mut reasons = health::evaluate(&digest, &around.state.control()?).reasons;
        reasons.retain(|reason| reason.code == Code::PrOld);
        for alert in self.alerts.iter_mut().filter(|alert| alert.until.is_none()) {
            if !reasons.iter().any(|reason| reason.subject == alert.batch_id) {
                alert.until = Some(now);
            }
        }
        for reason in reasons {
            let is_open = |it: &OldPullRequest| it.batch_id == reason.subject && it.until.is_none();
            if !self.alerts.iter().any(is_open) {
                let (batch_id, since) = (reason.subject, reason.since);
                self.alerts.push(OldPullRequest { batch_id, since, from: now, until: None });
            }
        }
        Ok(())
    }

    /// The simulation ends at `now`.
    pub(super) fn end(mut self, now: DateTime<Utc>, measure: &mut Measure) {
        for pull in self.forge.open_ones().to_vec() {
            self.was_open(&pull, now);
        }
        self.waited += self.waits_since.take().map_or(TimeDelta::zero(), |since| now - since);
        measure.pull_requests = Some(PullRequestReport {
            opened: self.forge.n_opened(),
            merged: self.n_merged,
            longest_open_hours: hours(self.longest_open),
            state_waited_hours: hours(self.waited),
            alerts: self.alerts,
        });
        measure.violations.extend(self.violations);
    }
}

fn hours(time: TimeDelta) -> f64 {
    time.as_seconds_f64() / 3600.0
}

/// What the forge says about `pull`.
fn known(pull: &PullRequest, fate: Fate) -> (BatchId, BatchPullRequest) {
    let link = PullRequestLink { number: pull.number, url: String::new() };
    (pull.batch.clone(), BatchPullRequest { link, opened_at: pull.opened_at, fate })
}

type Recipes = Vec<(RecipeName, String)>;

/// The batches whose pull requests entries of `state` wait for, with the recipes of these entries.
fn proposed(state: &MemoryState, world: &World) -> anyhow::Result<BTreeMap<BatchId, Recipes>> {
    let mut proposed: BTreeMap<BatchId, Recipes> = BTreeMap::new();
    for id in state.queued_ecosystems()? {
        let Some(file) = state.queue(&id)? else { continue };
        for entry in file.entries.values() {
            let Status::InProgress { batch } = &entry.status else { continue };
            let recipes = proposed.entry(batch.clone()).or_default();
            let named = |toml| Some((entry.recipe.clone()?, toml));
            recipes.extend(world.made(&entry.id).and_then(named));
        }
    }
    Ok(proposed)
}
