//! The recipe files that a command is for.

use std::path::{Path, PathBuf};

use crate::cli::{Context, stages::merge::Repository};

/// Which recipe files.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("which").required(true).args(["files", "changed_since"]))]
pub(super) struct FileArgs {
    /// Recipe files (TOML)
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Those under `recipes/` that were added or changed since the history of HEAD left this commit, such
    /// as HEAD^1 for the merge of a pull request, or origin/main
    #[arg(long, value_name = "COMMIT")]
    changed_since: Option<String>,
}

/// The folder of the recipes.
const RECIPES: &str = "recipes";

impl FileArgs {
    /// The files, as paths that can be opened here.
    pub(super) async fn read(&self, cx: &Context) -> anyhow::Result<Vec<PathBuf>> {
        let Some(since) = &self.changed_since else { return Ok(self.files.clone()) };
        let git = Repository::git(&cx.open_root()?, cx).await?;
        let changed = git.changed_below(&cx.root, RECIPES, since).await?;
        let is_recipe = |path: &Path| path.extension().is_some_and(|it| it == "toml");
        let recipes = changed.into_iter().filter(|path| is_recipe(path));
        // In the root itself they are named as in the checkout, also for annotations.
        let is_here = cx.root == Path::new(".");
        Ok(recipes.map(|path| if is_here { path } else { cx.root.join(path) }).collect())
    }
}
