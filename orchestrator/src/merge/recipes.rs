//! The recipes of a batch that wait for a pull request.

use std::collections::BTreeSet;

use anyhow::Context as _;
use batch_core::{
    decide::{
        apply,
        pull_request::{self, Proposal, ProposedRecipe},
        record,
    },
    io::{FsState, StateReader},
    model::{Delta, PackageId, Status, Tier},
    persist::{may_replace, put_recipe},
};
use batch_forge::{PullRequest, Squash, git::Worktree};

/// The trailer that names a batch.
pub(super) const BATCH: &str = "Batch-Id";

/// The commit that `pull` becomes: with the text of the commit of its batch, so that its trailers survive.
/// For a pull request of a person, only its title.
pub async fn squash_of(pull: &PullRequest, worktree: &Worktree) -> anyhow::Result<Squash> {
    let title = pull.title.clone();
    let Some(batch) = pull.branch.as_str().strip_prefix(pull_request::BRANCHES) else {
        return Ok(Squash { title, body: String::new() });
    };
    let head = worktree.fetch(&pull.branch).await?;
    let commits = worktree.commits_with_trailer(&head, BATCH, batch).await?;
    let text = commits.first().map(|commit| commit.message.as_str()).unwrap_or_default();
    let body = text.split_once("\n\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    Ok(Squash { title, body })
}

/// The recipes of a batch, as they are proposed.
pub(super) struct Recipes<'a> {
    pub(super) delta: &'a Delta,
    pub(super) wanted: Vec<Wanted>,
}

/// One of them.
pub(super) struct Wanted {
    package: PackageId,
    /// `None` if the entry of the package is gone.
    tier: Option<Tier>,
    /// Whether it may take the place of a recipe that is there.
    may_replace: bool,
}

impl<'a> Recipes<'a> {
    /// The recipes of `delta` that wait for a pull request according to `state`.
    pub(super) fn of(delta: &'a Delta, state: &dyn StateReader) -> anyhow::Result<Self> {
        let queue = state.queue(delta.batch.ecosystem())?;
        let all: BTreeSet<PackageId> =
            delta.attempts.iter().map(|attempt| attempt.package.clone()).collect();
        // Recipes that get cells back are merged already, and their entries stay as they are.
        let waiting = match delta.sweep {
            Some(_) => Status::Success,
            None => Status::InProgress { batch: delta.batch.clone() },
        };
        let wanted = apply::wanted_recipes(delta, &all).filter_map(|(package, ..)| {
            let entry = queue.as_ref().and_then(|queue| queue.entries.get(package));
            entry.is_none_or(|entry| entry.status == waiting).then(|| Wanted {
                package: package.clone(),
                tier: entry.map(|entry| entry.tier),
                may_replace: may_replace(delta, entry),
            })
        });
        Ok(Self { delta, wanted: wanted.collect() })
    }

    fn packages(&self) -> BTreeSet<PackageId> {
        self.wanted.iter().map(|wanted| wanted.package.clone()).collect()
    }

    fn of_package(&self, package: &PackageId) -> Option<&Wanted> {
        self.wanted.iter().find(|wanted| wanted.package == *package)
    }

    pub(super) fn write(&self, state: &FsState) -> anyhow::Result<()> {
        let wanted = self.packages();
        for (package, recipe, toml) in apply::wanted_recipes(self.delta, &wanted) {
            let may_replace = self.of_package(package).is_some_and(|it| it.may_replace);
            put_recipe(state, (recipe, toml), may_replace)
                .context("cannot write a recipe into the worktree")?;
        }
        Ok(())
    }

    pub(super) fn with_proposal<T>(&self, text: impl Fn(&Proposal<'_>) -> T) -> T {
        let (run, wanted) = (record::run(self.delta), self.packages());
        let tier = |package| self.of_package(package).and_then(|wanted| wanted.tier);
        let recipes = apply::wanted_recipes(self.delta, &wanted)
            .map(|(package, recipe, _)| ProposedRecipe { package, recipe, tier: tier(package) });
        text(&Proposal { delta: self.delta, run: &run, recipes: recipes.collect() })
    }

    pub(super) fn squash(&self) -> Squash {
        Squash {
            title: pull_request::title(self.delta),
            body: self.with_proposal(pull_request::commit_message),
        }
    }
}
