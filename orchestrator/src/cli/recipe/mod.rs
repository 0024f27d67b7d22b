//! `recipe`: checks and tests recipe files, for contributors and for CI.

mod check;
mod files;
mod matrix;
mod subject;
mod test;

use super::Context;
use crate::exit::Exit;
pub(super) use check::CheckReport;
pub(super) use matrix::RecipeMatrix;
pub(super) use test::TestReport;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Report everything in recipes that the package manager would refuse; exit code 1 if there is
    /// any
    ///
    /// Dependencies are searched among the recipes of the root, if it has any, and among the
    /// recipes that are checked.
    Check(check::Args),
    /// Show the environments in which recipes are tested, as the matrix of a CI job
    Matrix(matrix::Args),
    /// Install recipes as they are, and run their verify commands; record nothing
    ///
    /// Exit code 5 if one fails, and 4 if for one of them it cannot be found out now. A recipe that
    /// does not support the environment, or that no ecosystem of this program makes, is not tested.
    Test(test::Args),
}

pub(super) async fn run(command: &Command, cx: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::Check(args) => check::run(args, cx).await,
        Command::Matrix(args) => matrix::run(args, cx).await,
        Command::Test(args) => test::run(args, cx).await,
    }
}
