//! `sandbox check`.

use std::fmt;

use batch_sandbox::{Network, Preference, Sandbox, SandboxCheck, WallCheck};
use schemars::JsonSchema;
use serde::Serialize;

use super::Context;
use crate::exit::Exit;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Try what this machine offers to contain package code, and say what will be used
    Check {
        /// End with exit code 4 unless there is a sandbox in which every probe was held
        #[arg(long)]
        require: bool,
    },
}

pub(super) async fn run(command: &Command, cx: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::Check { require } => check(*require, cx).await,
    }
}

async fn check(require: bool, cx: &Context) -> anyhow::Result<Exit> {
    let report = CheckReport(Sandbox::detect(&cx.env.host, Preference::default()).await.check);
    cx.out.show(&report)?;
    let is_well = if require { report.0.holds() } else { report.0.chosen.is_some() };
    Ok(if is_well { Exit::Ok } else { Exit::Unavailable })
}

/// What `sandbox check --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct CheckReport(SandboxCheck);

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SandboxCheck { walls, probes, chosen, limiter, user_namespaces, cgroup } = &self.0;
        for wall in walls {
            show_wall(f, wall)?;
        }
        match (chosen, limiter) {
            (Some(chosen), Some(limiter)) => {
                let n_held = probes.iter().filter(|probe| probe.held).count();
                let n_all = probes.len();
                writeln!(f, "used      {chosen}; limits are held by {limiter}")?;
                writeln!(f, "probes    {n_held} of {n_all} held")?;
            }
            _ => writeln!(f, "used      nothing works here, so no package code will run")?,
        }
        for probe in probes.iter().filter(|probe| !probe.held) {
            writeln!(f, "          not held: {}", probe.name)?;
        }
        writeln!(f, "kernel    user namespaces {user_namespaces}; control groups: {cgroup}")
    }
}

fn show_wall(f: &mut fmt::Formatter<'_>, wall: &WallCheck) -> fmt::Result {
    let version = wall.version.as_ref().map(|it| format!(" (bwrap {it})")).unwrap_or_default();
    if let Some(why) = &wall.why_not {
        return writeln!(f, "does not  {}{version}: {why}", wall.name);
    }
    let uid = wall.uid_outside.map_or_else(|| "unknown".to_owned(), |uid| uid.to_string());
    let pid1 = match wall.seccomp_on_pid1 {
        Some(true) => "filtered",
        Some(false) => "not filtered",
        None => "the machine's own",
    };
    let landlock = wall.landlock_abi.map_or("not used".to_owned(), |abi| format!("ABI {abi}"));
    let network = match wall.network {
        Network::Filtered => "public addresses on ports 80 and 443",
        Network::PortOnly => "any address on ports 80 and 443",
        Network::None => "nothing",
    };
    writeln!(f, "works     {}{version}", wall.name)?;
    writeln!(f, "          user id outside {uid}; first process {pid1}; Landlock {landlock}")?;
    writeln!(f, "          a step with network reaches {network}")
}
