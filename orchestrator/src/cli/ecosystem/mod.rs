//! `ecosystem`: what the plugins of this program are, whether they keep to the contract,
//! and how a new one begins.

mod check;
mod list;
mod new;
mod show;

use batch_core::plugin::EcosystemPlugin;
use schemars::JsonSchema;
use serde::Serialize;

use super::Context;
use crate::exit::Exit;
pub(super) use check::ConformanceReport;
pub(super) use list::EcosystemList;
pub(super) use new::NewReport;
pub(super) use show::EcosystemDetails;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show what this program knows, in rotation order
    List,
    /// Show one: hosts, limits, names by example, what it can do and what is found here
    Show(show::Args),
    /// Try a plugin against every rule of the contract; its sources must be at hand
    Check(check::Args),
    /// Begin a new one in a checkout of the project: a crate that compiles, and the lines that link it
    New(new::Args),
}

pub(super) async fn run(command: &Command, cx: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::List => list::run(cx).await,
        Command::Show(args) => show::run(args, cx).await,
        Command::Check(args) => check::run(args, cx),
        Command::New(args) => new::run(args, cx).await,
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct ToolchainReport {
    program: String,
    /// On this machine, and fit to be shown to a sandbox.
    found: bool,
}

impl ToolchainReport {
    /// `None` where the plugin needs none.
    async fn of(plugin: &EcosystemPlugin, cx: &Context) -> Option<Self> {
        let program = plugin.toolchain.as_ref()?.program.to_owned();
        Some(Self { program, found: cx.env.toolchain(plugin).await.is_some() })
    }
}
