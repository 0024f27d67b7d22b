//! Differences that were investigated by installing that version with the ecosystem's own tool, or
//! by reading its files.

/// Who is right about the commands of the newest version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CorrectSide {
    /// The builder is right; the recipe names fewer commands on purpose, or is older than the
    /// installed version.
    Ours,
    /// It cannot be decided if the registry withholds the package; otherwise there is no
    /// difference.
    Untold,
}

/// One difference and its cause.
pub(crate) struct KnownDifference {
    /// The name of the recipe's file.
    pub(crate) recipe: &'static str,
    pub(crate) package: &'static str,
    /// The difference in the format of a row.
    pub(crate) difference: &'static str,
    pub(crate) right: CorrectSide,
    pub(crate) why: &'static str,
}

pub(crate) const KNOWN: &[KnownDifference] = &[
    KnownDifference {
        recipe: "ansible",
        package: "ansible-core",
        difference: "+ansible-test",
        right: CorrectSide::Ours,
        why: "pip installs it; the recipe leaves out a command for developers of Ansible",
    },
    KnownDifference {
        recipe: "azure-cli",
        package: "azure-cli",
        difference: "+az.bat +az.completion.sh +azps.ps1",
        right: CorrectSide::Ours,
        why: "pip copies all four scripts of the wheel into bin, and makes them executable; the \
              recipe leaves out what is for Windows, and what is for a shell to read",
    },
    KnownDifference {
        recipe: "cargo-edit",
        package: "cargo-edit",
        difference: "+cargo-set-version",
        right: CorrectSide::Ours,
        why: "its feature is a default one (Cargo.toml of 0.13.14); the recipe forgets it",
    },
    KnownDifference {
        recipe: "checkov",
        package: "checkov",
        difference: "+checkov.cmd",
        right: CorrectSide::Ours,
        why: "pip copies both scripts of the wheel; the recipe leaves out what is for Windows",
    },
    KnownDifference {
        recipe: "chrome-devtools-mcp",
        package: "chrome-devtools-mcp",
        difference: "+chrome-devtools",
        right: CorrectSide::Ours,
        why: "npm links both; the recipe names the one that its package is called by",
    },
    KnownDifference {
        recipe: "cobra-cli",
        package: "github.com/spf13/cobra-cli",
        difference: "package_not_found",
        right: CorrectSide::Untold,
        why: "a proxy answered 403, this module version is not available",
    },
    KnownDifference {
        recipe: "gore",
        package: "github.com/x-motemen/gore/cmd/gore",
        difference: "package_not_found",
        right: CorrectSide::Untold,
        why: "a proxy answered 403, this module version is not available",
    },
    KnownDifference {
        recipe: "httpie",
        package: "httpie",
        difference: "+httpie",
        right: CorrectSide::Ours,
        why: "pip installs it; the recipe forgets it",
    },
    KnownDifference {
        recipe: "nping",
        package: "nping",
        difference: "package_not_found",
        right: CorrectSide::Ours,
        why: "npm has no such package any more: 404 also for npm view",
    },
    KnownDifference {
        recipe: "wrangler",
        package: "wrangler",
        difference: "+cf-wrangler +wrangler2",
        right: CorrectSide::Ours,
        why: "npm links all three of 4.164.0; the recipe names the one that people type",
    },
];
