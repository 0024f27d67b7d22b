//! What goes wrong in a simulation, from options and from a file.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::Context as _;
use batch_core::{model::EcosystemId, plugin::Registry};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use super::super::{Refusal, names};
use crate::simulate::{
    DurationText, Minutes, OutageText, Period, PeriodText, PullRequests, Scenario, Share,
};

/// What goes wrong.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What goes wrong")]
pub(super) struct ScenarioArgs {
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
    /// Recipes are merged by pull requests, and the checks of this one are red: 1 for the first one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    red_pr: Option<u64>,
    /// The artifacts of the first run after this time are damaged; only with --stages
    #[arg(long, value_name = "INSTANT", requires = "stages", value_parser = super::instant)]
    damaged_artifacts: Option<DateTime<Utc>>,
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
    red_pr: Option<u64>,
}

impl ScenarioArgs {
    /// What goes wrong in a simulation of so many hours from `from` on.
    pub(super) fn read(
        &self,
        (from, hours): (DateTime<Utc>, u32),
        registry: &Registry,
    ) -> anyhow::Result<Scenario> {
        let file = self.scenario.as_deref().map(read_scenario).transpose()?.unwrap_or_default();
        let after = |quarters: i32, of: i32| from + TimeDelta::hours(hours.into()) * quarters / of;
        let outages = |texts: &[OutageText], file: &[String], default| {
            let read =
                file.iter().map(|text| self.parsed(text)).collect::<anyhow::Result<Vec<_>>>()?;
            let all = read.iter().chain(texts);
            all.map(|OutageText { ecosystem, period }| {
                let id = names::ecosystem(registry, ecosystem)?.id.clone();
                Ok((id, period.starting_at(default)))
            })
            .collect::<anyhow::Result<Vec<(EcosystemId, Period)>>>()
        };
        let read = file.broken_generator.iter().map(|text| self.parsed::<PeriodText>(text));
        let read = read.collect::<anyhow::Result<Vec<_>>>()?;
        let broken = read.iter().chain(&self.broken_generator);
        let clock_back = self.or_file(self.clock_back, file.clock_back.as_deref())?;
        let clock_back = clock_back.map(|text| text.starting_at(after(1, 2)));
        let missed_slots = self.or_file(self.missed_slots, file.missed_slots.as_deref())?;
        let crash_rate = self.or_file(self.crash_rate, file.crash_rate.as_deref())?;
        let slot_delay = self.or_file(self.slot_delay.clone(), file.slot_delay.as_deref())?;
        Ok(Scenario {
            outages: outages(&self.outage, &file.outage, after(1, 3))?,
            storms: outages(&self.storm_429, &file.storm_429, after(3, 4))?,
            broken_generator: broken.map(|text| text.starting_at(after(1, 4))).collect(),
            clock_back: clock_back.map(|period| (period.from, period.until - period.from)),
            missed_slots: missed_slots.unwrap_or_default(),
            crash_rate: crash_rate.unwrap_or_default(),
            slot_delay: slot_delay.unwrap_or_default(),
            damaged_artifacts: self.damaged_artifacts,
            pull_requests: self.pull_requests(&file, after(1, 4))?,
        })
    }

    /// How pull requests are merged, if an option says that there are some. The period of the one that
    /// nobody merges begins at `default`.
    fn pull_requests(
        &self,
        file: &ScenarioFile,
        default: DateTime<Utc>,
    ) -> anyhow::Result<Option<PullRequests>> {
        let unmerged = self.or_file(self.open_pr, file.open_pr.as_deref())?;
        let checks = self.or_file(self.slow_checks, file.slow_checks.as_deref())?;
        let strict = self.strict_protection || file.strict_protection;
        let red = self.red_pr.or(file.red_pr);
        if unmerged.is_none() && checks.is_none() && red.is_none() && !strict {
            return Ok(None);
        }
        let usual = PullRequests::default();
        Ok(Some(PullRequests {
            checks: checks.map_or(usual.checks, |DurationText(checks)| checks),
            unmerged: unmerged.map(|text| text.starting_at(default)),
            strict,
            red,
            ..usual
        }))
    }

    /// The option on the command line, or the one in the file.
    fn or_file<T: FromStr<Err = String>>(
        &self,
        given: Option<T>,
        text: Option<&str>,
    ) -> anyhow::Result<Option<T>> {
        given.map_or_else(|| text.map(|text| self.parsed(text)).transpose(), |it| Ok(Some(it)))
    }

    /// A text of the file.
    fn parsed<T: FromStr<Err = String>>(&self, text: &str) -> anyhow::Result<T> {
        let file = self.scenario.as_deref().unwrap_or(Path::new("")).display();
        text.parse().map_err(|error| Refusal::usage(format!("{file}: {text:?}: {error}")))
    }
}

fn read_scenario(path: &Path) -> anyhow::Result<ScenarioFile> {
    let cannot = || format!("cannot read {}", path.display());
    let content = batch_core::io::read_within(path, MAX_SCENARIO).with_context(cannot)?;
    let content = content
        .ok_or_else(|| Refusal::not_found(format!("{}: there is no such file", path.display())))?;
    toml::from_slice(&content)
        .map_err(|error| Refusal::usage(format!("{}: {error}", path.display())))
}
