//! `init`: creates a root.

use std::{fmt, path::PathBuf};

use batch_core::{
    io::{FsState, InitializedFile, QueueFile},
    model::Control,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::Context;
use crate::{exit::Exit, seeds};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder to make a root; existing files are not changed [default: the folder of --root]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let dir = args.dir.as_ref().unwrap_or(&cx.root);
    let now = cx.env.clock.now();
    let mut queues: Vec<QueueFile> = vec![];
    for plugin in cx.env.registry.iter() {
        queues.extend(seeds::queue(plugin, now)?);
    }
    let (_, initialized) = FsState::init(dir, &Control::default(), &queues)?;
    let (made, kept): (Vec<InitializedFile>, Vec<InitializedFile>) =
        initialized.into_iter().partition(|initialized| initialized.made);
    let files = |initialized: Vec<InitializedFile>| {
        initialized.into_iter().map(|initialized| initialized.file).collect()
    };
    let report = InitReport {
        root: dir.display().to_string(),
        made: files(made),
        kept: files(kept),
        entries: queues.iter().map(|queue| queue.entries.len()).sum(),
    };
    cx.out.show(&report)?;
    Ok(Exit::Ok)
}

/// What `init --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct InitReport {
    /// The root.
    root: String,
    /// Files that were created.
    made: Vec<String>,
    /// Files that existed before and were not changed.
    kept: Vec<String>,
    /// Number of packages on the curated lists.
    entries: usize,
}

impl fmt::Display for InitReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.made {
            writeln!(f, "created  {file}")?;
        }
        for file in &self.kept {
            writeln!(f, "kept     {file}")?;
        }
        let next = if self.root == "." { String::new() } else { format!(" --root {}", self.root) };
        writeln!(
            f,
            "{} is a pipeline root now. Next step: tsuku-batch{next} run --batch-size 5",
            self.root
        )
    }
}
