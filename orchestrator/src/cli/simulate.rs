//! `simulate`: months of runs in seconds, on a copy of the state.

use std::{
    fs::File,
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use batch_core::model::EcosystemId;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use super::{Context, Refusal, names, run::Selection, signal::drain_on_signal};
use crate::{
    env::Root,
    exit::Exit,
    routing,
    simulate::{
        self, DurationText, History, Measure, Minutes, Oracle, OutageText, Period, PeriodText,
        Policy, PullRequests, Report, Scenario, Share, Simulation, TraceLine,
    },
};

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

/// What goes wrong.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What goes wrong")]
struct ScenarioArgs {
    /// File with these options, without dashes and with `_`: `outage = ["npm=6h"]`,
    /// `missed_slots = "20%"`. Options on the command line are added or take precedence
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// The registry of an ecosystem does not answer: `npm=2026-03-20T00:00Z/6h`. May be given several
    /// times. Without a beginning it begins after a third of the time
    #[arg(long, value_name = "ID=PERIOD")]
    outage: Vec<OutageText>,
    /// The registry of an ecosystem refuses all requests as too many; by default for six hours after
    /// three quarters of the time
    #[arg(long = "storm-429", value_name = "ID[=PERIOD]")]
    storm_429: Vec<OutageText>,
    /// The generator makes the same mistake with every package: `3d`, or with a beginning as above; by
    /// default after a quarter of the time
    #[arg(long, value_name = "PERIOD")]
    broken_generator: Vec<PeriodText>,
    /// The clock is set back by so much, by default after half of the time
    #[arg(long, value_name = "[INSTANT/]PERIOD")]
    clock_back: Option<PeriodText>,
    /// Share of slots in which no run starts, such as 20%
    #[arg(long, value_name = "PERCENT")]
    missed_slots: Option<Share>,
    /// Share of runs whose process dies, such as 1%
    #[arg(long, value_name = "PERCENT")]
    crash_rate: Option<Share>,
    /// How late runs start, such as 10..26m
    #[arg(long, value_name = "A..Bm")]
    slot_delay: Option<Minutes>,
    /// Recipes are merged by pull requests, and nobody merges the first one that is opened in this period
    /// before its end: `52d`; by default it begins after a quarter of the time
    #[arg(long, value_name = "[INSTANT/]PERIOD")]
    open_pr: Option<PeriodText>,
    /// Recipes are merged by pull requests, whose checks take so long, such as 90m [default with one of
    /// the other options for pull requests: 10m]
    #[arg(long, value_name = "DURATION")]
    slow_checks: Option<DurationText>,
    /// Recipes are merged by pull requests, and only a branch that is up to date with main is merged, so
    /// that each merged one keeps the others from being merged until they are updated
    #[arg(long)]
    strict_protection: bool,
}

/// The largest file of `--scenario`, in bytes.
const MAX_SCENARIO: u64 = 1 << 20;

/// The file of `--scenario`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ScenarioFile {
    outage: Vec<String>,
    storm_429: Vec<String>,
    broken_generator: Vec<String>,
    clock_back: Option<String>,
    missed_slots: Option<String>,
    crash_rate: Option<String>,
    slot_delay: Option<String>,
    open_pr: Option<String>,
    slow_checks: Option<String>,
    strict_protection: bool,
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
    let simulation = Simulation {
        registry: &cx.env.registry,
        from,
        hours: args.hours,
        batch_limit: args.selection.batch_limit()?,
        choice: args.selection.choice(&cx.env.registry)?,
        oracle,
        scenario: scenario(&args.scenario, (from, args.hours), cx)?,
        policy: args.policy,
        seed,
        backoff: root.settings.backoff_policy(),
        breaker: root.settings.breaker_policy(),
        budget,
        bundled_recipes: &root.settings.bundled_recipes,
        looked_at: routing::looked_at(&cx.env.registry, &root.settings, &root.state)?,
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

fn scenario(
    args: &ScenarioArgs,
    (from, hours): (DateTime<Utc>, u32),
    cx: &Context,
) -> anyhow::Result<Scenario> {
    let file = args.scenario.as_deref().map(read_scenario).transpose()?.unwrap_or_default();
    let after = |quarters: i32, of: i32| from + TimeDelta::hours(hours.into()) * quarters / of;
    let outages = |texts: &[OutageText], file: &[String], default| {
        let read =
            file.iter().map(|text| parsed(text, args)).collect::<anyhow::Result<Vec<_>>>()?;
        let all = read.iter().chain(texts);
        all.map(|OutageText { ecosystem, period }| {
            let id = names::ecosystem(&cx.env.registry, ecosystem)?.id.clone();
            Ok((id, period.starting_at(default)))
        })
        .collect::<anyhow::Result<Vec<(EcosystemId, Period)>>>()
    };
    let read = file.broken_generator.iter().map(|text| parsed::<PeriodText>(text, args));
    let read = read.collect::<anyhow::Result<Vec<_>>>()?;
    let broken = read.iter().chain(&args.broken_generator);
    let clock_back = or_file(args.clock_back, file.clock_back.as_deref(), args)?;
    let clock_back = clock_back.map(|text| text.starting_at(after(1, 2)));
    Ok(Scenario {
        outages: outages(&args.outage, &file.outage, after(1, 3))?,
        storms: outages(&args.storm_429, &file.storm_429, after(3, 4))?,
        broken_generator: broken.map(|text| text.starting_at(after(1, 4))).collect(),
        clock_back: clock_back.map(|period| (period.from, period.until - period.from)),
        missed_slots: or_file(args.missed_slots, file.missed_slots.as_deref(), args)?
            .unwrap_or_default(),
        crash_rate: or_file(args.crash_rate, file.crash_rate.as_deref(), args)?.unwrap_or_default(),
        slot_delay: or_file(args.slot_delay.clone(), file.slot_delay.as_deref(), args)?
            .unwrap_or_default(),
        pull_requests: pull_requests(args, &file, after(1, 4))?,
    })
}

/// How pull requests are merged, if an option says that there are some.
fn pull_requests(
    args: &ScenarioArgs,
    file: &ScenarioFile,
    default: DateTime<Utc>,
) -> anyhow::Result<Option<PullRequests>> {
    let unmerged = or_file(args.open_pr, file.open_pr.as_deref(), args)?;
    let checks = or_file(args.slow_checks, file.slow_checks.as_deref(), args)?;
    let strict = args.strict_protection || file.strict_protection;
    if unmerged.is_none() && checks.is_none() && !strict {
        return Ok(None);
    }
    let usual = PullRequests::default();
    Ok(Some(PullRequests {
        checks: checks.map_or(usual.checks, |DurationText(checks)| checks),
        unmerged: unmerged.map(|text| text.starting_at(default)),
        strict,
        ..usual
    }))
}

fn read_scenario(path: &Path) -> anyhow::Result<ScenarioFile> {
    let cannot = || format!("cannot read {}", path.display());
    let content = batch_core::io::read_within(path, MAX_SCENARIO).with_context(cannot)?;
    let content = content
        .ok_or_else(|| Refusal::not_found(format!("{}: there is no such file", path.display())))?;
    toml::from_slice(&content)
        .map_err(|error| Refusal::usage(format!("{}: {error}", path.display())))
}

/// The option on the command line, or the one in the file.
fn or_file<T: std::str::FromStr<Err = String>>(
    given: Option<T>,
    text: Option<&str>,
    args: &ScenarioArgs,
) -> anyhow::Result<Option<T>> {
    given.map_or_else(|| text.map(|text| parsed(text, args)).transpose(), |it| Ok(Some(it)))
}

/// A text of the file.
fn parsed<T: std::str::FromStr<Err = String>>(
    text: &str,
    args: &ScenarioArgs,
) -> anyhow::Result<T> {
    let file = args.scenario.as_deref().unwrap_or(Path::new("")).display();
    text.parse().map_err(|error| Refusal::usage(format!("{file}: {text:?}: {error}")))
}
