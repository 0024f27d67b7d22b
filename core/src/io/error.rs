//! Errors of requests, and what they say about the registry and the machine.

use std::{io, time::Duration};

use chrono::{DateTime, SubsecRound as _, Utc};
use url::Url;

use crate::{
    io::{TransportError, TransportErrorKind},
    model::{Confidence, FailureKind, Finding},
};

/// There is no usable answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// A text that should be an address and is not.
    #[error("{text:?} is not a URL")]
    NotUrl {
        /// The text.
        text: String,
    },
    /// An address without https, requested or as the target of a redirect. Nothing was sent.
    #[error("{url} is not https; name the https address, or a mirror on this machine")]
    Insecure {
        /// The address.
        url: Url,
    },
    /// No quota covers this address. Nothing was sent.
    #[error("no plugin declares a quota for the host of {url}, so the request was not sent")]
    Undeclared {
        /// The address.
        url: Url,
    },
    /// The limit `max_per_run` of the quota is reached. Nothing was sent.
    #[error("the limit of requests for {url} in this run is reached; the next run continues")]
    RunSpent {
        /// The address.
        url: Url,
    },
    /// The host is paused for longer than this run waits. No further request was sent.
    #[error("{host} {} until {}; run again after that", cause(*is_asked), until.trunc_subsecs(0))]
    Paused {
        /// The host.
        host: String,
        /// The end of the pause.
        until: DateTime<Utc>,
        /// Whether the host itself asked for such a long pause. Otherwise it only asked for fewer
        /// requests or for a shorter pause, and this program waits longer.
        is_asked: bool,
        /// Whether this request was sent, and the answer asked for the pause. If not, the error
        /// says nothing about the package.
        was_sent: bool,
    },
    /// A circle of redirects, or more redirects than any registry needs.
    #[error("{url} redirects in a circle or too often")]
    Redirects {
        /// The address of the last redirect.
        url: Url,
    },
    /// An answer that is neither a success nor "not found".
    #[error("{url} answered {status}")]
    Status {
        /// The address.
        url: Url,
        /// HTTP status.
        status: u16,
    },
    /// A refusal with a page for people. A store refuses files without such a page.
    #[error(
        "{url} answered 403 with an HTML page; a firewall or proxy may have answered in place of the registry"
    )]
    Forbidden {
        /// The address.
        url: Url,
    },
    /// An answer, with any status, that asks for fewer requests.
    #[error("{url} answered {status}{}", if *is_page { " with a page that asks for fewer requests" } else { ", which asks for fewer requests" })]
    Throttled {
        /// The address.
        url: Url,
        /// HTTP status.
        status: u16,
        /// Whether the answer is a page for people.
        is_page: bool,
    },
    /// A page for people where data was expected.
    #[error(
        "{url} answered with an HTML page; a firewall or proxy may have answered in place of the registry"
    )]
    Html {
        /// The address.
        url: Url,
    },
    /// An answer that is larger than the limit, counted after decompression.
    #[error("{url} answered more than {max_bytes} bytes")]
    TooLarge {
        /// The address.
        url: Url,
        /// The limit in bytes.
        max_bytes: usize,
    },
    /// The answer did not begin, or did not end, in time.
    #[error("no complete answer from {url} within {} seconds", limit.as_secs_f64())]
    Timeout {
        /// The address.
        url: Url,
        /// The time limit.
        limit: Duration,
    },
    /// An answer that is shorter than its stated length.
    #[error("the answer of {url} is incomplete")]
    Truncated {
        /// The address.
        url: Url,
    },
    /// A complete answer with unexpected content.
    #[error("unexpected answer from {url}: {reason}")]
    Malformed {
        /// The address.
        url: Url,
        /// The message of the parser.
        reason: String,
    },
    /// The exchange with the server failed.
    #[error("no complete answer from {url}")]
    Transport {
        /// The address.
        url: Url,
        /// The step that failed, and a remedy.
        source: TransportError,
    },
    /// The answer arrived and could not be stored on disk.
    #[error("cannot store the answer of {url} on disk; free space, or make the cache writable")]
    Disk {
        /// The address.
        url: Url,
        /// The error of the disk.
        source: io::Error,
    },
}

/// Why a host is paused, as the middle of a sentence.
const fn cause(is_asked: bool) -> &'static str {
    if is_asked { "asked for a pause" } else { "asked for fewer requests and is not asked again" }
}

impl HttpError {
    /// The host and the end of its pause, if the request was not sent because of the pause.
    pub fn unsent_for_pause(&self) -> Option<(&str, DateTime<Utc>)> {
        match self {
            Self::Paused { host, until, was_sent: false, .. } => Some((host, *until)),
            Self::Paused { .. }
            | Self::NotUrl { .. }
            | Self::Insecure { .. }
            | Self::Undeclared { .. }
            | Self::RunSpent { .. }
            | Self::Redirects { .. }
            | Self::Status { .. }
            | Self::Forbidden { .. }
            | Self::Throttled { .. }
            | Self::Html { .. }
            | Self::TooLarge { .. }
            | Self::Timeout { .. }
            | Self::Truncated { .. }
            | Self::Malformed { .. }
            | Self::Transport { .. }
            | Self::Disk { .. } => None,
        }
    }

    /// What the error says about the registry and the machine. It names a host only if the host
    /// caused it. Our own limits and our own disk are nobody's fault.
    pub fn finding(&self) -> Finding {
        let of = |url: &Url, kind| Finding::stated(kind).of_service(url.host_str().unwrap_or(""));
        match self {
            Self::NotUrl { .. } => Finding::stated(FailureKind::UnexpectedResponse),
            Self::RunSpent { .. } => Finding::stated(FailureKind::RateLimited),
            Self::Paused { host, .. } => Finding::stated(FailureKind::RateLimited).of_service(host),
            Self::Insecure { url }
            | Self::Undeclared { url }
            | Self::Redirects { url }
            | Self::Html { url }
            | Self::TooLarge { url, .. }
            | Self::Malformed { url, .. } => of(url, FailureKind::UnexpectedResponse),
            Self::Status { url, status } => of(url, kind_of_status(*status)),
            Self::Forbidden { url } => of(url, kind_of_status(403)),
            Self::Throttled { url, .. } => of(url, FailureKind::RateLimited),
            Self::Timeout { url, .. } => of(url, FailureKind::Timeout),
            Self::Truncated { url } => of(url, FailureKind::UpstreamUnavailable),
            Self::Transport { url, source } => of(url, kind_of_break(source.kind)),
            Self::Disk { source, .. } => disk_finding(source),
        }
    }
}

/// The meaning of a status that is neither a success nor "not found".
fn kind_of_status(status: u16) -> FailureKind {
    match status {
        401 | 403 | 407 => FailureKind::AuthRequired,
        404 | 410 | 451 => FailureKind::PackageNotFound,
        429 => FailureKind::RateLimited,
        // 402 is the answer of a firewall in front of one registry, which means that it does not
        // serve us.
        402 | 408 | 425 | 500.. => FailureKind::UpstreamUnavailable,
        _ => FailureKind::UnexpectedResponse,
    }
}

fn kind_of_break(kind: TransportErrorKind) -> FailureKind {
    match kind {
        TransportErrorKind::Dns => FailureKind::DnsError,
        TransportErrorKind::Tls => FailureKind::TlsError,
        TransportErrorKind::Connect | TransportErrorKind::Other => FailureKind::ConnectionError,
        TransportErrorKind::Timeout => FailureKind::Timeout,
        TransportErrorKind::Body => FailureKind::UpstreamUnavailable,
    }
}

fn disk_finding(error: &io::Error) -> Finding {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    let is_full = matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge);
    let confidence = if is_full { Confidence::Stated } else { Confidence::Inferred };
    Finding { confidence, ..Finding::stated(FailureKind::DiskFull) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url() -> Url {
        "https://a.example/x".parse().unwrap()
    }

    #[track_caller]
    fn check(error: &HttpError, kind: FailureKind, service: Option<&str>) {
        let finding = error.finding();
        assert_eq!((finding.kind, finding.service.as_deref()), (kind, service), "{error}");
        assert_eq!(finding.confidence, Confidence::Stated, "{error}");
    }

    #[test]
    fn a_status_determines_the_kind_of_failure() {
        let host = Some("a.example");
        for (status, kind) in [
            (304, FailureKind::UnexpectedResponse),
            (400, FailureKind::UnexpectedResponse),
            (401, FailureKind::AuthRequired),
            (402, FailureKind::UpstreamUnavailable),
            (403, FailureKind::AuthRequired),
            (404, FailureKind::PackageNotFound),
            (429, FailureKind::RateLimited),
            (503, FailureKind::UpstreamUnavailable),
            (525, FailureKind::UpstreamUnavailable),
        ] {
            check(&HttpError::Status { url: url(), status }, kind, host);
        }
        check(&HttpError::Forbidden { url: url() }, FailureKind::AuthRequired, host);
    }

    #[test]
    fn a_broken_connection_states_the_phase_in_which_it_broke() {
        for (kind, expected) in [
            (TransportErrorKind::Dns, FailureKind::DnsError),
            (TransportErrorKind::Tls, FailureKind::TlsError),
            (TransportErrorKind::Connect, FailureKind::ConnectionError),
            (TransportErrorKind::Timeout, FailureKind::Timeout),
            (TransportErrorKind::Body, FailureKind::UpstreamUnavailable),
            (TransportErrorKind::Other, FailureKind::ConnectionError),
        ] {
            let source = TransportError::new(kind, "why");
            check(&HttpError::Transport { url: url(), source }, expected, Some("a.example"));
        }
    }

    #[test]
    fn our_own_limits_and_disk_blame_no_host() {
        check(&HttpError::RunSpent { url: url() }, FailureKind::RateLimited, None);
        let source = io::ErrorKind::StorageFull.into();
        check(&HttpError::Disk { url: url(), source }, FailureKind::DiskFull, None);
        let source = io::ErrorKind::PermissionDenied.into();
        let finding = HttpError::Disk { url: url(), source }.finding();
        assert_eq!(finding.confidence, Confidence::Inferred);
    }

    #[test]
    fn a_message_names_the_address_and_a_remedy() {
        let until = DateTime::UNIX_EPOCH;
        let paused = |is_asked| {
            let host = "a.example".to_owned();
            HttpError::Paused { host, until, is_asked, was_sent: true }.to_string()
        };
        let text =
            "a.example asked for a pause until 1970-01-01 00:00:00 UTC; run again after that";
        assert_eq!(paused(true), text);
        // The host named another time, or none.
        assert!(!paused(false).contains("asked for a pause"), "{}", paused(false));
        let late = HttpError::Timeout { url: url(), limit: Duration::from_millis(1500) };
        let text = "no complete answer from https://a.example/x within 1.5 seconds";
        assert_eq!(late.to_string(), text);
    }
}
