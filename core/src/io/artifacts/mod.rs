//! Artifact folders: what the stages of a run pass to each other, when each stage is a process of its
//! own, perhaps on another machine.
//!
//! ```text
//! run.json                        the plan of the run
//! <batch id>/facts-<stage>.jsonl  what the stage found out
//! <batch id>/recipes/<file>.toml  the recipes that were generated
//! <batch id>/manifest-<stage>.json
//! .lock-<stage>                   held by the process that carries out the stage
//! ```
//!
//! The manifest of a stage is written last. It says which run the files belong to, and their digests.
//! A stage without a manifest was interrupted and can be continued.

mod manifest;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use serde::{Serialize, de::DeserializeOwned};

pub use manifest::{ArtifactError, ArtifactStage, Manifest, RunIdentity};
use manifest::{TAKE_AGAIN, check, check_digests, digest, read_json, refused, write_json};

use crate::{
    io::{
        FactWriter, Layout, Quarantined, Records, RunLock, StateError, append_facts, atomic,
        facts::read_file, regular,
    },
    model::{BatchId, Environment, Fact, RecipeName, SCHEMA_VERSION, Started, slug},
};

const PLAN: &str = "run.json";
const RECIPES: &str = "recipes";

/// The artifacts of one batch.
#[derive(Debug, Clone, Default)]
pub struct BatchArtifacts {
    /// The facts of all stages.
    pub facts: Vec<Fact>,
    /// The stages that ended.
    pub sealed: BTreeSet<ArtifactStage>,
}

/// An artifact folder.
#[derive(Debug, Clone)]
pub struct ArtifactFolder {
    dir: PathBuf,
}

impl ArtifactFolder {
    /// The folder at `dir`, which need not exist.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// Locks `stage`, which only one process may carry out at the same time in this folder. The lock
    /// is refused if another process holds it.
    pub fn lock(&self, stage: ArtifactStage, now: DateTime<Utc>) -> Result<RunLock, StateError> {
        RunLock::acquire(&self.dir.join(format!(".lock-{stage}")), now)
    }

    /// Removes the plan of a run and the folders of its `batches`, which are recorded. The plan is
    /// removed last, so that it can be called again if it is interrupted.
    pub fn clear(&self, batches: &[BatchId]) -> Result<(), StateError> {
        for batch in batches {
            let dir = self.batch(batch);
            match std::fs::remove_dir_all(&dir) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(StateError::io(&dir, error));
                }
                Ok(()) | Err(_) => (),
            }
        }
        atomic::remove(&self.dir.join(PLAN))
    }

    /// The plan of the run; `None` if it was not written.
    pub fn plan<T: DeserializeOwned>(&self) -> Result<Option<T>, ArtifactError> {
        let path = self.dir.join(PLAN);
        read_json(&path)
    }

    /// Writes the plan of the run.
    pub fn put_plan(&self, plan: &impl Serialize) -> Result<(), StateError> {
        write_json(&self.dir.join(PLAN), plan)
    }

    /// Writes the first fact of a batch.
    pub fn put_started(&self, started: &Started) -> Result<(), StateError> {
        let path = self.facts(&started.batch_id, ArtifactStage::Preflight);
        atomic::remove(&path)?;
        atomic::make_dir(&self.batch(&started.batch_id))?;
        append_facts(&path, &[Fact::Started(Box::new(started.clone()))])
    }

    /// Writes a recipe of a batch.
    pub fn put_recipe(
        &self,
        batch: &BatchId,
        name: &RecipeName,
        toml: &str,
    ) -> Result<(), StateError> {
        atomic::write(&self.batch(batch).join(recipe_file(name)), toml.as_bytes())
    }

    /// What writes the facts of `stage`.
    pub fn writer(&self, stage: ArtifactStage) -> StageFacts {
        StageFacts { folder: self.clone(), stage }
    }

    /// Writes the manifest of `stage`, which has ended, with the digests of its facts and of
    /// `recipes`.
    pub fn seal<'r>(
        &self,
        batch: &BatchId,
        stage: ArtifactStage,
        run: RunIdentity<'_>,
        recipes: impl IntoIterator<Item = &'r RecipeName>,
    ) -> Result<(), StateError> {
        let dir = self.batch(batch);
        let files = recipes.into_iter().map(recipe_file).chain([facts_file(stage)]);
        let mut digests = BTreeMap::new();
        for file in files {
            // A stage that found nothing out has no file of facts.
            if let Some(content) = regular::read(&dir.join(&file))? {
                digests.insert(file, digest(content));
            }
        }
        let manifest = Manifest {
            schema_version: SCHEMA_VERSION,
            run_id: run.run_id.to_owned(),
            batch_id: batch.clone(),
            stage: stage.to_string(),
            program_version: run.program_version.to_owned(),
            files: digests,
        };
        write_json(&dir.join(manifest_file(stage)), &manifest)
    }

    /// The artifacts of `batch`. Those of another run, batch or version, and files that differ from
    /// their digests, are refused.
    pub fn read(
        &self,
        batch: &BatchId,
        run: RunIdentity<'_>,
    ) -> Result<BatchArtifacts, ArtifactError> {
        let dir = self.batch(batch);
        let mut artifacts = BatchArtifacts::default();
        let files = regular::list(&dir).map_err(|error| refused(&dir, error.kind))?;
        for (name, path) in &files {
            let stem = name.strip_prefix("manifest-").and_then(|it| it.strip_suffix(".json"));
            let Some(stem) = stem.filter(|stem| !stem.starts_with('.')) else { continue };
            let stage: ArtifactStage =
                stem.parse().map_err(|()| refused(path, "no stage of this program wrote it"))?;
            let manifest: Option<Manifest> = read_json(path)?;
            let manifest = manifest.ok_or_else(|| refused(path, "it cannot be read"))?;
            check(&manifest, path, (batch, stage), run)?;
            check_digests(&manifest, &dir)?;
            artifacts.sealed.insert(stage);
        }
        for (name, path) in &files {
            if Layout::is_lines(name) {
                artifacts.facts.extend(facts_of(path, name, batch)?);
            }
        }
        Ok(artifacts)
    }

    /// Refuses a plan that names one of its `batches` twice, and folders of other batches, because
    /// they belong to another run.
    pub fn check_batches(&self, batches: &[BatchId]) -> Result<(), ArtifactError> {
        let mut seen = BTreeSet::new();
        if let Some(twice) = batches.iter().find(|batch| !seen.insert(*batch)) {
            let reason = format!("it names the batch {twice} twice; {TAKE_AGAIN}");
            return Err(refused(&self.dir.join(PLAN), reason));
        }
        let found = regular::list(&self.dir).map_err(|error| refused(&self.dir, error.kind))?;
        for (name, path) in found {
            let is_other = name.parse::<BatchId>().is_ok_and(|batch| !batches.contains(&batch));
            if is_other {
                return Err(refused(&path, "this batch belongs to another run; move it away"));
            }
        }
        Ok(())
    }

    fn batch(&self, batch: &BatchId) -> PathBuf {
        self.dir.join(batch.to_string())
    }

    fn facts(&self, batch: &BatchId, stage: ArtifactStage) -> PathBuf {
        self.batch(batch).join(facts_file(stage))
    }
}

/// Writes the facts of one stage into an artifact folder.
#[derive(Debug, Clone)]
pub struct StageFacts {
    folder: ArtifactFolder,
    stage: ArtifactStage,
}

impl FactWriter for StageFacts {
    fn append(&self, batch: &BatchId, facts: &[Fact]) -> Result<(), StateError> {
        atomic::make_dir(&self.folder.batch(batch))?;
        append_facts(&self.folder.facts(batch, self.stage), facts)
    }
}

fn facts_file(stage: ArtifactStage) -> String {
    format!("facts-{stage}.jsonl")
}

fn manifest_file(stage: ArtifactStage) -> String {
    format!("manifest-{stage}.json")
}

fn recipe_file(name: &RecipeName) -> String {
    format!("{RECIPES}/{}.toml", slug(name.as_str()))
}

/// The stage that tells `fact`; `None` if any may.
fn stage_of(fact: &Fact) -> Option<ArtifactStage> {
    let stage_in = |environment: Option<Environment>| {
        environment.map_or(ArtifactStage::Generate, ArtifactStage::Validate)
    };
    match fact {
        Fact::Started(_) => Some(ArtifactStage::Preflight),
        Fact::Generated(_) => Some(ArtifactStage::Generate),
        Fact::Began(fact) => Some(stage_in(fact.environment)),
        Fact::Deferred(fact) => Some(stage_in(fact.environment)),
        Fact::Finished(fact) => Some(stage_in(fact.environment)),
        Fact::Discovered(fact) => Some(ArtifactStage::Validate(fact.environment)),
        Fact::Validated(fact) => Some(ArtifactStage::Validate(fact.environment)),
        Fact::Recovered(_) => None,
    }
}

fn facts_of(path: &Path, name: &str, batch: &BatchId) -> Result<Vec<Fact>, ArtifactError> {
    let read = read_file(path, name).map_err(|error| refused(path, error.kind))?;
    let Records { records, quarantined } = read;
    if let Some(Quarantined { place, reason, .. }) = quarantined.first() {
        return Err(refused(path, format!("line {place}: {reason}; {TAKE_AGAIN}")));
    }
    let stage = name.strip_prefix("facts-").and_then(|it| it.strip_suffix(".jsonl"));
    if let Some(stage) = stage.and_then(|it| it.parse::<ArtifactStage>().ok())
        && let Some(other) = records.iter().filter_map(stage_of).find(|&it| it != stage)
    {
        let reason = format!("it holds a fact of the stage {other}; {TAKE_AGAIN}");
        return Err(refused(path, reason));
    }
    match records.iter().find(|fact| fact.batch_id() != batch) {
        None => Ok(records),
        Some(fact) => {
            Err(refused(path, format!("it holds a fact about the batch {}", fact.batch_id())))
        }
    }
}
