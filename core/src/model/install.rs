//! How to install a recipe, as data. The orchestrator runs the steps inside the sandbox.

use std::collections::BTreeMap;

use crate::model::{Artifact, CommandName, Environment, Executables, PackageFacts};

/// A placeholder in the values of a step's environment. It is replaced by the absolute path of the
/// work folder in the sandbox, because some tools accept no relative paths.
pub const WORK_DIR: &str = "{work_dir}";

/// The steps of an installation, in their order. Paths are relative to the work folder of the
/// sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallPlan {
    /// The steps in their order. The first step that fails ends the installation.
    pub steps: Vec<InstallStep>,
    /// The folders that hold the commands afterwards. They are prepended to `PATH` for the verify
    /// command.
    pub bin_dirs: Vec<String>,
}

/// How to find out which commands a package installs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoveryPlan {
    /// How a user installs the package. It checks no commands, because they are not known.
    pub install: InstallPlan,
    /// The program that lists the files of the package afterwards, with its arguments. It runs
    /// without network, and can change nothing. It prints a JSON list of paths, absolute or relative
    /// to the work folder: all files that the package itself installed, and none of its dependencies
    /// or of the tool. The files in the folders of commands are the commands.
    pub listing: Vec<String>,
}

impl InstallPlan {
    /// The plan for a package that is an archive with its commands in the folder `bin`: it fetches
    /// the first artifact for `environment`, unpacks it, and checks that the commands are there. It
    /// runs nothing of the package. Without an artifact the installation fails at the step that
    /// unpacks.
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
        Self { steps, bin_dirs: vec![bin] }
    }
}

impl InstallStep {
    /// A step that runs `argv` with the variables `settings` in its environment.
    pub fn run<'a>(
        argv: impl IntoIterator<Item = &'a str>,
        settings: &[(&str, &str)],
        network: bool,
    ) -> Self {
        let argv = argv.into_iter().map(str::to_owned).collect();
        Self::Run { argv, env: owned(settings), network }
    }

    /// A step that sets variables to `folders`, so that the installed commands find their
    /// libraries.
    pub fn export(folders: &[(&str, &str)]) -> Self {
        Self::Export { folders: owned(folders) }
    }
}

fn owned(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// What a host requires before it allows a download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Open,
    /// A bearer token, which this address gives to everybody in the field `token` of its JSON
    /// answer.
    TokenFrom(String),
}

/// One step of an installation. Only [`InstallStep::Run`] runs code of the package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstallStep {
    /// Downloads a file outside the sandbox and within the quotas, and checks its digest. An
    /// artifact without a digest, or with a digest other than SHA-256, is refused.
    Fetch {
        /// The artifact. A fragment in its URL is not sent.
        artifact: Artifact,
        /// What the host requires.
        access: Access,
        /// The path of the new file.
        to: String,
    },
    /// Unpacks a tar archive, with or without gzip, into a folder. It accepts regular files,
    /// folders, and links that stay inside the work folder, and removes setuid, setgid and sticky
    /// bits. Any other entry, and an entry whose path exists already, fails the step.
    Unpack {
        /// The archive.
        archive: String,
        /// The folder. It is created if it does not exist.
        to: String,
    },
    /// Creates a link and the folders above it.
    Link {
        /// The path of the link.
        at: String,
        /// The target of the link. It need not exist.
        to: String,
    },
    /// Links each entry of a folder into another folder, under the same name. Folders that exist in
    /// both are merged, and existing entries stay. A folder that does not exist has no entries.
    LinkEntries {
        /// The folder whose entries are linked.
        of: String,
        /// The folder in which the links are created.
        into: String,
    },
    /// Replaces placeholders by real paths in every regular file below a folder: in texts
    /// everywhere, in ELF files where the loader reads paths, in other files where the new text
    /// fits into the space of the old one. An ELF file without enough space for the new text fails
    /// the step.
    Substitute {
        /// The folder.
        within: String,
        /// Each placeholder with its replacement: an absolute path, or a path inside the work
        /// folder.
        placeholders: BTreeMap<String, String>,
    },
    /// Sets variables that tell the installed commands where their libraries are while they are
    /// verified. The package manager does the same with a wrapper around each command.
    Export {
        /// The variables. The value of each is a folder, which is made absolute.
        folders: BTreeMap<String, String>,
    },
    /// Checks that the commands exist and can be executed.
    Inspect {
        /// The folder that must contain them.
        dir: String,
        /// All commands.
        executables: Vec<CommandName>,
    },
    /// Checks that files, folders or links exist, whatever their purpose.
    Present {
        /// The folder that contains them.
        within: String,
        /// All paths, relative to that folder.
        paths: Vec<String>,
    },
    /// Runs a program. No shell is involved.
    Run {
        /// The program and its arguments.
        argv: Vec<String>,
        /// Variables in addition to the sandbox's own environment. [`WORK_DIR`] in a value is
        /// replaced by the real path.
        env: BTreeMap<String, String>,
        /// Whether the program may use the network.
        network: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cell, PackageId};

    #[test]
    fn an_archive_is_chosen_for_the_cell_of_the_installation() {
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
