//! `validate`: tests the recipes of a run in one environment.

use batch_core::{decide::preflight::Choice, io::ArtifactFolder, model::Environment};

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
    /// Environment in which the recipes are tested, for example `linux-debian-glibc-x86_64`
    #[arg(long, value_name = "ENVIRONMENT")]
    environment: Environment,
    /// Number of recipes that are installed and verified at the same time
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=32))]
    jobs: u8,
    /// Use only this sandbox backend: `both`, `bubblewrap` or `landlock`, or on macOS `seatbelt`
    #[arg(long, value_name = "BACKEND")]
    sandbox: Option<batch_sandbox::Backend>,
    #[command(flatten)]
    programs: ProgramArgs,
}

pub(crate) async fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let mut root = cx.open_root()?;
    root.settings.sandbox.backend = args.sandbox.or(root.settings.sandbox.backend);
    let folder = ArtifactFolder::new(&args.artifacts.artifacts);
    let stops = stops::during_run(cx, &root, &folder)?;
    drain_on_signal(cx);
    let session = Session::new(cx, &root, &args.programs, Some(Choice::All), stops).await?;
    let owned = session.parts()?;
    let (ports, config) = (session.ports(&owned), session.config());
    let stages = Stages {
        ports: &ports,
        config: &config,
        root: &cx.root,
        folder: &folder,
        jobs: args.jobs.into(),
    };
    let plan = stages.plan()?;
    let end = stages.validate(args.environment, &cx.stop).await?;
    let report = StageReport::new(plan, end);
    cx.out.show(&report)?;
    cx.out.annotate(annotation::of_stage(&report))?;
    Ok(report.exit())
}
