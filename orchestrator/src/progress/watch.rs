//! Requests about a package, as a person sees them.

use async_trait::async_trait;
use batch_core::{
    io::{CachedFile, Http, HttpError, Request, Response},
    model::PackageId,
};

use super::Progress;

/// An [`Http`] that tells [`Progress`] which host a package waits for: for its quota, and for its
/// answer.
pub struct WatchedHttp<'a> {
    pub(super) http: &'a dyn Http,
    pub(super) progress: &'a Progress,
    pub(super) package: &'a PackageId,
}

/// A request that has not ended. It also ends when nobody waits for it any more.
struct Waiting<'a> {
    progress: &'a Progress,
    package: &'a PackageId,
    host: String,
}

impl WatchedHttp<'_> {
    fn wait_for(&self, request: &Request) -> Waiting<'_> {
        let Self { progress, package, .. } = *self;
        let host = request.url.host_str().unwrap_or_default().to_owned();
        progress.asks(package, &host);
        Waiting { progress, package, host }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.progress.asked(self.package, &self.host);
    }
}

#[async_trait]
impl Http for WatchedHttp<'_> {
    async fn send(&self, request: Request) -> Result<Response, HttpError> {
        let _waiting = self.wait_for(&request);
        self.http.send(request).await
    }

    async fn fetch_to_cache(&self, request: Request) -> Result<CachedFile, HttpError> {
        let _waiting = self.wait_for(&request);
        self.http.fetch_to_cache(request).await
    }
}
