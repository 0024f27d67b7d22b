//! Branches are brought up to date, and merged.

use crate::{
    AutoMerge, BranchUpdate, ForgeError, MergeOutcome, PullRequest, Squash,
    git::{CommitId, MergedTree},
    local::{
        LocalForge,
        files::{Stored, StoredState},
        pulls::Locked,
    },
};

/// How often a merge is made anew because somebody else pushed to the main branch meanwhile.
const N_TRIES: usize = 20;

impl Locked<'_> {
    pub(super) async fn bring_up_to_date(
        &self,
        pull_request: &PullRequest,
    ) -> Result<BranchUpdate, ForgeError> {
        let LocalForge { bare, base, .. } = self.forge;
        let stored = self.existing(pull_request.number).await?;
        if stored.state != StoredState::Open || stored.head != pull_request.head {
            return Ok(BranchUpdate::Moved);
        }
        let main = self.main().await?;
        let head = &stored.head;
        if bare.is_ancestor(&main, head).await? {
            return Ok(BranchUpdate::UpToDate);
        }
        let MergedTree::Clean(tree) = bare.merged_tree(head, &main).await? else {
            return Ok(BranchUpdate::Conflict);
        };
        let message = format!("Merge branch '{base}' into {}", stored.branch);
        let now = bare.git().clock().now();
        let merged = bare.commit_tree(&tree, &[head, &main], &message, now).await?;
        if !bare.move_branch(&stored.branch, &merged, head).await? {
            return Ok(BranchUpdate::Moved);
        }
        self.forge.save(&Stored { head: merged, ..stored })?;
        Ok(BranchUpdate::Updated)
    }

    pub(super) async fn auto_merge(
        &self,
        number: u64,
        squash: &Squash,
    ) -> Result<AutoMerge, ForgeError> {
        let stored = self.existing(number).await?;
        let not_allowed = |reason: &str| AutoMerge::NotAllowed { reason: reason.to_owned() };
        if stored.state != StoredState::Open {
            return Ok(not_allowed("it is not open"));
        }
        if stored.auto_merge.is_some() {
            return Ok(AutoMerge::Enabled);
        }
        if !self.forge.protection()?.auto_merge {
            let reason = "automatic merges are not allowed for this repository; allow them in \
                          tsuku-batch/protection.json";
            return Ok(not_allowed(reason));
        }
        if self.forge.may_merge(&stored.head)? && self.is_mergeable(&stored.head).await? {
            return Ok(AutoMerge::AlreadyMergeable);
        }
        self.forge.save(&Stored { auto_merge: Some(squash.clone()), ..stored })?;
        Ok(AutoMerge::Enabled)
    }

    /// Merges what waits for an automatic merge and may be merged now, the oldest first.
    pub(super) async fn settle(&self) -> Result<(), ForgeError> {
        for number in self.forge.numbers()? {
            let Some(stored) = self.current(number).await? else { continue };
            let Some(squash) = stored.auto_merge.clone() else { continue };
            if stored.state == StoredState::Open && self.forge.may_merge(&stored.head)? {
                self.squash(stored, &squash).await?;
            }
        }
        Ok(())
    }

    /// Puts the changes of an open pull request on the main branch, as one commit.
    pub(super) async fn squash(
        &self,
        stored: Stored,
        squash: &Squash,
    ) -> Result<MergeOutcome, ForgeError> {
        let LocalForge { bare, base, .. } = self.forge;
        let is_strict = self.forge.protection()?.strict;
        for _ in 0..N_TRIES {
            let main = self.main().await?;
            let is_up_to_date = bare.is_ancestor(&main, &stored.head).await?;
            let tree = if is_up_to_date {
                bare.tree(&stored.head).await?
            } else if is_strict {
                return Ok(MergeOutcome::Behind);
            } else {
                match bare.merged_tree(&main, &stored.head).await? {
                    MergedTree::Clean(tree) => tree,
                    MergedTree::Conflict => return Ok(MergeOutcome::Conflict),
                }
            };
            let (message, now) = (squash.message(), bare.git().clock().now());
            let commit = bare.commit_tree(&tree, &[&main], &message, now).await?;
            self.forge.save(&Stored { merging: Some(commit.clone()), ..stored.clone() })?;
            if bare.move_branch(base, &commit, &main).await? {
                let state = StoredState::Merged { commit: commit.clone() };
                self.forge.save(&Stored { state, merging: None, ..stored })?;
                return Ok(MergeOutcome::Merged { commit: Some(commit) });
            }
        }
        self.forge.save(&stored)?;
        Ok(MergeOutcome::Behind)
    }

    /// Whether a merge of `head` would be accepted, apart from checks.
    async fn is_mergeable(&self, head: &CommitId) -> Result<bool, ForgeError> {
        let bare = &self.forge.bare;
        let main = self.main().await?;
        if bare.is_ancestor(&main, head).await? {
            return Ok(true);
        }
        let is_clean = matches!(bare.merged_tree(&main, head).await?, MergedTree::Clean(_));
        Ok(is_clean && !self.forge.protection()?.strict)
    }

    async fn main(&self) -> Result<CommitId, ForgeError> {
        let base = &self.forge.base;
        let what = || format!("the branch {base}");
        let tip = self.forge.bare.tip(base).await?;
        tip.ok_or_else(|| ForgeError::NotFound { what: what() })
    }
}
