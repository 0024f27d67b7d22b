//! `doctor`: examines a root, and repairs what is safe to repair.

mod report;

use std::path::PathBuf;

use anyhow::Context as _;
use batch_core::io::{FsState, StateWriter as _};
use batch_forge::git::{Author, Git, GitSettings};

pub(super) use report::{DoctorReport, RestoredFile};

use super::{
    Context, Refusal, annotation,
    forge::{self, ForgeArgs},
    stages::merge::{PATIENCE, RemoteArgs, Repository},
};
use crate::{
    doctor::{self, Examined, NotRestored, Subject},
    exit::Exit,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Repair what can be repaired safely; docs/doctor.md says what that is
    #[arg(long)]
    fix: bool,
    /// Bring this file back as it was in the last commit in which it was valid
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fix", "forge"])]
    restore: Option<PathBuf>,
    /// With --fix or --restore: show what would change, and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(flatten)]
    forge: ForgeArgs,
}

pub(super) async fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    if args.dry_run && !args.fix && args.restore.is_none() {
        return Err(Refusal::usage("--dry-run is for --fix and --restore"));
    }
    if let Some(file) = &args.restore {
        return restore(file, args.dry_run, cx).await;
    }
    let state = FsState::open(&cx.root)?;
    let mut report = if args.fix && !args.dry_run {
        fix(&state, cx)?
    } else {
        let Examined { findings, counts, mends } = doctor::examine(subject(&state, cx))?;
        let mends = if args.fix { mends } else { vec![] };
        let repairs = mends.iter().map(|mend| mend.describe(&state)).collect();
        DoctorReport { dry_run: args.dry_run, repairs, ..DoctorReport::of(findings, counts) }
    };
    match args.forge.forge {
        None => report.not_examined_forge(),
        Some(_) => report.add(at_forge(args, cx).await?),
    }
    cx.out.show(&report)?;
    cx.out.annotate(annotation::of_findings(&report.findings))?;
    Ok(if report.is_empty() { Exit::Ok } else { Exit::Unexpected })
}

fn subject<'a>(state: &'a FsState, cx: &'a Context) -> Subject<'a> {
    Subject { state, registry: &cx.env.registry, now: cx.env.clock.now() }
}

/// Repairs what can be repaired, and examines what is left.
fn fix(state: &FsState, cx: &Context) -> anyhow::Result<DoctorReport> {
    let now = cx.env.clock.now();
    // Whoever takes the lock of runs removes drafts and the name of a dead process from it.
    let before = doctor::examine(subject(state, cx))?;
    let _no_run = state.lock(now)?;
    let no_writer = state.exclusive()?;
    let repairs = before.mends.iter().map(|mend| mend.describe(state)).collect();
    let under_lock = doctor::examine(subject(state, cx))?.mends;
    for mend in under_lock {
        doctor::apply(state, mend, now)?;
    }
    drop(no_writer);
    let Examined { findings, counts, .. } = doctor::examine(subject(state, cx))?;
    Ok(DoctorReport { repairs, ..DoctorReport::of(findings, counts) })
}

/// What only the forge knows.
async fn at_forge(
    args: &Args,
    cx: &Context,
) -> anyhow::Result<Vec<batch_core::decide::doctor::Finding>> {
    let root = cx.open_root()?;
    let kind = args.forge.forge.context("clap gives a forge")?;
    let Repository { git, worktree, main } = Repository::new(&args.remote, &root, cx).await?;
    let forge = forge::open(kind, &args.forge, (&git, &worktree, &main), (&root, cx)).await?;
    forge.settle().await?;
    Ok(doctor::examine_forge(&*forge, cx.env.clock.now()).await?)
}

async fn restore(file: &std::path::Path, dry_run: bool, cx: &Context) -> anyhow::Result<Exit> {
    let state = FsState::of_damaged(&cx.root);
    let git = Git::find(GitSettings {
        path: cx.env.host.path.clone(),
        variables: cx.env.of_git.clone(),
        author: Author { name: String::new(), email: String::new() },
        token: None,
        cleaner: cx.env.cleaner.clone(),
        clock: cx.env.clock.clone(),
        patience: PATIENCE,
    })
    .await?;
    let _no_run = if dry_run { None } else { Some(state.lock(cx.env.clock.now())?) };
    let restored = doctor::restore(file, (&state, &cx.env.registry), &git, dry_run).await;
    let restored = restored.map_err(|error| match error.downcast::<NotRestored>() {
        Ok(refused) => Refusal::not_found(refused.to_string()),
        Err(error) => error,
    })?;
    cx.out.show(&RestoredFile::of(restored, dry_run))?;
    Ok(Exit::Ok)
}
