//! `merge`: writes a run into the state.

use std::{fs::OpenOptions, io::Write as _, path::PathBuf, time::Duration};

use anyhow::Context as _;
use batch_core::{
    decide::{apply::Merging, pull_request::HoldPolicy},
    io::{ArtifactFolder, Outbox},
};
use batch_forge::git::{Author, BranchName, Git, GitSettings, Remote, RemoteToken, Worktree};

use crate::{
    cli::{
        Context, Refusal, annotation,
        forge::{self, ForgeArgs},
        programs::ProgramArgs,
        session::Session,
        stops::Stops,
    },
    env::Root,
    exit::Exit,
    merge::{self, KeptSlots, Merge, Pulls, PushReport, StatePush},
    run::{Collected, Ports, Recording, RunConfig, Stages},
};

/// How long the worktree of another process is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// The origin that the token is for, unless `--remote` is an address.
const GITHUB: &str = "https://github.com";

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
#[command(group = clap::ArgGroup::new("where").required(true).args(["local", "keep", "push"]))]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["artifacts", "resume"]))]
pub(crate) struct Args {
    /// Folder of the artifacts that the stages of a run pass to each other
    #[arg(long, value_name = "DIR")]
    artifacts: Option<PathBuf>,
    /// Write into the files of the root, without git
    #[arg(long, conflicts_with = "resume")]
    local: bool,
    /// Keep the results for `merge --push --resume`, and write none of them into the root
    #[arg(long, requires = "artifacts", conflicts_with = "resume")]
    keep: bool,
    /// Write into the newest state of the remote, and push it; the checkout stays as it is
    #[arg(long)]
    push: bool,
    /// Push what earlier calls could not push; every push does that too
    #[arg(long, requires = "push")]
    resume: bool,
    /// Also write the run if a stage has not ended, as interrupted; its later results cannot be used
    #[arg(long)]
    incomplete: bool,
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(flatten)]
    forge: ForgeArgs,
    /// Add what was done to this file, in Markdown, such as the page of a CI run
    #[arg(long, value_name = "FILE", requires = "push")]
    summary: Option<PathBuf>,
    /// Whether the forge merges pull requests as soon as their checks are green; `settings` means as
    /// `auto_merge` in `pipeline.toml` says
    #[arg(long, value_enum, default_value_t)]
    auto_merge: AutoMergeChoice,
}

/// Whether the forge merges pull requests by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum AutoMergeChoice {
    #[default]
    Settings,
    True,
    False,
}

impl AutoMergeChoice {
    fn is_wanted(self, setting: bool) -> bool {
        match self {
            Self::Settings => setting,
            Self::True => true,
            Self::False => false,
        }
    }
}

/// The repository to which something is pushed.
#[derive(Debug, clap::Args)]
pub(crate) struct RemoteArgs {
    /// The repository to push to: the name of a remote, an address, or a path
    #[arg(long, value_name = "REMOTE", default_value = "origin")]
    remote: String,
}

pub(crate) async fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    root.control(&cx.env.registry)?;
    let session = Session::new(cx, &root, &ProgramArgs::none(), None, Stops::new()).await?;
    let owned = session.parts()?;
    let (ports, config) = (session.ports(&owned), session.config());
    let folder = args.artifacts.as_ref().map(ArtifactFolder::new);
    let stages = folder.as_ref().map(|folder| Stages {
        ports: &ports,
        config: &config,
        root: &cx.root,
        folder,
        jobs: 1,
    });
    if args.local {
        let stages = stages.context("clap asks for --artifacts with --local")?;
        let summary = stages.merge(args.incomplete).await?;
        cx.out.show(&summary)?;
        cx.out.annotate(annotation::of_summary(&summary))?;
        let is_unused = |recorded| recorded == Recording::BeforeWithOtherResults;
        let has_unused = summary.batches.iter().any(|batch| is_unused(batch.recorded));
        return Ok(if summary.batches.is_empty() || has_unused {
            Exit::Unavailable
        } else {
            Exit::Ok
        });
    }
    let _lock = ports.state.lock_run(ports.clock.now())?;
    let collected = match &stages {
        Some(stages) => stages.collect(args.incomplete)?,
        None => Collected { journals: vec![], empty_slot: None },
    };
    let report = merge::keep_all(&root.layout, &collected)?;
    if args.keep {
        cx.out.show(&report)?;
        return Ok(Exit::Ok);
    }
    push(args, (&ports, config), (&root, cx)).await
}

/// Pushes what is kept.
async fn push(
    args: &Args,
    (ports, mut config): (&Ports<'_>, RunConfig<'_>),
    (root, cx): (&Root, &Context),
) -> anyhow::Result<Exit> {
    let clock = &*cx.env.clock;
    let Repository { git, worktree, main } = Repository::new(&args.remote, root, cx).await?;
    let state_branch = state_branch(root, &main)?;
    let forge = match args.forge.forge {
        Some(kind) => {
            let repository = (&git, &worktree, &main);
            Some(forge::open(kind, &args.forge, repository, (root, cx)).await?)
        }
        None => None,
    };
    if forge.is_some() {
        config.merging = Merging::PullRequest;
    }
    let merge = Merge {
        ports,
        config: &config,
        state: StatePush {
            worktree: &worktree,
            branch: &state_branch,
            recipes: &main,
            clock,
            jitter: cx.env.jitter.clone(),
        },
        unpushed: Outbox::unpushed(&root.layout),
        slots: KeptSlots::new(&root.layout),
        pulls: forge.as_deref().map(|forge| Pulls {
            forge,
            worktree: &worktree,
            main: &main,
            clock,
            auto_merge: args.auto_merge.is_wanted(root.settings.merge.auto_merge),
        }),
        hold: HoldPolicy::default(),
    };
    let report = merge.push().await?;
    cx.out.show(&report)?;
    cx.out.annotate(annotation::of_merge(&report))?;
    if let Some(path) = &args.summary {
        let text = cx.env.cleaner.text(report.markdown().as_bytes()) + "\n";
        let file = OpenOptions::new().append(true).create(true).open(path);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .with_context(|| format!("cannot add the summary to {}", path.display()))?;
    }
    Ok(match report.push {
        PushReport::Kept { .. } => Exit::Unavailable,
        PushReport::Pushed { .. } | PushReport::Nothing | PushReport::Waits { .. } => Exit::Ok,
    })
}

/// The branch that the state of `root` is pushed to.
pub(crate) fn state_branch(root: &Root, main: &BranchName) -> anyhow::Result<BranchName> {
    match &root.settings.state.branch {
        Some(text) => text
            .parse()
            .map_err(|error| Refusal::usage(format!("pipeline.toml: [state] branch: {error}"))),
        None => Ok(main.clone()),
    }
}

/// A repository that is ready to be pushed to.
pub(crate) struct Repository {
    /// The program.
    pub(crate) git: Git,
    /// The private worktree.
    pub(crate) worktree: Worktree,
    /// The branch that recipes are merged into.
    pub(crate) main: BranchName,
}

impl Repository {
    /// Opens the private worktree of `root`.
    pub(crate) async fn new(args: &RemoteArgs, root: &Root, cx: &Context) -> anyhow::Result<Self> {
        let usage = |error: &dyn std::fmt::Display| Refusal::usage(error.to_string());
        let main: BranchName = root.settings.merge.branch.parse().map_err(|error| usage(&error))?;
        let here = std::path::absolute(&cx.root).context("cannot find the folder of the root")?;
        let remote = Remote::new(&args.remote, &here).map_err(|error| usage(&error))?;
        let token = cx.env.forge_token.clone().and_then(|token| {
            // The address of a named remote is known only to git. The token is sent to this origin only.
            let url = args.remote.parse().or_else(|_| GITHUB.parse()).ok()?;
            RemoteToken::new(&url, token)
        });
        let git = Self::git_with(token, root, cx).await?;
        let worktree = Worktree::open(&git, &cx.root, &root.layout.machine(), &remote).await?;
        Ok(Self { git, worktree, main })
    }

    /// The program, for what needs no remote.
    pub(crate) async fn git(root: &Root, cx: &Context) -> anyhow::Result<Git> {
        Self::git_with(None, root, cx).await
    }

    async fn git_with(
        token: Option<RemoteToken>,
        root: &Root,
        cx: &Context,
    ) -> anyhow::Result<Git> {
        let settings = &root.settings.merge;
        let git = Git::find(GitSettings {
            path: cx.env.host.path.clone(),
            variables: cx.env.of_git.clone(),
            author: Author {
                name: settings.author_name.clone(),
                email: settings.author_email.clone(),
            },
            token,
            cleaner: cx.env.cleaner.clone(),
            clock: cx.env.clock.clone(),
            patience: PATIENCE,
        })
        .await?;
        Ok(git)
    }
}
