//! `sweep`: tests recipes that exist already.

use anyhow::Context as _;
use batch_core::{decide::preflight::Choice, model::Environment};
use chrono::TimeDelta;

use super::{
    Context, Refusal, names, programs::ProgramArgs, session::Session, signal::drain_on_signal,
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
    #[arg(long, value_name = "PERIOD", default_value = "7d", value_parser = period, conflicts_with = "oldest")]
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

/// `12h` or `7d`.
pub(super) fn period(text: &str) -> Result<TimeDelta, String> {
    let parse = || {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let number = i64::from(number.parse::<u16>().ok()?);
        match unit {
            "h" => Some(TimeDelta::hours(number)),
            "d" => Some(TimeDelta::days(number)),
            _ => None,
        }
    };
    parse().ok_or_else(|| "write a number of hours or days, such as 12h or 7d".to_owned())
}

pub(super) async fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    root.control(&cx.env.registry)?;
    drain_on_signal(cx);
    let choice = match &args.ecosystem {
        Some(word) => Choice::One(names::ecosystem(&cx.env.registry, word)?.id.clone()),
        None => Choice::All,
    };
    let session = Session::new(cx, &root, &args.programs, Some(choice.clone())).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_a_number_of_hours_or_days() {
        assert_eq!(period("7d"), Ok(TimeDelta::days(7)));
        assert_eq!(period("12h"), Ok(TimeDelta::hours(12)));
        for odd in ["", "d", "7", "-1d", "7w", "1.5h", "7ä"] {
            assert!(period(odd).is_err(), "{odd}");
        }
    }
}
