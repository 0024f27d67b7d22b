//! The stages of a run as processes of their own, which pass artifacts to each other. They use the
//! parts that [`run`](super::run) is composed of.

mod error;
mod generate;
mod merge;
mod validate;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use batch_core::{
    decide::{ladder, name_registry::NameRegistry},
    io::{ArtifactFolder, ArtifactStage, BatchArtifacts, RunIdentity, RunLock},
    model::{BatchId, Environment, Fact, PackageId, Rung, SCHEMA_VERSION, Started},
};
use tokio::sync::Semaphore;

pub use error::StageError;
pub use merge::Collected;

use super::{
    Request, RunPlan,
    journal::Journal,
    ports::{Ports, RunConfig},
    start::{self, Options, PROGRAM_VERSION},
    work,
};

/// A stage that works on an artifact folder.
pub struct Stages<'a> {
    /// The ports.
    pub ports: &'a Ports<'a>,
    /// The configuration.
    pub config: &'a RunConfig<'a>,
    /// The root, for messages.
    pub root: &'a Path,
    /// Where the artifacts are.
    pub folder: &'a ArtifactFolder,
    /// How many recipes are tested at the same time. At least 1.
    pub jobs: usize,
}

/// How a stage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageEnd {
    /// Its work is done, now or before.
    Done,
    /// It was asked to end. It can be continued.
    Interrupted,
    /// Some recipes cannot be tested there yet, because cheaper environments have not reported. It
    /// can be continued.
    Waiting,
    /// An operator has stopped some of the ecosystems. It can be continued.
    Disabled,
}

/// The plan of a folder.
#[derive(Debug)]
pub struct Planned {
    /// The plan.
    pub plan: RunPlan,
    /// Whether it was made before.
    pub is_continued: bool,
}

/// A batch with its artifacts.
struct Batch {
    started: Started,
    artifacts: BatchArtifacts,
}

impl Stages<'_> {
    /// Decides what the run does, unless the folder says it already. A run that is recorded makes
    /// room for a new one.
    pub async fn preflight(&self, request: &Request) -> anyhow::Result<Planned> {
        let stage = ArtifactStage::Preflight;
        let _lock = self.folder.lock(stage, self.ports.clock.now())?;
        let earlier = self.folder.plan::<RunPlan>()?;
        if let Some(plan) = &earlier
            && !self.is_recorded(plan)?
        {
            self.batches(plan)?;
            self.check_options(plan, &Options::of(request, self.ports))?;
            return Ok(Planned { plan: plan.clone(), is_continued: true });
        }
        let run = start::start(self.ports, self.config, request).await?;
        if let Some(plan) = earlier {
            self.folder.clear(&plan.batches)?;
        }
        let identity = RunIdentity { run_id: &run.plan.run_id, program_version: PROGRAM_VERSION };
        for started in &run.batches {
            self.folder.put_started(started)?;
            self.folder.seal(&started.batch_id, stage, identity, std::iter::empty())?;
        }
        // The plan comes last, because it says that the rest is complete.
        self.folder.put_plan(&run.plan)?;
        Ok(Planned { plan: run.plan, is_continued: false })
    }

    /// Whether all batches of `plan` are in the state.
    fn is_recorded(&self, plan: &RunPlan) -> anyhow::Result<bool> {
        for batch in &plan.batches {
            if self.ports.state.run(&batch.to_string())?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether `plan` was made with the options `asked`.
    fn check_options(&self, plan: &RunPlan, asked: &Options) -> Result<(), StageError> {
        if plan.options == *asked {
            return Ok(());
        }
        let (dir, RunPlan { run_id, options, .. }) = (self.folder.path().display(), plan);
        Err(StageError::OutOfOrder(format!(
            "{dir} has the plan of {run_id}, which was made with {options}, not with {asked}; \
             repeat these options, end that run with `merge`, or name another folder with \
             --artifacts"
        )))
    }

    /// Keeps others from working in this root, and on this stage in this folder.
    fn lock(&self, stage: ArtifactStage) -> anyhow::Result<(Box<dyn Send + '_>, RunLock)> {
        // A folder without a plan may be a misspelt name, and stays as it is.
        self.plan()?;
        let now = self.ports.clock.now();
        Ok((self.ports.state.lock_run(now)?, self.folder.lock(stage, now)?))
    }

    /// Whether an operator has stopped the ecosystem of `batch`.
    fn is_disabled(&self, batch: &BatchId) -> anyhow::Result<bool> {
        let stop = self.ports.state.control()?.stop(batch.ecosystem(), self.ports.clock.now());
        if let Some(stop) = &stop {
            tracing::warn!("{batch}: {} is {stop}", batch.ecosystem());
        }
        Ok(stop.is_some())
    }

    /// The environments of `rung` in which something is due.
    pub fn due_on(&self, rung: Rung) -> anyhow::Result<Vec<Environment>> {
        let mut found = vec![];
        for Batch { started, artifacts } in self.batches(&self.plan()?)? {
            let due = ladder::due(&artifacts.facts, &started);
            found.extend(due.into_iter().map(|(_, environment)| environment));
        }
        found.retain(|&environment| Rung::of(environment) == rung);
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Whether something has to be tested on `rung` or on one above it, or may have to be.
    pub fn is_left_from(&self, rung: Rung) -> anyhow::Result<bool> {
        for Batch { started, artifacts } in self.batches(&self.plan()?)? {
            let is_left = |climb: &ladder::Climb| {
                let places = climb.planned.environments.iter().copied();
                let due = climb.due(&started.plan);
                places
                    .filter(|&place| rung <= Rung::of(place))
                    .any(|place| due.contains(&place) || climb.is_later(place, &started.plan))
            };
            if ladder::climbs(&artifacts.facts, &started).iter().any(is_left) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The plan of the run.
    pub fn plan(&self) -> anyhow::Result<RunPlan> {
        let (root, dir) = (self.root.to_owned(), self.folder.path().to_owned());
        Ok(self.folder.plan()?.ok_or(StageError::NoPlan { dir, root })?)
    }

    fn batches(&self, plan: &RunPlan) -> anyhow::Result<Vec<Batch>> {
        let RunPlan { schema_version, program_version, run_id, .. } = plan;
        let other = if *schema_version != SCHEMA_VERSION {
            Some(format!(
                "the plan of {run_id} has schema version {schema_version}, not {SCHEMA_VERSION}"
            ))
        } else if program_version != PROGRAM_VERSION {
            Some(format!(
                "version {program_version} of this program made the plan of {run_id}, and this is \
                 version {PROGRAM_VERSION}"
            ))
        } else {
            None
        };
        if let Some(other) = other {
            let remedy = "all stages of a run need the same version of this program";
            return Err(StageError::Unusable(format!("{other}; {remedy}")).into());
        }
        self.folder.check_batches(&plan.batches)?;
        plan.batches.iter().map(|batch| self.batch(plan, batch)).collect()
    }

    fn batch(&self, plan: &RunPlan, batch: &BatchId) -> anyhow::Result<Batch> {
        let artifacts = self.folder.read(batch, identity(plan))?;
        let started = artifacts.facts.iter().find_map(Fact::started).cloned();
        let started = started.filter(|it| it.run_id.as_deref() == Some(&*plan.run_id));
        let started = started.ok_or_else(|| {
            let (dir, run_id) = (self.folder.path().display(), &plan.run_id);
            StageError::Unusable(format!(
                "{dir} does not say how {batch} started in the run {run_id}; take the artifacts of \
                 preflight again"
            ))
        })?;
        Ok(Batch { started, artifacts })
    }

    fn journal(&self, started: &Started, stage: ArtifactStage, facts: Vec<Fact>) -> Journal {
        let writer = Arc::new(self.folder.writer(stage));
        Journal::resume(writer, started.batch_id.clone(), facts)
    }

    fn shared<'s>(
        &'s self,
        name_registry: &'s NameRegistry,
        begun: &'s BTreeMap<PackageId, u32>,
        environments: &'s [Environment],
        permits: &'s Semaphore,
    ) -> work::Shared<'s> {
        let (ports, config) = (self.ports, self.config);
        work::Shared { ports, config, environments, permits, name_registry, begun }
    }
}

fn identity(plan: &RunPlan) -> RunIdentity<'_> {
    RunIdentity { run_id: &plan.run_id, program_version: PROGRAM_VERSION }
}

fn worst(ends: &[StageEnd]) -> StageEnd {
    for end in [StageEnd::Interrupted, StageEnd::Disabled, StageEnd::Waiting] {
        if ends.contains(&end) {
            return end;
        }
    }
    StageEnd::Done
}
