//! What GitHub answers, as far as it is used.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::Conclusion;

/// A pull request. Lists leave out the fields that are optional here.
#[derive(Deserialize)]
pub(super) struct Pull {
    pub(super) number: u64,
    pub(super) node_id: String,
    pub(super) html_url: String,
    pub(super) state: PullState,
    pub(super) title: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) merged_at: Option<DateTime<Utc>>,
    /// While it is open: a trial merge.
    pub(super) merge_commit_sha: Option<String>,
    pub(super) labels: Vec<Label>,
    pub(super) head: End,
    pub(super) base: End,
    pub(super) auto_merge: Option<serde::de::IgnoredAny>,
    /// Null until GitHub has tried it.
    #[serde(default)]
    pub(super) mergeable: Option<bool>,
    #[serde(default)]
    pub(super) mergeable_state: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PullState {
    Open,
    Closed,
}

#[derive(Deserialize)]
pub(super) struct Label {
    pub(super) name: String,
}

/// A page of artifacts of workflow runs.
#[derive(Deserialize)]
pub(super) struct Artifacts {
    pub(super) artifacts: Vec<Artifact>,
}

/// A folder that a workflow run has uploaded.
#[derive(Deserialize)]
pub(super) struct Artifact {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) expired: bool,
    pub(super) created_at: Option<DateTime<Utc>>,
    pub(super) workflow_run: Option<WorkflowRun>,
}

/// The run that has uploaded it.
#[derive(Deserialize)]
pub(super) struct WorkflowRun {
    pub(super) repository_id: Option<u64>,
    /// Another one for pull requests from forks.
    pub(super) head_repository_id: Option<u64>,
    pub(super) head_branch: Option<String>,
}

/// One end of a pull request: a branch and its commit.
#[derive(Deserialize)]
pub(super) struct End {
    #[serde(rename = "ref")]
    pub(super) branch: String,
    pub(super) sha: String,
    /// Null when the fork was deleted.
    pub(super) repo: Option<FullName>,
}

#[derive(Deserialize)]
pub(super) struct FullName {
    pub(super) full_name: String,
}

/// A branch, with the older kind of protection, which everybody may see.
#[derive(Deserialize)]
pub(super) struct Branch {
    #[serde(default)]
    pub(super) protection: Protection,
}

#[derive(Default, Deserialize)]
pub(super) struct Protection {
    #[serde(default)]
    pub(super) required_status_checks: RequiredStatusChecks,
}

#[derive(Default, Deserialize)]
pub(super) struct RequiredStatusChecks {
    #[serde(default)]
    pub(super) contexts: Vec<String>,
}

/// A rule of a ruleset, of which there are many kinds.
#[derive(Deserialize)]
pub(super) struct BranchRule {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) parameters: RuleParameters,
}

#[derive(Default, Deserialize)]
pub(super) struct RuleParameters {
    #[serde(default)]
    pub(super) required_status_checks: Vec<RequiredCheck>,
}

#[derive(Deserialize)]
pub(super) struct RequiredCheck {
    pub(super) context: String,
}

/// The answer to `/rate_limit`.
#[derive(Deserialize)]
pub(super) struct RateLimits {
    pub(super) resources: Resources,
}

#[derive(Deserialize)]
pub(super) struct Resources {
    pub(super) core: RateLimit,
}

#[derive(Deserialize)]
pub(super) struct RateLimit {
    pub(super) limit: u64,
    pub(super) remaining: u64,
    /// In seconds since 1970.
    pub(super) reset: i64,
}

#[derive(Deserialize)]
pub(super) struct Merged {
    pub(super) sha: String,
}

#[derive(Deserialize)]
pub(super) struct CheckRuns {
    pub(super) check_runs: Vec<CheckRun>,
}

#[derive(Deserialize)]
pub(super) struct CheckRun {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) status: String,
    pub(super) conclusion: Option<Conclusion>,
    pub(super) html_url: Option<String>,
    pub(super) output: CheckOutput,
}

#[derive(Deserialize)]
pub(super) struct CheckOutput {
    pub(super) title: Option<String>,
    pub(super) summary: Option<String>,
    pub(super) text: Option<String>,
    #[serde(default)]
    pub(super) annotations_count: u64,
}

#[derive(Deserialize)]
pub(super) struct Annotation {
    pub(super) path: String,
    pub(super) start_line: u64,
    pub(super) message: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Statuses {
    pub(super) statuses: Vec<Status>,
}

/// A status: the older kind of check.
#[derive(Deserialize)]
pub(super) struct Status {
    pub(super) context: String,
    pub(super) state: StatusState,
    pub(super) description: Option<String>,
    pub(super) target_url: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StatusState {
    Error,
    Failure,
    Pending,
    Success,
    #[serde(other)]
    Unknown,
}

/// The answer of GraphQL: its errors come with the status 200.
#[derive(Deserialize)]
pub(super) struct GraphQl {
    #[serde(default)]
    pub(super) errors: Vec<GraphQlError>,
}

#[derive(Deserialize)]
pub(super) struct GraphQlError {
    #[serde(default, rename = "type")]
    pub(super) kind: String,
    pub(super) message: String,
}
