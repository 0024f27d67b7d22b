//! `sweep`: tests recipes that exist already.

use anyhow::Context as _;
use batch_core::{decide::preflight::Choice, model::Environment};
use chrono::TimeDelta;

use super::{
    Context, Refusal, names, period, programs::ProgramArgs, session::Session,
    signal::drain_on_signal, stops,
};
use crate::{
    exit::Exit,
    run::{self, SweepRequest, SweptRecipes},
};

#[derive(Debug, clap::Args)]
#[group(id = "recipes", required = true, multiple = false, args = ["oldest", "environment"])]
pub(super) struct Args {
    /// Verify again the N recipes whose last verification is oldest
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=500))]
    oldest: Option<u16>,
    /// Test in this environment what was merged lately
    #[arg(long, value_name = "ENVIRONMENT")]
    environment: Option<Environment>,
    /// How long ago it may have been merged: a number of hours or days, such as 12h or 7d
    #[arg(long, value_name = "PERIOD", default_value = "7d", value_parser = period::age, conflicts_with = "oldest")]
    since: TimeDelta,
    /// Only recipes of this ecosystem
    #[arg(long, short, value_name = "ID")]
    ecosystem: Option<String>,
    /// Number of recipes that are installed and verified at the same time
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=32))]
    jobs: u8,
    #[command(flatten)]
    programs: ProgramArgs,
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
    let (ports, config) = (session.ports(&owned), session.config());
    let recipes = match (args.oldest, args.environment) {
        (Some(n), _) => SweptRecipes::Oldest(n.into()),
        (None, environment) => {
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
    Ok(if summary.interrupted {
        Exit::Interrupted
    } else if summary.batches.is_empty() {
        Exit::Unavailable
    } else {
        Exit::Ok
    })
}
