//! The manifest of a stage: which run the files belong to, and their digests.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Component, Path, PathBuf},
    str::FromStr,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};

use crate::{
    io::{StateError, atomic, regular, state_error::reason},
    model::{BatchId, Environment, SCHEMA_VERSION},
};

/// The remedy for a file that is not as its stage wrote it.
pub(super) const TAKE_AGAIN: &str = "take the artifacts of that stage again";

/// A stage that leaves files in an artifact folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ArtifactStage {
    /// The decision what to attempt.
    Preflight,
    /// The generation of recipes.
    Generate,
    /// The tests in one environment.
    Validate(Environment),
}

impl fmt::Display for ArtifactStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Preflight => f.write_str("preflight"),
            Self::Generate => f.write_str("generate"),
            Self::Validate(environment) => write!(f, "validate-{environment}"),
        }
    }
}

impl FromStr for ArtifactStage {
    type Err = ();

    fn from_str(s: &str) -> Result<Self, ()> {
        match s {
            "preflight" => Ok(Self::Preflight),
            "generate" => Ok(Self::Generate),
            _ => {
                let environment = s.strip_prefix("validate-").and_then(|it| it.parse().ok());
                environment.map(Self::Validate).ok_or(())
            }
        }
    }
}

/// The manifest of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the format.
    pub schema_version: u32,
    /// The run that the files belong to.
    pub run_id: String,
    /// The batch that they belong to.
    pub batch_id: BatchId,
    /// The stage that wrote them.
    pub stage: String,
    /// The version of the program that wrote them.
    pub program_version: String,
    /// The SHA-256 of each file, as 64 hexadecimal digits, by its path in the folder of the batch.
    pub files: BTreeMap<String, String>,
}

/// Which run artifacts must belong to.
#[derive(Debug, Clone, Copy)]
pub struct RunIdentity<'a> {
    /// The id of the run.
    pub run_id: &'a str,
    /// The version of this program.
    pub program_version: &'a str,
}

/// Artifacts that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", file.display())]
pub struct ArtifactError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it, with the remedy.
    pub reason: String,
}

/// Whether `manifest`, the file at `path`, is about this stage of this batch of `run`.
pub(super) fn check(
    manifest: &Manifest,
    path: &Path,
    (batch, stage): (&BatchId, ArtifactStage),
    run: RunIdentity<'_>,
) -> Result<(), ArtifactError> {
    let Manifest { schema_version, run_id, batch_id, program_version, .. } = manifest;
    let reason = if *schema_version != SCHEMA_VERSION {
        format!(
            "its schema version is {schema_version}, not {SCHEMA_VERSION}; all stages of a run need the \
             same version of this program"
        )
    } else if program_version != run.program_version {
        format!(
            "version {program_version} of this program wrote it, and this is version {}; all \
             stages of a run need the same version",
            run.program_version
        )
    } else if run_id != run.run_id {
        format!("it belongs to the run {run_id}, not to {}", run.run_id)
    } else if batch_id != batch || manifest.stage != stage.to_string() {
        format!("it is the manifest of {} of {batch_id}", manifest.stage)
    } else {
        return Ok(());
    };
    Err(refused(path, reason))
}

/// Whether the files that `manifest` names are in `dir` and have their digests.
pub(super) fn check_digests(manifest: &Manifest, dir: &Path) -> Result<(), ArtifactError> {
    for (file, expected) in &manifest.files {
        let mut parts = Path::new(file).components();
        let is_inside = parts.all(|part| matches!(part, Component::Normal(_)));
        let path = dir.join(file);
        if !is_inside {
            return Err(refused(
                dir,
                format!("a manifest names {file}, which is not in the folder"),
            ));
        }
        let content = regular::read(&path).map_err(|error| refused(&path, error.kind))?;
        let content =
            content.ok_or_else(|| refused(&path, format!("the file is missing; {TAKE_AGAIN}")))?;
        if digest(content) != *expected {
            return Err(refused(
                &path,
                format!("it differs from the digest in its manifest; {TAKE_AGAIN}"),
            ));
        }
    }
    Ok(())
}

/// The SHA-256 of `content`, in hexadecimal digits.
pub(super) fn digest(content: impl AsRef<[u8]>) -> String {
    hex::encode(Sha256::digest(content))
}

pub(super) fn refused(file: &Path, reason: impl fmt::Display) -> ArtifactError {
    ArtifactError { file: file.to_owned(), reason: reason.to_string() }
}

pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, ArtifactError> {
    let content = regular::read(path).map_err(|error| refused(path, error.kind))?;
    let parse = |content: Vec<u8>| {
        serde_json::from_slice(&content).map_err(|error| {
            let (line, column, reason) = (error.line().max(1), error.column(), reason(&error));
            refused(path, format!("line {line}, column {column}: {reason}; {TAKE_AGAIN}"))
        })
    };
    content.map(parse).transpose()
}

pub(super) fn write_json(path: &Path, document: &impl Serialize) -> Result<(), StateError> {
    let text =
        serde_json::to_string_pretty(document).map_err(|error| StateError::json(path, &error))?;
    atomic::write(path, (text + "\n").as_bytes())
}
