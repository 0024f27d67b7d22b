//! The rungs of the ladder: groups of environments, from cheap to expensive.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{Environment, InvalidId, Os};

/// Why nothing is known about a recipe in an environment.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ValidationSkip {
    /// It was tested, and a service or the machine failed. The failure says which one.
    Fault,
    /// It was being tested when the validator died.
    RunnerLost,
    /// No machine of the run is such an environment.
    NotThisMachine,
    /// The package does not run there, as it declares itself.
    UnsupportedPlatform,
    /// An option of the run leaves the environment out.
    LeftOut,
    /// The minutes that are left of the week's budget do not suffice.
    Budget,
    /// No cheaper environment has passed the recipe, or the cheapest one has failed it.
    NotPromoted,
}

impl ValidationSkip {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::RunnerLost => "runner_lost",
            Self::NotThisMachine => "not_this_machine",
            Self::UnsupportedPlatform => "unsupported_platform",
            Self::LeftOut => "left_out",
            Self::Budget => "budget",
            Self::NotPromoted => "not_promoted",
        }
    }

    /// Whether a test was at least begun.
    pub const fn is_of_test(self) -> bool {
        matches!(self, Self::Fault | Self::RunnerLost)
    }
}

/// A rung of the ladder. A recipe gets to a rung only if a cheaper one passed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rung {
    /// Debian on `x86_64`.
    First,
    /// All other Linux systems on `x86_64`.
    OtherX86,
    /// Linux on arm64.
    Arm,
    /// macOS.
    Mac,
}

impl Rung {
    /// Every rung, the cheapest first.
    pub const ALL: &[Self] = &[Self::First, Self::OtherX86, Self::Arm, Self::Mac];

    /// The rung of `environment`.
    pub const fn of(environment: Environment) -> Self {
        match environment {
            Environment::DebianX86 => Self::First,
            Environment::RhelX86
            | Environment::ArchX86
            | Environment::SuseX86
            | Environment::AlpineX86 => Self::OtherX86,
            Environment::DebianArm
            | Environment::RhelArm
            | Environment::SuseArm
            | Environment::AlpineArm => Self::Arm,
            Environment::MacArm | Environment::MacX86 => Self::Mac,
        }
    }

    /// Its number, from 1.
    pub const fn number(self) -> u8 {
        match self {
            Self::First => 1,
            Self::OtherX86 => 2,
            Self::Arm => 3,
            Self::Mac => 4,
        }
    }
}

impl Environment {
    /// The operating system.
    pub const fn os(self) -> Os {
        self.cell().os()
    }
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number())
    }
}

impl FromStr for Rung {
    type Err = InvalidId;

    fn from_str(s: &str) -> Result<Self, InvalidId> {
        let found = Self::ALL.iter().copied().find(|rung| rung.to_string() == s);
        found.ok_or_else(|| InvalidId::because("rung", s, "a rung is 1, 2, 3 or 4"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rungs_are_ordered_by_their_numbers_and_each_has_environments() {
        let numbers: Vec<u8> = Rung::ALL.iter().map(|rung| rung.number()).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
        assert!(Rung::ALL.is_sorted());
        let n_of =
            |rung: &Rung| Environment::ALL.iter().filter(|it| Rung::of(**it) == *rung).count();
        assert_eq!(Rung::ALL.iter().map(n_of).collect::<Vec<_>>(), [1, 4, 4, 2]);
    }

    #[test]
    fn a_rung_is_read_from_its_number() {
        for rung in Rung::ALL {
            assert_eq!(rung.to_string().parse(), Ok(*rung));
        }
        assert!("0".parse::<Rung>().is_err() && "5".parse::<Rung>().is_err());
    }

    #[test]
    fn every_word_is_the_one_that_is_stored() {
        use ValidationSkip::{
            Budget, Fault, LeftOut, NotPromoted, NotThisMachine, RunnerLost, UnsupportedPlatform,
        };
        for skip in
            [Fault, RunnerLost, NotThisMachine, UnsupportedPlatform, LeftOut, Budget, NotPromoted]
        {
            assert_eq!(serde_json::to_value(skip).unwrap(), skip.as_str());
        }
    }
}
