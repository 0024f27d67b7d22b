//! The files of a local forge.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use batch_core::io::read_within;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Checks, Conclusion, ForgeError, Squash,
    checks::RawCheck,
    git::{BranchName, CommitId},
    local::LocalForge,
};

/// The largest file that is read.
const MAX_FILE: u64 = 16 << 20;

/// `pulls/<n>.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stored {
    pub(super) number: u64,
    pub(super) branch: BranchName,
    /// The newest commit of the branch, as far as it was seen.
    pub(super) head: CommitId,
    pub(super) title: String,
    pub(super) body: String,
    pub(super) labels: Vec<String>,
    pub(super) state: StoredState,
    pub(super) created_at: DateTime<Utc>,
    #[serde(default)]
    pub(super) auto_merge: Option<Squash>,
    /// Written before the main branch moves, so that a merge whose process was killed is found.
    #[serde(default)]
    pub(super) merging: Option<CommitId>,
    #[serde(default)]
    pub(super) comments: Vec<Comment>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StoredState {
    Open,
    Closed,
    Merged { commit: CommitId },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Comment {
    pub(super) at: DateTime<Utc>,
    pub(super) text: String,
}

/// `protection.json`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Protection {
    pub(super) required_checks: Vec<String>,
    pub(super) strict: bool,
    pub(super) auto_merge: bool,
}

impl Default for Protection {
    fn default() -> Self {
        Self { required_checks: vec![], strict: false, auto_merge: true }
    }
}

/// One entry of `checks/<commit>.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredCheck {
    name: String,
    conclusion: Option<Conclusion>,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    url: Option<String>,
}

impl LocalForge {
    pub(super) fn protection(&self) -> Result<Protection, ForgeError> {
        Ok(read(&self.folder.join("protection.json"))?.unwrap_or_default())
    }

    /// The checks of `commit`. A required one that was not heard of is pending.
    pub(super) fn all_checks(&self, commit: &CommitId) -> Result<Checks, ForgeError> {
        let stored = self.stored_checks(commit)?;
        let is_stored = |name: &String| stored.iter().any(|check| check.name == *name);
        let mut checks = Checks::default();
        for check in &stored {
            let StoredCheck { name, conclusion, summary, url } = check;
            let raw = RawCheck { name, conclusion: *conclusion, summary, url: url.as_deref() };
            checks.add(self.bare.git().cleaner(), &raw);
        }
        for name in self.protection()?.required_checks.iter().filter(|name| !is_stored(name)) {
            let raw = RawCheck { name, conclusion: None, summary: "", url: None };
            checks.add(self.bare.git().cleaner(), &raw);
        }
        Ok(checks)
    }

    /// Whether all required checks of `commit` have passed.
    pub(super) fn may_merge(&self, commit: &CommitId) -> Result<bool, ForgeError> {
        let stored = self.stored_checks(commit)?;
        let has_passed = |name: &String| {
            let mut of_name = stored.iter().filter(|check| check.name == *name).peekable();
            of_name.peek().is_some()
                && of_name.all(|check| check.conclusion.is_some_and(Conclusion::has_passed))
        };
        Ok(self.protection()?.required_checks.iter().all(has_passed))
    }

    fn stored_checks(&self, commit: &CommitId) -> Result<Vec<StoredCheck>, ForgeError> {
        let path = self.folder.join("checks").join(format!("{commit}.json"));
        Ok(read(&path)?.unwrap_or_default())
    }

    /// The numbers of all pull requests, in their order.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where the folder of pull requests is listed"
    )]
    pub(super) fn numbers(&self) -> Result<Vec<u64>, ForgeError> {
        let dir = self.folder.join("pulls");
        let listing = match fs::read_dir(&dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            listing => listing.map_err(files(&dir))?,
        };
        let mut numbers = vec![];
        for entry in listing {
            let name = entry.map_err(files(&dir))?.file_name();
            let stem = name.to_str().and_then(|name| name.strip_suffix(".json"));
            numbers.extend(stem.and_then(|stem| stem.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    pub(super) fn load(&self, number: u64) -> Result<Option<Stored>, ForgeError> {
        read(&self.pull_file(number))
    }

    /// Replaces the file of a pull request, in one step.
    pub(super) fn save(&self, stored: &Stored) -> Result<(), ForgeError> {
        let path = self.pull_file(stored.number);
        let dir = self.folder.join("pulls");
        let write = || -> io::Result<()> {
            fs::create_dir_all(&dir)?;
            let mut file = tempfile::NamedTempFile::new_in(&dir)?;
            serde_json::to_writer_pretty(&mut file, stored)?;
            file.write_all(b"\n")?;
            file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(files(&path))
    }

    pub(super) fn pull_file(&self, number: u64) -> std::path::PathBuf {
        self.folder.join("pulls").join(format!("{number}.json"))
    }
}

/// The content of a file; `None` when it does not exist.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, ForgeError> {
    let bad = |reason: String| ForgeError::BadFile { path: path.to_owned(), reason };
    let content = read_within(path, MAX_FILE).map_err(|error| bad(error.kind.to_string()))?;
    let Some(content) = content else { return Ok(None) };
    // A parser quotes the file, which may contain anything.
    let safe = |error: serde_json::Error| {
        bad(crate::pull_request::line(
            &batch_core::decide::clean::Cleaner::default(),
            &error.to_string(),
        ))
    };
    serde_json::from_slice(&content).map(Some).map_err(safe)
}

pub(super) fn files(path: &Path) -> impl Fn(io::Error) -> ForgeError + '_ {
    |source| ForgeError::Files { path: path.to_owned(), source }
}
