//! How to install a recipe, as data: the orchestrator runs it inside the sandbox.

use std::collections::BTreeMap;

use crate::model::CommandName;

/// Stands, in the values of a step's environment, for the absolute path of the sandbox's work
/// folder: some tools take no relative paths.
pub const WORK_DIR: &str = "{work_dir}";

/// The steps, in order. Paths are relative to the sandbox's work folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallPlan {
    /// To be done in order; the first that fails ends the installation.
    pub steps: Vec<InstallStep>,
    /// Where the commands lie afterwards: prepended to `PATH` for the verify command.
    pub bin_dirs: Vec<String>,
    /// Whether a step runs code that the package brings.
    pub runs_package_code: bool,
}

/// One step of an installation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InstallStep {
    /// Tells the installed commands where their libraries lie, when they are verified: what the
    /// package manager does by a wrapper around each.
    Export {
        /// Variables that each name a folder, which becomes absolute.
        folders: BTreeMap<String, String>,
    },
    /// Checks that the commands are there and can be started.
    Inspect {
        /// Where they must lie.
        dir: String,
        /// All of them.
        executables: Vec<CommandName>,
    },
    /// Runs a program; never a shell line.
    Run {
        /// Program and arguments.
        argv: Vec<String>,
        /// Added to the sandbox's own environment; [`WORK_DIR`] in a value becomes a real path.
        env: BTreeMap<String, String>,
        /// Whether it may use the network.
        network: bool,
    },
}
