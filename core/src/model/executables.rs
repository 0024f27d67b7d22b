//! The commands of a package, and who told them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{CommandName, FailureKind};

/// The commands that a package installs on `PATH`. They are never guessed from the name of the
/// package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Executables {
    /// In a fixed order. The first command is the one that is verified. Empty for a library.
    Known(Vec<CommandName>),
    /// The commands are not known, for this reason.
    Unknown(UnknownCommands),
}

/// Why the commands of a package are not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnknownCommands {
    /// The failure to record.
    pub kind: FailureKind,
    /// The reason as a sentence without full stop.
    pub reason: String,
    /// Whether an installation shows them: the package can be installed, and the registry cannot tell
    /// its commands without running its code. `false` if the registry's answer is clear.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_discoverable: bool,
}

impl UnknownCommands {
    /// Commands that no installation shows either. `reason` is a sentence without full stop.
    pub fn new(kind: FailureKind, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into(), is_discoverable: false }
    }
}

/// Who told the commands of a package.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExecutablesFrom {
    /// The registry, without running code of the package.
    #[default]
    Registry,
    /// Two installations in the sandbox that showed the same commands.
    Installation,
}

impl ExecutablesFrom {
    /// The word in records and pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Installation => "installation",
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(super) fn is_registry(&self) -> bool {
        *self == Self::Registry
    }
}

impl std::fmt::Display for ExecutablesFrom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Executables {
    /// Unknown commands. `reason` is a sentence without full stop.
    pub fn unknown(kind: FailureKind, reason: impl Into<String>) -> Self {
        Self::Unknown(UnknownCommands::new(kind, reason))
    }

    /// Commands that only an installation shows. `reason` is a sentence without full stop; `kind` is
    /// the failure if nothing can be installed.
    pub fn undiscovered(kind: FailureKind, reason: impl Into<String>) -> Self {
        Self::Unknown(UnknownCommands {
            is_discoverable: true,
            ..UnknownCommands::new(kind, reason)
        })
    }

    /// The commands `names`, in this order. If one name is not safe to type, all commands are
    /// unknown, because a list without it would be wrong.
    pub fn named<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> Self {
        let parsed: Result<Vec<CommandName>, _> =
            names.into_iter().map(|name| name.as_ref().parse()).collect();
        match parsed {
            Ok(names) => Self::Known(names),
            Err(invalid) => Self::unknown(FailureKind::UnsafeName, invalid.to_string()),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}
