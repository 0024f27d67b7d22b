//! What a person can do about a failure: a sentence, and a command or a setting to paste.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::FailureView;
use crate::{
    decide::shell_word::shell_word,
    model::{FailureKind, Row},
};

/// The name of the program in commands.
const PROGRAM: &str = "tsuku-batch";
/// How many missing recipes a command asks for.
const MAX_QUEUED: usize = 10;

/// What a person can do about a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Remedy {
    /// A sentence without the full stop, in one line.
    pub text: String,
    /// A command line for a POSIX shell, to run in the root, that shows more about the failure or
    /// remedies it. Every word that could mean something to the shell is quoted. Absent where nobody
    /// needs to do anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// The sentence, and the command behind it.
impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match &self.command {
            Some(command) => write!(f, ": {command}"),
            None => Ok(()),
        }
    }
}

/// What a person can do about `failure`: the sentence of the taxonomy with the setting that it speaks
/// of, and the command. Equal arguments give equal results.
pub fn remedy(failure: &FailureView<'_>) -> Remedy {
    let Row { remediation, .. } = failure.kind.row();
    let text = match setting(failure) {
        Some(setting) => format!("{remediation} ({setting})"),
        None => remediation.to_owned(),
    };
    Remedy { text, command: command(failure) }
}

/// The settings that limit the sandbox.
const LIMITS: &[(FailureKind, &str)] = &[
    (FailureKind::OutOfMemory, "memory_mib"),
    (FailureKind::DiskFull, "disk_mib"),
    (FailureKind::BuildTimeout, "install_seconds"),
    (FailureKind::VerifyTimeout, "verify_seconds"),
];

/// The setting in `pipeline.toml` that changes the result.
fn setting(failure: &FailureView<'_>) -> Option<String> {
    if let Some((_, key)) = LIMITS.iter().find(|(kind, _)| *kind == failure.kind) {
        return Some(format!("`{key}` under `[sandbox]` in pipeline.toml"));
    }
    if failure.kind == FailureKind::UnsafeName {
        let package = shell_word(&failure.package.to_string());
        return Some(format!(
            "if a person finds it harmless, `tsuku-batch queue unblock {package}` releases it for good"
        ));
    }
    if failure.kind == FailureKind::RateLimited {
        let host = safe_host(failure)?;
        return Some(format!(
            "to ask {host} less often, raise its `period_ms` under `[limits]` in pipeline.toml"
        ));
    }
    None
}

/// What a command does about a kind of failure.
#[derive(Clone, Copy)]
enum Way {
    /// Nobody needs to do anything.
    Nothing,
    /// Resolve the name of the host.
    Resolve,
    /// Ask the host for its headers, which also shows its certificate problems.
    Ask,
    /// Show the hosts, limits and tools of the ecosystem.
    Describe,
    /// Show the free space of the disks.
    Disk,
    /// Show the state of the pipeline.
    Status,
    /// Queue the packages whose recipes are missing.
    Queue,
    /// Release the package from the rule that holds it back.
    Release,
    /// List the ecosystems from which a package can be taken.
    Sources,
    /// Make the recipe, without installing anything.
    Generate,
    /// Repeat the attempt.
    Repeat,
}

const fn way(kind: FailureKind) -> Way {
    match kind {
        FailureKind::LibraryOnly => Way::Nothing,
        FailureKind::DnsError => Way::Resolve,
        FailureKind::TlsError
        | FailureKind::ConnectionError
        | FailureKind::Timeout
        | FailureKind::UpstreamUnavailable
        | FailureKind::AuthRequired
        | FailureKind::UnexpectedResponse
        | FailureKind::ToolchainUnavailable => Way::Ask,
        FailureKind::RateLimited | FailureKind::ToolchainMissing | FailureKind::ToolMissing => {
            Way::Describe
        }
        FailureKind::DiskFull => Way::Disk,
        FailureKind::RunnerLost => Way::Status,
        FailureKind::RecipeMissing => Way::Queue,
        FailureKind::UnsafeName => Way::Release,
        FailureKind::AmbiguousSource
        | FailureKind::UnsupportedSource
        | FailureKind::RequiresLlm => Way::Sources,
        FailureKind::NoBottle
        | FailureKind::BuildFromSource
        | FailureKind::PackageNotFound
        | FailureKind::RecipeExists
        | FailureKind::SchemaInvalid
        | FailureKind::RunCommand
        | FailureKind::NetworkRequired
        | FailureKind::SplitCell => Way::Generate,
        FailureKind::ArchiveExtractionFailed
        | FailureKind::BinaryDiscoveryFailed
        | FailureKind::InstallFailed
        | FailureKind::ExecutableMissing
        | FailureKind::NativeBuildFailed
        | FailureKind::DependencyResolutionFailed
        | FailureKind::VerifyPatternMismatch
        | FailureKind::VerifyFailed
        | FailureKind::VerifyTimeout
        | FailureKind::LibcMismatch
        | FailureKind::ToolCrashed
        | FailureKind::OutOfMemory
        | FailureKind::BuildTimeout
        | FailureKind::EvidenceLost
        | FailureKind::Unclassified => Way::Repeat,
    }
}

fn command(failure: &FailureView<'_>) -> Option<String> {
    let package = failure.package.to_string();
    let ecosystem = failure.package.ecosystem.as_str();
    let described = || own(&["ecosystem", "show", ecosystem]);
    let generated = || own(&["try", "--generate-only", &package]);
    let host = safe_host(failure);
    Some(match way(failure.kind) {
        Way::Nothing => return None,
        Way::Resolve => host.map_or_else(described, |host| format!("getent hosts {host}")),
        Way::Ask => host.map_or_else(described, |host| format!("curl -sSI https://{host}")),
        Way::Describe => described(),
        Way::Disk => "df -h . /tmp".to_owned(),
        Way::Status => own(&["status"]),
        Way::Queue if failure.blocked_by.is_empty() => generated(),
        Way::Queue => {
            let missing = failure.blocked_by.iter().take(MAX_QUEUED);
            let missing: Vec<String> = missing.map(|name| format!("{ecosystem}:{name}")).collect();
            let words = ["queue", "add", "--tier", "2"];
            own(&words.into_iter().chain(missing.iter().map(String::as_str)).collect::<Vec<_>>())
        }
        Way::Release => own(&["queue", "unblock", &package]),
        Way::Sources => own(&["ecosystem", "list"]),
        Way::Generate => generated(),
        Way::Repeat => match failure.id.filter(|_| failure.is_repeatable) {
            Some(id) => own(&["repro", id, "--run"]),
            None => own(&["try", &package]),
        },
    })
}

/// The host that failed, if it is the name of a host: the text of a package can name anything.
fn safe_host<'a>(failure: &FailureView<'a>) -> Option<&'a str> {
    let host = failure.service?;
    let is_host = (1..=253).contains(&host.len())
        && host.contains('.')
        && host.starts_with(|c: char| c.is_ascii_alphanumeric())
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
    is_host.then_some(host)
}

/// A command line of this program.
fn own(words: &[&str]) -> String {
    [PROGRAM].iter().chain(words).map(|word| shell_word(word)).collect::<Vec<_>>().join(" ")
}
