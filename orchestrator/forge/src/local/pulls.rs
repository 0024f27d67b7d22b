//! Pull requests are found, opened, closed.

use std::{fs, fs::File};

use crate::{
    ForgeError, NewPullRequest, PullRequest, PullRequestState,
    git::GitError,
    local::{
        LocalForge,
        files::{Comment, Stored, StoredState, files},
    },
    lock::lock,
    pull_request::line,
};

/// The forge while no other process changes its files.
pub(super) struct Locked<'a> {
    pub(super) forge: &'a LocalForge,
    _lock: File,
}

impl LocalForge {
    pub(super) async fn locked(&self) -> Result<Locked<'_>, ForgeError> {
        fs::create_dir_all(&self.folder).map_err(files(&self.folder))?;
        let path = self.folder.join("lock");
        let git = self.bare.git();
        let locked = lock(git.clock(), git.patience(), &path).await.map_err(files(&path))?;
        let lock = locked.ok_or(GitError::Busy { lock: path })?;
        Ok(Locked { forge: self, _lock: lock })
    }

    /// The pull request for callers. Other processes may have written the file.
    pub(super) fn describe(&self, stored: &Stored) -> PullRequest {
        let cleaner = self.bare.git().cleaner();
        PullRequest {
            number: stored.number,
            url: self.pull_file(stored.number).display().to_string(),
            branch: stored.branch.clone(),
            head: stored.head.clone(),
            title: line(cleaner, &stored.title),
            labels: stored.labels.iter().map(|label| line(cleaner, label)).collect(),
            state: match &stored.state {
                StoredState::Open => PullRequestState::Open,
                StoredState::Closed => PullRequestState::Closed,
                StoredState::Merged { commit } => {
                    PullRequestState::Merged { commit: Some(commit.clone()) }
                }
            },
            created_at: stored.created_at,
            auto_merge: stored.auto_merge.is_some(),
        }
    }
}

impl Locked<'_> {
    /// All pull requests, the oldest first.
    pub(super) async fn all(&self) -> Result<Vec<PullRequest>, ForgeError> {
        let mut all = vec![];
        for number in self.forge.numbers()? {
            let stored = self.current(number).await?;
            all.extend(stored.map(|stored| self.forge.describe(&stored)));
        }
        Ok(all)
    }

    /// The pull request `number`, after what happened to its branches since it was stored.
    pub(super) async fn current(&self, number: u64) -> Result<Option<Stored>, ForgeError> {
        let Some(stored) = self.forge.load(number)? else { return Ok(None) };
        if stored.state != StoredState::Open {
            return Ok(Some(stored));
        }
        let now = self.observed(stored.clone()).await?;
        if now != stored {
            self.forge.save(&now)?;
        }
        Ok(Some(now))
    }

    async fn observed(&self, stored: Stored) -> Result<Stored, ForgeError> {
        let LocalForge { bare, base, .. } = self.forge;
        let base = bare.tip(base).await?;
        let is_on_main = async |commit| match &base {
            Some(base) => bare.is_ancestor(commit, base).await,
            None => Ok(false),
        };
        if let Some(commit) = &stored.merging {
            // A process was killed during this merge: before, or after the main branch moved.
            if is_on_main(commit).await? {
                let state = StoredState::Merged { commit: commit.clone() };
                return Ok(Stored { state, merging: None, ..stored });
            }
        }
        let Some(head) = bare.tip(&stored.branch).await? else {
            return Ok(Stored { state: StoredState::Closed, merging: None, ..stored });
        };
        let state = if is_on_main(&head).await? {
            StoredState::Merged { commit: head.clone() }
        } else {
            StoredState::Open
        };
        Ok(Stored { head, state, merging: None, ..stored })
    }

    pub(super) async fn existing(&self, number: u64) -> Result<Stored, ForgeError> {
        let what = || format!("pull request {number} in {}", self.forge.folder.display());
        self.current(number).await?.ok_or_else(|| ForgeError::NotFound { what: what() })
    }

    pub(super) async fn find_or_open(
        &self,
        new: &NewPullRequest,
    ) -> Result<PullRequest, ForgeError> {
        let all = self.all().await?;
        if let Some(found) = all.iter().rfind(|pull| pull.branch == new.branch) {
            let mut stored = self.existing(found.number).await?;
            let missing: Vec<String> =
                new.labels.iter().filter(|label| !stored.labels.contains(label)).cloned().collect();
            if stored.state == StoredState::Open && !missing.is_empty() {
                stored.labels.extend(missing);
                self.forge.save(&stored)?;
            }
            return Ok(self.forge.describe(&stored));
        }
        let number = all.last().map_or(1, |last| last.number + 1);
        let stored = self.new_pull(number, new).await?;
        self.forge.save(&stored)?;
        Ok(self.forge.describe(&stored))
    }

    async fn new_pull(&self, number: u64, new: &NewPullRequest) -> Result<Stored, ForgeError> {
        let LocalForge { bare, base, .. } = self.forge;
        let invalid = |message| ForgeError::Invalid { messages: vec![message] };
        let head = bare.tip(&new.branch).await?;
        let head = head.ok_or_else(|| invalid(format!("there is no branch {}", new.branch)))?;
        let main = bare.tip(base).await?;
        let main = main.ok_or_else(|| invalid(format!("there is no branch {base}")))?;
        if bare.is_ancestor(&head, &main).await? {
            return Err(invalid(format!("No commits between {base} and {}", new.branch)));
        }
        Ok(Stored {
            number,
            branch: new.branch.clone(),
            head,
            title: new.title.clone(),
            body: new.body.clone(),
            labels: new.labels.clone(),
            state: StoredState::Open,
            created_at: bare.git().clock().now(),
            auto_merge: None,
            merging: None,
            comments: vec![],
        })
    }

    pub(super) async fn close(&self, number: u64, reason: &str) -> Result<(), ForgeError> {
        let stored = self.existing(number).await?;
        if stored.state != StoredState::Open {
            return Ok(());
        }
        let stored = Stored { state: StoredState::Closed, ..self.with_comment(stored, reason) };
        self.forge.save(&stored)
    }

    pub(super) async fn comment(&self, number: u64, text: &str) -> Result<(), ForgeError> {
        let stored = self.existing(number).await?;
        self.forge.save(&self.with_comment(stored, text))
    }

    fn with_comment(&self, mut stored: Stored, text: &str) -> Stored {
        let at = self.forge.bare.git().clock().now();
        stored.comments.push(Comment { at, text: text.to_owned() });
        stored
    }
}
