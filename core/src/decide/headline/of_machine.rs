//! Failures of this machine, of a tool on it, or of a limit of the sandbox.

use super::{Draft, FailureView, MAX_SUBJECT, Owner, of_package::ending, reason::reason, shown};
use crate::model::{FailureKind, Stage};

/// The name of the sandbox as a service.
const SANDBOX: &str = "sandbox";

/// The fact and the reason, from the failure and its message in lower case.
type Words = fn(&FailureView<'_>, &str) -> (String, Option<String>);

const KINDS: &[(FailureKind, Words)] = &[
    (FailureKind::OutOfMemory, memory),
    (FailureKind::DiskFull, disk),
    (FailureKind::BuildTimeout, timeout),
    (FailureKind::ToolCrashed, crash),
    (FailureKind::ToolMissing, absent_tool),
    (FailureKind::ToolchainMissing, absent_tool),
    (FailureKind::RunnerLost, |failure, _| {
        (format!("{}: the run ended before the attempt", subject(failure)), None)
    }),
];

/// `None` if `failure` is of another kind.
pub(super) fn draft(failure: &FailureView<'_>) -> Option<Draft> {
    let (_, words) = KINDS.iter().find(|(kind, _)| *kind == failure.kind)?;
    let (fact, reason) = words(failure, &failure.message.to_ascii_lowercase());
    Some(Draft::new(fact, reason, Owner::Machine))
}

fn memory(failure: &FailureView<'_>, text: &str) -> (String, Option<String>) {
    let what = if text.contains("heap") { "its heap is full" } else { "out of memory" };
    (format!("{}: {what}", subject(failure)), None)
}

fn disk(failure: &FailureView<'_>, text: &str) -> (String, Option<String>) {
    let is_limit = text.contains("quota") || text.contains("limit reached");
    let what = if is_limit { "the disk limit is reached" } else { "the disk is full" };
    (format!("{}: {what}", subject(failure)), None)
}

fn timeout(failure: &FailureView<'_>, text: &str) -> (String, Option<String>) {
    let after = seconds(text).map(|n| format!(" of {n} s")).unwrap_or_default();
    (format!("{}: not finished within the time limit{after}", subject(failure)), None)
}

fn crash(failure: &FailureView<'_>, _: &str) -> (String, Option<String>) {
    let tool = tool(failure).unwrap_or_else(|| subject(failure));
    (format!("{tool}: it {}", ending(failure.exit_code)), reason(failure))
}

fn absent_tool(failure: &FailureView<'_>, _: &str) -> (String, Option<String>) {
    match tool(failure) {
        Some(tool) => (format!("{tool}: this program is not installed"), None),
        None => (format!("{}: a program is not installed", subject(failure)), reason(failure)),
    }
}

/// The service, unless it is the sandbox, which only stops what exceeds its limits.
fn tool(failure: &FailureView<'_>) -> Option<String> {
    let tool = failure.service.filter(|&tool| tool != SANDBOX && !tool.is_empty());
    tool.map(|tool| shown::shortened(tool, MAX_SUBJECT))
}

/// What was done when it failed.
fn subject(failure: &FailureView<'_>) -> String {
    let name = failure.name();
    match failure.stage {
        Stage::Seed => format!("reading the lists about {name}"),
        Stage::Generate => format!("making the recipe of {name}"),
        Stage::Validate => format!("installing {name}"),
        Stage::Merge => format!("merging {name}"),
    }
}

/// The number in `timed out after 300 s` or `did not end within 300 s`.
fn seconds(text: &str) -> Option<u64> {
    let rest = ["timed out after ", "did not end within "]
        .iter()
        .find_map(|words| text.rfind(words).map(|at| &text[at + words.len()..]))?;
    rest.split(' ').next()?.parse().ok()
}
