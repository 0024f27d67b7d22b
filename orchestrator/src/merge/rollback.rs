//! Takes back the recipes of one batch.
//!
//! The files of exactly that batch get the content that they had before it, byte for byte, on a branch of
//! their own. A file that somebody changed later stays as it is. The packages wait for a person
//! afterwards, because the next run would make the same recipes again.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use batch_core::{
    decide::queue_edit::{Operator, rolled_back},
    io::{Clock, FsState, Layout, StateReader as _, StateWriter as _},
    model::{BatchId, Queue, RecipeName},
};
use batch_forge::git::{BranchName, Commit, CommitId, PushOutcome, Worktree};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    recipes::BATCH,
    state_push::{Change, Pushed, StatePush},
};

/// What is to be rolled back, and where.
pub struct Rollback<'a> {
    /// The private worktree.
    pub worktree: &'a Worktree,
    /// The branch that recipes are merged into.
    pub main: &'a BranchName,
    /// The time.
    pub clock: &'a dyn Clock,
    /// The batch.
    pub batch: &'a BatchId,
}

/// What a rollback does, or did.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RollbackOutcome {
    /// The batch.
    pub batch_id: BatchId,
    /// The commit with its recipes.
    pub commit: String,
    /// The files of the batch.
    pub files: Vec<RolledBackFile>,
    /// The branch on which they are rolled back.
    pub branch: String,
    /// Number of packages that wait for a person now.
    pub packages: usize,
}

/// A file of the batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RolledBackFile {
    /// Its path, relative to the root.
    pub path: String,
    /// What happens to it.
    pub change: FileChange,
}

/// What happens to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileChange {
    /// It gets the content that it had before the batch.
    Restored,
    /// It did not exist before the batch, and is removed.
    Removed,
    /// It was changed after the batch, and stays as it is.
    ChangedLater,
}

/// Why there is nothing to roll back.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NothingToRollBack(String);

/// What is known about the batch.
pub struct Found {
    main: CommitId,
    commit: Commit,
    parent: CommitId,
    files: Vec<RolledBackFile>,
}

impl Rollback<'_> {
    /// What the rollback would do.
    pub async fn plan(&self) -> anyhow::Result<(Found, RollbackOutcome)> {
        let found = self.find().await?;
        let outcome = RollbackOutcome {
            batch_id: self.batch.clone(),
            commit: found.commit.id.to_string(),
            files: found.files.clone(),
            branch: format!("rollback/{}", self.batch),
            packages: 0,
        };
        Ok((found, outcome))
    }

    async fn find(&self) -> anyhow::Result<Found> {
        let Self { worktree, main, batch, .. } = self;
        let head = worktree.fetch(main).await?;
        let text = batch.to_string();
        for commit in worktree.commits_with_trailer(&head, BATCH, &text).await? {
            let [parent, ..] = &commit.parents[..] else { continue };
            let parent = parent.clone();
            let mut paths = self.recipes_of(&parent, &commit.id).await?;
            if paths.is_empty() {
                continue;
            }
            worktree.reset_to(&head).await?;
            let n_batches = commit.trailers().filter(|(key, _)| *key == BATCH).count();
            if n_batches > 1 {
                // Recipes that were merged with the state are in one commit for all batches of a run.
                let own = own_recipes(&FsState::open(worktree.root())?, batch)?;
                paths.retain(|path| own.contains(path));
            }
            let mut files = vec![];
            for path in paths {
                let change = self.change_of(&path, (&parent, &commit.id), &head).await?;
                files.push(RolledBackFile { path: path.display().to_string(), change });
            }
            return Ok(Found { main: head, commit, parent, files });
        }
        Err(NothingToRollBack(format!(
            "no commit on {main} has recipes of batch {batch}; see `tsuku-batch runs show {batch}`: it \
             made none, or its pull request is not merged"
        ))
        .into())
    }

    /// The recipes that `commit` changes.
    async fn recipes_of(
        &self,
        parent: &CommitId,
        commit: &CommitId,
    ) -> anyhow::Result<Vec<PathBuf>> {
        let changed = self.worktree.changed_files(parent, commit).await?;
        let is_recipe = |path: &Path| path.starts_with("recipes");
        Ok(changed.into_iter().map(|file| file.path).filter(|path| is_recipe(path)).collect())
    }

    async fn change_of(
        &self,
        path: &Path,
        (parent, commit): (&CommitId, &CommitId),
        main: &CommitId,
    ) -> anyhow::Result<FileChange> {
        let worktree = self.worktree;
        if worktree.show(main, path).await? != worktree.show(commit, path).await? {
            return Ok(FileChange::ChangedLater);
        }
        Ok(match worktree.show(parent, path).await? {
            Some(_) => FileChange::Restored,
            None => FileChange::Removed,
        })
    }

    /// Lets the packages of the batch wait for a person, then makes and pushes the branch.
    pub async fn carry_out(
        &self,
        (found, mut outcome): (Found, RollbackOutcome),
        state: &StatePush<'_>,
        operator: &Operator,
    ) -> anyhow::Result<RollbackOutcome> {
        let paths: Vec<&Path> = found
            .files
            .iter()
            .filter(|file| file.change != FileChange::ChangedLater)
            .map(|file| Path::new(&file.path))
            .collect();
        anyhow::ensure!(
            !paths.is_empty(),
            "all recipes of batch {} were changed later; nothing is rolled back",
            self.batch
        );
        let hold = async |state: FsState| self.hold_packages(&state, &paths, operator);
        outcome.packages = match state.push(&[Path::new("data")], hold).await? {
            Pushed::Now { value, .. } | Pushed::Nothing { value } => value,
            Pushed::Not { reason, .. } => anyhow::bail!("the state cannot be pushed: {reason}"),
        };
        let Self { worktree, clock, batch, .. } = self;
        worktree.reset_to(&found.main).await?;
        worktree.restore(&found.parent, &paths).await?;
        let message = format!(
            "revert(recipes): roll back batch {batch}\n\nThe files have the content that they had before \
             {}.\n\nRolled-Back-Batch: {batch}\n",
            found.commit.id
        );
        let recipes = [Path::new("recipes")];
        let Some(commit) = worktree.commit_all(&recipes, &message, clock.now()).await? else {
            return Ok(outcome);
        };
        let branch: BranchName = outcome.branch.parse()?;
        match worktree.push(&commit, &branch, None).await? {
            PushOutcome::Pushed => Ok(outcome),
            PushOutcome::Behind { .. } => anyhow::bail!(
                "the branch {branch} exists already: merge it, or delete it and roll back again"
            ),
            PushOutcome::Refused { reason } | PushOutcome::Unreachable { reason } => {
                anyhow::bail!("the branch {branch} cannot be pushed: {reason}")
            }
        }
    }

    /// Lets the packages whose recipes are at `paths` wait for a person.
    fn hold_packages(
        &self,
        state: &FsState,
        paths: &[&Path],
        operator: &Operator,
    ) -> anyhow::Result<Change<usize>> {
        let ecosystem = self.batch.ecosystem();
        let layout = Layout::new("");
        let is_rolled_back = |recipe: &RecipeName| paths.contains(&&*layout.recipe(recipe));
        let mut changed = Queue::new();
        if let Some(file) = state.queue(ecosystem)? {
            for entry in file.entries.values() {
                let is_of_batch = entry.recipe.as_ref().is_some_and(is_rolled_back);
                if is_of_batch {
                    changed.insert(entry.id.clone(), rolled_back(entry, self.batch, operator));
                }
            }
            let value = changed.len();
            if value > 0 {
                state.put_entries(Arc::clone(&file), changed, self.clock.now())?;
            }
            let message = format!("chore(state): hold packages of batch {}\n", self.batch);
            return Ok(Change { value, message });
        }
        Ok(Change { value: 0, message: String::new() })
    }
}

/// The paths of the recipes that `batch` made, according to its record.
fn own_recipes(state: &FsState, batch: &BatchId) -> anyhow::Result<BTreeSet<PathBuf>> {
    let layout = Layout::new("");
    let run = state.run(&batch.to_string())?;
    let names = run.map(|run| run.recipes_generated).unwrap_or_default();
    Ok(names.iter().map(|name| layout.recipe(name)).collect())
}
