//! Why a registry could not be read, and whom the error blames.

use chrono::{DateTime, Utc};
use url::Url;

use crate::{
    io::{
        HttpError,
        archive::{ArchiveError, DigestError, RemoteError},
    },
    model::{Confidence, EcosystemId, FailureKind, Finding},
};

/// The error of a registry that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the {ecosystem} registry")]
pub struct SourceError {
    /// The ecosystem of the registry.
    pub ecosystem: EcosystemId,
    /// The cause.
    #[source]
    pub kind: SourceErrorKind,
}

/// Why a registry could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
pub enum SourceErrorKind {
    #[error(transparent)]
    Http(#[from] HttpError),
    /// An error in an archive of the package, or in its download.
    #[error(transparent)]
    Remote(Box<RemoteError>),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// The registry decides which files exist; a store only decides which files it serves.
    #[error("{url} is listed, and is not given")]
    Unserved { url: Url },
    #[error(transparent)]
    Withheld(Box<Withheld>),
    #[error("unexpected shape of answer from {host}: {reason}")]
    Schema { host: String, reason: String },
}

/// A registry that works does not serve this one package.
#[derive(Debug, thiserror::Error)]
#[error("{url} is withheld: {reason}; {advice}")]
pub struct Withheld {
    /// The requested address.
    pub url: Url,
    /// The registry's reason, on one line.
    pub reason: String,
    /// Where else the package may be, as a phrase without full stop.
    pub advice: String,
}

impl From<RemoteError> for SourceErrorKind {
    fn from(error: RemoteError) -> Self {
        Self::Remote(Box::new(error))
    }
}

impl SourceErrorKind {
    /// `error` of a request for a file that the registry lists. Its absence then says nothing about
    /// the package, and neither does a 403, which some stores answer for missing files; an HTML
    /// page remains an HTML page.
    pub fn of_listed_file(error: impl Into<Self>) -> Self {
        let kind = error.into();
        let status = match &kind {
            Self::Http(error) => Some(error),
            Self::Remote(error) => match &**error {
                RemoteError::Http(error) => Some(error),
                RemoteError::Archive(_) | RemoteError::Digest(_) | RemoteError::Changed { .. } => {
                    None
                }
            },
            Self::Archive(_)
            | Self::Digest(_)
            | Self::Unserved { .. }
            | Self::Withheld(_)
            | Self::Schema { .. } => None,
        };
        match status {
            Some(HttpError::Status { url, status: 403 | 404 | 410 | 451 }) => {
                Self::Unserved { url: url.clone() }
            }
            Some(_) | None => kind,
        }
    }
}

impl SourceError {
    /// Returns a function for `map_err` that makes errors of `ecosystem` from their causes.
    pub fn of<K: Into<SourceErrorKind>>(ecosystem: &EcosystemId) -> impl FnOnce(K) -> Self {
        move |kind| Self { ecosystem: ecosystem.clone(), kind: kind.into() }
    }

    /// The host and the end of its pause, if a request was not sent because of a pause. Then nothing
    /// is known about the package, and nobody has failed.
    pub fn unsent_for_pause(&self) -> Option<(&str, DateTime<Utc>)> {
        match &self.kind {
            SourceErrorKind::Http(error) => error.unsent_for_pause(),
            SourceErrorKind::Remote(error) => match &**error {
                RemoteError::Http(error) => error.unsent_for_pause(),
                RemoteError::Archive(_) | RemoteError::Digest(_) | RemoteError::Changed { .. } => {
                    None
                }
            },
            SourceErrorKind::Archive(_)
            | SourceErrorKind::Digest(_)
            | SourceErrorKind::Unserved { .. }
            | SourceErrorKind::Withheld(_)
            | SourceErrorKind::Schema { .. } => None,
        }
    }

    /// What it says about registry and machine.
    pub fn finding(&self) -> Finding {
        match &self.kind {
            SourceErrorKind::Http(error) => error.finding(),
            SourceErrorKind::Remote(error) => error.finding(),
            SourceErrorKind::Archive(error) => error.finding(),
            SourceErrorKind::Digest(error) => error.finding(),
            SourceErrorKind::Unserved { url } => {
                let finding = Finding::stated(FailureKind::UpstreamUnavailable);
                finding.of_service(url.host_str().unwrap_or_default())
            }
            // It concerns one package, so it must not count against the registry's health.
            SourceErrorKind::Withheld(withheld) => Finding {
                confidence: Confidence::Inferred,
                ..Finding::stated(FailureKind::AuthRequired)
                    .of_service(withheld.url.host_str().unwrap_or_default())
            },
            SourceErrorKind::Schema { host, .. } => {
                Finding::stated(FailureKind::UnexpectedResponse).of_service(host)
            }
        }
    }
}
