//! Artifacts of workflow runs.
//!
//! <https://docs.github.com/en/rest/actions/artifacts> documents the list, and that the request for an
//! archive is redirected to an address that is valid for a minute. That address is at one of many hosts of a
//! store, needs no token, and is not part of the API, so no quota is declared for it.

use batch_core::io::{HttpError, Request, Validators};
use chrono::{DateTime, Utc};

use crate::{
    ForgeError, Uploaded,
    archive::unpack,
    github::{
        Github,
        answers::{Artifact, Artifacts},
        api::PER_PAGE,
    },
    pull_request::line,
};

/// The largest archive in bytes.
const MAX_BYTES: usize = 64 << 20;

impl Github {
    /// The artifacts that runs on the main branch of the repository itself have uploaded since `since`.
    /// Artifacts of pull requests may contain anything, and are left out.
    pub(super) async fn own_artifacts(
        &self,
        since: DateTime<Utc>,
    ) -> Result<Vec<Uploaded>, ForgeError> {
        let request = self.api.get(&["actions", "artifacts"], &[("per_page", PER_PAGE)])?;
        let mut listed = self.api.pages(request, |page: Artifacts| page.artifacts).await?;
        listed.retain(|artifact| {
            let run = artifact.workflow_run.as_ref();
            let is_of_main = run.is_some_and(|run| {
                run.head_branch.as_deref() == Some(self.base.as_str())
                    && run.repository_id.is_some()
                    && run.head_repository_id == run.repository_id
            });
            is_of_main && !artifact.expired && artifact.created_at.is_none_or(|at| since <= at)
        });
        let uploaded = |artifact: Artifact| Uploaded {
            id: artifact.id,
            name: line(&self.api.cleaner, &artifact.name),
        };
        Ok(listed.into_iter().map(uploaded).collect())
    }

    pub(super) async fn files_of(&self, id: u64) -> Result<Vec<(String, Vec<u8>)>, ForgeError> {
        let request = self.api.get(&["actions", "artifacts", &id.to_string(), "zip"], &[])?;
        let bytes = match self.api.http.send(request.at_most(MAX_BYTES)).await {
            Ok(response) if response.status == 200 => response.body,
            Ok(response) => return Err(self.api.refusal(&response)),
            // The store: the redirect was not followed, because nobody declares its host.
            Err(HttpError::Undeclared { url }) => {
                let request = Request::get(url.as_str(), &[], &[]);
                let request = request.map_err(|error| self.api.no_answer(&error))?;
                self.stored(&request.at_most(MAX_BYTES)).await?
            }
            Err(error) => return Err(self.api.no_answer(&error)),
        };
        unpack(&bytes).map_err(|reason| ForgeError::Unexpected {
            reason: format!("the artifact {id} cannot be unpacked: {reason}"),
        })
    }

    async fn stored(&self, request: &Request) -> Result<Vec<u8>, ForgeError> {
        let unreachable = |reason: String| ForgeError::Unreachable {
            reason: format!("the store of artifacts: {}", line(&self.api.cleaner, &reason)),
        };
        let sent = self.store.send(request, &Validators::default()).await;
        let mut reply = sent.map_err(|error| unreachable(error.to_string()))?;
        if reply.status != 200 {
            return Err(unreachable(format!("HTTP {}", reply.status)));
        }
        let mut bytes = vec![];
        while let Some(chunk) =
            reply.body.chunk().await.map_err(|error| unreachable(error.to_string()))?
        {
            bytes.extend(chunk);
            if MAX_BYTES < bytes.len() {
                return Err(unreachable(format!("an archive of more than {MAX_BYTES} bytes")));
            }
        }
        Ok(bytes)
    }
}
