//! Runs in one process, and in stages, as the jobs of a CI system: each is a process of its own on a machine that is forgotten
//! afterwards, and artifacts are all that passes from one to the next.

use std::{fs, path::Path, pin::pin, sync::Arc, time::Duration};

use anyhow::Context as _;
use batch_core::{
    io::{ArtifactError, ArtifactFolder, Clock as _},
    model::{Environment, Rung},
};
use futures_util::future::{Either, select};

use super::simulator::{JOBS, Simulator};
use crate::{
    machine::Machine,
    progress::Progress,
    run::{self, Ports, StageError, Stages, Summary},
    stage::Stop,
};

/// The jobs of a run that may lose their machine.
const N_JOBS: usize = 4;

/// A machine that is lost: in which job, and how long after its beginning.
#[derive(Debug, Clone, Copy)]
pub(super) struct LostMachine {
    pub(super) job: usize,
    pub(super) after: Duration,
}

impl LostMachine {
    pub(super) fn drawn(chance: &mut fastrand::Rng, after: Duration) -> Self {
        Self { job: chance.usize(0..N_JOBS), after }
    }
}

impl Simulator<'_> {
    /// Runs once. `None` if the process dies after `dies_after`.
    pub(super) fn in_one_process(
        &self,
        dies_after: Option<Duration>,
    ) -> anyhow::Result<Option<Summary>> {
        self.world.run_starts();
        let stop = Stop::default();
        let run =
            async |ports: &Ports<'_>| run::run(ports, &self.config, &self.request, &stop).await;
        self.process(&self.machine, dies_after, run).transpose()
    }

    /// What `work` comes to in a process on `machine`; `None` if it dies after `dies_after`, before the end.
    fn process<T>(
        &self,
        machine: &Machine,
        dies_after: Option<Duration>,
        work: impl AsyncFnOnce(&Ports<'_>) -> T,
    ) -> Option<T> {
        let (generator, validator) = (self.world.generator(), self.world.validator());
        let progress = Progress::silent();
        let ports = Ports {
            clock: &self.clock,
            state: Arc::clone(&self.state) as Arc<_>,
            facts: Arc::clone(&self.facts) as Arc<_>,
            machine,
            generator: &generator,
            validator: Some(&validator),
            traffic: &*self.world,
            progress: &progress,
        };
        let work = work(&ports);
        let Some(dies_after) = dies_after else { return Some(self.clock.run(work)) };
        let (work, death) = (pin!(work), pin!(self.clock.sleep(dies_after)));
        match self.clock.run(select(work, death)) {
            Either::Left((done, _)) => Some(done),
            Either::Right(_) => None,
        }
    }

    /// Runs once in stages, with artifacts in `dir`. `None` if nothing of it could be written into the state
    /// now: then the next run does it, or nobody can, and the packages are still due.
    pub(super) fn in_stages(
        &mut self,
        dir: &Path,
        lost: Option<LostMachine>,
    ) -> anyhow::Result<Option<Summary>> {
        self.world.run_starts();
        let recovered = self.merge_what_is_left()?;
        self.n_runs += 1;
        let folder = ArtifactFolder::new(dir.join(self.n_runs.to_string()));
        let machine = self.machine.clone();
        let planned = self.job(&folder, &machine, (0, lost), async |stages| {
            stages.preflight(&self.request).await.map(|planned| planned.plan.batches.is_empty())
        })?;
        let Some(is_empty) = planned else { return Ok(recovered) };
        if !is_empty {
            let stop = Stop::default();
            let generate = async |stages: &Stages<'_>| stages.generate(&stop).await;
            self.job(&folder, &machine, (1, lost), generate)?;
            self.damage(&folder)?;
            self.climb(&folder, lost)?;
        }
        let merge = async |stages: &Stages<'_>| stages.merge(true).await;
        let merged = self.job(&folder, &machine, (3, lost), merge)?;
        match merged {
            None => self.unmerged.push(folder.path().to_owned()),
            Some(_) => remove(folder.path())?,
        }
        Ok(match (merged, recovered) {
            (Some(mut merged), Some(before)) => {
                merged.recovered.extend(before.batches.into_iter().map(|batch| batch.batch_id));
                Some(merged)
            }
            (merged, recovered) => merged.or(recovered),
        })
    }

    /// One job for each environment in which something is due, rung by rung.
    fn climb(&self, folder: &ArtifactFolder, lost: Option<LostMachine>) -> anyhow::Result<()> {
        for &rung in Rung::ALL {
            let due = self
                .job(folder, &self.machine, (N_JOBS, None), async |stages| stages.due_on(rung))?;
            for environment in due.unwrap_or_default() {
                let machine = Machine { environment: Some(environment), ..self.machine.clone() };
                // One machine of the whole ladder is lost, not one on each rung.
                let lost = lost.filter(|_| environment == Environment::DebianX86);
                let stop = Stop::default();
                self.job(folder, &machine, (2, lost), async |stages| {
                    stages.validate(environment, &stop).await
                })?;
            }
        }
        Ok(())
    }

    /// What a run of before has kept, because its last job lost its machine.
    fn merge_what_is_left(&mut self) -> anyhow::Result<Option<Summary>> {
        let mut all: Option<Summary> = None;
        for path in std::mem::take(&mut self.unmerged) {
            let folder = ArtifactFolder::new(&path);
            let merge = async |stages: &Stages<'_>| stages.merge(true).await;
            let merged = self.job(&folder, &self.machine, (N_JOBS, None), merge)?;
            remove(&path)?;
            if let Some(merged) = merged {
                all.get_or_insert_default().batches.extend(merged.batches);
            }
        }
        Ok(all)
    }

    /// One job on `machine`. `None` if it has failed: its machine was lost, or it refused its artifacts.
    fn job<T>(
        &self,
        folder: &ArtifactFolder,
        machine: &Machine,
        (job, lost): (usize, Option<LostMachine>),
        work: impl AsyncFnOnce(&Stages<'_>) -> anyhow::Result<T>,
    ) -> anyhow::Result<Option<T>> {
        let dies_after = lost.filter(|lost| lost.job == job).map(|lost| lost.after);
        let done = self.process(machine, dies_after, async |ports: &Ports<'_>| {
            let root = Path::new(".");
            work(&Stages { ports, config: &self.config, root, folder, jobs: JOBS }).await
        });
        match done.transpose() {
            Err(error) if is_refusal(&error) => Ok(None),
            done => done,
        }
    }

    /// Damages the artifacts of the first run in which the scenario wants it.
    #[expect(clippy::disallowed_methods, reason = "what goes wrong goes around the usual ways")]
    fn damage(&mut self, folder: &ArtifactFolder) -> anyhow::Result<()> {
        let wanted = self.world.scenario().damaged_artifacts;
        if self.is_damaged || wanted.is_none_or(|at| self.world.now() < at) {
            return Ok(());
        }
        for entry in fs::read_dir(folder.path()).context("cannot read the artifacts")? {
            let facts = entry?.path().join("facts-generate.jsonl");
            if facts.is_file() {
                fs::write(&facts, "{ no fact")?;
                self.is_damaged = true;
            }
        }
        Ok(())
    }
}

/// Whether a stage refused its work, which ends a job and not the simulation.
fn is_refusal(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<ArtifactError>() || cause.is::<StageError>())
}

fn remove(folder: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
