//! The result of an installation.

use super::{
    Subcommand,
    answer::{OfContainer, OfFailure, find},
    read::{Cause, Classifier, Output, broken, cause, failed, names, without_banners},
};
use crate::{
    decide::classify,
    model::{Confidence, FailureKind, Finding},
};

/// The message without a container runtime.
const NO_CONTAINER: &str = "no container runtime available";
/// Part of the message of an installation that succeeded before its verification failed.
const VERIFICATION: &str = "verification failed";

/// The result of an installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Installed {
    /// The tool is installed, and the verify command succeeded.
    Verified,
    /// Nothing was installed, because there is no container runtime.
    NoContainer,
    /// The installation or the verification failed.
    Failed(Cause),
}

/// The result of `install --json`, which prints nothing on standard output after a success.
pub fn installed(output: &Output<'_>, own: Classifier<'_>) -> Installed {
    match (output.exit_code, find::<OfFailure>(output.stdout)) {
        (Some(0), None) => Installed::Verified,
        (_, None) => Installed::Failed(failed(output, own)),
        (_, Some(failure)) => Installed::Failed(of_failure(&failure, output, own)),
    }
}

/// The result of `install --sandbox --json`, which always prints one object.
pub fn in_container(output: &Output<'_>, own: Classifier<'_>) -> Installed {
    let Some(answer) = find::<OfContainer>(output.stdout) else {
        return match installed(output, own) {
            Installed::Verified => Installed::Failed(broken(output, "it printed no result")),
            other @ (Installed::NoContainer | Installed::Failed(_)) => other,
        };
    };
    let error = answer.error.as_deref().unwrap_or_default();
    let codes = (answer.install_exit_code, answer.verify_exit_code);
    match codes {
        _ if error.contains(NO_CONTAINER) => Installed::NoContainer,
        (0, 0) if answer.passed && answer.verified => match output.exit_code {
            Some(0) => Installed::Verified,
            _ => Installed::Failed(broken(output, "it says that all is well, and ends otherwise")),
        },
        (0, code) => Installed::Failed(of_verification(code, &answer, output)),
        // The container did not start, for example because its image could not be downloaded.
        (-1, _) => {
            let cause = cause(Subcommand::Install, Some(6), container_text(&answer, output), own);
            Installed::Failed(unless_stated(cause, FailureKind::ToolchainUnavailable))
        }
        (code, _) => {
            let text = container_text(&answer, output);
            Installed::Failed(cause(Subcommand::Install, Some(code), text, own))
        }
    }
}

fn container_text(answer: &OfContainer, output: &Output<'_>) -> String {
    let parts = [&answer.install_output, &answer.verify_output, &answer.error];
    let parts = parts.into_iter().flatten().map(String::as_str);
    let parts: Vec<&str> = [output.stderr].into_iter().chain(parts).collect();
    without_banners(&parts.join("\n"))
}

/// A failed verification after a successful installation, whatever `passed` says.
fn of_verification(code: i32, answer: &OfContainer, output: &Output<'_>) -> Cause {
    let text = container_text(answer, output);
    let kind = match code {
        124 => FailureKind::VerifyTimeout,
        _ => verification_kind(&text),
    };
    Cause { finding: Finding::stated(kind), text, blocked_by: vec![] }
}

/// The kind of a failed verification. A package can print any message, so only kinds that a verification
/// can have are accepted.
fn verification_kind(text: &str) -> FailureKind {
    let told = classify::by_text(text, None).map(|finding| finding.kind);
    told.filter(|kind| {
        matches!(kind, FailureKind::LibcMismatch | FailureKind::VerifyPatternMismatch)
    })
    .unwrap_or(FailureKind::VerifyFailed)
}

fn of_failure(failure: &OfFailure, output: &Output<'_>, own: Classifier<'_>) -> Cause {
    let text = without_banners(&format!("{}\n{}", output.stderr, failure.message));
    if failure.message.contains(VERIFICATION) {
        let finding = Finding::stated(verification_kind(&failure.message));
        return Cause { finding, text, blocked_by: vec![] };
    }
    let missing = names(failure.missing_recipes.iter().flatten().map(String::as_str));
    // JSON of a failure is stronger than the exit code 0.
    let code = output.exit_code.filter(|code| *code != 0).unwrap_or(6);
    let found = cause(output.of, Some(code), text, own);
    if !missing.is_empty() {
        let finding = Finding::stated(FailureKind::RecipeMissing);
        return Cause { blocked_by: missing, finding, ..found };
    }
    let network = match (&*failure.category, &*failure.subcategory) {
        ("ambiguous", _) => {
            return Cause { finding: Finding::stated(FailureKind::AmbiguousSource), ..found };
        }
        ("network_error", "timeout") => FailureKind::Timeout,
        ("network_error", "dns_error") => FailureKind::DnsError,
        ("network_error", "tls_error") => FailureKind::TlsError,
        ("network_error", _) => FailureKind::ConnectionError,
        ("recipe_not_found" | "missing_dep", _) => FailureKind::ToolchainUnavailable,
        // All other failures have the category `install_failed`.
        _ => return found,
    };
    unless_stated(found, network)
}

/// `cause` if it is stated, else the kind `kind`.
fn unless_stated(cause: Cause, kind: FailureKind) -> Cause {
    if cause.finding.confidence == Confidence::Stated {
        return cause;
    }
    let finding = Finding { confidence: Confidence::Inferred, ..Finding::stated(kind) };
    Cause { finding, ..cause }
}

#[cfg(test)]
mod tests;
