//! Ten unchanged outputs of the real program.

use serde::{Deserialize, Serialize};

use crate::call::Call;

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recorded {
    /// `--version`.
    Version,
    /// `create` that wrote a recipe.
    Created,
    /// `create` of a package that the registry does not have.
    MissingPackage,
    /// `create` without a network.
    Network,
    /// `create` where the file is there already.
    Exists,
    /// `create` of a package that needs recipes that do not exist.
    MissingDependency,
    /// A name that several sources have.
    Ambiguous,
    /// `install --json` of a tool that prints another version.
    VerifyMismatch,
    /// `install --sandbox --json` with nothing to run a container with.
    NoContainer,
    /// `validate --strict` of a recipe without a description.
    NotStrict,
}

/// What a call prints and how it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the usual words")]
pub struct Replied {
    pub stdout: String,
    pub stderr: String,
    pub exit: u8,
}

/// The first line of the output of every `create --yes`.
const SKIP: &str =
    "Warning: Skipping recipe review (--yes). The recipe will be installed without confirmation.\n";

/// The text after a recipe was written.
const UNTESTED: &str = "WARNING: Recipe was NOT tested in a sandbox container.\nThe recipe may have errors. Review \
                        before installing.\n";
/// JSON of an installation whose tool prints another version.
const MISMATCH: &str = "{\"status\":\"error\",\"category\":\"install_failed\",\"message\":\"installation \
                        verification failed: pattern mismatch\\n  Missing: 9.9.9\\n  Got: \
                        0.28.2\",\"missing_recipes\":[],\"install_exit_code\":6}\n";

impl Recorded {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Version,
        Self::Created,
        Self::MissingPackage,
        Self::Network,
        Self::Exists,
        Self::MissingDependency,
        Self::Ambiguous,
        Self::VerifyMismatch,
        Self::NoContainer,
        Self::NotStrict,
    ];

    /// What it looks like for `call`.
    pub(crate) fn reply(self, call: &Call) -> Replied {
        match self {
            Self::Created
            | Self::MissingPackage
            | Self::Network
            | Self::Exists
            | Self::MissingDependency
            | Self::Ambiguous => self.of_create(call),
            Self::Version => replied("tsuku version dev\n", "", 0),
            Self::VerifyMismatch => {
                let warning =
                    format!("Warning: local recipe '{}' shadows embedded recipe\n", call.package);
                replied(MISMATCH, &warning, 6)
            }
            Self::NoContainer => replied(
                &format!(
                    "{{\"tool\":\"{}\",\"passed\":false,\"verified\":false,\"install_exit_code\":-1,\
                     \"verify_exit_code\":-1,\"duration_ms\":3,\"error\":\"no container runtime available \
                     (install Podman or Docker)\"}}\n",
                    call.package
                ),
                "",
                0,
            ),
            Self::NotStrict => replied(
                &format!(
                    "Invalid recipe: {}\n\nWarnings (treated as errors in strict mode):\n  - \
                     metadata.description: description is recommended\n",
                    call.package
                ),
                "",
                1,
            ),
        }
    }

    fn of_create(self, call: &Call) -> Replied {
        let (tool, from) = (&call.package, &call.from);
        let source = from.split(':').next().unwrap_or_default();
        let path = call.output.as_deref().map(|path| path.display().to_string());
        let path = path.unwrap_or_default();
        let creating = format!("Creating recipe for {tool} from {from}...\n");
        let (stdout, stderr, exit) = match self {
            Self::MissingPackage => {
                (String::new(), format!("Error: package '{tool}' not found in {source}\n"), 3)
            }
            Self::Network => (
                String::new(),
                format!(
                    "Error checking package: failed to fetch package info: Get \
                     \"https://registry.npmjs.org/{tool}\": dial tcp 127.0.0.1:1: connect: connection \
                     refused\n"
                ),
                5,
            ),
            Self::Exists => (
                creating,
                format!("Error: recipe already exists at {path}\nUse --force to overwrite\n"),
                1,
            ),
            Self::MissingDependency => (
                format!(
                    "{creating}Fetching formula metadata... done (v1.0)\nInspecting bottle contents... \
                     failed\n"
                ),
                "deterministic generation failed: [missing_dep] missing dependencies: recipe zlibfoo not \
                 found in registry; recipe barlib not found in registry\n"
                    .to_owned(),
                8,
            ),
            Self::Ambiguous => (
                String::new(),
                format!(
                    "Error: Multiple sources found for \"{tool}\". Use --from to specify:\n  tsuku \
                     install {tool} --from npm:{tool}\n  tsuku install {tool} --from rubygems:{tool}\n"
                ),
                10,
            ),
            Self::Created
            | Self::Version
            | Self::VerifyMismatch
            | Self::NoContainer
            | Self::NotStrict => (
                format!(
                    "{creating}\nRecipe created: {path}\nSource: {from}\n\n\nTo install, run:\n  tsuku \
                     install {tool}\n"
                ),
                UNTESTED.to_owned(),
                0,
            ),
        };
        replied(&stdout, &format!("{SKIP}{stderr}"), exit)
    }
}

fn replied(stdout: &str, stderr: &str, exit: u8) -> Replied {
    Replied { stdout: stdout.to_owned(), stderr: stderr.to_owned(), exit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_output_is_one_of_the_real_programs() {
        let call = Call {
            command: "create".to_owned(),
            package: "prettier".to_owned(),
            from: "npm:prettier".to_owned(),
            output: Some("o/p/prettier.toml".into()),
            sandbox: false,
        };
        let all = Recorded::ALL.map(|recorded| recorded.reply(&call));
        let exits = all.clone().map(|replied| replied.exit);
        assert_eq!(exits, [0, 0, 3, 5, 1, 8, 10, 6, 0, 1]);
        let [version, created, missing, _, present, .., strict] = &all;
        assert_eq!(version.stdout, "tsuku version dev\n");
        assert!(created.stdout.contains("\n\nRecipe created: o/p/prettier.toml\nSource: "));
        assert!(created.stdout.ends_with("\n\n\nTo install, run:\n  tsuku install prettier\n"));
        assert_eq!(missing.stderr, format!("{SKIP}Error: package 'prettier' not found in npm\n"));
        assert_eq!(present.stdout, "Creating recipe for prettier from npm:prettier...\n");
        assert!(
            strict.stdout.starts_with("Invalid recipe: prettier\n\nWarnings (treated as errors")
        );
    }
}
