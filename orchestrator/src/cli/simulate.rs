//! `simulate`: months of runs in seconds, on a copy of the state.

mod scenario;

use std::{
    fs::File,
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use chrono::{DateTime, Utc};

use super::{Context, run::Selection, signal::drain_on_signal};
use crate::{
    env::Root,
    exit::Exit,
    routing,
    simulate::{self, History, Measure, Oracle, Policy, Report, Simulation, TraceLine},
};
use scenario::ScenarioArgs;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    selection: Selection,
    /// The first slot [default: now]
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    from: Option<DateTime<Utc>>,
    /// Number of slots, one each hour
    #[arg(long, value_name = "N", default_value_t = 168, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    hours: u32,
    /// How attempts end: `recorded` repeats the newest recorded failure of each package, and other
    /// attempts succeed with the probability of --success-rate; with `rate` all attempts do
    #[arg(long, value_name = "recorded|rate", default_value = "recorded")]
    oracle: OracleKind,
    /// Probability with which an attempt succeeds
    #[arg(long, value_name = "P", default_value_t = 0.5, value_parser = probability)]
    success_rate: f64,
    /// The rules: `decided` are those of this program; `literal` is the circuit breaker of the first
    /// design, which counts every run without a recipe
    #[arg(long, value_name = "decided|literal", default_value = "decided")]
    policy: Policy,
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// Carry out each run in stages, as in CI, each a process of its own that passes artifacts to the next;
    /// --crash-rate is then the share of runs in which the machine of one stage is lost
    #[arg(long)]
    stages: bool,
    /// Write each attempt to this file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Write a picture to this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum OracleKind {
    Recorded,
    Rate,
}

fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    simulate::instant(text)
        .ok_or_else(|| "write an instant such as 2026-03-13T00:00Z, or a day".to_owned())
}

fn probability(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|p| (0.0..=1.0).contains(p));
    number.ok_or_else(|| "write a number from 0 to 1".to_owned())
}

pub(super) fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    root.control(&cx.env.registry)?;
    drain_on_signal(cx);
    let seed = cx.seed.unwrap_or_default();
    let from = args.from.unwrap_or_else(|| cx.env.clock.now());
    let oracle = match args.oracle {
        OracleKind::Recorded => Oracle::recorded(seed, args.success_rate, &root.state)?,
        OracleKind::Rate => Oracle::of_rate(seed, args.success_rate),
    };
    let budget = root.settings.budget.policy();
    let artifacts = args.stages.then(tempfile::tempdir).transpose()?;
    let simulation = Simulation {
        registry: &cx.env.registry,
        from,
        hours: args.hours,
        batch_limit: args.selection.batch_limit(&root)?,
        choice: args.selection.choice(&cx.env.registry)?,
        oracle,
        scenario: args.scenario.read((from, args.hours), &cx.env.registry)?,
        policy: args.policy,
        seed,
        backoff: root.settings.backoff_policy(),
        breaker: root.settings.breaker_policy(),
        budget,
        bundled_recipes: &root.settings.bundled_recipes,
        looked_at: routing::looked_at(&cx.env.registry, &root.settings, &root.state)?,
        artifacts: artifacts.as_ref().map(|dir| dir.path().to_owned()),
    };
    let history = History::read(&root.state)?;
    let measure = simulated(simulation, &root, args.trace.as_deref(), cx)?;
    if let Some(path) = &args.svg {
        let picture = simulate::svg(&measure, args.hours, budget.macos);
        write_file(path, |out| out.write_all(picture.as_bytes()))?;
    }
    let report = Report::new(measure, budget, args.hours, history);
    cx.out.show(&report)?;
    Ok(if cx.stop.is_draining() { Exit::Interrupted } else { Exit::Ok })
}

/// Simulates on a thread that belongs to no runtime, because its futures wait for virtual time only.
fn simulated(
    simulation: Simulation<'_>,
    root: &Root,
    trace: Option<&Path>,
    cx: &Context,
) -> anyhow::Result<Measure> {
    let state = Arc::new(simulate::copy(&root.state, simulation.from)?);
    let simulate = |trace: &mut (dyn FnMut(&TraceLine<'_>) -> io::Result<()> + Send)| {
        std::thread::scope(|scope| {
            let simulating = scope.spawn(|| {
                // What simulated runs warn of is no news for anybody.
                let silence = tracing::subscriber::NoSubscriber::new();
                tracing::subscriber::with_default(silence, || {
                    simulate::simulate(simulation, state, trace, &cx.stop)
                })
            });
            simulating.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    };
    let Some(path) = trace else { return simulate(&mut |_| Ok(())) };
    let cannot = || format!("cannot write {}", path.display());
    let mut out = BufWriter::new(File::create(path).with_context(cannot)?);
    let measure = simulate(&mut |line| {
        serde_json::to_writer(&mut out, line)?;
        out.write_all(b"\n")
    })?;
    out.flush().with_context(cannot)?;
    Ok(measure)
}

fn write_file(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> anyhow::Result<()> {
    let written = File::create(path).and_then(|file| {
        let mut out = BufWriter::new(file);
        write(&mut out)?;
        out.flush()
    });
    written.with_context(|| format!("cannot write {}", path.display()))
}
