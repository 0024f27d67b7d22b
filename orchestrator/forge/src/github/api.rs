//! Requests to GitHub.

use std::sync::Arc;

use batch_core::{
    decide::clean::Cleaner,
    io::{Clock, Http, HttpError, Method, Request, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use url::Url;

use crate::{
    ForgeError, Secret,
    github::{
        API, Repository,
        refusal::{self, MIN_PAUSE},
    },
};

/// How many entries a page has. GitHub gives no more.
pub(super) const PER_PAGE: &str = "100";

/// The most pages that are read: more entries than any repository has open pull requests or checks.
const MAX_PAGES: usize = 50;

/// The largest answer: a hundred pull requests with the longest texts.
const MAX_BYTES: usize = 64 << 20;

/// One repository of GitHub.
pub(super) struct Api {
    pub(super) http: Arc<dyn Http>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) cleaner: Arc<Cleaner>,
    pub(super) token: Secret,
    pub(super) repository: Repository,
}

impl Api {
    /// A request for `path` below the repository.
    pub(super) fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Request, ForgeError> {
        let of_repository = ["repos", self.repository.owner(), self.repository.name()];
        self.request(&[&of_repository, path].concat(), query)
    }

    /// The same, with which `body` is sent.
    pub(super) fn send_json(
        &self,
        method: Method,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<Request, ForgeError> {
        Ok(Request { method, body: to_json(body)?, ..self.get(path, &[])? })
    }

    pub(super) fn graphql(&self, body: &impl Serialize) -> Result<Request, ForgeError> {
        let request = self.request(&["graphql"], &[])?;
        Ok(Request { method: Method::Post, body: to_json(body)?, ..request })
    }

    /// A request for `path`, wherever it is.
    pub(super) fn request(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Request, ForgeError> {
        let request = Request::get(API, path, query)
            .map_err(|error| ForgeError::Unexpected { reason: error.to_string() })?;
        let auth = Some(self.token.reveal().to_owned());
        let accept = Some("application/vnd.github+json");
        Ok(Request { auth, accept, ..request.at_most(MAX_BYTES) })
    }

    /// The answer to `request`, whatever its status.
    pub(super) async fn send(&self, request: Request) -> Result<Response, ForgeError> {
        self.http.send(request).await.map_err(|error| self.no_answer(&error))
    }

    /// The answer to `request`, which must be a success.
    pub(super) async fn ask<T: DeserializeOwned>(&self, request: Request) -> Result<T, ForgeError> {
        let response = self.send(request).await?;
        if (200..300).contains(&response.status) {
            self.read(&response)
        } else {
            Err(self.refusal(&response))
        }
    }

    /// The entries of all pages, of which `request` asks for the first. `entries` takes them out of
    /// a page.
    pub(super) async fn pages<P: DeserializeOwned, T>(
        &self,
        request: Request,
        entries: fn(P) -> Vec<T>,
    ) -> Result<Vec<T>, ForgeError> {
        let mut all = vec![];
        let mut next = Some(request);
        for _ in 0..MAX_PAGES {
            let Some(request) = next else { return Ok(all) };
            let response = self.send(request.clone()).await?;
            if response.status != 200 {
                return Err(self.refusal(&response));
            }
            all.extend(entries(self.read(&response)?));
            next = match response.headers.get("link").and_then(|link| next_page(link)) {
                None => None,
                Some(url) => Some(Request { url: self.same_origin(url)?, ..request }),
            };
        }
        let reason = format!("more than {MAX_PAGES} pages");
        Err(ForgeError::Unexpected { reason })
    }

    /// The token goes with the request, so it may not lead elsewhere.
    fn same_origin(&self, url: &str) -> Result<Url, ForgeError> {
        let of_api = |url: &Url| url.as_str().starts_with(&format!("{API}/"));
        Url::parse(url).ok().filter(of_api).ok_or_else(|| ForgeError::Unexpected {
            reason: format!(
                "its next page is at {}",
                crate::pull_request::line(&self.cleaner, url)
            ),
        })
    }

    pub(super) fn read<T: DeserializeOwned>(&self, response: &Response) -> Result<T, ForgeError> {
        serde_json::from_slice(&response.body).map_err(|error| {
            let reason = crate::pull_request::line(&self.cleaner, &error.to_string());
            ForgeError::Unexpected { reason: format!("{}: {reason}", response.url) }
        })
    }

    /// What an answer means that is no success.
    pub(super) fn refusal(&self, response: &Response) -> ForgeError {
        refusal::read(response, self.clock.now(), &self.cleaner)
    }

    pub(super) fn no_answer(&self, error: &HttpError) -> ForgeError {
        if let HttpError::Paused { until, .. } = error {
            return ForgeError::SecondaryLimit { until: *until };
        }
        if let HttpError::Throttled { .. } = error {
            return ForgeError::SecondaryLimit { until: self.clock.now() + MIN_PAUSE };
        }
        let mut reason = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(error) = cause {
            reason = format!("{reason}: {error}");
            cause = error.source();
        }
        ForgeError::Unreachable { reason: crate::pull_request::line(&self.cleaner, &reason) }
    }
}

fn to_json(body: &impl Serialize) -> Result<Vec<u8>, ForgeError> {
    serde_json::to_vec(body).map_err(|error| ForgeError::Unexpected { reason: error.to_string() })
}

/// The address of the next page in the header `Link` (RFC 8288).
fn next_page(link: &str) -> Option<&str> {
    link.split(',').find_map(|entry| {
        let (url, parameters) = entry.trim().strip_prefix('<')?.split_once('>')?;
        let mut parameters = parameters.split(';').map(str::trim);
        parameters.any(|parameter| parameter == "rel=\"next\"").then_some(url)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_among_the_links() {
        let link = "<https://a.example/x?page=1>; rel=\"prev\", \
                    <https://a.example/x?page=3>; rel=\"next\", <https://a.example/x?page=9>; rel=\"last\"";
        assert_eq!(next_page(link), Some("https://a.example/x?page=3"));
        assert_eq!(next_page("<https://a.example/x?page=1>; rel=\"prev\""), None);
        assert_eq!(next_page("nonsense"), None);
    }
}
