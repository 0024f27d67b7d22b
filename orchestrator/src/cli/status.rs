//! `status`: shows the state on one page.

mod collect;
mod ecosystem;
mod evidence;
mod levels;
mod prometheus;
mod report;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use batch_core::{
    decide::{
        health::{self, Verdict, WINDOW},
        plan::BatchLimit,
        preflight::Candidate,
        upcoming,
    },
    io::replace_file,
    model::{Control, Tier},
};
use chrono::{DateTime, Utc};

use self::collect::StatusCollector;
pub(super) use self::report::StatusReport;
use super::{Context, plan::PlannedSlot};
use crate::{env::Root, exit::Exit};

/// How many of the next slots are shown.
const N_SLOTS: usize = 3;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Exit with code 10 if the pipeline is degraded, 11 if stalled, 12 if paused, 13 if it never
    /// ran
    #[arg(long)]
    exit_code: bool,
    /// Also write the status as metrics of Prometheus into this file
    #[arg(long, value_name = "FILE")]
    prometheus: Option<PathBuf>,
}

pub(super) fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    let report = report(&root, cx)?;
    if let Some(path) = &args.prometheus {
        write_metrics(path, &report, cx)?;
    }
    cx.out.show(&report)?;
    Ok(if args.exit_code { exit(report.health.verdict) } else { Exit::Ok })
}

fn report(root: &Root, cx: &Context) -> anyhow::Result<StatusReport> {
    let now = cx.env.clock.now();
    let mut seen = StatusCollector::new(now);
    let control = match root.control(&cx.env.registry) {
        Ok(control) => control,
        Err(error) => {
            seen.file(root, &error);
            Control::default()
        }
    };
    let mut ecosystems = vec![];
    for plugin in cx.env.registry.iter() {
        let counts = seen.queue(root, plugin);
        ecosystems.push(ecosystem::status(&plugin.id, counts, &control, (root, now)));
    }
    seen.history(root, now)?;
    seen.journals(root)?;
    let next_slots = next_slots(&seen, &control, root, (cx, now));
    let health = health::evaluate(&seen.digest, &control);
    let paused = health::paused_hosts(&control, now);
    let paused_hosts =
        paused.into_iter().map(|(host, until)| report::PausedHost { host: host.to_owned(), until });
    Ok(StatusReport {
        at: now,
        enabled: control.enabled,
        window_days: WINDOW.num_days(),
        last_run: seen.digest.last_run().cloned(),
        newest: seen.newest,
        runs_since_success: seen.digest.runs_since_success(),
        hours_since_last_run: seen.digest.hours_since_last_run(),
        hours_since_last_merge: seen.digest.hours_since_last_merge(),
        next_slots,
        paused_hosts: paused_hosts.collect(),
        reason: stop_reason(control, now),
        health,
        ecosystems,
        unpushed: seen.unpushed,
        slos: seen.slos.measure(),
        evidence: evidence::of(seen.shares),
        problems: seen.damage.into_problems(),
    })
}

/// The next slots. Whether tools are on this machine is not looked at, because that takes longer than all
/// the rest.
fn next_slots(
    seen: &StatusCollector,
    control: &Control,
    root: &Root,
    (cx, now): (&Context, DateTime<Utc>),
) -> Vec<PlannedSlot> {
    if !control.enabled || control.pause_of_all(now).is_some() {
        return vec![];
    }
    let buildable = cx.env.registry.iter().filter(|plugin| plugin.recipe_builder.is_some());
    let candidates = buildable.filter_map(|plugin| {
        let queue = &seen.queues.get(&plugin.id)?.entries;
        Some(Candidate { ecosystem: plugin.id.clone(), obstacle: None, queue })
    });
    let candidates: Vec<Candidate<'_>> = candidates.collect();
    let size = root.settings.selection.batch_size.get_usize();
    let (limit, policy) = (BatchLimit { size, tier: Tier::REST }, root.settings.breaker_policy());
    let slots = upcoming::slots(&candidates, control, limit, N_SLOTS, (now, &policy));
    slots.into_iter().map(PlannedSlot::of).collect()
}

/// Writes the metrics so that a reader sees all of them or none.
fn write_metrics(path: &Path, report: &StatusReport, cx: &Context) -> anyhow::Result<()> {
    let absolute = std::path::absolute(path)
        .with_context(|| format!("cannot find the folder of {}", path.display()))?;
    let text = cx.env.cleaner.text(prometheus::text(report).as_bytes());
    replace_file(&absolute, text.as_bytes())?;
    Ok(())
}

/// Why everything is stopped, or single ecosystems are.
fn stop_reason(control: Control, now: DateTime<Utc>) -> Option<String> {
    match control.pause_of_all(now) {
        Some(pause) if control.enabled => Some(format!("until {}: {}", pause.until, pause.reason)),
        Some(_) | None => control.reason,
    }
}

fn exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Healthy => Exit::Ok,
        Verdict::Degraded => Exit::Degraded,
        Verdict::Stalled => Exit::Stalled,
        Verdict::Paused => Exit::Paused,
        Verdict::NeverRun => Exit::NeverRun,
    }
}
