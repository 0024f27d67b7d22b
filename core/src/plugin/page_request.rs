//! One page of a list is wanted: asks the registry for it.

use std::path::Path;

use chrono::NaiveDate;
use serde::de::DeserializeOwned;
use url::Url;

use crate::{
    io::{Http, Request, run_blocking},
    model::{Candidate, EcosystemId, Measure, PackageId, Page, PassedOver},
    plugin::{Asked, EcosystemPlugin, Names, Row, Seeder, Source, SourceError, SourceErrorKind},
};

/// A request for one page of a list.
#[derive(Clone, Copy)]
pub struct PageRequest<'a> {
    /// The ecosystem of the list.
    pub ecosystem: &'a EcosystemId,
    /// The spelling of its names.
    pub names: &'a dyn Names,
    /// Sends the requests.
    pub http: &'a dyn Http,
    /// The list.
    pub source: &'a Source,
    /// Where the page begins, as the previous page said; `None` is the first page.
    pub cursor: Option<&'a str>,
    /// Maximal number of candidates on the page; zero means one.
    pub limit: usize,
}

/// The answer of a registry.
#[derive(Debug, Clone)]
pub struct Answer<T> {
    /// The address after redirects.
    pub url: Url,
    /// The day on which the registry answered; `None` if it does not say.
    pub answered_on: Option<NaiveDate>,
    /// What it answered.
    pub content: T,
}

impl<'a> PageRequest<'a> {
    /// The first page of `source`, a list of `plugin`, with all candidates that fit on it.
    pub fn first(plugin: &'a EcosystemPlugin, http: &'a dyn Http, source: &'a Source) -> Self {
        let (ecosystem, names) = (&plugin.id, plugin.names);
        Self { ecosystem, names, http, source, cursor: None, limit: usize::MAX }
    }

    /// The page. The same answers of the registry give the same page.
    pub async fn page(self, seeder: &dyn Seeder) -> Result<Page, SourceError> {
        Ok(seeder.read(self).await?.cut(self))
    }

    /// The answer to `request`. If the address does not exist, the error says that there is no
    /// `what`: publishers of lists always have one.
    pub async fn ask(self, request: Asked, what: &str) -> Result<Answer<Vec<u8>>, SourceError> {
        let request = request.map_err(self.failure())?;
        let response = self.http.send(request).await.map_err(self.failure())?;
        let (url, answered_on) = (response.url.clone(), response.answered_on());
        let found = response.found().map_err(self.failure())?;
        let content = found.ok_or_else(|| self.unexpected(format!("there is no {what}")))?;
        Ok(Answer { url, answered_on, content })
    }

    /// Like [`PageRequest::ask`], for JSON of the shape `T`. Another answer is an error.
    pub async fn ask_json<T: DeserializeOwned>(
        self,
        request: Asked,
        what: &str,
    ) -> Result<Answer<T>, SourceError> {
        let request = request.map(Request::accepting_json);
        let Answer { url, answered_on, content } = self.ask(request, what).await?;
        let content = serde_json::from_slice(&content);
        let content = content.map_err(|error| self.unexpected(error.to_string()))?;
        Ok(Answer { url, answered_on, content })
    }

    /// The result of `read` for the file that answers `request`. It may be larger than the memory,
    /// and reading it may take long. The inner error of `read` says what is wrong with the file.
    pub async fn read_file<T, E>(
        self,
        request: Asked,
        read: impl FnOnce(&Path, &Request) -> Result<Result<T, String>, E> + Send + 'static,
    ) -> Result<T, SourceError>
    where
        T: Send + 'static,
        E: Into<SourceErrorKind> + Send + 'static,
    {
        let request = request.map_err(self.failure())?;
        let file = self.http.fetch_to_cache(request.clone()).await.map_err(self.failure())?;
        let content = run_blocking(move || read(&file, &request)).await.map_err(self.failure())?;
        content.map_err(|reason| self.unexpected(reason))
    }

    /// The candidate that the list spells so, of which nothing else is known. The error is the
    /// entry, skipped because the name is invalid.
    pub fn candidate(self, spelling: &str) -> Row {
        let name = self.names.normalise(spelling);
        let name = name.map_err(|error| PassedOver::misnamed(spelling, &error))?;
        Ok(Candidate::of(PackageId { ecosystem: self.ecosystem.clone(), name }))
    }

    /// What the numbers of the list mean that it publishes itself.
    pub fn measure(
        self,
        unit: &'static str,
        period_days: Option<u32>,
        as_of: Option<NaiveDate>,
    ) -> Measure {
        Measure { unit, period_days, source: self.source.url.to_owned(), as_of }
    }

    /// The registry gave an answer of unexpected shape.
    pub fn unexpected(self, reason: impl Into<String>) -> SourceError {
        let url = Url::parse(self.source.url).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default().to_owned();
        self.failure()(SourceErrorKind::Schema { host, reason: reason.into() })
    }

    fn failure<K: Into<SourceErrorKind>>(self) -> impl FnOnce(K) -> SourceError {
        SourceError::of(self.ecosystem)
    }
}
