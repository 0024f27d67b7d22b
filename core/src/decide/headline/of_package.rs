//! Failures of a package, of a rule of this program, and of unknown cause.

use super::{
    Draft, FailureView, MAX_SUBJECT, Owner,
    of_binary::{build, libc},
    reason::reason,
    shown,
    verify_report::verify_report,
};
use crate::model::{FailureKind, Stage};

/// How many missing recipes are named.
const MAX_NAMED: usize = 3;

/// Reads a text of a known form.
type Read = fn(&FailureView<'_>) -> Draft;

/// Kinds whose texts have a form that can be read.
const READ: &[(FailureKind, Read)] = &[
    (FailureKind::VerifyFailed, verified),
    (FailureKind::VerifyPatternMismatch, verified),
    (FailureKind::VerifyTimeout, verified),
    (FailureKind::ExecutableMissing, absent_command),
    (FailureKind::LibcMismatch, libc),
    (FailureKind::NativeBuildFailed, build),
    (FailureKind::RecipeMissing, waits),
    (FailureKind::InstallFailed, install),
    (FailureKind::EvidenceLost, lost),
];

/// What happened to the package, where the reason follows in the words of the text.
const SAID: &[(FailureKind, &str)] = &[
    (FailureKind::NoBottle, "it offers nothing that is built for this platform"),
    (FailureKind::ArchiveExtractionFailed, "its download is damaged or cannot be unpacked"),
    (FailureKind::BinaryDiscoveryFailed, "its commands cannot be found out"),
    (FailureKind::LibraryOnly, "it installs no command"),
    (FailureKind::BuildFromSource, "it must be compiled, which its recipe cannot do"),
    (FailureKind::PackageNotFound, "the registry has no such package or version"),
    (FailureKind::RequiresLlm, "only a language model or a person can make its recipe"),
    (FailureKind::RecipeExists, "a recipe for it exists already"),
    (FailureKind::AmbiguousSource, "several sources offer it, and nobody has chosen one"),
    (FailureKind::SchemaInvalid, "its recipe is not valid"),
    (FailureKind::DependencyResolutionFailed, "its dependencies cannot be satisfied"),
    (FailureKind::RunCommand, "its recipe runs a command of its own"),
    (FailureKind::NetworkRequired, "it needs the network while it installs"),
    (FailureKind::UnsafeName, "its name or one of its commands is not safe"),
    (FailureKind::UnsupportedSource, "its source is not supported"),
    (FailureKind::SplitCell, "it works on some Linux distributions only"),
    (FailureKind::Unclassified, "it failed for a reason that no rule knows"),
];

/// Every kind that no host and no machine causes.
pub(super) fn draft(failure: &FailureView<'_>) -> Draft {
    let kind = failure.kind;
    if let Some((_, read)) = READ.iter().find(|(it, _)| *it == kind) {
        return read(failure);
    }
    let owner = match kind.row().category {
        "policy" => Owner::Rule,
        "unknown" => Owner::Unknown,
        _ => Owner::Package,
    };
    // If a registry answers that it has no such package, there is no other reason.
    let is_answer = kind == FailureKind::PackageNotFound && failure.stage == Stage::Generate;
    let reason = if is_answer { None } else { reason(failure) };
    let said = SAID.iter().find(|(it, _)| *it == kind).map_or("failed", |&(_, said)| said);
    Draft::new(format!("{}: {said}", failure.name()), reason, owner)
}

fn install(failure: &FailureView<'_>) -> Draft {
    let reason = reason(failure);
    let what = match (&reason, failure.exit_code) {
        (None, Some(code)) => format!("its installation ended with exit code {code}"),
        _ => "its installation failed".to_owned(),
    };
    Draft::new(format!("{}: {what}", failure.name()), reason, Owner::Package)
}

fn verified(failure: &FailureView<'_>) -> Draft {
    // A command line without any letter would name nothing.
    let names = |command: &str| command.contains(char::is_alphanumeric);
    let report = verify_report(failure.message).filter(|report| names(&report.command));
    let Some(report) = report else {
        let what = "its verify command did not do what it should";
        let fact = format!("{}: {what}", failure.name());
        return Draft::new(fact, reason(failure), Owner::Package);
    };
    let command = shown::shortened(&shown::readable(&report.command), MAX_SUBJECT);
    let is_code = report.said.starts_with("failed with exit code ");
    let said = match failure.exit_code {
        Some(code) if is_code => ending(Some(code)),
        _ => shown::plain(&report.said),
    };
    let own = failure.own_reason.clone().or(report.reason);
    // What the command printed is part of a mismatch already.
    let reason = if failure.kind == FailureKind::VerifyFailed { own } else { None };
    Draft::new(format!("{command} {said}"), reason, Owner::Package)
}

/// How a program ended: `exited with 1`, or the signal that shells report as 128 + n.
pub(super) fn ending(exit_code: Option<i32>) -> String {
    let signal = |name: &str| format!("was ended by signal {name}");
    match exit_code {
        None => "was ended by a signal".to_owned(),
        Some(126) => "cannot be executed".to_owned(),
        Some(127) => "exited with 127, so it or a program that it needs does not exist".to_owned(),
        Some(132) => signal("SIGILL (this processor lacks an instruction)"),
        Some(134) => signal("SIGABRT"),
        Some(135) => signal("SIGBUS"),
        Some(136) => signal("SIGFPE"),
        Some(137) => signal("SIGKILL"),
        Some(139) => signal("SIGSEGV (a memory error)"),
        Some(143) => signal("SIGTERM"),
        Some(159) => signal("SIGSYS (a forbidden system call)"),
        Some(code) => format!("exited with {code}"),
    }
}

fn absent_command(failure: &FailureView<'_>) -> Draft {
    let name = failure.name();
    let after = |words: &str| {
        let at = failure.message.find(words)? + words.len();
        let word = failure.message[at..].split_whitespace().next()?;
        let word = word.trim_matches(|c: char| "'\"`,;:".contains(c));
        (!word.is_empty() && word.len() <= MAX_SUBJECT).then(|| word.to_owned())
    };
    let (fact, reason) = match after("expected executable ").filter(|word| word != "is") {
        Some(command) => {
            (format!("{name}: its command {command} is missing after the installation"), None)
        }
        None => (format!("{name}: a command is missing after the installation"), reason(failure)),
    };
    Draft::new(fact, reason, Owner::Package)
}

fn waits(failure: &FailureView<'_>) -> Draft {
    let name = failure.name();
    let named: Vec<String> = failure
        .blocked_by
        .iter()
        .take(MAX_NAMED)
        .map(|it| shown::shortened(it.as_str(), MAX_SUBJECT / 2))
        .collect();
    let more = failure.blocked_by.len().saturating_sub(named.len());
    let (fact, reason) = match (&named[..], more) {
        ([], _) => ("it waits for a recipe that does not exist".to_owned(), reason(failure)),
        (first, 0) => (format!("it waits for the recipe of {}", first.join(", ")), None),
        (first, more) => {
            (format!("it waits for the recipes of {} and {more} more", first.join(", ")), None)
        }
    };
    Draft::new(format!("{name}: {fact}"), reason, Owner::Package)
}

/// A text that ends before its cause: it says where.
fn lost(failure: &FailureView<'_>) -> Draft {
    let last = failure.message.lines().map(shown::readable).rfind(|line| line.len() > 2);
    let name = failure.name();
    let fact = match (last, failure.exit_code) {
        (Some(last), _) => {
            let last = shown::shortened(&last, MAX_SUBJECT);
            format!("{name}: the log ends before a cause: it stops after '{last}'")
        }
        (None, Some(code)) => format!("{name}: only exit code {code} is stored, and no text"),
        (None, None) => format!("{name}: no text is stored that could tell the cause"),
    };
    Draft::new(fact, None, Owner::Unknown)
}
