//! Why there is no usable answer, and what that says about whom.

use std::{io, time::Duration};

use chrono::{DateTime, SubsecRound as _, Utc};
use url::Url;

use crate::{
    io::{TransportError, TransportErrorKind},
    model::{Confidence, FailureKind, Finding},
};

/// No usable answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// A text that should lead somewhere.
    #[error("{text:?} is no URL")]
    NotUrl {
        /// As it was given.
        text: String,
    },
    /// Asked for, or redirected to; nothing was sent.
    #[error("{url} is not https; name the https address, or a mirror on this machine")]
    Insecure {
        /// What was not asked.
        url: Url,
    },
    /// Nobody answers for how often this place may be asked; nothing was sent.
    #[error("{url} is at no host that a plugin declares a quota for, so it is not asked")]
    Undeclared {
        /// What was not asked.
        url: Url,
    },
    /// `max_per_run` of the quota; nothing was sent.
    #[error("this run has spent its requests for {url}; the next run goes on")]
    RunSpent {
        /// What was not asked.
        url: Url,
    },
    /// The host is paused for longer than this run waits; nothing was sent.
    #[error("{host} {} until {}; run again after that", cause(*is_asked), until.trunc_subsecs(0))]
    Paused {
        /// Which is not asked.
        host: String,
        /// The end of the pause.
        until: DateTime<Utc>,
        /// Whether the host asked for so long a pause. Else it asked for fewer requests only, or for
        /// a shorter pause, and this program waits longer.
        is_asked: bool,
    },
    /// In a circle, or more hops than any registry needs.
    #[error("{url} redirects in a circle or too often")]
    Redirects {
        /// Where patience ended.
        url: Url,
    },
    /// Neither a success nor an absence.
    #[error("{url} answered {status}")]
    Status {
        /// What was asked.
        url: Url,
        /// HTTP status.
        status: u16,
    },
    /// In the words of whoever keeps people out; a store refuses files in no words for people.
    #[error("{url} answered 403 with an HTML page; something may answer in the registry's place")]
    Forbidden {
        /// What was asked.
        url: Url,
    },
    /// Whatever its status, the answer asks for fewer requests.
    #[error("{url} answered {status}{}", if *is_page { " with a page that asks for fewer requests" } else { ", which asks for fewer requests" })]
    Throttled {
        /// What was asked.
        url: Url,
        /// HTTP status.
        status: u16,
        /// Whether the answer is a page for people.
        is_page: bool,
    },
    /// A page for people where data was asked for.
    #[error("{url} answered with an HTML page; something may answer in the registry's place")]
    Html {
        /// What was asked.
        url: Url,
    },
    /// Counted after unpacking.
    #[error("{url} answered more than {max_bytes} bytes")]
    TooLarge {
        /// What was asked.
        url: Url,
        /// The limit.
        max_bytes: usize,
    },
    /// The answer did not begin, or did not end, in time.
    #[error("no whole answer from {url} within {} seconds", limit.as_secs_f64())]
    Timeout {
        /// What was asked.
        url: Url,
        /// The time it had.
        limit: Duration,
    },
    /// The answer is shorter than it says.
    #[error("the answer of {url} ends before its end")]
    Truncated {
        /// What was asked.
        url: Url,
    },
    /// Whole, but not what was asked for.
    #[error("{url} answered something unexpected: {reason}")]
    Malformed {
        /// What was asked.
        url: Url,
        /// Of the parser.
        reason: String,
    },
    /// The exchange broke.
    #[error("no whole answer from {url}")]
    Transport {
        /// What was asked.
        url: Url,
        /// Where it broke, and a remedy.
        source: TransportError,
    },
    /// The answer came and could not be kept.
    #[error("cannot keep the answer of {url} on disk; free space, or make the cache writable")]
    Disk {
        /// What was asked.
        url: Url,
        /// What the disk said.
        source: io::Error,
    },
}

/// Why a host is paused, as the middle of a sentence.
const fn cause(is_asked: bool) -> &'static str {
    if is_asked { "asked for a pause" } else { "asked for fewer requests, and is not asked again" }
}

impl HttpError {
    /// What it says about registry and machine. It names a host only where the host did something:
    /// our own limits and our own disk blame nobody.
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

/// What a status says that is neither a success nor, to whoever asked, an absence.
fn kind_of_status(status: u16) -> FailureKind {
    match status {
        401 | 403 | 407 => FailureKind::AuthRequired,
        404 | 410 | 451 => FailureKind::PackageNotFound,
        429 => FailureKind::RateLimited,
        // 402 is how a firewall in front of one registry says that it does not serve us.
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
    fn a_status_says_whose_turn_it_is() {
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
    fn a_broken_exchange_says_where_it_broke() {
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
    fn a_message_names_the_place_and_a_remedy() {
        let until = DateTime::UNIX_EPOCH;
        let paused = |is_asked| {
            HttpError::Paused { host: "a.example".to_owned(), until, is_asked }.to_string()
        };
        let text =
            "a.example asked for a pause until 1970-01-01 00:00:00 UTC; run again after that";
        assert_eq!(paused(true), text);
        // The host named another time, or none.
        assert!(!paused(false).contains("asked for a pause"), "{}", paused(false));
        let late = HttpError::Timeout { url: url(), limit: Duration::from_millis(1500) };
        let text = "no whole answer from https://a.example/x within 1.5 seconds";
        assert_eq!(late.to_string(), text);
    }
}
