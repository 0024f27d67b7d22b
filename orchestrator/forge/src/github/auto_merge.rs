//! Automatic merges.

use serde_json::json;

use crate::{
    AutoMerge, ForgeError, PullRequest, Squash,
    github::{
        Github,
        answers::{GraphQl, PullState},
        refusal,
    },
};

const MUTATION: &str = "mutation($input: EnablePullRequestAutoMergeInput!) { \
                        enablePullRequestAutoMerge(input: $input) { clientMutationId } }";

/// Parts of messages that mean that the pull request waits for nothing.
const NOTHING_TO_WAIT_FOR: &[&str] = &["in clean status", "in unstable status"];

impl Github {
    pub(super) async fn auto_merge(
        &self,
        pull_request: &PullRequest,
        squash: &Squash,
    ) -> Result<AutoMerge, ForgeError> {
        let pull = self.existing(pull_request.number).await?;
        if pull.state != PullState::Open {
            return Ok(AutoMerge::NotAllowed { reason: "it is not open".to_owned() });
        }
        if pull.auto_merge.is_some() {
            return Ok(AutoMerge::Enabled);
        }
        let body = json!({ "query": MUTATION, "variables": { "input": {
            "pullRequestId": pull.node_id,
            "mergeMethod": "SQUASH",
            "commitHeadline": squash.title,
            "commitBody": squash.body,
            "expectedHeadOid": pull_request.head.as_str(),
        }}});
        let response = self.api.send(self.api.graphql(&body)?).await?;
        if response.status != 200 {
            return Err(self.api.refusal(&response));
        }
        let answer: GraphQl = self.api.read(&response)?;
        let Some(error) = answer.errors.first() else { return Ok(AutoMerge::Enabled) };
        let message = crate::pull_request::line(&self.api.cleaner, &error.message);
        match &*error.kind {
            // As a refusal with the same headers, which say until when.
            "RATE_LIMITED" => {
                let status = 429;
                Err(self.api.refusal(&batch_core::io::Response { status, ..response }))
            }
            "FORBIDDEN" | "INSUFFICIENT_SCOPES" => {
                let remedy = refusal::remedy(&message, Some("contents=write, pull_requests=write"));
                Err(ForgeError::Forbidden { reason: message, remedy })
            }
            _ if NOTHING_TO_WAIT_FOR.iter().any(|part| message.contains(part)) => {
                Ok(AutoMerge::AlreadyMergeable)
            }
            _ => Ok(AutoMerge::NotAllowed { reason: with_remedy(message) }),
        }
    }
}

fn with_remedy(message: String) -> String {
    let remedy = if message.contains("not allowed for this repository") {
        "allow auto-merge in the repository's settings (General, Pull Requests)"
    } else if message.contains("rotected branch rules not configured") {
        "protect the main branch with required checks, for which an automatic merge can wait"
    } else {
        return message;
    };
    format!("{message}; {remedy}")
}
