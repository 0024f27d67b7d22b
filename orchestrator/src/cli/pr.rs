//! `pr list`, `pr update` and `pr merge`.

mod report;

use batch_core::{decide::pull_request::BRANCHES, model::PullRequestLink};
use batch_forge::{BranchUpdate, CheckState, Forge, MergeOutcome, PullRequest, PullRequestState};
use report::{ChangeWord, CheckWord, PullRequestChange, PullRequestLine};
pub(super) use report::{PullRequestChanges, PullRequestList};

use super::{
    Context, Refusal,
    forge::{self, ForgeArgs, ForgeKind},
    stages::merge::{RemoteArgs, Repository},
};
use crate::{exit::Exit, merge::squash_of};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show the open pull requests of batches, and their checks
    List(Where),
    /// Merge main into the branches of pull requests that fell behind; no commit is removed
    Update {
        /// The pull requests; without one, all of batches
        #[arg(value_name = "NUMBER")]
        numbers: Vec<u64>,
        #[command(flatten)]
        at: Where,
    },
    /// Merge a pull request whose checks are green
    Merge {
        /// The pull request
        #[arg(value_name = "NUMBER")]
        number: u64,
        /// Why, as a comment in the pull request
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        at: Where,
    },
}

/// The repository, and its forge.
#[derive(Debug, clap::Args)]
pub(super) struct Where {
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(flatten)]
    forge: ForgeArgs,
}

pub(super) async fn run(command: &Command, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    let (Command::List(at) | Command::Update { at, .. } | Command::Merge { at, .. }) = command;
    let repository = Repository::new(&at.remote, &root, cx).await?;
    let Repository { git, worktree, main } = &repository;
    let is_local = worktree.remote().local_path().is_some()
        || std::path::Path::new(&worktree.remote_address()).is_dir();
    let kind =
        at.forge.forge.unwrap_or(if is_local { ForgeKind::Local } else { ForgeKind::Github });
    let forge = forge::open(kind, &at.forge, (git, worktree, main), (&root, cx)).await?;
    forge.settle().await?;
    match command {
        Command::List(_) => list(&*forge, cx).await,
        Command::Update { numbers, .. } => update(numbers, &*forge, cx).await,
        Command::Merge { number, reason, .. } => {
            let pull = one(*number, &*forge).await?;
            merge(&pull, reason, (&*forge, &repository), cx).await
        }
    }
}

async fn list(forge: &dyn Forge, cx: &Context) -> anyhow::Result<Exit> {
    let mut pull_requests = vec![];
    for pull in forge.open_pull_requests(BRANCHES).await? {
        let checks = forge.checks(&pull.head).await?;
        pull_requests.push(PullRequestLine {
            checks: match checks.state() {
                CheckState::None => CheckWord::None,
                CheckState::Pending => CheckWord::Pending,
                CheckState::Green => CheckWord::Green,
                CheckState::Red => CheckWord::Red,
            },
            failed: checks.failed.into_iter().map(|check| check.name).collect(),
            link: PullRequestLink { number: pull.number, url: pull.url },
            branch: pull.branch.to_string(),
            opened_at: pull.created_at,
            auto_merge: pull.auto_merge,
        });
    }
    cx.out.show(&PullRequestList { pull_requests })?;
    Ok(Exit::Ok)
}

async fn update(numbers: &[u64], forge: &dyn Forge, cx: &Context) -> anyhow::Result<Exit> {
    let pulls = if numbers.is_empty() {
        forge.open_pull_requests(BRANCHES).await?
    } else {
        let mut pulls = vec![];
        for &number in numbers {
            pulls.push(one(number, forge).await?);
        }
        pulls
    };
    let mut changes = vec![];
    for pull in pulls {
        let (outcome, message) = match forge.update_branch(&pull).await? {
            BranchUpdate::UpToDate => (ChangeWord::UpToDate, ""),
            BranchUpdate::Updated => (ChangeWord::Updated, ""),
            BranchUpdate::Conflict => (
                ChangeWord::NotPossible,
                "it changes the same lines as main; correct its branch, or close it",
            ),
            BranchUpdate::Moved => {
                (ChangeWord::NotPossible, "its branch got another commit; update it again")
            }
        };
        changes.push(PullRequestChange {
            number: pull.number,
            outcome,
            message: message.to_owned(),
        });
    }
    show(changes, cx)
}

async fn merge(
    pull: &PullRequest,
    reason: &str,
    (forge, repository): (&dyn Forge, &Repository),
    cx: &Context,
) -> anyhow::Result<Exit> {
    let squash = squash_of(pull, &repository.worktree).await?;
    let why = match forge.merge(pull, &squash).await? {
        MergeOutcome::Merged { .. } => {
            forge.comment(pull.number, reason).await?;
            let (number, outcome) = (pull.number, ChangeWord::Merged);
            return show(vec![PullRequestChange { number, outcome, message: String::new() }], cx);
        }
        MergeOutcome::NotGreen(checks) => {
            let red: Vec<&str> = checks.failed.iter().map(|check| &*check.name).collect();
            if red.is_empty() {
                "its checks have not ended; wait for them".to_owned()
            } else {
                format!("these checks are red: {}", red.join(", "))
            }
        }
        MergeOutcome::Behind => format!(
            "main has newer commits; `tsuku-batch pr update {}` first, then wait for its checks",
            pull.number
        ),
        MergeOutcome::Conflict => {
            "it changes the same lines as main; correct its branch".to_owned()
        }
        MergeOutcome::Moved => "its branch got another commit; merge it again".to_owned(),
        MergeOutcome::Refused { reason } => reason,
    };
    let (number, outcome) = (pull.number, ChangeWord::NotPossible);
    show(vec![PullRequestChange { number, outcome, message: why }], cx)
}

async fn one(number: u64, forge: &dyn Forge) -> anyhow::Result<PullRequest> {
    let pull = forge.pull_request(number).await?;
    match pull {
        Some(pull) if pull.state == PullRequestState::Open => Ok(pull),
        Some(_) => Err(Refusal::not_found(format!("pull request #{number} is not open"))),
        None => Err(Refusal::not_found(format!(
            "there is no pull request #{number}; `tsuku-batch pr list` shows them"
        ))),
    }
}

fn show(changes: Vec<PullRequestChange>, cx: &Context) -> anyhow::Result<Exit> {
    let is_done = changes.iter().all(|change| change.outcome != ChangeWord::NotPossible);
    cx.out.show(&PullRequestChanges { changes })?;
    Ok(if is_done { Exit::Ok } else { Exit::Unavailable })
}
