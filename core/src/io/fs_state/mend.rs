//! Repairs of single files, after somebody decided what to repair.

use std::{
    fs,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::{Value, value::RawValue};

use crate::{
    io::{
        FsState, Holder, Layout, Quarantined, RunLock, StateError, atomic,
        fs_state::{control, lines, queue, remembered},
        lock::holder,
        regular,
        set_aside::set_aside,
    },
    model::{
        BreakerTransition, CuratedSource, EcosystemId, FailureRecord, RunRecord, SeedingRecord,
        SourceAudit,
    },
};

impl FsState {
    /// The state below `root`, of which the control file may be missing or damaged.
    pub fn of_damaged(root: impl Into<PathBuf>) -> Self {
        Self { layout: Layout::new(root) }
    }

    /// The bytes of the file at `path`; `None` when it does not exist.
    pub fn bytes(&self, path: &Path) -> Result<Option<Vec<u8>>, StateError> {
        regular::read(path)
    }

    /// Replaces the file at `path`, which is one of this root.
    pub fn put_mended(&self, path: &Path, content: &[u8]) -> Result<(), StateError> {
        atomic::write(path, content)
    }

    /// Removes the file at `path`, which is one of this root.
    pub fn remove_left(&self, path: &Path) -> Result<(), StateError> {
        atomic::remove(path)
    }

    /// The locks that name a process, whether it is there or not.
    pub fn named_locks(&self) -> Result<Vec<(PathBuf, Holder)>, StateError> {
        let seeding = self.layout.machine().join("seeding");
        let locks = regular::list(&seeding)?.into_iter().map(|(_, path)| path);
        let locks = locks.filter(|path| path.extension().is_some_and(|end| end == "lock"));
        let named = |path: PathBuf| holder(&path).map(|holder| (path, holder));
        Ok([self.layout.lock()].into_iter().chain(locks).filter_map(named).collect())
    }

    /// Whether what lies at `path` can be a lock. The error says that something else is in its place.
    pub fn check_lock(&self, path: &Path) -> Result<(), StateError> {
        regular::size(path).map(drop)
    }

    /// Empties the lock at `path`, unless a process holds it.
    pub fn release_left(&self, path: &Path, now: DateTime<Utc>) -> Result<(), StateError> {
        RunLock::acquire(path, now).map(drop)
    }

    /// Removes the folder at `path`, which is one of this root, with everything in it.
    pub fn remove_folder(&self, path: &Path) -> Result<(), StateError> {
        fs::remove_dir_all(path).map_err(|error| StateError::io(path, error))
    }

    /// Moves the file at `path` to the files that were set aside. Gives its new path.
    pub fn set_aside_damaged(&self, path: &Path) -> Result<PathBuf, StateError> {
        let name = self.layout.label(path).replace('/', "-");
        set_aside(&self.layout, path, &name)
    }

    /// The failures or runs in the file at `path`, one on each line, if the file consists of valid
    /// records of this version and nothing else; otherwise `None`.
    pub fn as_lines(&self, path: &Path) -> Result<Option<String>, StateError> {
        let content = regular::read(path)?.unwrap_or_default();
        let label = self.layout.label(path);
        Ok(if label.starts_with("data/failures/") {
            split::<FailureRecord>(&content)
        } else {
            split::<RunRecord>(&content)
        })
    }

    /// Whether `content` would be a valid file at `path`. The error says what is wrong, with the place.
    /// Recipes and settings are not for this: only others know what is valid there.
    pub fn check_content(&self, path: &Path, content: &[u8]) -> Result<(), String> {
        let label = self.layout.label(path);
        let name = label.rsplit('/').next().unwrap_or_default();
        let of = |result: Result<(), StateError>| result.map_err(|error| error.kind.to_string());
        let folder = label.strip_suffix(name).unwrap_or_default();
        match folder {
            "" if path == self.layout.control() => of(control::parse(path, content).map(drop)),
            "data/queues/" => {
                let ecosystem: EcosystemId = Layout::ecosystem_of_queue(name)
                    .ok_or_else(|| format!("{label} is not the name of a queue"))?;
                match queue::parse(path, &label, &ecosystem, content) {
                    Ok(queue) => first(&queue.quarantined),
                    Err(error) => Err(error.kind.to_string()),
                }
            }
            "data/failures/" => all::<FailureRecord>(content, &label),
            "data/metrics/" if path == self.layout.seeding_runs() => {
                all::<SeedingRecord>(content, &label)
            }
            "data/metrics/" => all::<RunRecord>(content, &label),
            "data/disambiguations/" if path == self.layout.overrides() => {
                all::<CuratedSource>(content, &label)
            }
            "data/disambiguations/" => all::<SourceAudit>(content, &label),
            "data/seeding/" => of(remembered::parse(path, content).map(drop)),
            "data/" if path == self.layout.breaker_log() => {
                all::<BreakerTransition>(content, &label)
            }
            _ if label.starts_with("data/outputs/") => {
                let text = std::str::from_utf8(content).map_err(|error| error.to_string())?;
                let digest = super::write::output_ref(text, false).sha256;
                let is_it = self.layout.output(&digest).as_deref() == Some(path);
                is_it.then_some(()).ok_or_else(|| "it has another digest".to_owned())
            }
            _ => Err(format!("{label} is no file of the state that can be checked")),
        }
    }

    /// The content of the control file, as JSON with all its keys.
    pub fn control_value(&self) -> Result<Option<(String, Value)>, StateError> {
        let path = self.layout.control();
        let Some(content) = control::read(&path)? else { return Ok(None) };
        let value =
            serde_json::from_slice(&content).map_err(|error| StateError::json(&path, &error))?;
        Ok(Some((String::from_utf8_lossy(&content).into_owned(), value)))
    }
}

/// Whether every line of `content` is a record.
fn all<T: DeserializeOwned>(content: &[u8], label: &str) -> Result<(), String> {
    let mut damaged = vec![];
    lines::each((content, label), &|_| true, lines::record::<T>, &mut |line| {
        if let lines::Line::Damaged(it) = line {
            damaged.push(it);
        }
    });
    first(&damaged)
}

fn first(damaged: &[Quarantined]) -> Result<(), String> {
    damaged.first().map_or(Ok(()), |damaged| Err(damaged.to_string()))
}

fn split<T: DeserializeOwned>(content: &[u8]) -> Option<String> {
    let mut text = String::new();
    for document in serde_json::Deserializer::from_slice(content).into_iter::<&RawValue>() {
        let value: Value = serde_json::from_str(document.ok()?.get()).ok()?;
        let line = value.to_string();
        lines::record::<T>(line.as_bytes()).ok()?;
        text.push_str(&line);
        text.push('\n');
    }
    Some(text)
}
