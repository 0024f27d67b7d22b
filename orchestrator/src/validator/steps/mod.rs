//! Install steps that this program carries out itself, outside the sandbox. They read the files of
//! packages and run none of them.

mod elf;
mod fetch;
mod link;
mod path;
mod substitute;
mod unpack;

use std::{io, path::Path, path::PathBuf};

use batch_core::{
    io::{Http, HttpError},
    model::{FailureKind, Finding, InstallStep},
};
use chrono::{DateTime, Utc};

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum StepError {
    #[error("cannot download {url}")]
    Download { url: String, source: Box<HttpError> },
    #[error("{url} has no SHA-256 digest, so the download cannot be checked: {digest:?}")]
    Unchecked { url: String, digest: String },
    #[error("{url} returned no token")]
    NoToken { url: String },
    #[error("checksum mismatch: {url} differs from the registry's digest: {reason}")]
    Digest { url: String, reason: String },
    #[error("cannot unpack the archive: {0}")]
    Archive(String),
    #[error("{0} is not a path inside the work folder")]
    Outside(String),
    #[error("the real path of {placeholder} is too long for {path}")]
    PathTooLong { path: PathBuf, placeholder: String },
    #[error("installed, but an expected file is missing: {0}")]
    Absent(String),
    #[error("{path}")]
    Disk { path: PathBuf, source: io::Error },
}

impl StepError {
    /// What the error says about the package, the registry and the machine.
    pub(super) fn finding(&self) -> Finding {
        match self {
            Self::Download { source, .. } => download_finding(source),
            Self::NoToken { .. } => Finding::stated(FailureKind::UnexpectedResponse),
            Self::Unchecked { .. } | Self::Digest { .. } | Self::Archive(_) => {
                Finding::stated(FailureKind::ArchiveExtractionFailed)
            }
            Self::Absent(_) => Finding::stated(FailureKind::ExecutableMissing),
            Self::Disk { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Finding::stated(FailureKind::DiskFull).of_service("sandbox")
            }
            Self::Outside(_) | Self::PathTooLong { .. } | Self::Disk { .. } => {
                Finding::stated(FailureKind::InstallFailed)
            }
        }
    }

    /// The host and the end of its pause, if a download was not requested because of the pause.
    pub(super) fn unsent_for_pause(&self) -> Option<(&str, DateTime<Utc>)> {
        match self {
            Self::Download { source, .. } => source.unsent_for_pause(),
            Self::Unchecked { .. }
            | Self::NoToken { .. }
            | Self::Digest { .. }
            | Self::Archive(_)
            | Self::Outside(_)
            | Self::PathTooLong { .. }
            | Self::Absent(_)
            | Self::Disk { .. } => None,
        }
    }

    /// The error with its causes, each on a separate line.
    pub(super) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            text = format!("{text}\ncaused by: {cause}");
            source = cause.source();
        }
        text
    }
}

/// The package is known to exist, so a missing file means a missing artifact.
fn download_finding(error: &HttpError) -> Finding {
    let finding = error.finding();
    if finding.kind == FailureKind::PackageNotFound {
        return Finding::stated(FailureKind::NoBottle);
    }
    finding
}

/// Carries out `step` in `work`; `None` for a step of another kind.
pub(super) async fn run(
    step: &InstallStep,
    work: &Path,
    http: &dyn Http,
) -> Option<Result<(), StepError>> {
    if let InstallStep::Fetch { artifact, access, to } = step {
        return Some(match path::inside(work, to) {
            Ok(to) => fetch::fetch(http, artifact, access, &to).await,
            Err(error) => Err(error),
        });
    }
    let (step, work) = (step.clone(), work.to_owned());
    // There may be tens of thousands of files, so this must not block a thread of the runtime.
    let done = tokio::task::spawn_blocking(move || on_disk(&step, &work)).await;
    done.unwrap_or_else(|panic| Some(Err(StepError::Archive(panic.to_string()))))
}

fn on_disk(step: &InstallStep, work: &Path) -> Option<Result<(), StepError>> {
    match step {
        InstallStep::Unpack { archive, to } => Some(unpack::unpack(work, archive, to)),
        InstallStep::Link { at, to } => Some(link::link(work, at, to)),
        InstallStep::LinkEntries { of, into } => Some(link::link_entries(work, of, into)),
        InstallStep::Substitute { within, placeholders } => {
            Some(substitute::substitute(work, within, placeholders))
        }
        InstallStep::Present { within, paths } => Some(present(work, within, paths)),
        // The sandbox carries these out, or the network code above.
        InstallStep::Run { .. }
        | InstallStep::Inspect { .. }
        | InstallStep::Export { .. }
        | InstallStep::Fetch { .. } => None,
    }
}

/// A link counts, whatever its target: nothing is opened.
fn present(work: &Path, within: &str, paths: &[String]) -> Result<(), StepError> {
    for path in paths {
        let inside = path::inside(work, &format!("{within}/{path}"))?;
        if inside.symlink_metadata().is_err() {
            return Err(StepError::Absent(path.clone()));
        }
    }
    Ok(())
}
