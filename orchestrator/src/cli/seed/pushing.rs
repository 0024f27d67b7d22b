//! `seed --push`: what was found is merged into the newest state of the remote.

use std::path::Path;

use async_trait::async_trait;
use batch_core::{io::FsState, model::SeedingRecord};
use tokio::sync::Mutex;

use crate::{
    cli::{
        Context,
        push::{PushArgs, settled, state_push},
        stages::merge::state_branch,
    },
    env::Root,
    merge::{Change, STATE},
    stage::seed::{SeedTarget, Write},
};

/// The state in the remote.
pub(super) struct Pushing<'a> {
    cx: &'a Context,
    root: &'a Root,
    args: &'a PushArgs,
    /// There is one worktree for all ecosystems, so their results are pushed one after the other.
    turn: Mutex<()>,
}

impl<'a> Pushing<'a> {
    /// `None` without `--push`.
    pub(super) async fn new(
        args: &'a PushArgs,
        root: &'a Root,
        cx: &'a Context,
    ) -> anyhow::Result<Option<Self>> {
        if !args.push {
            return Ok(None);
        }
        // A remote that cannot be used is reported before hours are spent, and nobody else is kept from it
        // during these hours.
        drop(args.repository(root, cx).await?);
        Ok(Some(Self { cx, root, args, turn: Mutex::default() }))
    }
}

#[async_trait(?Send)]
impl SeedTarget for Pushing<'_> {
    async fn write(&self, write: Write<'_>) -> anyhow::Result<SeedingRecord> {
        let Self { cx, root, args, turn } = self;
        let _turn = turn.lock().await;
        let repository = args.repository(root, cx).await?;
        let branch = state_branch(root, &repository.main)?;
        let paths: Vec<&Path> = STATE.iter().map(Path::new).collect();
        let change = async |state: FsState| {
            let value = tokio::task::block_in_place(|| write(&state))?;
            let message = format!("chore(state): seed {}\n", value.ecosystem);
            Ok(Change { value, message })
        };
        settled(state_push(&repository, &branch, cx).push(&paths, change).await?)
    }
}
