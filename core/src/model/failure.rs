//! The failure taxonomy. This one table is used by backoff, breakers, documentation and pages.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::{InvalidId, as_text::serde_as_text};

/// A row of the table: what is known about one kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The category: the first half of the stored pair.
    pub category: &'static str,
    /// The subcategory: the second half of the stored pair.
    pub subcategory: &'static str,
    /// Whether another try soon may succeed without any change.
    pub transient: bool,
    /// Whether the failure says something about the health of a registry or tool, and not about the
    /// package.
    pub breaker: bool,
    /// What a person can do about it, as one sentence.
    pub remediation: &'static str,
}

/// Who caused a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The package.
    Package,
    /// The registry or another host that was asked.
    Registry,
    /// The machine, or a tool on it.
    Machine,
    /// Nobody: one of our own rules applied.
    Nobody,
}

/// What happens to the queue entry of a package that failed in this way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consequence {
    /// It is excluded for good, because there is nothing to install.
    Excluded,
    /// A person has to decide.
    RequiresManual,
    /// It waits until other recipes exist.
    Blocked,
    /// It keeps its status and is tried again soon.
    Spared,
    /// It has failed, and waits longer after each failure.
    Failed,
}

/// Each kind is one row, so that a subcategory cannot be combined with the wrong category.
macro_rules! failure_kinds {
    ($($kind:ident: $category:literal / $subcategory:literal,
        $transient:literal, $breaker:literal, $remediation:literal;)*) => {
        /// Why an attempt failed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
        #[schemars(with = "String", extend("enum" = [$(concat!($category, "/", $subcategory)),*]))]
        pub enum FailureKind { $(#[doc = $remediation] $kind,)* }

        impl FailureKind {
            /// Every kind, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// The row of this kind.
            pub const fn row(self) -> Row {
                match self {$(
                    Self::$kind => Row {
                        category: $category,
                        subcategory: $subcategory,
                        transient: $transient,
                        breaker: $breaker,
                        remediation: $remediation,
                    },
                )*}
            }
        }
    };
}

failure_kinds! {
    // kind                     category / subcategory                                         transient breaker  remediation
    NoBottle:                   "deterministic_insufficient" / "no_bottle",                    false, false, "choose another source, or wait until the project publishes a binary for this platform";
    ArchiveExtractionFailed:    "deterministic_insufficient" / "archive_extraction_failed",    false, false, "download the artifact by hand: it is damaged, or of a format that the builder does not read";
    BinaryDiscoveryFailed:      "deterministic_insufficient" / "binary_discovery_failed",      false, false, "name the executables in a curated override";
    LibraryOnly:                "deterministic_insufficient" / "library_only",                 false, false, "nothing to do: the package ships no command";
    BuildFromSource:            "deterministic_insufficient" / "build_from_source",            false, false, "choose a source with prebuilt artifacts, or write the recipe by hand";
    PackageNotFound:            "deterministic_insufficient" / "package_not_found",            false, false, "check the name in the registry, then correct or exclude the entry";
    RequiresLlm:                "deterministic_insufficient" / "requires_llm",                 false, false, "write the recipe by hand, or choose a source with a deterministic builder";
    RecipeExists:               "deterministic_insufficient" / "recipe_exists",                false, false, "compare with the recipe named in the message, then exclude this entry or rename it by an override";
    AmbiguousSource:            "deterministic_insufficient" / "ambiguous_source",             false, false, "choose the source in a curated override";

    SchemaInvalid:              "validation_failed" / "schema_invalid",                        false, false, "correct the metadata upstream, or set it in a curated override";
    InstallFailed:              "validation_failed" / "install_failed",                        false, false, "read the last lines of the output: the install step itself failed";
    ExecutableMissing:          "validation_failed" / "executable_missing",                    false, false, "compare the executables in the recipe with what the package installs";
    NativeBuildFailed:          "validation_failed" / "native_build_failed",                   false, false, "choose a source with prebuilt artifacts: a compile step failed";
    DependencyResolutionFailed: "validation_failed" / "dependency_resolution_failed",          false, false, "read the resolver's output: versions or engines do not fit together";
    VerifyPatternMismatch:      "validation_failed" / "verify_pattern_mismatch",               false, false, "run the verify command by hand and set a pattern that its output matches";
    VerifyFailed:               "validation_failed" / "verify_failed",                         false, false, "run the verify command by hand: it ends with an error";
    VerifyTimeout:              "validation_failed" / "verify_timeout",                        false, false, "choose a verify command that does not wait for input";
    LibcMismatch:               "validation_failed" / "libc_mismatch",                         false, false, "constrain the recipe to the libc that its binary needs";

    RecipeMissing:              "missing_dep" / "recipe_missing",                              false, false, "add recipes for the dependencies that it waits for";
    ToolchainMissing:           "missing_dep" / "toolchain_missing",                           false, true,  "install the ecosystem's own tool on this machine";

    RateLimited:                "api_error" / "rate_limited",                                  true,  true,  "nothing to do: the host is paused and asked again later";
    UpstreamUnavailable:        "api_error" / "upstream_unavailable",                          true,  true,  "look at the registry's status page if it stays";
    Timeout:                    "api_error" / "timeout",                                       true,  true,  "nothing to do unless it stays; then look at the network of this machine";
    DnsError:                   "api_error" / "dns_error",                                     true,  true,  "check that this machine can resolve the host";
    TlsError:                   "api_error" / "tls_error",                                     true,  true,  "check this machine's certificates and clock";
    ConnectionError:            "api_error" / "connection_error",                              true,  true,  "check that this machine can reach the host, and its proxy settings";
    AuthRequired:               "api_error" / "auth_required",                                 false, true,  "check whether the registry now wants credentials for this address";
    UnexpectedResponse:         "api_error" / "unexpected_response",                           false, true,  "read the answer: the registry changed its format, or something answers in its place";

    ToolCrashed:                "infrastructure" / "tool_crashed",                             true,  true,  "run the command by hand and report the crash to the tool's authors";
    ToolMissing:                "infrastructure" / "tool_missing",                             false, true,  "install the generator on this machine, or choose another one";
    ToolchainUnavailable:       "infrastructure" / "toolchain_unavailable",                    true,  true,  "nothing to do for this package: fetching a toolchain or a dependency's artifact failed";
    OutOfMemory:                "infrastructure" / "out_of_memory",                            true,  true,  "raise the sandbox's memory limit if it stays";
    DiskFull:                   "infrastructure" / "disk_full",                                true,  true,  "free disk space, or raise the sandbox's disk limit";
    RunnerLost:                 "infrastructure" / "runner_lost",                              true,  true,  "nothing to do: the run ended before this attempt did";
    BuildTimeout:               "infrastructure" / "build_timeout",                            true,  true,  "raise the install deadline if it stays";

    RunCommand:                 "policy" / "run_command",                                      false, false, "review the recipe by hand: it runs a command of its own";
    NetworkRequired:            "policy" / "network_required",                                 false, false, "review the recipe by hand: it needs the network while it installs";
    UnsafeName:                 "policy" / "unsafe_name",                                      false, false, "correct the name, or exclude the entry";
    UnsupportedSource:          "policy" / "unsupported_source",                               false, false, "choose a source of a supported ecosystem in a curated override";
    SplitCell:                  "policy" / "split_cell",                                       false, false, "review the recipe by hand: it works on some Linux distributions only";

    EvidenceLost:               "unknown" / "evidence_lost",                                   false, false, "retry it: the stored text ends before any cause";
    Unclassified:               "unknown" / "unclassified",                                    false, false, "read the output, and add a rule to the ecosystem's classifier";
}

impl FailureKind {
    /// The kind that is stored as this pair; `None` for a pair that only later versions know.
    pub fn parse(category: &str, subcategory: &str) -> Option<Self> {
        // Most rows differ in the second word, which is therefore compared first.
        let is_pair = |row: Row| row.subcategory == subcategory && row.category == category;
        Self::ALL.iter().copied().find(|kind| is_pair(kind.row()))
    }

    /// Whether the package is not to blame, so that the failure must not be counted against it.
    pub const fn is_not_package_fault(self) -> bool {
        let row = self.row();
        row.transient || row.breaker
    }

    /// How often a validation is tried in all if it fails in this way. A service may answer a
    /// second later, so it gets three tries. A timeout and a lack of memory get one more try only,
    /// because each takes minutes.
    pub const fn tries(self) -> u32 {
        if matches!(
            self,
            Self::RateLimited
                | Self::UpstreamUnavailable
                | Self::Timeout
                | Self::DnsError
                | Self::TlsError
                | Self::ConnectionError
                | Self::ToolchainUnavailable
        ) {
            3
        } else if matches!(self, Self::BuildTimeout | Self::OutOfMemory) {
            2
        } else {
            1
        }
    }

    /// Who caused the failure.
    pub fn fault(self) -> Fault {
        match self.row().category {
            "api_error" => Fault::Registry,
            "infrastructure" => Fault::Machine,
            "policy" => Fault::Nobody,
            _ if self == Self::ToolchainMissing => Fault::Machine,
            _ => Fault::Package,
        }
    }

    /// What happens to the queue entry.
    pub fn consequence(self) -> Consequence {
        let is = |kinds: &[Self]| kinds.contains(&self);
        if is(&[Self::LibraryOnly]) {
            Consequence::Excluded
        } else if is(&[Self::RequiresLlm, Self::AmbiguousSource, Self::RecipeExists])
            || self.fault() == Fault::Nobody
        {
            Consequence::RequiresManual
        } else if is(&[Self::RecipeMissing]) {
            Consequence::Blocked
        } else if self.is_not_package_fault() {
            Consequence::Spared
        } else {
            Consequence::Failed
        }
    }
}

/// `category/subcategory`.
impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { category, subcategory, .. } = self.row();
        write!(f, "{category}/{subcategory}")
    }
}

impl FromStr for FailureKind {
    type Err = InvalidId;

    fn from_str(s: &str) -> Result<Self, InvalidId> {
        let kind = s.split_once('/').and_then(|(category, sub)| Self::parse(category, sub));
        kind.ok_or_else(|| InvalidId::new("failure kind", s))
    }
}

serde_as_text!(FailureKind);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_reads_back_as_its_own_kind() {
        for &kind in FailureKind::ALL {
            let Row { category, subcategory, transient, breaker, .. } = kind.row();
            assert_eq!(FailureKind::parse(category, subcategory), Some(kind));
            assert!(breaker || !transient, "{kind:?} would be retried soon at no one's expense");
        }
    }

    #[test]
    fn what_counts_for_the_breaker_is_never_held_against_the_package() {
        for &kind in FailureKind::ALL {
            let spared = kind.consequence() == Consequence::Spared;
            assert_eq!(spared, kind.row().breaker, "{kind:?}");
        }
    }

    #[test]
    fn only_what_may_pass_by_itself_is_tried_again_and_each_error_of_a_service_is() {
        for &kind in FailureKind::ALL {
            let Row { category, transient, .. } = kind.row();
            assert!(kind.tries() == 1 || transient, "{kind:?}");
            assert_eq!(
                category == "api_error" && transient,
                category == "api_error" && kind.tries() == 3
            );
        }
        assert_eq!(FailureKind::BuildTimeout.tries(), 2);
        assert_eq!(FailureKind::VerifyTimeout.tries(), 1);
    }

    #[test]
    fn the_table_has_every_row_of_the_design() {
        assert_eq!(FailureKind::ALL.len(), 42);
        assert_eq!(FailureKind::LibraryOnly.consequence(), Consequence::Excluded);
        assert_eq!(FailureKind::RunCommand.consequence(), Consequence::RequiresManual);
        assert_eq!(FailureKind::EvidenceLost.consequence(), Consequence::Failed);
        assert_eq!(FailureKind::ToolchainMissing.fault(), Fault::Machine);
    }
}
