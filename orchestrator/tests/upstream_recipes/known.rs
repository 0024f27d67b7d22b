//! Differences that were looked into, each by installing that version with the ecosystem's own tool,
//! or by reading what it would install from.

/// Who is right about the commands that the newest version installs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Right {
    /// We are; the recipe names fewer on purpose, or is older than what it installs.
    Ours,
    /// Nobody can tell where the registry withholds the package; elsewhere there is no difference.
    Untold,
}

/// One difference and its cause.
pub(crate) struct Judgement {
    /// The name of the recipe's file.
    pub(crate) recipe: &'static str,
    pub(crate) package: &'static str,
    /// As a row says it.
    pub(crate) difference: &'static str,
    pub(crate) right: Right,
    pub(crate) why: &'static str,
}

pub(crate) const KNOWN: &[Judgement] = &[
    Judgement {
        recipe: "ansible",
        package: "ansible-core",
        difference: "+ansible-test",
        right: Right::Ours,
        why: "pip installs it; the recipe leaves out a command for developers of Ansible",
    },
    Judgement {
        recipe: "azure-cli",
        package: "azure-cli",
        difference: "+az.bat +az.completion.sh +azps.ps1",
        right: Right::Ours,
        why: "pip copies all four scripts of the wheel into bin, and makes them executable; the \
              recipe leaves out what is for Windows, and what is for a shell to read",
    },
    Judgement {
        recipe: "cargo-edit",
        package: "cargo-edit",
        difference: "+cargo-set-version",
        right: Right::Ours,
        why: "its feature is a default one (Cargo.toml of 0.13.14); the recipe forgets it",
    },
    Judgement {
        recipe: "checkov",
        package: "checkov",
        difference: "+checkov.cmd",
        right: Right::Ours,
        why: "pip copies both scripts of the wheel; the recipe leaves out what is for Windows",
    },
    Judgement {
        recipe: "chrome-devtools-mcp",
        package: "chrome-devtools-mcp",
        difference: "+chrome-devtools",
        right: Right::Ours,
        why: "npm links both; the recipe names the one that its package is called by",
    },
    Judgement {
        recipe: "cobra-cli",
        package: "github.com/spf13/cobra-cli",
        difference: "package_not_found",
        right: Right::Untold,
        why: "a proxy answered 403, this module version is not available",
    },
    Judgement {
        recipe: "gore",
        package: "github.com/x-motemen/gore/cmd/gore",
        difference: "package_not_found",
        right: Right::Untold,
        why: "a proxy answered 403, this module version is not available",
    },
    Judgement {
        recipe: "httpie",
        package: "httpie",
        difference: "+httpie",
        right: Right::Ours,
        why: "pip installs it; the recipe forgets it",
    },
    Judgement {
        recipe: "nping",
        package: "nping",
        difference: "package_not_found",
        right: Right::Ours,
        why: "npm has no such package any more: 404 also for npm view",
    },
    Judgement {
        recipe: "wrangler",
        package: "wrangler",
        difference: "+cf-wrangler +wrangler2",
        right: Right::Ours,
        why: "npm links all three of 4.164.0; the recipe names the one that people type",
    },
];
