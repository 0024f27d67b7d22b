//! `ecosystem`: describes the plugins of this program, checks them against the contract, and
//! creates new ones.

mod check;
mod list;
mod matrix;
mod new;
mod show;
mod tools;

use batch_core::plugin::EcosystemPlugin;
use schemars::JsonSchema;
use serde::Serialize;

use super::Context;
use crate::exit::Exit;
pub(super) use check::ConformanceReport;
pub(super) use list::EcosystemList;
pub(super) use matrix::EcosystemMatrix;
pub(super) use new::NewReport;
pub(super) use show::EcosystemDetails;
pub(super) use tools::ToolsReport;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the ecosystems of this program in rotation order
    List,
    /// Show one ecosystem: hosts, limits, rules for names with examples, abilities, and what was
    /// found on this machine
    Show(show::Args),
    /// Check that the tools of ecosystems are on this machine; exit code 4 unless all can be used
    Tools(tools::Args),
    /// Show ecosystems as the matrix of a CI job
    Matrix(matrix::Args),
    /// Test a plugin against every rule of the contract; needs the sources of the plugin
    Check(check::Args),
    /// Create a new ecosystem in a checkout of the project: a crate that compiles, and the lines
    /// that link it
    New(new::Args),
}

pub(super) async fn run(command: &Command, cx: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::List => list::run(cx).await,
        Command::Show(args) => show::run(args, cx).await,
        Command::Tools(args) => tools::run(args, cx).await,
        Command::Matrix(args) => matrix::run(args, cx),
        Command::Check(args) => check::run(args, cx),
        Command::New(args) => new::run(args, cx).await,
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct ToolchainReport {
    program: String,
    /// Whether it is on this machine and can be used in a sandbox.
    found: bool,
}

impl ToolchainReport {
    /// `None` when the plugin needs no tool.
    async fn of(plugin: &EcosystemPlugin, cx: &Context) -> Option<Self> {
        let program = plugin.toolchain.as_ref()?.program.to_owned();
        Some(Self { program, found: cx.env.toolchain(plugin).await.is_some() })
    }
}
