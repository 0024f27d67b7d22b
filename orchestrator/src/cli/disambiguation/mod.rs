//! `disambiguation`: from which source a tool is taken, if several offer something of its name.

mod add;
mod check;
mod lint;
mod list;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use batch_core::{
    decide::name_registry::NameRegistry,
    io::QueueFile,
    model::{ActionShape, EcosystemId, PackageId},
};

pub(super) use add::AddedReport;
pub(super) use check::CheckReport;
pub(super) use lint::LintReport;
pub(super) use list::OverrideList;

use super::Context;
use crate::{
    env::Root,
    exit::Exit,
    routing::{self, Routing},
    stage::preflight,
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show the overrides, and the decisions of an earlier pipeline
    List(list::Args),
    /// Decide from which package a tool is taken; runs read such decisions and never write them
    Add(add::Args),
    /// Ask the registries whether the selected packages exist and still provide the tools
    Check(check::Args),
    /// Look for overrides that contradict each other or have no effect; asks no registry
    Lint,
}

pub(super) async fn run(command: &Command, cx: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::List(args) => list::run(args, cx),
        Command::Add(args) => add::run(args, cx),
        Command::Check(args) => check::run(args, cx).await,
        Command::Lint => lint::run(cx),
    }
}

/// What the commands read.
struct World {
    root: Root,
    looked_at: BTreeSet<PackageId>,
    files: BTreeMap<EcosystemId, Arc<QueueFile>>,
}

impl World {
    fn read(cx: &Context) -> anyhow::Result<Self> {
        let root = cx.open_root()?;
        let looked_at = routing::looked_at(&cx.env.registry, &root.settings, &root.state)?;
        let files = routing::files(&root.state)?;
        Ok(Self { root, looked_at, files })
    }

    fn routing<'a>(&'a self, cx: &'a Context) -> anyhow::Result<Routing<'a>> {
        let now = cx.env.clock.now();
        Routing::read(&self.root.state, &cx.env.registry, &self.looked_at, now)
    }

    fn recipes(&self, cx: &Context) -> anyhow::Result<NameRegistry> {
        let actions: Vec<ActionShape> = cx.env.registry.recipe_actions().collect();
        let bundled = &self.root.settings.bundled_recipes;
        Ok(preflight::recipes(&actions, bundled, &self.root.state)?.name_registry)
    }
}
