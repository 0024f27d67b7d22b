//! `generate`: makes the recipes of a run.

use batch_core::io::ArtifactFolder;

use super::{ArtifactArgs, StageReport};
use crate::{
    cli::{
        Context, annotation, programs::ProgramArgs, session::Session, signal::drain_on_signal,
        stops,
    },
    exit::Exit,
    run::Stages,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    artifacts: ArtifactArgs,
    #[command(flatten)]
    programs: ProgramArgs,
}

pub(crate) async fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    let folder = ArtifactFolder::new(&args.artifacts.artifacts);
    let stops = stops::during_run(cx, &root, &folder)?;
    drain_on_signal(cx);
    let session = Session::new(cx, &root, &args.programs, None, stops).await?;
    let owned = session.parts()?;
    let (ports, config) = (session.ports(&owned), session.config());
    let stages =
        Stages { ports: &ports, config: &config, root: &cx.root, folder: &folder, jobs: 1 };
    let end = stages.generate(&cx.stop).await?;
    session.prune();
    let report = StageReport::new(stages.plan()?, end);
    cx.out.show(&report)?;
    cx.out.annotate(annotation::of_stage(&report))?;
    Ok(report.exit())
}
