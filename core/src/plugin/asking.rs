//! One request to a registry for JSON, a text, bytes or a file, about a package or for all
//! packages.
//!
//! If the registry does not have a document about one package, the result is `None` and not an
//! error. A file that the registry lists, or that all packages share, such as an index, must exist:
//! its absence is an error of the registry, because otherwise every package would count as removed.

use serde::de::DeserializeOwned;

use crate::{
    io::{CachedFile, Http, HttpError, Request, archive::ArchiveError, json, text},
    model::EcosystemId,
    plugin::{SourceError, SourceErrorKind},
};

/// A request as [`Request::get`] makes it.
pub type Asked = Result<Request, HttpError>;

/// The registry's JSON about a package of `ecosystem`; `None` if it has none.
pub async fn ask<T: DeserializeOwned>(
    http: &dyn Http,
    ecosystem: &EcosystemId,
    request: Asked,
) -> Result<Option<T>, SourceError> {
    let request = request.map_err(SourceError::of(ecosystem))?;
    json(http, request).await.map_err(SourceError::of(ecosystem))
}

/// The registry's text about a package of `ecosystem`; `None` if it has none. Invalid UTF-8 is an
/// error.
pub async fn ask_text(
    http: &dyn Http,
    ecosystem: &EcosystemId,
    request: Asked,
) -> Result<Option<String>, SourceError> {
    let request = request.map_err(SourceError::of(ecosystem))?;
    text(http, request).await.map_err(SourceError::of(ecosystem))
}

/// The registry's bytes about a package of `ecosystem`, for parsers of bytes; `None` if it has
/// none.
pub async fn ask_bytes(
    http: &dyn Http,
    ecosystem: &EcosystemId,
    request: Asked,
) -> Result<Option<Vec<u8>>, SourceError> {
    let request = request.map_err(SourceError::of(ecosystem))?;
    let response = http.send(request).await.map_err(SourceError::of(ecosystem))?;
    response.found().map_err(SourceError::of(ecosystem))
}

/// The JSON of a file that the registry of `ecosystem` lists, or that all its packages share. Its
/// absence is [`SourceErrorKind::Unserved`].
pub async fn ask_listed<T: DeserializeOwned>(
    http: &dyn Http,
    ecosystem: &EcosystemId,
    request: Asked,
) -> Result<T, SourceError> {
    let request = request.map_err(SourceError::of(ecosystem))?;
    let url = request.url.clone();
    let found = json(http, request).await.map_err(SourceErrorKind::of_listed_file);
    let found = found.and_then(|found| found.ok_or(SourceErrorKind::Unserved { url }));
    found.map_err(SourceError::of(ecosystem))
}

/// The text of a file that the registry of `ecosystem` lists, or that all its packages share. If it
/// is missing or empty, the error is [`SourceErrorKind::Unserved`]; invalid UTF-8 is an error too.
pub async fn ask_listed_text(
    http: &dyn Http,
    ecosystem: &EcosystemId,
    request: Asked,
) -> Result<String, SourceError> {
    let request = request.map_err(SourceError::of(ecosystem))?;
    let url = request.url.clone();
    let found = text(http, request).await.map_err(SourceErrorKind::of_listed_file);
    let found = found.map(|found| found.filter(|text| !text.is_empty()));
    let found = found.and_then(|found| found.ok_or(SourceErrorKind::Unserved { url }));
    found.map_err(SourceError::of(ecosystem))
}

/// Downloads a file that the registry lists, for files that are too large for memory. If it is
/// missing or empty, the error is [`SourceErrorKind::Unserved`], because stores may get their files
/// later than the list names them.
pub async fn fetch_listed(
    http: &dyn Http,
    request: Request,
) -> Result<CachedFile, SourceErrorKind> {
    let url = request.url.clone();
    let file = http.fetch_to_cache(request).await.map_err(SourceErrorKind::of_listed_file)?;
    let is_empty = file.metadata().map_err(ArchiveError::from)?.len() == 0;
    if is_empty { Err(SourceErrorKind::Unserved { url }) } else { Ok(file) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use futures_util::FutureExt as _;

    use super::*;
    use crate::{
        io::{Headers, Response},
        model::FailureKind,
    };

    /// Answers every request with this status and body.
    struct Answers(u16, &'static [u8]);

    #[async_trait]
    impl Http for Answers {
        async fn send(&self, request: Request) -> Result<Response, HttpError> {
            let (status, body) = (self.0, self.1.to_vec());
            Ok(Response { url: request.url, status, headers: Headers::new(), body })
        }

        async fn fetch_to_cache(&self, request: Request) -> Result<CachedFile, HttpError> {
            Err(HttpError::Status { url: request.url, status: self.0 })
        }
    }

    const ZOO: EcosystemId = EcosystemId::from_static("zoo");

    fn index() -> Asked {
        Request::get("https://zoo.example", &["index"], &[])
    }

    fn kind<T>(asked: Result<T, SourceError>) -> Result<T, FailureKind> {
        asked.map_err(|error| error.finding().kind)
    }

    fn texts(status: u16, body: &'static [u8]) -> [Result<Option<String>, FailureKind>; 2] {
        let http = Arc::new(Answers(status, body));
        let of_package = ask_text(&*http, &ZOO, index()).now_or_never().unwrap();
        let listed = ask_listed_text(&*http, &ZOO, index()).now_or_never().unwrap();
        [kind(of_package), kind(listed.map(Some))]
    }

    #[test]
    fn an_absence_is_none_of_a_package_and_an_error_of_a_listed_file() {
        for status in [404, 410, 451] {
            assert_eq!(texts(status, b"no"), [Ok(None), Err(FailureKind::UpstreamUnavailable)]);
        }
        let [of_package, listed] = texts(200, b"");
        assert_eq!(of_package, Ok(Some(String::new())));
        assert_eq!(listed, Err(FailureKind::UpstreamUnavailable));
        // For missing files some stores answer that access is denied.
        assert_eq!(texts(403, b"no")[1], Err(FailureKind::UpstreamUnavailable));
        let http = Answers(404, b"");
        let listed = ask_listed::<Vec<String>>(&http, &ZOO, index()).now_or_never().unwrap();
        assert_eq!(kind(listed), Err(FailureKind::UpstreamUnavailable));
        let of_package = ask::<Vec<String>>(&http, &ZOO, index()).now_or_never().unwrap();
        assert_eq!(kind(of_package), Ok(None));
    }

    #[test]
    fn a_registry_that_answers_with_an_error_has_not_said_that_a_package_is_gone() {
        for (status, expected) in [
            (429, FailureKind::RateLimited),
            (500, FailureKind::UpstreamUnavailable),
            (503, FailureKind::UpstreamUnavailable),
        ] {
            let http = Answers(status, b"[]");
            let asked = ask::<Vec<String>>(&http, &ZOO, index()).now_or_never().unwrap();
            assert_eq!(kind(asked), Err(expected), "{status}");
            assert_eq!(texts(status, b"no")[0], Err(expected), "{status}");
        }
    }

    #[test]
    fn what_is_no_text_is_an_odd_answer() {
        let odd = Err(FailureKind::UnexpectedResponse);
        assert_eq!(texts(200, b"\xff\xfe"), [odd.clone(), odd]);
        let lion = Ok(Some("lion\n".to_owned()));
        assert_eq!(texts(200, b"lion\n"), [lion.clone(), lion]);
    }

    #[test]
    fn what_is_no_address_is_told() {
        let nowhere = || Request::get("nowhere", &[], &[]);
        let http = Answers(200, b"[]");
        let asked = ask::<Vec<String>>(&http, &ZOO, nowhere()).now_or_never().unwrap();
        assert_eq!(kind(asked), Err(FailureKind::UnexpectedResponse));
    }
}
