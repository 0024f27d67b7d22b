//! How to install a recipe, as data: the orchestrator runs it inside the sandbox.

use std::collections::BTreeMap;

use crate::model::{Artifact, CommandName, Environment, Executables, PackageFacts};

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

impl InstallPlan {
    /// For a package that is an archive with its commands in the folder `bin`: fetches the first
    /// artifact for `environment`, unpacks it, and looks for the commands. Nothing of it is run.
    /// Without an artifact there is nothing to unpack, and the installation fails there.
    pub fn of_archive(facts: &PackageFacts, environment: Environment, bin: &str) -> Self {
        const ARCHIVE: &str = "downloads/archive";
        const PREFIX: &str = "prefix";
        let cell = environment.cell();
        let is_for_here = |it: &&Artifact| it.cells.is_empty() || it.cells.contains(&cell);
        let fetch = facts.artifacts.iter().find(is_for_here).map(|artifact| InstallStep::Fetch {
            artifact: artifact.clone(),
            access: Access::Open,
            to: ARCHIVE.to_owned(),
        });
        let bin = format!("{PREFIX}/{bin}");
        let unpack = InstallStep::Unpack { archive: ARCHIVE.to_owned(), to: PREFIX.to_owned() };
        let executables = match &facts.executables {
            Executables::Known(commands) => commands.clone(),
            Executables::Unknown(_) => vec![],
        };
        let inspect = InstallStep::Inspect { dir: bin.clone(), executables };
        let steps = fetch.into_iter().chain([unpack, inspect]).collect();
        Self { steps, bin_dirs: vec![bin], runs_package_code: false }
    }
}

impl InstallStep {
    /// Runs `argv` with `settings` in its environment.
    pub fn run<'a>(
        argv: impl IntoIterator<Item = &'a str>,
        settings: &[(&str, &str)],
        network: bool,
    ) -> Self {
        let argv = argv.into_iter().map(str::to_owned).collect();
        Self::Run { argv, env: owned(settings), network }
    }

    /// Lets the installed commands find their libraries in `folders`, by these variables.
    pub fn export(folders: &[(&str, &str)]) -> Self {
        Self::Export { folders: owned(folders) }
    }
}

fn owned(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cell, PackageId};

    #[test]
    fn an_archive_is_fetched_for_where_it_is_installed() {
        let id = PackageId { ecosystem: "zoo".parse().unwrap(), name: "lion".parse().unwrap() };
        let artifact = |cells, url: &str| Artifact::unread(cells, url.to_owned(), String::new());
        let facts = PackageFacts {
            artifacts: vec![
                artifact(vec![Cell::DarwinArm], "https://a.example/mac"),
                artifact(vec![], "https://a.example/any"),
            ],
            ..PackageFacts::of_commands(id, "1".to_owned(), "zoo_install", &["roar".to_owned()])
        };
        for environment in Environment::ALL.iter().copied() {
            let plan = InstallPlan::of_archive(&facts, environment, "bin");
            let [
                InstallStep::Fetch { artifact, to, .. },
                InstallStep::Unpack { archive, .. },
                InstallStep::Inspect { executables, .. },
            ] = &*plan.steps
            else {
                panic!("{plan:?}");
            };
            assert_eq!(executables, &["roar".parse().unwrap()]);
            let is_mac = environment.cell() == Cell::DarwinArm;
            assert_eq!(artifact.url.ends_with("mac"), is_mac, "{environment}");
            assert_eq!(to, archive);
        }
        let nothing = PackageFacts { artifacts: vec![], ..facts };
        let plan = InstallPlan::of_archive(&nothing, Environment::ALL[0], "bin");
        assert!(matches!(&*plan.steps, [InstallStep::Unpack { .. }, InstallStep::Inspect { .. }]));
        assert_eq!(plan.bin_dirs, ["prefix/bin"]);
    }
}
