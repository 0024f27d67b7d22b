//! `preflight`: decides what a run does.

use std::{fmt, path::PathBuf};

use batch_core::{
    io::ArtifactFolder,
    model::{BatchId, Environment, SkipReason},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    cli::{
        Context, annotation,
        outputs::OutputArgs,
        programs::ProgramArgs,
        run::{Selection, SkipArgs},
        session::Session,
        signal::drain_on_signal,
        stops,
    },
    counted::counted,
    exit::Exit,
    hosted::HostedJob,
    run::{Planned, Request, RunPlan, SkippedEcosystem, Stages, Testers},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    skip: SkipArgs,
    /// Plan for one machine per environment, as `matrix` lists them, and not only for this machine
    #[arg(long)]
    matrix: bool,
    /// Folder of the artifacts [default: .tsuku-batch/artifacts/ under the root]
    #[arg(long, value_name = "DIR")]
    artifacts: Option<PathBuf>,
    #[command(flatten)]
    outputs: OutputArgs,
    #[command(flatten)]
    programs: ProgramArgs,
}

pub(crate) async fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    let stops = stops::now(cx, &root)?;
    drain_on_signal(cx);
    let choice = args.selection.choice(&cx.env.registry)?;
    let session = Session::new(cx, &root, &args.programs, Some(choice.clone()), stops).await?;
    let mut owned = session.parts()?;
    let testers = if args.matrix {
        // What this machine lacks is no obstacle for the others.
        owned.machine.obstacles.retain(|_, reason| *reason == SkipReason::BuilderMissing);
        Testers::Matrix(session.tester())
    } else {
        Testers::Here
    };
    let dir = args.artifacts.clone().unwrap_or_else(|| root.layout.artifacts());
    let folder = ArtifactFolder::new(dir);
    let (ports, config) = (session.ports(&owned), session.config());
    let stages =
        Stages { ports: &ports, config: &config, root: &cx.root, folder: &folder, jobs: 1 };
    let request = Request {
        choice,
        only: [].into(),
        batch_limit: args.selection.batch_limit(&root)?,
        testers,
        skip: args.skip.flags(),
        jobs: 1,
    };
    let mut report = PreflightReport::new(stages.preflight(&request).await?, &folder);
    if args.matrix {
        let hosted = root.settings.hosted()?;
        report.machines = Environment::ALL.iter().filter_map(|&it| hosted.job(it)).collect();
    }
    cx.out.show(&report)?;
    let is_planned = !report.batches.is_empty();
    args.outputs.write(&[("run_id", &report.run_id), ("is_planned", &is_planned.to_string())])?;
    if !is_planned {
        cx.out.annotate(annotation::of_skipped(&report.skipped))?;
    }
    // The following jobs read whether something is planned, so that is no failure for them.
    Ok(if is_planned || args.outputs.are_wanted() { Exit::Ok } else { Exit::Unavailable })
}

/// What `preflight --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PreflightReport {
    /// The run.
    run_id: String,
    /// Whether the folder had its plan already.
    continued: bool,
    /// The folder of its artifacts.
    artifacts: PathBuf,
    /// Its batches; empty when nothing can be attempted.
    batches: Vec<BatchId>,
    /// The ecosystems that are skipped.
    skipped: Vec<SkippedEcosystem>,
    /// With `--matrix`, the hosted machine of each environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    machines: Vec<HostedJob>,
}

impl PreflightReport {
    fn new(planned: Planned, folder: &ArtifactFolder) -> Self {
        let Planned { plan, is_continued: continued } = planned;
        let RunPlan { run_id, batches, skipped, .. } = plan;
        let artifacts = folder.path().to_owned();
        Self { run_id, continued, artifacts, batches, skipped, machines: vec![] }
    }
}

impl fmt::Display for PreflightReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.continued {
            writeln!(f, "continues the plan of {}", self.run_id)?;
        }
        writeln!(
            f,
            "{}: {} in {}",
            self.run_id,
            counted(self.batches.len(), "batch", "batches"),
            self.artifacts.display()
        )?;
        for batch in &self.batches {
            writeln!(f, "  {batch}")?;
        }
        for skipped in &self.skipped {
            writeln!(f, "  skipped: {}: {}", skipped.ecosystem, skipped.message)?;
        }
        for machine in &self.machines {
            writeln!(f, "  {machine}")?;
        }
        Ok(())
    }
}
