//! `config check`: whether the settings fit together, and into what registries and machines allow.

use std::{collections::BTreeMap, fmt, ops::ControlFlow, time::Duration};

use batch_core::{
    decide::config_check::{
        self, Figure, Line, Needs, RequestTimes, Schedule, ScheduledEcosystem, Unknown,
    },
    io::{Deadlines, HistoryFilter, StateReader as _, Visited},
    model::{EcosystemId, Quota},
    plugin::{EcosystemPlugin, NativeInstaller},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Context,
    damage::{self, Damage},
    quotas::Quotas,
};
use crate::{counted::counted, env::Root, exit::Exit, settings::Settings};

/// How many of the newest runs are looked at.
const N_RUNS: usize = 500;

/// How many unknown numbers are shown one by one to a person.
const N_SHOWN: usize = 3;

const DAY_SECONDS: u64 = 24 * 60 * 60;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Compute whether the schedule in `[plan]` fits the quotas, slots, budgets and waiting times; exit
    /// code 1 if it does not
    Check,
}

pub(super) fn run(command: &Command, cx: &Context) -> anyhow::Result<Exit> {
    let Command::Check = command;
    let root = cx.open_root()?;
    let mut damage = Damage::default();
    let needs = needs(&root, &mut damage)?;
    let schedule = schedule(&root.settings, needs, cx)?;
    let checked = config_check::check(&schedule);
    let report = ConfigReport {
        fits: checked.lines.iter().all(|line| line.fits),
        lines: checked.lines,
        unknown: checked.unknown,
        problems: damage.into_problems(),
    };
    cx.out.show(&report)?;
    Ok(if report.fits { Exit::Ok } else { Exit::Unexpected })
}

/// What the newest runs needed for one package, by ecosystem.
fn needs(root: &Root, damage: &mut Damage) -> anyhow::Result<BTreeMap<EcosystemId, Needs>> {
    let (mut needs, mut n_runs) = (BTreeMap::new(), 0);
    root.state.visit_runs(&HistoryFilter::default(), &mut |visited| {
        match visited {
            Visited::Damaged(damaged) => damage.note(damaged),
            Visited::Record(run) => {
                n_runs += 1;
                config_check::learn(&mut needs, &run);
            }
        }
        if N_RUNS <= n_runs { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(needs)
}

/// The schedule that `settings` describe.
fn schedule(
    settings: &Settings,
    mut needs: BTreeMap<EcosystemId, Needs>,
    cx: &Context,
) -> anyhow::Result<Schedule> {
    let registry = &cx.env.registry;
    let here = Quotas::here(registry, settings)?;
    let mut places: BTreeMap<(&str, &str), Quota> = BTreeMap::new();
    for declared in registry.quotas() {
        places.insert((declared.host, declared.path_prefix), here.strictest(&declared));
    }
    let install = settings.sandbox.install_seconds.get();
    // A plugin without a builder attempts nothing.
    let attempted = registry.iter().filter(|plugin| plugin.recipe_builder.is_some());
    let ecosystems = attempted.map(|plugin| {
        let needs = needs.remove(&plugin.id).unwrap_or_default();
        ecosystem(plugin, stated(needs, settings), install)
    });
    let retries = settings.requests.retries();
    let waits = (1..=retries.n_more).map(|n| retries.wait(n, 1.0)).collect();
    Ok(Schedule {
        batch_size: settings.selection.batch_size.get(),
        slots_per_day: settings.plan.slots_per_day.get(),
        slot: Duration::from_secs(DAY_SECONDS / settings.plan.slots_per_day.get()),
        ecosystems: ecosystems.collect(),
        quotas: places.into_values().collect(),
        environments: settings.plan.environments.clone(),
        budget: settings.budget.policy(),
        verify_seconds: settings.sandbox.verify_seconds.get(),
        backoff: settings.backoff_policy(),
        breaker: settings.breaker_policy(),
        request: RequestTimes { deadline: Deadlines::default().metadata, waits },
    })
}

/// `needs`, with what an operator states where no run has recorded it.
fn stated(mut needs: Needs, settings: &Settings) -> Needs {
    for (host, n) in &settings.plan.requests_per_package {
        let from = "stated in [plan]".to_owned();
        needs.requests.entry(host.clone()).or_insert(Figure { value: n.get(), from });
    }
    needs
}

fn ecosystem(plugin: &EcosystemPlugin, needs: Needs, install: u64) -> ScheduledEcosystem {
    let hosts = Quota::hosts_for_building(plugin.rate_limit.quotas());
    let mut hosts: Vec<String> = hosts.map(str::to_owned).collect();
    hosts.sort();
    hosts.dedup();
    let own = plugin.installer.and_then(NativeInstaller::longest_step);
    let longest_step = own.map_or(install, |own| own.as_secs().max(install));
    ScheduledEcosystem { id: plugin.id.clone(), hosts, needs, longest_step }
}

/// What `config check --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ConfigReport {
    /// Whether everything that was computed fits.
    fits: bool,
    /// What was computed, line by line.
    lines: Vec<Line>,
    /// What could not be computed, because a number is not known.
    unknown: Vec<Unknown>,
    /// Records of runs that cannot be read, each with file, position, reason and remedy.
    problems: Vec<String>,
}

impl fmt::Display for ConfigReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            let Line { subject, arithmetic, unit, fits, over, .. } = line;
            let verdict = if *fits { "ok  " } else { "fail" };
            write!(f, "{verdict}  {subject}: {arithmetic}")?;
            if *fits { writeln!(f)? } else { writeln!(f, "; {over} {unit} too many")? }
        }
        for Unknown { what, remedy } in self.unknown.iter().take(N_SHOWN) {
            writeln!(f, "not known: {what}; {remedy}")?;
        }
        if N_SHOWN < self.unknown.len() {
            let n = self.unknown.len() - N_SHOWN;
            writeln!(f, "{n} more numbers are not known; --json shows all")?;
        }
        damage::write_problems(f, &self.problems)?;
        let wrong = self.lines.iter().filter(|line| !line.fits).count();
        match wrong {
            0 => writeln!(f, "the plan fits, as far as the numbers are known"),
            n => writeln!(f, "the plan does not fit: {}", counted(n, "line", "lines")),
        }
    }
}
