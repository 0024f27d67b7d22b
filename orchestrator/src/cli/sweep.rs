//! `sweep`: tests recipes that exist already.

use std::sync::Arc;

use anyhow::Context as _;
use batch_core::{decide::preflight::Choice, io::Outbox, model::Environment};
use chrono::TimeDelta;

use super::{
    Context, Refusal, annotation, names, outputs::OutputArgs, period, programs::ProgramArgs,
    session::Session, signal::drain_on_signal, stops,
};
use crate::{
    env::Root,
    exit::Exit,
    run::{self, Ports, RunConfig, Summary, SweepRequest, SweptRecipes},
};

#[derive(Debug, clap::Args)]
#[group(id = "recipes", required = true, multiple = false, args = ["oldest", "environment", "lost"])]
pub(super) struct Args {
    /// Verify again the N recipes whose last verification is oldest
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=500))]
    oldest: Option<u16>,
    /// Test in this environment what was merged lately
    #[arg(long, value_name = "ENVIRONMENT")]
    environment: Option<Environment>,
    /// Try again at most N recipes in the environments in which they failed, from their dates on; a recipe
    /// is offered there again where it passes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=500))]
    lost: Option<u16>,
    /// How long ago it may have been merged: a number of hours or days, such as 12h or 7d
    #[arg(long, value_name = "PERIOD", default_value = "7d", value_parser = period::age, conflicts_with_all = ["oldest", "lost"])]
    since: TimeDelta,
    /// Only recipes of this ecosystem
    #[arg(long, short, value_name = "ID")]
    ecosystem: Option<String>,
    /// Number of recipes that are installed and verified at the same time
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=32))]
    jobs: u8,
    #[command(flatten)]
    keep: KeepArgs,
    #[command(flatten)]
    outputs: OutputArgs,
    #[command(flatten)]
    programs: ProgramArgs,
}

/// Where the results go, and what it means if there are none.
#[derive(Debug, clap::Args)]
pub(super) struct KeepArgs {
    /// Keep the results for `merge --push --resume`, and write none of them into the root
    #[arg(long)]
    keep: bool,
    /// End with 0, and not with 4, if there was nothing to do
    #[arg(long)]
    allow_nothing: bool,
}

impl KeepArgs {
    /// Lets what happens on `ports` be kept, if it is asked for.
    pub(super) fn apply(&self, ports: &mut Ports<'_>, config: &mut RunConfig<'_>, root: &Root) {
        if self.keep {
            ports.facts = Arc::new(Outbox::unpushed(&root.layout));
            config.keeps = true;
        }
    }

    /// How the program ends after a run that came to `summary`.
    pub(super) fn exit(&self, summary: &Summary) -> Exit {
        if summary.interrupted {
            Exit::Interrupted
        } else if summary.batches.is_empty() && !self.allow_nothing {
            Exit::Unavailable
        } else {
            Exit::Ok
        }
    }
}

pub(super) async fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    let stops = stops::now(cx, &root)?;
    drain_on_signal(cx);
    let choice = match &args.ecosystem {
        Some(word) => Choice::One(names::ecosystem(&cx.env.registry, word)?.id.clone()),
        None => Choice::All,
    };
    let session = Session::new(cx, &root, &args.programs, Some(choice.clone()), stops).await?;
    let owned = session.parts()?;
    let (mut ports, mut config) = (session.ports(&owned), session.config());
    args.keep.apply(&mut ports, &mut config, &root);
    let recipes = match (args.oldest, args.lost, args.environment) {
        (Some(n), ..) => SweptRecipes::Oldest(n.into()),
        (None, Some(n), _) => SweptRecipes::Lost(n.into()),
        (None, None, environment) => {
            let environment = environment.context("one of the two options is required")?;
            let can_run = |plugin: &batch_core::plugin::EcosystemPlugin| {
                choice.includes(&plugin.id) && owned.machine.can_run(&plugin.id, environment)
            };
            if !cx.env.registry.iter().any(can_run) {
                let message = format!("this machine cannot test recipes in {environment}");
                return Err(Refusal { exit: Exit::Unavailable, message }.into());
            }
            SweptRecipes::Lately { environment, since: cx.env.clock.now() - args.since }
        }
    };
    let request = SweepRequest { choice, recipes, jobs: args.jobs.into() };
    let summary = run::sweep(&ports, &config, &request, &cx.stop).await?;
    cx.out.show(&summary)?;
    cx.out.annotate(annotation::of_summary(&summary))?;
    args.outputs.write(&[("run_id", &summary.run_id)])?;
    Ok(args.keep.exit(&summary))
}
