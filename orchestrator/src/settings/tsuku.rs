//! `[tsuku]`: the package manager's own program.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use batch_core::model::Bounded;
use serde::Deserialize;

use crate::tsuku::CallLimits;

/// A deadline of at most a week.
type Seconds = Bounded<1, 604_800>;

/// `[tsuku]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TsukuSettings {
    /// Its file; if absent, the one on `PATH`.
    pub program: Option<PathBuf>,
    /// Other files and folders that it needs. The sandbox shows them.
    pub needs: Vec<PathBuf>,
    /// Variables of this process that it receives, except in the sandbox, where package code runs.
    pub pass: Vec<String>,
    /// Variables for every call.
    pub variables: BTreeMap<String, String>,
    /// The deadline of `create` and `eval`.
    pub create_seconds: Seconds,
    /// The deadline of `validate` and `--version`.
    pub check_seconds: Seconds,
    /// The deadline of an installation in a container.
    pub container_seconds: Seconds,
    /// The pause between two recipes of one ecosystem; if absent, twice the longest period in the quotas
    /// of the ecosystem's hosts.
    pub pause_milliseconds: Option<Bounded<0, 86_400_000>>,
}

impl Default for TsukuSettings {
    fn default() -> Self {
        let limits = CallLimits::default();
        Self {
            program: None,
            needs: vec![],
            pass: vec![],
            variables: BTreeMap::new(),
            create_seconds: Bounded::nearest(limits.create.as_secs()),
            check_seconds: Bounded::nearest(limits.check.as_secs()),
            container_seconds: Bounded::nearest(limits.container.as_secs()),
            pause_milliseconds: None,
        }
    }
}

impl TsukuSettings {
    /// The limits of calls.
    pub fn limits(&self) -> CallLimits {
        CallLimits {
            create: Duration::from_secs(self.create_seconds.get()),
            check: Duration::from_secs(self.check_seconds.get()),
            container: Duration::from_secs(self.container_seconds.get()),
            ..CallLimits::default()
        }
    }
}
