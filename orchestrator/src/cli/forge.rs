//! Where pull requests are, as the command line says it.

use std::sync::Arc;

use anyhow::Context as _;
use batch_forge::{
    Forge, LocalForge,
    git::{BranchName, Git, Worktree},
    github::{Github, GithubSettings, Repository},
};

use super::{Context, Refusal};
use crate::{env::Root, net};

/// The forge of the pull requests.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ForgeArgs {
    /// Merge recipes by pull requests: on `github`, with the token in `GITHUB_TOKEN`, or `local`, in files of
    /// the remote, a bare repository on this machine; without it they are merged with the state
    #[arg(long, value_name = "FORGE", hide_possible_values = true)]
    pub(crate) forge: Option<ForgeKind>,
    /// The repository on GitHub; without it, the one that the remote names
    #[arg(long, value_name = "OWNER/NAME", env = "GITHUB_REPOSITORY", hide_env_values = true)]
    repository: Option<String>,
    /// The base of the API, for an enterprise server
    #[arg(
        long,
        value_name = "URL",
        env = "TSUKU_BATCH_FORGE_API",
        default_value = batch_forge::github::API,
        hide_env_values = true
    )]
    forge_api: String,
}

/// A kind of forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ForgeKind {
    Github,
    Local,
}

/// Opens the forge `kind`. `worktree` is of the repository, whose branch `main` recipes are merged into.
pub(crate) async fn open(
    kind: ForgeKind,
    args: &ForgeArgs,
    (git, worktree, main): (&Git, &Worktree, &BranchName),
    (root, cx): (&Root, &Context),
) -> anyhow::Result<Box<dyn Forge>> {
    match kind {
        ForgeKind::Github => {
            let token = cx.env.forge_token.clone().ok_or_else(|| {
                Refusal::unavailable(
                    "GITHUB_TOKEN is not set, so nothing is pushed and no pull request is opened; what \
                     was verified is kept, and `tsuku-batch merge --push --resume` with the token goes on",
                )
            })?;
            let address = worktree.remote_address();
            let repository = match &args.repository {
                Some(text) => text.parse(),
                None => Repository::of_address(&address, "github.com"),
            };
            let settings = GithubSettings {
                http: net::forge(&cx.env, &root.settings, &root.layout, &args.forge_api)?,
                clock: Arc::clone(&cx.env.clock),
                cleaner: Arc::clone(&cx.env.cleaner),
                token,
                repository: repository.map_err(|error| Refusal::usage(error.to_string()))?,
                base: main.clone(),
                store: net::store(&root.settings)?,
            };
            Ok(Box::new(Github::new(settings)))
        }
        ForgeKind::Local => {
            let address = worktree.remote_address();
            let remote = worktree.remote().local_path().or_else(|| {
                let path = std::path::PathBuf::from(&address);
                path.is_dir().then_some(path)
            });
            let path = remote.with_context(|| {
                format!("--forge local needs a remote on this machine, and {address} is none")
            })?;
            Ok(Box::new(LocalForge::open(git, &path, main.clone()).await?))
        }
    }
}
