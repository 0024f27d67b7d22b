//! Install steps that this program does itself, outside the sandbox: they read what packages bring
//! and run none of it.

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

/// Why a step was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum StepError {
    #[error("cannot download {url}")]
    Download { url: String, source: Box<HttpError> },
    #[error("{url} has no SHA-256 digest, so what is downloaded could not be checked: {digest:?}")]
    Unchecked { url: String, digest: String },
    #[error("{url} hands out no token")]
    NoToken { url: String },
    #[error("checksum mismatch: {url} is not what the registry announced: {reason}")]
    Digest { url: String, reason: String },
    #[error("cannot unpack the archive: {0}")]
    Archive(String),
    #[error("{0} is no path inside the work folder")]
    Outside(String),
    #[error("{path} has no room for the real path of {placeholder}")]
    NoRoom { path: PathBuf, placeholder: String },
    #[error("installed, but an expected file is missing: {0}")]
    Absent(String),
    #[error("{path}")]
    Disk { path: PathBuf, source: io::Error },
}

impl StepError {
    /// What it says about package, registry and machine.
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
            Self::Outside(_) | Self::NoRoom { .. } | Self::Disk { .. } => {
                Finding::stated(FailureKind::InstallFailed)
            }
        }
    }

    /// The error with its causes, each on a line of its own.
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

/// The package is known to exist: what is not there is its artifact.
fn download_finding(error: &HttpError) -> Finding {
    let finding = error.finding();
    if finding.kind == FailureKind::PackageNotFound {
        return Finding::stated(FailureKind::NoBottle);
    }
    finding
}

/// Does `step` in `work`; `None` for a step that is not among these.
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
    // Tens of thousands of files: not on a thread that drives others.
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
        // The sandbox does these, and the network above.
        InstallStep::Run { .. }
        | InstallStep::Inspect { .. }
        | InstallStep::Export { .. }
        | InstallStep::Fetch { .. } => None,
    }
}

/// A link counts, wherever it leads: nothing is opened.
fn present(work: &Path, within: &str, paths: &[String]) -> Result<(), StepError> {
    for path in paths {
        let inside = path::inside(work, &format!("{within}/{path}"))?;
        if inside.symlink_metadata().is_err() {
            return Err(StepError::Absent(path.clone()));
        }
    }
    Ok(())
}
