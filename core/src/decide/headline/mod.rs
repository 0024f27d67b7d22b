//! The cause of a failure in one line: what happened, to what, and whose fault it is. And what a
//! person can do about it, with a command to paste.
//!
//! Both are derived from what a failure record stores, each time they are shown, so that a better
//! rule improves old records too. They read the stored message, which has at most 2 KiB, and never
//! the whole output. The time is proportional to the length of the message.

mod of_binary;
mod of_host;
mod of_machine;
mod of_package;
mod reason;
mod remedy;
mod shown;
mod verify_report;

#[cfg(test)]
mod tests;

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::{
    Confidence, Failure, FailureKind, FailureRecord, PackageId, PackageName, Stage,
};

pub use reason::telling_line;
pub use remedy::{Remedy, remedy};

/// Maximal length of a headline in characters.
pub const MAX_CHARS: usize = 120;
/// Maximal length of the name of a package, a host or a program in a headline, in characters.
const MAX_SUBJECT: usize = 48;

/// What is known about a failure, from its record or before it is recorded.
#[derive(Debug, Clone)]
pub struct FailureView<'a> {
    /// The package.
    pub package: &'a PackageId,
    /// The stage of the run.
    pub stage: Stage,
    /// The cause.
    pub kind: FailureKind,
    /// How reliably the evidence names the cause.
    pub confidence: Confidence,
    /// The host or tool that failed.
    pub service: Option<&'a str>,
    /// The exit code of the failing program.
    pub exit_code: Option<i32>,
    /// The last error lines.
    pub message: &'a str,
    /// The packages whose recipes are missing.
    pub blocked_by: &'a [PackageName],
    /// The id of the record; `None` before it is recorded.
    pub id: Option<&'a str>,
    /// Whether what repeats the attempt is stored.
    pub is_repeatable: bool,
    /// The reason as the ecosystem's classifier reads it in the message. `None` means that the rules
    /// for any tool choose a line of the message.
    pub own_reason: Option<String>,
}

impl<'a> FailureView<'a> {
    /// A stored failure.
    pub fn of_record(record: &'a FailureRecord) -> Self {
        Self {
            package: &record.package_id,
            stage: record.stage,
            kind: record.kind(),
            confidence: record.confidence,
            service: record.service.as_deref(),
            exit_code: record.exit_code,
            message: &record.message,
            blocked_by: &record.blocked_by,
            id: Some(&record.id),
            is_repeatable: record.repro.is_some(),
            own_reason: None,
        }
    }

    /// The failure of an attempt at `package` that is not recorded yet.
    pub fn of_attempt(failure: &'a Failure, package: &'a PackageId) -> Self {
        Self {
            package,
            stage: failure.stage,
            kind: failure.finding.kind,
            confidence: failure.finding.confidence,
            service: failure.finding.service.as_deref(),
            exit_code: failure.exit_code,
            message: &failure.message,
            blocked_by: &failure.blocked_by,
            id: None,
            is_repeatable: false,
            own_reason: None,
        }
    }

    /// Adds the reason as the ecosystem's classifier reads it.
    #[must_use]
    pub fn with_own_reason(self, own_reason: Option<String>) -> Self {
        Self { own_reason, ..self }
    }

    /// The name of the package, shortened.
    fn name(&self) -> String {
        shown::shortened(self.package.name.as_str(), MAX_SUBJECT)
    }
}

/// Whose fault a failure is, as far as a reader should know. The [taxonomy](crate::model::Fault)
/// knows four parties; this also distinguishes what the text tells about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// The package.
    Package,
    /// The host that was asked.
    Host,
    /// The host that was asked, or the network between it and this machine.
    HostOrNetwork,
    /// The name resolution of this machine.
    Dns,
    /// This machine, a tool on it, or a limit of the sandbox.
    Machine,
    /// Nobody: a rule of this program applied.
    Rule,
    /// The stored text does not tell.
    Unknown,
}

/// In words for a person.
impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Package => "the package",
            Self::Host => "the host",
            Self::HostOrNetwork => "the host or the network",
            Self::Dns => "this machine's DNS",
            Self::Machine => "this machine",
            Self::Rule => "a rule of this program",
            Self::Unknown => "not known",
        })
    }
}

/// The cause of a failure in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headline {
    /// At most [`MAX_CHARS`] characters, without line breaks, hidden characters and paths of a
    /// machine; never empty. It begins with the name of a host, a program, a command or the package.
    pub line: String,
    /// Whose fault it is.
    pub owner: Owner,
}

impl fmt::Display for Headline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

/// The cause of `failure` in one line. Equal arguments give equal lines.
pub fn headline(failure: &FailureView<'_>) -> Headline {
    let draft = of_host::draft(failure)
        .or_else(|| of_machine::draft(failure))
        .unwrap_or_else(|| of_package::draft(failure));
    // A line that begins with `::` or `##[` is a command to a CI system. The first words may be
    // the command line or the service that a record names.
    let line = draft.line().trim_start_matches([':', '#', ' ']).to_owned();
    Headline { line, owner: draft.owner }
}

/// The parts of a headline: `<fact>: <reason> (<owner>)`.
struct Draft {
    /// What happened to what. Contains only words of this program, and names.
    fact: String,
    /// Words of the failing program, which may be shortened. Empty if there are none.
    reason: String,
    owner: Owner,
}

impl Draft {
    fn new(fact: String, reason: Option<String>, owner: Owner) -> Self {
        Self { fact, reason: reason.unwrap_or_default(), owner }
    }

    /// The owner is always readable, so the reason is shortened and not the end of the line.
    fn line(&self) -> String {
        let owner = match self.owner {
            // The line begins with the name of the package or of the host, or says itself that
            // nothing is known.
            Owner::Package | Owner::Host | Owner::Unknown => String::new(),
            owner @ (Owner::HostOrNetwork | Owner::Dns | Owner::Machine | Owner::Rule) => {
                format!(" ({owner})")
            }
        };
        let room = MAX_CHARS.saturating_sub(owner.chars().count());
        let fact = shown::shortened(&shown::readable(&self.fact), room);
        let room = room.saturating_sub(fact.chars().count() + ": ".len());
        let reason = shown::shortened(&self.reason, room);
        // A reason of a few letters says nothing.
        if reason.chars().count() < 4 { fact + &owner } else { format!("{fact}: {reason}{owner}") }
    }
}
