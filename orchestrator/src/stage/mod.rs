//! The stages of a run: each a function from an input to an output, both data.

pub mod generate;
pub mod merge;
pub mod preflight;
pub mod seed;
pub mod validate;

use std::time::Duration;

use batch_core::{
    io::Clock,
    model::{Failure, PackageId},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;

use crate::generator::Generated;

/// What stages tell while they work.
#[derive(Debug, Clone)]
pub enum Event {
    /// A package's turn has come.
    Began {
        /// Which.
        package: PackageId,
        /// When.
        at: DateTime<Utc>,
    },
    /// A package goes on to its next phase.
    Phase {
        /// Which.
        package: PackageId,
        /// Which one.
        phase: Phase,
    },
    /// Generation of a package ended.
    Generated(Box<generate::Item>),
    /// Validation of a package ended.
    Validated(Box<validate::Item>),
}

/// What is being done with a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Asking the registry and building the recipe.
    Generate,
    /// Installing in the sandbox.
    Install,
    /// Running the verify command in the sandbox.
    Verify,
}

impl Phase {
    /// For a person.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::Install => "install",
            Self::Verify => "verify",
        }
    }
}

/// Where events go. Nobody listening is no error.
pub type Events = UnboundedSender<Event>;

/// Milliseconds on `clock` since its monotonic time was `started`.
fn elapsed_ms(clock: &dyn Clock, started: Duration) -> u64 {
    u64::try_from(clock.monotonic().saturating_sub(started).as_millis()).unwrap_or(u64::MAX)
}

/// A recipe or a failure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Made {
    /// The recipe.
    Recipe(Box<Generated>),
    /// Why there is none.
    Failed {
        /// What the registry calls the newest version, if it said.
        upstream_version: Option<String>,
        /// What a person should know of the package, if the registry said.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notes: Vec<String>,
        /// The cause.
        failure: Box<Failure>,
    },
}
