//! The table of exit codes.

use super::{PROGRAM, Subcommand};
use crate::model::{Confidence, FailureKind, Finding};

/// The meaning of `code` if neither JSON nor text says more; `None` for 0. Codes above 128 are signals, as
/// in shells.
///
/// A code with one cause is `stated`. A code with many causes is `inferred`, and an inferred finding does
/// not count for a breaker.
pub fn by_exit_code(of: Subcommand, code: i32) -> Option<Finding> {
    use FailureKind as Kind;
    let stated = |kind| Some(Finding::stated(kind));
    let inferred =
        |kind| Some(Finding { confidence: Confidence::Inferred, ..Finding::stated(kind) });
    let own = |kind| Some(Finding::stated(kind).of_service(PROGRAM));
    match code {
        0 => None,
        // All errors without their own code, and all errors in the command line.
        1 => match of {
            Subcommand::Validate => stated(Kind::SchemaInvalid),
            Subcommand::Eval => inferred(Kind::DependencyResolutionFailed),
            Subcommand::Create | Subcommand::Install => inferred(Kind::Unclassified),
        },
        // `create` did not find its package. The others have their recipe and did not find another one.
        3 => match of {
            Subcommand::Create => stated(Kind::PackageNotFound),
            Subcommand::Validate | Subcommand::Eval | Subcommand::Install => {
                inferred(Kind::ToolchainUnavailable)
            }
        },
        4 => match of {
            Subcommand::Create => inferred(Kind::PackageNotFound),
            Subcommand::Validate | Subcommand::Eval | Subcommand::Install => {
                inferred(Kind::DependencyResolutionFailed)
            }
        },
        5 => inferred(Kind::ConnectionError),
        6 => inferred(Kind::InstallFailed),
        7 => stated(Kind::VerifyFailed),
        8 => inferred(Kind::ToolchainUnavailable),
        9 => inferred(Kind::BinaryDiscoveryFailed),
        10 => stated(Kind::AmbiguousSource),
        124 => own(Kind::BuildTimeout),
        // The codes of shells for a program that does not exist or cannot be started.
        126 | 127 => own(Kind::ToolMissing),
        130 => own(Kind::RunnerLost),
        137 => own(Kind::OutOfMemory),
        // 2: the program does not know these arguments, so its version is not supported here. 11 to 15
        // belong to commands that are not used here. Signals and all other codes are crashes.
        _ => own(Kind::ToolCrashed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(of: Subcommand, code: i32, kind: &str, confidence: Confidence) {
        let finding = by_exit_code(of, code).unwrap();
        assert_eq!(finding.kind.to_string(), kind, "{of:?} {code}");
        assert_eq!(finding.confidence, confidence, "{of:?} {code}");
    }

    #[test]
    fn every_documented_code_has_its_row() {
        use Confidence::{Inferred, Stated};
        use Subcommand::{Create, Eval, Install, Validate};
        for of in Subcommand::ALL {
            assert_eq!(by_exit_code(of, 0), None);
            check(of, 2, "infrastructure/tool_crashed", Stated);
            check(of, 5, "api_error/connection_error", Inferred);
            check(of, 6, "validation_failed/install_failed", Inferred);
            check(of, 7, "validation_failed/verify_failed", Stated);
            check(of, 8, "infrastructure/toolchain_unavailable", Inferred);
            check(of, 9, "deterministic_insufficient/binary_discovery_failed", Inferred);
            check(of, 10, "deterministic_insufficient/ambiguous_source", Stated);
            check(of, 124, "infrastructure/build_timeout", Stated);
            check(of, 126, "infrastructure/tool_missing", Stated);
            check(of, 127, "infrastructure/tool_missing", Stated);
            check(of, 130, "infrastructure/runner_lost", Stated);
            check(of, 137, "infrastructure/out_of_memory", Stated);
            for code in (11..=15).chain([99, 129, 134, 139, 143, 255, -1]) {
                check(of, code, "infrastructure/tool_crashed", Stated);
            }
        }
        check(Create, 1, "unknown/unclassified", Inferred);
        check(Install, 1, "unknown/unclassified", Inferred);
        check(Validate, 1, "validation_failed/schema_invalid", Stated);
        check(Eval, 1, "validation_failed/dependency_resolution_failed", Inferred);
        check(Create, 3, "deterministic_insufficient/package_not_found", Stated);
        check(Create, 4, "deterministic_insufficient/package_not_found", Inferred);
        for of in [Validate, Eval, Install] {
            check(of, 3, "infrastructure/toolchain_unavailable", Inferred);
            check(of, 4, "validation_failed/dependency_resolution_failed", Inferred);
        }
    }

    #[test]
    fn a_fault_of_the_program_names_it() {
        for code in [2, 11, 124, 127, 130, 137, 139] {
            let service = by_exit_code(Subcommand::Create, code).unwrap().service;
            assert_eq!(service.as_deref(), Some(PROGRAM), "{code}");
        }
    }
}
