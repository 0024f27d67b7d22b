//! `pause` and `resume`.

use std::fmt;

use batch_core::{
    decide::pause::{self, PauseRequest},
    io::StateWriter as _,
    model::{Control, EcosystemId, Pause},
};
use chrono::{SubsecRound as _, TimeDelta};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Context, names,
    period::age,
    push::{self, PushArgs},
};
use crate::{env::Root, exit::Exit};

#[derive(Debug, clap::Args)]
pub(super) struct PauseArgs {
    /// End the pause by itself after this time: a number of hours or days, such as 2h or 7d. Without
    /// it, `tsuku-batch resume` ends it
    #[arg(long = "for", value_name = "PERIOD", value_parser = age)]
    period: Option<TimeDelta>,
    /// Pause only this ecosystem; may be given several times
    #[arg(long, short, value_name = "ID")]
    ecosystem: Vec<String>,
    /// Why, for everybody who sees that nothing runs
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Link to the description of the incident
    #[arg(long, value_name = "URL")]
    incident: Option<String>,
    /// Who asks for it
    #[arg(long, value_name = "NAME", env = "USER")]
    by: Option<String>,
    /// Show what would be paused, and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    push: PushArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct ResumeArgs {
    /// Resume only this ecosystem, which was paused by itself; may be given several times
    #[arg(long, short, value_name = "ID")]
    ecosystem: Vec<String>,
    /// Show what would still be paused, and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    push: PushArgs,
}

pub(super) async fn pause(args: &PauseArgs, cx: &Context) -> anyhow::Result<Exit> {
    let now = cx.env.clock.now();
    let request = PauseRequest {
        ecosystems: ecosystems(&args.ecosystem, cx)?,
        until: args.period.map(|period| now.trunc_subsecs(0) + period),
        reason: args.reason.clone(),
        by: args.by.clone(),
        incident_url: args.incident.clone(),
    };
    let paused = |control| pause::paused(control, &request, now);
    change((args.dry_run, &args.push), "pause", cx, paused).await
}

pub(super) async fn resume(args: &ResumeArgs, cx: &Context) -> anyhow::Result<Exit> {
    let now = cx.env.clock.now();
    let ecosystems = ecosystems(&args.ecosystem, cx)?;
    let resumed = |control| pause::resumed(control, &ecosystems, now);
    change((args.dry_run, &args.push), "resume", cx, resumed).await
}

fn ecosystems(words: &[String], cx: &Context) -> anyhow::Result<Vec<EcosystemId>> {
    let id = |word: &String| Ok(names::ecosystem(&cx.env.registry, word)?.id.clone());
    words.iter().map(id).collect()
}

/// Changes the control file and shows what is paused then.
async fn change(
    (dry_run, push): (bool, &PushArgs),
    title: &str,
    cx: &Context,
    change: impl Fn(Control) -> Control,
) -> anyhow::Result<Exit> {
    let change = |root: &Root| {
        let _no_run_in_between = root.state.exclusive()?;
        let before = root.control(&cx.env.registry)?;
        let after = change(before.clone());
        let changed = after != before;
        if changed && !dry_run {
            root.state.put_control(&after)?;
        }
        let report = PauseReport {
            dry_run,
            changed,
            enabled: after.enabled,
            disabled_ecosystems: after.disabled_ecosystems,
            reason: after.reason,
            pauses: after.pauses,
        };
        Ok((report, Exit::Ok))
    };
    push::change(push, title, cx, change).await
}

/// What `pause --json` and `resume --json` print: everything that operators have stopped.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PauseReport {
    /// Whether nothing was written because of `--dry-run`.
    dry_run: bool,
    /// Whether the command changes anything.
    changed: bool,
    /// `false` stops everything until an operator resumes it.
    enabled: bool,
    /// Ecosystems that are stopped until an operator resumes them.
    disabled_ecosystems: Vec<EcosystemId>,
    /// The reason for the stops without an end.
    reason: Option<String>,
    /// Stops that end by themselves.
    pauses: Vec<Pause>,
}

impl fmt::Display for PauseReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = self.reason.as_deref().unwrap_or("no reason given");
        if !self.changed {
            writeln!(f, "Nothing changes.")?;
        } else if self.dry_run {
            writeln!(f, "Nothing was written. With this change:")?;
        }
        if !self.enabled {
            writeln!(f, "Everything is paused until `tsuku-batch resume`: {reason}")?;
        }
        for id in &self.disabled_ecosystems {
            writeln!(f, "{id} is paused until `tsuku-batch resume --ecosystem {id}`: {reason}")?;
        }
        for pause in &self.pauses {
            let subject = pause.ecosystem.as_ref().map_or("Everything", EcosystemId::as_str);
            writeln!(f, "{subject} is paused until {}: {}", pause.until, pause.reason)?;
        }
        if self.enabled && self.disabled_ecosystems.is_empty() && self.pauses.is_empty() {
            writeln!(f, "Nothing is paused.")?;
        }
        Ok(())
    }
}
