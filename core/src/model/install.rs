//! How to install a recipe, as data: the orchestrator runs it inside the sandbox.

use std::collections::BTreeMap;

use crate::model::{Artifact, CommandName};

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

/// What must be shown to download something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Open,
    /// What this address hands to anyone: `token` of its JSON answer, as a bearer token.
    TokenFrom(String),
}

/// One step of an installation. Only [`InstallStep::Run`] runs anything of the package.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InstallStep {
    /// Downloads a file, outside the sandbox and within the quotas, and checks its digest. An
    /// artifact without a digest, or with one of another kind than SHA-256, is refused.
    Fetch {
        /// What; a fragment of its URL is not sent.
        artifact: Artifact,
        /// What the host wants to see.
        access: Access,
        /// The file to make.
        to: String,
    },
    /// Unpacks a tar archive, gzip or not, into a folder: regular files, folders and links that
    /// stay inside the work folder, without setuid, setgid and sticky bits. Anything else in it
    /// fails the step, and so does an entry that is there already.
    Unpack {
        /// The file.
        archive: String,
        /// The folder; made if it is not there.
        to: String,
    },
    /// Makes a link, and the folders above it.
    Link {
        /// Where the link is.
        at: String,
        /// Where it leads; need not be there.
        to: String,
    },
    /// Links each entry of a folder into another, under the same name; folders in both are merged
    /// and what is there already stays. A folder that is not there has no entries.
    LinkEntries {
        /// The folder whose entries are linked.
        of: String,
        /// The folder of the links.
        into: String,
    },
    /// Writes real paths in place of placeholders, in every regular file below a folder: texts
    /// wherever they stand, ELF files where the loader reads paths, other files where the new text
    /// fits into the old one's place. An ELF file that would need a longer text than it has room
    /// for fails the step.
    Substitute {
        /// The folder.
        within: String,
        /// Placeholder, and what stands for it: an absolute path, or one inside the work folder.
        placeholders: BTreeMap<String, String>,
    },
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
    /// Checks that files, folders or links are there, whatever they are for.
    Present {
        /// The folder that they are in.
        within: String,
        /// All of them, relative to that folder.
        paths: Vec<String>,
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
