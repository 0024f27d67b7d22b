//! Pull requests are found, opened, closed.

use batch_core::io::Method;
use serde_json::{Value, json};

use crate::{
    ForgeError, NewPullRequest, PullRequest, PullRequestState,
    git::BranchName,
    github::{
        Github,
        answers::{Pull, PullState},
        api::PER_PAGE,
        refusal,
    },
    pull_request::line,
};

/// The colour of labels that are made here.
const LABEL_COLOR: &str = "c5def5";

impl Github {
    pub(super) async fn list_open(&self, prefix: &str) -> Result<Vec<PullRequest>, ForgeError> {
        let query = [
            ("state", "open"),
            ("base", self.base.as_str()),
            ("sort", "created"),
            ("direction", "asc"),
            ("per_page", PER_PAGE),
        ];
        let pulls: Vec<Pull> =
            self.api.pages(self.api.get(&["pulls"], &query)?, |page: Vec<Pull>| page).await?;
        let pulls = pulls.iter().filter(|pull| pull.head.branch.starts_with(prefix));
        Ok(pulls.filter_map(|pull| self.read(pull)).collect())
    }

    pub(super) async fn newest(
        &self,
        branch: &BranchName,
    ) -> Result<Option<PullRequest>, ForgeError> {
        let head = format!("{}:{branch}", self.api.repository.owner());
        let query = [
            ("state", "all"),
            ("head", &head),
            ("sort", "created"),
            ("direction", "desc"),
            ("per_page", PER_PAGE),
        ];
        let pulls: Vec<Pull> = self.api.ask(self.api.get(&["pulls"], &query)?).await?;
        // GitHub ignores a filter that it does not understand.
        let pulls = pulls.iter().filter(|pull| pull.head.branch == branch.as_str());
        Ok(pulls.filter_map(|pull| self.read(pull)).max_by_key(|pull| pull.number))
    }

    /// The pull request `number` with the fields that lists leave out.
    pub(super) async fn pull(&self, number: u64) -> Result<Option<Pull>, ForgeError> {
        let request = self.api.get(&["pulls", &number.to_string()], &[])?;
        match self.api.ask(request).await {
            Ok(pull) => Ok(Some(pull)),
            Err(ForgeError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The same, which must exist.
    pub(super) async fn existing(&self, number: u64) -> Result<Pull, ForgeError> {
        let what = || format!("pull request {number} of {}", self.api.repository);
        self.pull(number).await?.ok_or_else(|| ForgeError::NotFound { what: what() })
    }

    /// `None` for a pull request from a fork, whose branch anybody can name as he likes, and for one
    /// into another branch.
    pub(super) fn read(&self, pull: &Pull) -> Option<PullRequest> {
        let name = pull.head.repo.as_ref().map(|repo| repo.full_name.to_ascii_lowercase());
        let is_own =
            name == pull.base.repo.as_ref().map(|repo| repo.full_name.to_ascii_lowercase());
        if !is_own || name.is_none() || pull.base.branch != self.base.as_str() {
            return None;
        }
        let cleaner = &self.api.cleaner;
        let commit = pull.merge_commit_sha.as_ref().and_then(|sha| sha.parse().ok());
        let state = match (pull.state, pull.merged_at) {
            (_, Some(_)) => PullRequestState::Merged { commit },
            (PullState::Closed, None) => PullRequestState::Closed,
            (PullState::Open, None) => PullRequestState::Open,
        };
        Some(PullRequest {
            number: pull.number,
            url: line(cleaner, &pull.html_url),
            branch: pull.head.branch.parse().ok()?,
            head: pull.head.sha.parse().ok()?,
            title: line(cleaner, &pull.title),
            labels: pull.labels.iter().map(|label| line(cleaner, &label.name)).collect(),
            state,
            created_at: pull.created_at,
            auto_merge: pull.auto_merge.is_some(),
        })
    }

    pub(super) async fn find_or_open(
        &self,
        new: &NewPullRequest,
    ) -> Result<PullRequest, ForgeError> {
        new.check()?;
        let found = match self.newest(&new.branch).await? {
            Some(found) => found,
            None => self.open_new(new).await?,
        };
        if found.state != PullRequestState::Open {
            return Ok(found);
        }
        let missing: Vec<&String> =
            new.labels.iter().filter(|label| !found.labels.contains(label)).collect();
        if missing.is_empty() {
            return Ok(found);
        }
        for label in &missing {
            self.make_label(label).await?;
        }
        let number = found.number.to_string();
        let labels = json!({ "labels": missing });
        let request = self.api.send_json(Method::Post, &["issues", &number, "labels"], &labels)?;
        self.api.ask::<Value>(request).await?;
        let labels = found.labels.iter().chain(missing).cloned().collect();
        Ok(PullRequest { labels, ..found })
    }

    /// Opens a pull request. When no answer comes, it may be open nevertheless.
    async fn open_new(&self, new: &NewPullRequest) -> Result<PullRequest, ForgeError> {
        let body = json!({
            "title": new.title,
            "head": new.branch.as_str(),
            "base": self.base.as_str(),
            "body": new.body,
        });
        let request = self.api.send_json(Method::Post, &["pulls"], &body)?;
        let asked = async || self.api.ask::<Pull>(request.clone()).await;
        let pull = match asked().await {
            Err(ForgeError::Unreachable { .. }) => match self.newest(&new.branch).await? {
                Some(found) => return Ok(found),
                None => asked().await?,
            },
            outcome => outcome?,
        };
        self.read(&pull).ok_or_else(|| ForgeError::Unexpected {
            reason: format!("pull request {} is not the one that was opened", pull.number),
        })
    }

    async fn make_label(&self, name: &str) -> Result<(), ForgeError> {
        let body = json!({ "name": name, "color": LABEL_COLOR });
        let response = self.api.send(self.api.send_json(Method::Post, &["labels"], &body)?).await?;
        let exists = response.status == 422 && refusal::has_code(&response.body, "already_exists");
        if (200..300).contains(&response.status) || exists {
            Ok(())
        } else {
            Err(self.api.refusal(&response))
        }
    }

    pub(super) async fn close_with(&self, number: u64, reason: &str) -> Result<(), ForgeError> {
        if self.existing(number).await?.state != PullState::Open {
            return Ok(());
        }
        self.add_comment(number, reason).await?;
        let closed = json!({ "state": "closed" });
        let path = ["pulls", &number.to_string()];
        self.api.ask::<Value>(self.api.send_json(Method::Patch, &path, &closed)?).await?;
        Ok(())
    }

    pub(super) async fn add_comment(&self, number: u64, text: &str) -> Result<(), ForgeError> {
        let path = ["issues", &number.to_string(), "comments"];
        let body = json!({ "body": text });
        self.api.ask::<Value>(self.api.send_json(Method::Post, &path, &body)?).await?;
        Ok(())
    }
}
