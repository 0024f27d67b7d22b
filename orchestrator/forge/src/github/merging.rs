//! Branches are brought up to date, and merged.

use std::time::Duration;

use batch_core::io::Method;
use serde_json::json;

use crate::{
    BranchUpdate, CheckState, ForgeError, MergeOutcome, PullRequest, Squash,
    github::{
        Github,
        answers::{Merged, Pull, PullState},
    },
};

/// How often GitHub is asked whether it can merge, and the time between the questions. It finds out
/// in the background.
const N_LOOKS: usize = 5;
const LOOK_AGAIN: Duration = Duration::from_secs(2);

impl Github {
    pub(super) async fn bring_up_to_date(
        &self,
        pull_request: &PullRequest,
    ) -> Result<BranchUpdate, ForgeError> {
        let path = ["pulls", &pull_request.number.to_string(), "update-branch"];
        let body = json!({ "expected_head_sha": pull_request.head.as_str() });
        let response = self.api.send(self.api.send_json(Method::Put, &path, &body)?).await?;
        if (200..300).contains(&response.status) {
            return Ok(BranchUpdate::Updated);
        }
        let error = self.api.refusal(&response);
        let ForgeError::Invalid { messages } = &error else { return Err(error) };
        let text = messages.join(" ").to_ascii_lowercase();
        let says = |part| text.contains(part);
        match () {
            () if says("no new commits") => Ok(BranchUpdate::UpToDate),
            () if says("conflict") => Ok(BranchUpdate::Conflict),
            () if says("head sha") => Ok(BranchUpdate::Moved),
            () => Err(error),
        }
    }

    pub(super) async fn merge_if_green(
        &self,
        pull_request: &PullRequest,
        squash: &Squash,
    ) -> Result<MergeOutcome, ForgeError> {
        let pull = self.tried(pull_request.number).await?;
        if let Some(ended) = ended(&pull) {
            return Ok(ended);
        }
        if pull.head.sha != pull_request.head.as_str() {
            return Ok(MergeOutcome::Moved);
        }
        let checks = self.all_checks(&pull_request.head).await?;
        if checks.state() != CheckState::Green {
            return Ok(MergeOutcome::NotGreen(checks));
        }
        match pull.mergeable_state.as_deref() {
            Some("behind") => return Ok(MergeOutcome::Behind),
            Some("dirty") => return Ok(MergeOutcome::Conflict),
            // About everything else, the answer to the merge says more.
            Some(_) | None => (),
        }
        let path = ["pulls", &pull_request.number.to_string(), "merge"];
        let body = json!({
            "merge_method": "squash",
            "commit_title": squash.title,
            "commit_message": squash.body,
            "sha": pull_request.head.as_str(),
        });
        let asked = self.api.send(self.api.send_json(Method::Put, &path, &body)?).await;
        let refused = match asked {
            Ok(response) if (200..300).contains(&response.status) => {
                let Merged { sha } = self.api.read(&response)?;
                return Ok(MergeOutcome::Merged { commit: sha.parse().ok() });
            }
            Ok(response) => self.api.refusal(&response),
            Err(error) => error,
        };
        self.what_became(pull_request.number, refused).await
    }

    /// The pull request, if possible after GitHub has tried to merge it.
    async fn tried(&self, number: u64) -> Result<Pull, ForgeError> {
        let mut pull = self.existing(number).await?;
        for _ in 1..N_LOOKS {
            if pull.mergeable.is_some() || ended(&pull).is_some() {
                break;
            }
            self.api.clock.sleep(LOOK_AGAIN).await;
            pull = self.existing(number).await?;
        }
        Ok(pull)
    }

    /// What an unsuccessful merge came to. It may have been done although its answer was lost, and
    /// a second request for it is refused.
    async fn what_became(
        &self,
        number: u64,
        refused: ForgeError,
    ) -> Result<MergeOutcome, ForgeError> {
        let reason = if let ForgeError::Invalid { messages } = &refused {
            Some(messages.join("; "))
        } else {
            None
        };
        if reason.is_none() && !matches!(refused, ForgeError::Unreachable { .. }) {
            return Err(refused);
        }
        if let Some(ended) = ended(&self.existing(number).await?) {
            return Ok(ended);
        }
        let Some(reason) = reason else { return Err(refused) };
        let says = |part| reason.contains(part);
        Ok(match () {
            () if says("Base branch was modified") => MergeOutcome::Behind,
            () if says("Head branch was modified") => MergeOutcome::Moved,
            () => MergeOutcome::Refused { reason },
        })
    }
}

/// `None` while it is open.
fn ended(pull: &Pull) -> Option<MergeOutcome> {
    if pull.merged_at.is_some() {
        let commit = pull.merge_commit_sha.as_ref().and_then(|sha| sha.parse().ok());
        return Some(MergeOutcome::Merged { commit });
    }
    let closed = || MergeOutcome::Refused { reason: "it is closed".to_owned() };
    (pull.state != PullState::Open).then(closed)
}
