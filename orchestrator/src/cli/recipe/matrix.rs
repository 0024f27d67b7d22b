//! `recipe matrix`: the environments in which recipes are tested.

use std::{collections::BTreeSet, fmt};

use batch_core::model::Environment;
use schemars::JsonSchema;
use serde::Serialize;

use super::{files::FileArgs, subject::Subject};
use crate::{
    cli::{Context, outputs::OutputArgs},
    exit::Exit,
    hosted::HostedJob,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    outputs: OutputArgs,
}

pub(super) async fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    let files = args.files.read(cx).await?;
    // What is not tested is named with its reason where the others are tested.
    let subjects = files.iter().filter_map(|file| Subject::read(file, (&root, cx)).ok());
    let subjects: Vec<Subject> = subjects.collect();
    let is_wanted = |environment: &Environment| subjects.iter().any(|it| it.is_for(*environment));
    let hosted = root.settings.hosted()?;
    let wanted = Environment::ALL.iter().copied().filter(is_wanted);
    let matrix = RecipeMatrix { include: wanted.filter_map(|it| hosted.job(it)).collect() };
    cx.out.show(&matrix)?;
    // The program of this machine is built already.
    let own = hosted.job(Environment::DebianX86).map(|job| job.runner);
    let runners = matrix.include.iter().map(|job| &job.runner);
    let runners: BTreeSet<_> = runners.filter(|runner| Some(*runner) != own.as_ref()).collect();
    args.outputs.write(&[
        ("matrix", &serde_json::to_string(&matrix)?),
        ("has_jobs", &(!matrix.include.is_empty()).to_string()),
        ("runners", &serde_json::to_string(&runners)?),
        ("has_runners", &(!runners.is_empty()).to_string()),
    ])?;
    Ok(Exit::Ok)
}

/// What `recipe matrix --json` prints: the matrix of a job of GitHub Actions.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct RecipeMatrix {
    /// One job for each environment; empty when nothing is tested.
    include: Vec<HostedJob>,
}

impl fmt::Display for RecipeMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.include.iter().try_for_each(|job| writeln!(f, "{job}"))?;
        if self.include.is_empty() {
            writeln!(f, "nothing is tested")?;
        }
        Ok(())
    }
}
