//! GitHub, by its REST API; its automatic merges exist in GraphQL only.
//!
//! Requests are sent by the project's own [`Http`], so that all requests of the process keep to one
//! set of quotas and pauses, which are continued by the next run, and run on the clock of tests.
//! The crate octocrab (0.54) has connections, waits and repetitions of its own, which know none of
//! these; it returns only "no" where the reason decides what to do next (`update_branch`), and it
//! has no automatic merges. The program `gh` would need an installation, and answers people.
//!
//! Limits, from
//! <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api> and
//! <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api>: 5,000
//! requests an hour for a personal token and 1,000 an hour and repository for the token of a
//! workflow; at most 80 that create something a minute, and 500 an hour; one after the other, with a
//! second between those that change something. [`QUOTA`] keeps to all but the limits of an hour, at
//! which GitHub answers with the time to wait for.

mod answers;
mod api;
mod archives;
mod auto_merge;
mod checks;
mod merging;
mod pulls;
mod refusal;
mod repository;
mod rules;

use std::sync::Arc;

use async_trait::async_trait;
use batch_core::{
    decide::clean::Cleaner,
    io::{Clock, Http, HttpError, Origins, Transport},
    model::Quota,
};
use chrono::{DateTime, Utc};

pub use repository::{InvalidRepository, Repository};

use crate::{
    AutoMerge, BranchUpdate, Checks, Forge, ForgeError, MergeOutcome, NewPullRequest, PullRequest,
    RequestQuota, Secret, Squash, Uploaded,
    git::{BranchName, CommitId},
    pull_request::check_body,
};
use api::Api;

/// The public API. An API of one's own stands in for it, see [`api_origins`].
pub const API: &str = "https://api.github.com";

/// The limit for requests to [`API`]: one a second, one at a time, and at least a minute of pause
/// when GitHub asks for fewer, as it documents.
pub const QUOTA: Quota = Quota::each_second("api.github.com");

/// The table that sends requests for [`API`] to `api`, which is the base of another REST API, such
/// as `https://github.example/api/v3` of an enterprise server. It belongs into a
/// [`MirrorTransport::trusted`](batch_core::io::MirrorTransport::trusted), because the token is for
/// that API.
pub fn api_origins(api: &str) -> Result<Origins, HttpError> {
    let api = api.trim_end_matches('/');
    // An enterprise server has GraphQL beside its REST API.
    let beside = api.strip_suffix("/v3").unwrap_or(api);
    let graphql = (format!("{API}/graphql"), format!("{beside}/graphql"));
    Origins::new([(API, api), (&graphql.0, &graphql.1)])
}

/// What is needed to use GitHub.
pub struct GithubSettings {
    /// Sends the requests. [`QUOTA`] must be among its quotas.
    pub http: Arc<dyn Http>,
    /// Reads the times of limits.
    pub clock: Arc<dyn Clock>,
    /// Cleans what GitHub says.
    pub cleaner: Arc<Cleaner>,
    /// The token. It is sent to [`API`] only, or to what stands in for it.
    pub token: Secret,
    /// The repository.
    pub repository: Repository,
    /// The main branch.
    pub base: BranchName,
    /// Downloads archives from the store of artifacts, without a token.
    pub store: Arc<dyn Transport>,
}

/// The pull requests of a repository on GitHub.
pub struct Github {
    api: Api,
    base: BranchName,
    store: Arc<dyn Transport>,
}

impl Github {
    /// The pull requests of a repository. Nothing is asked for yet.
    pub fn new(settings: GithubSettings) -> Self {
        let GithubSettings { http, clock, cleaner, token, repository, base, store } = settings;
        Self { api: Api { http, clock, cleaner, token, repository }, base, store }
    }
}

#[async_trait]
impl Forge for Github {
    async fn open_pull_requests(&self, prefix: &str) -> Result<Vec<PullRequest>, ForgeError> {
        self.list_open(prefix).await
    }

    async fn newest_pull_request(
        &self,
        branch: &BranchName,
    ) -> Result<Option<PullRequest>, ForgeError> {
        self.newest(branch).await
    }

    async fn pull_request(&self, number: u64) -> Result<Option<PullRequest>, ForgeError> {
        let pull = self.pull(number).await?;
        Ok(pull.and_then(|pull| self.read(&pull)))
    }

    async fn open(&self, new: &NewPullRequest) -> Result<PullRequest, ForgeError> {
        self.find_or_open(new).await
    }

    async fn enable_auto_merge(
        &self,
        pull_request: &PullRequest,
        squash: &Squash,
    ) -> Result<AutoMerge, ForgeError> {
        self.auto_merge(pull_request, squash).await
    }

    async fn update_branch(&self, pull_request: &PullRequest) -> Result<BranchUpdate, ForgeError> {
        self.bring_up_to_date(pull_request).await
    }

    async fn checks(&self, commit: &CommitId) -> Result<Checks, ForgeError> {
        self.all_checks(commit).await
    }

    async fn merge(
        &self,
        pull_request: &PullRequest,
        squash: &Squash,
    ) -> Result<MergeOutcome, ForgeError> {
        self.merge_if_green(pull_request, squash).await
    }

    async fn close(&self, number: u64, reason: &str) -> Result<(), ForgeError> {
        check_body(reason)?;
        self.close_with(number, reason).await
    }

    async fn comment(&self, number: u64, text: &str) -> Result<(), ForgeError> {
        check_body(text)?;
        self.add_comment(number, text).await
    }

    async fn required_checks(&self) -> Result<Vec<String>, ForgeError> {
        self.all_required_checks().await
    }

    async fn quota(&self) -> Result<Option<RequestQuota>, ForgeError> {
        self.remaining_requests().await.map(Some)
    }

    async fn uploaded(&self, since: DateTime<Utc>) -> Result<Vec<Uploaded>, ForgeError> {
        self.own_artifacts(since).await
    }

    async fn download(&self, uploaded: &Uploaded) -> Result<Vec<(String, Vec<u8>)>, ForgeError> {
        self.files_of(uploaded.id).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_enterprise_server_has_graphql_beside_its_rest_api() {
        let check = |api: &str, rest: &str, graphql: &str| {
            let origins = api_origins(api).unwrap();
            assert_eq!(origins.to_mirror(&format!("{API}/repos/a/b")), rest);
            assert_eq!(origins.to_mirror(&format!("{API}/graphql")), graphql);
        };
        let server = "https://github.example/api";
        let rest = format!("{server}/v3/repos/a/b");
        check(&format!("{server}/v3/"), &rest, &format!("{server}/graphql"));
        let local = "http://127.0.0.1:8080";
        check(local, &format!("{local}/repos/a/b"), &format!("{local}/graphql"));
        assert!(api_origins("http://github.example").is_err(), "a token without https");
    }
}
