//! `merge`: writes a run into the state.

use batch_core::io::ArtifactFolder;

use super::ArtifactArgs;
use crate::{
    cli::{Context, programs::ProgramArgs, session::Session, stops::Stops},
    exit::Exit,
    run::{Recording, Stages},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    artifacts: ArtifactArgs,
    /// Write into the files of the root, without git
    #[arg(long, required = true)]
    local: bool,
    /// Also write the run if a stage has not ended, as interrupted; its later results cannot be used
    #[arg(long)]
    incomplete: bool,
}

pub(crate) async fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    root.control(&cx.env.registry)?;
    let session = Session::new(cx, &root, &ProgramArgs::none(), None, Stops::new()).await?;
    let owned = session.parts()?;
    let folder = ArtifactFolder::new(&args.artifacts.artifacts);
    let (ports, config) = (session.ports(&owned), session.config());
    let stages =
        Stages { ports: &ports, config: &config, root: &cx.root, folder: &folder, jobs: 1 };
    let summary = stages.merge(args.incomplete).await?;
    cx.out.show(&summary)?;
    let is_unused = |recorded| recorded == Recording::BeforeWithOtherResults;
    let has_unused = summary.batches.iter().any(|batch| is_unused(batch.recorded));
    Ok(if summary.batches.is_empty() || has_unused { Exit::Unavailable } else { Exit::Ok })
}
