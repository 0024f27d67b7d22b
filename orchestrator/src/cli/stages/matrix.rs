//! `matrix`: the environments of a rung in which something is left to test.

use std::fmt;

use anyhow::Context as _;
use batch_core::{io::ArtifactFolder, model::Rung};
use schemars::JsonSchema;
use serde::Serialize;

use super::ArtifactArgs;
use crate::{
    cli::{Context, outputs::OutputArgs, programs::ProgramArgs, session::Session, stops::Stops},
    exit::Exit,
    hosted::HostedJob,
    run::Stages,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    artifacts: ArtifactArgs,
    /// Rung of the ladder: 1 Debian on Intel, 2 other Linux on Intel, 3 Linux on arm64, 4 macOS
    #[arg(long, value_name = "1|2|3|4")]
    rung: Rung,
    #[command(flatten)]
    outputs: OutputArgs,
}

pub(crate) async fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    let session = Session::new(cx, &root, &ProgramArgs::none(), None, Stops::new()).await?;
    let owned = session.parts()?;
    let folder = ArtifactFolder::new(&args.artifacts.artifacts);
    let (ports, config) = (session.ports(&owned), session.config());
    let stages =
        Stages { ports: &ports, config: &config, root: &cx.root, folder: &folder, jobs: 1 };
    let hosted = root.settings.hosted()?;
    let job = |environment| {
        hosted.job(environment).with_context(|| format!("{environment} has no hosted machine"))
    };
    let include = stages.due_on(args.rung)?.into_iter().map(job).collect::<anyhow::Result<_>>()?;
    let matrix = Matrix { include };
    cx.out.show(&matrix)?;
    let text = serde_json::to_string(&matrix)?;
    let has_jobs = (!matrix.include.is_empty()).to_string();
    let has_more = stages.is_left_from(args.rung)?.to_string();
    args.outputs.write(&[("matrix", &text), ("has_jobs", &has_jobs), ("has_more", &has_more)])?;
    Ok(Exit::Ok)
}

/// What `matrix --json` prints: the matrix of a job of GitHub Actions.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Matrix {
    /// One job for each environment; empty when nothing is left to test.
    include: Vec<HostedJob>,
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for job in &self.include {
            writeln!(f, "{job}")?;
        }
        if self.include.is_empty() {
            writeln!(f, "nothing is left to test")?;
        }
        Ok(())
    }
}
