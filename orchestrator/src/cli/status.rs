//! `status`: shows the state on one page.

mod ecosystem;
mod evidence;

use std::{collections::BTreeMap, fmt, ops::ControlFlow};

use batch_core::{
    decide::{
        ahead,
        health::{self, Code, Digest, Health, Reason, Verdict, WINDOW},
        shares::{self, EvidenceShares},
    },
    io::{HistoryFilter, StateError, StateReader as _, Visited},
    model::{Control, EcosystemId, RunRecord, StatusLabel},
};
use chrono::{DateTime, SubsecRound as _, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Context,
    damage::{self, Damage},
};
use crate::{counted::counted, env::Root, exit::Exit, machine};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Exit with code 10 if the pipeline is degraded, 11 if stalled, 12 if paused, 13 if it never
    /// ran
    #[arg(long)]
    exit_code: bool,
}

pub(super) fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    let now = cx.env.clock.now();
    let mut seen = StatusCollector {
        digest: Digest::new(now),
        shares: BTreeMap::new(),
        newest: None,
        damage: Damage::default(),
    };
    let control = match root.control(&cx.env.registry) {
        Ok(control) => control,
        Err(error) => {
            seen.file(&root, &error);
            Control::default()
        }
    };
    let mut ecosystems = vec![];
    for plugin in cx.env.registry.iter() {
        let counts = seen.queue(&root, &plugin.id);
        ecosystems.push(ecosystem::status(&plugin.id, counts, &control, (&root, now)));
    }
    seen.history(&root, now)?;
    seen.journals(&root)?;
    let health = health::evaluate(&seen.digest, &control);
    let paused = health::paused_hosts(&control, now);
    let paused_hosts =
        paused.into_iter().map(|(host, until)| PausedHost { host: host.to_owned(), until });
    let report = StatusReport {
        enabled: control.enabled,
        window_days: WINDOW.num_days(),
        last_run: seen.digest.last_run().cloned(),
        newest: seen.newest,
        runs_since_success: seen.digest.runs_since_success(),
        paused_hosts: paused_hosts.collect(),
        reason: stop_reason(control, now),
        health,
        ecosystems,
        evidence: evidence::of(seen.shares),
        problems: seen.damage.into_problems(),
    };
    cx.out.show(&report)?;
    Ok(if args.exit_code { exit(report.health.verdict) } else { Exit::Ok })
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

/// What a person can do about a file that was set aside.
const SET_ASIDE: &str = "could not be used and was set aside; nothing of it is in the state. Look at \
    it, then delete it, or move it back to where it was once it is mended";

/// Collects what the status depends on.
struct StatusCollector {
    digest: Digest,
    shares: BTreeMap<EcosystemId, EvidenceShares>,
    /// The id of the newest record of a run.
    newest: Option<String>,
    damage: Damage,
}

impl StatusCollector {
    fn file(&mut self, root: &Root, error: &StateError) {
        self.digest.damaged(&root.layout.label(&error.path));
        self.damage.note(error);
    }

    fn damaged(&mut self, damaged: &batch_core::io::Quarantined) {
        self.digest.damaged(&damaged.file);
        self.damage.note(damaged);
    }

    fn queue(&mut self, root: &Root, id: &EcosystemId) -> BTreeMap<StatusLabel, u64> {
        let mut counts = BTreeMap::new();
        match root.state.queue(id) {
            Ok(Some(queue)) => {
                for entry in queue.entries.values() {
                    *counts.entry(entry.status.label()).or_default() += 1;
                }
                self.digest.queue(id, &queue.entries);
                queue.quarantined.iter().for_each(|damaged| self.damaged(damaged));
            }
            Ok(None) => (),
            Err(error) => self.file(root, &error),
        }
        counts
    }

    /// Adds runs and failures of the window, and the logs.
    fn history(&mut self, root: &Root, now: DateTime<Utc>) -> Result<(), StateError> {
        let state = &root.state;
        state.visit_runs(&HistoryFilter::default(), &mut |visited| match visited {
            Visited::Record(run) => {
                self.newest.get_or_insert_with(|| run.batch_id.clone());
                self.digest.run(&run)
            }
            Visited::Damaged(damaged) => {
                self.damaged(&damaged);
                ControlFlow::Continue(())
            }
        })?;
        let recent = HistoryFilter { since: Some(now - WINDOW), ..HistoryFilter::default() };
        state.visit_failures(&recent, &mut |visited| {
            match visited {
                Visited::Record(failure) => {
                    self.digest.failure(&failure);
                    if !ahead::is_ahead(failure.timestamp, now) {
                        shares::add(&mut self.shares, &failure);
                    }
                }
                Visited::Damaged(damaged) => self.damaged(&damaged),
            }
            ControlFlow::Continue(())
        })?;
        state.breaker_log()?.quarantined.iter().for_each(|damaged| self.damaged(damaged));
        state.seeding_runs()?.quarantined.iter().for_each(|damaged| self.damaged(damaged));
        Ok(())
    }

    /// Adds journals. They belong to the run that is in progress; if there is none, their run has
    /// died. Journals that could not be used wait for a person.
    fn journals(&mut self, root: &Root) -> Result<(), StateError> {
        for file in root.state.set_aside()? {
            self.digest.damaged(&file);
            self.damage.note(format!("{file}: {SET_ASIDE}"));
        }
        let holder = root.state.lock_holder();
        self.digest.is_under_way = holder.is_some_and(|holder| machine::is_alive(holder.pid));
        if !self.digest.is_under_way {
            root.state.journals()?.iter().for_each(|batch| self.digest.dead_run(batch));
        }
        Ok(())
    }
}

/// What `status --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct StatusReport {
    /// The health of the pipeline, with reasons.
    health: Health,
    /// Whether runs are allowed.
    enabled: bool,
    /// Why they are not allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// How many days back runs and failures were read. Runs are read further back if there are few.
    window_days: i64,
    /// The newest run that attempted something.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_run: Option<RunRecord>,
    /// The id of the newest record, which may be that of an imported run or of an empty slot.
    #[serde(skip)]
    newest: Option<String>,
    /// Number of runs without a verified recipe since the last one with a verified recipe, among
    /// the runs that were read.
    runs_since_success: u64,
    /// Hosts that asked for a pause.
    paused_hosts: Vec<PausedHost>,
    /// In rotation order.
    ecosystems: Vec<ecosystem::EcosystemStatus>,
    /// What the evidence of the failures of these days says, by ecosystem.
    evidence: Vec<evidence::EcosystemEvidence>,
    /// What cannot be read, each with file, position, reason and remedy.
    problems: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct PausedHost {
    host: String,
    /// When it may be asked again.
    until: DateTime<Utc>,
}

impl StatusReport {
    /// The verdict, the state of the pipeline, and its last run.
    fn headline(&self) -> String {
        let word = self.health.verdict.as_str().replace('_', " ").to_uppercase();
        if self.health.verdict == Verdict::Paused {
            return format!("{word}: {}", self.reason.as_deref().unwrap_or("no reason given"));
        }
        let last = match (&self.last_run, &self.newest) {
            (Some(RunRecord { batch_id, succeeded, total, .. }), _) => {
                format!("last run {batch_id}, {succeeded} of {total} verified")
            }
            (None, Some(newest)) => format!("the newest record is {newest}"),
            (None, None) => "nothing has run yet".to_owned(),
        };
        if self.health.verdict == Verdict::NeverRun {
            return format!("{word}: {last}");
        }
        format!("{word}: the pipeline is {}; {last}", self.health.pipeline.as_str())
    }

    /// One reason as a sentence, with the command that shows more.
    fn sentence(&self, reason: &Reason) -> String {
        let until = self.paused_hosts.iter().find(|host| host.host == reason.subject);
        let until = until.filter(|_| reason.code == Code::HostPaused);
        let until = until.map(|host| format!(", until {}", host.until.trunc_subsecs(0)));
        let since = reason.since.map(|at| format!(" (since {})", at.trunc_subsecs(0)));
        let command = reason.command.as_ref().map(|command| format!("      {command}\n"));
        format!(
            "  {}: {} {}{}{}\n{}",
            reason.code.as_str(),
            reason.subject,
            reason.code.meaning(),
            until.unwrap_or_default(),
            since.unwrap_or_default(),
            command.unwrap_or_default()
        )
    }
}

impl fmt::Display for StatusReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.headline())?;
        for reason in &self.health.reasons {
            write!(f, "{}", self.sentence(reason))?;
        }
        if self.runs_since_success > 0 {
            let runs = counted(self.runs_since_success, "run", "runs");
            writeln!(f, "{runs} since the last verified recipe")?;
        }
        ecosystem::write(f, &self.ecosystems)?;
        evidence::write(f, &self.evidence)?;
        writeln!(f, "Based on the runs and failures of the last {} days.", self.window_days)?;
        damage::write_problems(f, &self.problems)
    }
}
