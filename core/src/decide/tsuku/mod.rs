//! The meaning of the output of the package manager's own program.
//!
//! The exit code is the weakest evidence: one code has many causes, and a failed verification has the code
//! of a failed installation. JSON is therefore read first, then text, and the exit code last. All functions
//! here convert texts to findings and run nothing.

mod answer;
mod correct;
mod exit;
mod install;
mod read;

pub use correct::{Asked, Corrected, Refused, corrected};
pub use exit::by_exit_code;
pub use install::{Installed, in_container, installed};
pub use read::{Cause, Classifier, Output, failed, guessed_command, planned};

/// The name of the program, also as the service that failed.
pub const PROGRAM: &str = "tsuku";

/// A subcommand of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subcommand {
    /// Writes a recipe.
    Create,
    /// Checks a recipe.
    Validate,
    /// Plans an installation.
    Eval,
    /// Installs and verifies.
    Install,
}

impl Subcommand {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Create, Self::Validate, Self::Eval, Self::Install];

    /// The word on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Validate => "validate",
            Self::Eval => "eval",
            Self::Install => "install",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_subcommand_is_a_word_of_its_own() {
        let words: BTreeSet<&str> = Subcommand::ALL.into_iter().map(Subcommand::as_str).collect();
        assert_eq!(words.len(), Subcommand::ALL.len());
        let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase());
        assert!(words.into_iter().all(is_word));
    }
}
