//! `sandbox check`.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::Context;
use crate::{
    exit::Exit,
    sandbox::{Sandbox, SandboxCheck},
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Say what this machine offers, and what will be used
    Check,
}

pub(super) async fn run(command: &Command, cx: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::Check => check(cx).await,
    }
}

async fn check(cx: &Context) -> anyhow::Result<Exit> {
    let report = CheckReport(Sandbox::detect(&cx.env.host, None).await.check);
    cx.out.show(&report)?;
    Ok(if report.0.chosen.is_some() { Exit::Ok } else { Exit::Unavailable })
}

/// What `sandbox check --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct CheckReport(SandboxCheck);

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SandboxCheck { backends, chosen, limiter, landlock_abi, user_namespaces, cgroup } =
            &self.0;
        for backend in backends {
            let version = backend.version.as_deref().unwrap_or_default();
            match &backend.why_not {
                None => writeln!(f, "works     {} {version}", backend.name)?,
                Some(why) => writeln!(f, "does not  {} {version}: {why}", backend.name)?,
            }
            if let Some(weakness) = backend.weakness.as_ref().filter(|_| backend.usable) {
                writeln!(f, "          weaker: {weakness}")?;
            }
        }
        match (chosen, limiter) {
            (Some(chosen), Some(limiter)) => {
                let limiter = serde_json::to_value(limiter).unwrap_or_default();
                let limiter = limiter.as_str().unwrap_or_default().to_owned();
                writeln!(f, "used      {chosen}, limits held by {limiter}")?;
            }
            _ => writeln!(f, "nothing works here, so no package code will run")?,
        }
        let abi = landlock_abi.map_or("none".to_owned(), |abi| abi.to_string());
        writeln!(f, "kernel    Landlock ABI {abi}; user namespaces {user_namespaces}; {cgroup}")
    }
}
