//! `queue`: what operators do with the entries of the queues.

mod add;
mod edit;
mod list;
mod packages;
mod reconcile;

use batch_core::decide::{
    queue_edit::{Edit, Operator},
    recipe::one_line,
};

pub(super) use add::AddReport;
pub(super) use edit::EditReport;
pub(super) use reconcile::ReconcileReport;

use super::Context;
use crate::exit::Exit;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Add packages to the queues
    Add(add::Args),
    /// List the entries of the queues; with --json one entry on each line
    List(list::Args),
    /// Make packages due at once that wait after a failure
    Retry(edit::EditArgs),
    /// Exclude packages for good
    Exclude(edit::ExcludeArgs),
    /// Release packages that wait for recipes or for a person, or that are excluded
    #[command(mut_arg("reason", |arg| arg.help("Why the rule that held it back does not apply to it")))]
    Unblock(edit::EditArgs),
    /// Change how soon packages are wanted
    SetTier(edit::SetTierArgs),
    /// Bring the queues up to date with recipes, overrides and dependencies, as a run does
    Reconcile(reconcile::Args),
}

/// Who changes something, and why. Every change of an entry is recorded in it.
#[derive(Debug, clap::Args)]
pub(super) struct WhoArgs {
    /// Who asks for it
    #[arg(long, value_name = "NAME", env = "USER")]
    by: Option<String>,
    /// Show what would change, and write nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

impl WhoArgs {
    pub(super) fn operator(&self, reason: Option<&str>, cx: &Context) -> Operator {
        let by = self.by.as_deref().map(one_line).filter(|by| !by.is_empty());
        let reason = reason.map(one_line).filter(|reason| !reason.is_empty());
        Operator { at: cx.env.clock.now(), by, reason }
    }
}

pub(super) async fn run(command: &Command, cx: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::Add(args) => add::run(args, cx).await,
        Command::List(args) => list::run(args, cx),
        Command::Retry(args) => args.run(Edit::Retry, cx).await,
        Command::Exclude(args) => args.run(cx).await,
        Command::Unblock(args) => args.run(Edit::Unblock, cx).await,
        Command::SetTier(args) => args.run(cx).await,
        Command::Reconcile(args) => reconcile::run(args, cx),
    }
}
