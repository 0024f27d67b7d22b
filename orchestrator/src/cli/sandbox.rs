//! `sandbox check`.

use std::fmt;

use batch_core::{io::FsState, model::Environment};
use batch_sandbox::{
    BackendCheck, Network, Sandbox, SandboxCheck,
    container::{ContainerRuntime, RuntimeKind},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::Context;
use crate::{
    containers::{Containers, ImageReference},
    env,
    exit::Exit,
    machine,
    settings::Settings,
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Test which sandbox backends work on this machine, and show which one is used
    Check {
        /// Exit with code 4 unless a sandbox works in which every probe was contained
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
    // A root may name other images; without a root there are the default ones.
    let settings = match FsState::open(&cx.root) {
        Ok(state) => env::settings(state.layout())?,
        Err(_) => Settings::default(),
    };
    let sandbox = Sandbox::check(&cx.env.host).await;
    let containers = ContainerCheck::of(&machine::find_containers(&cx.env, &settings).await);
    let report = CheckReport { sandbox, containers };
    cx.out.show(&report)?;
    let SandboxCheck { chosen, .. } = &report.sandbox;
    let is_well = if require { report.sandbox.holds() } else { chosen.is_some() };
    Ok(if is_well { Exit::Ok } else { Exit::Unavailable })
}

/// What `sandbox check --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CheckReport {
    #[serde(flatten)]
    sandbox: SandboxCheck,
    /// The containers, in which recipes are validated for other Linux distributions.
    containers: ContainerCheck,
}

/// The containers of this machine. Nothing is downloaded to find out.
#[derive(Debug, Serialize, JsonSchema)]
struct ContainerCheck {
    /// The runtime whose service answers; absent when there is none.
    runtime: Option<RuntimeKind>,
    /// The version of the service.
    version: Option<String>,
    /// Why there is no runtime, in words.
    why_not: Option<String>,
    /// The environments whose containers can run here.
    environments: Vec<ContainerEnvironment>,
}

/// An environment in a container.
#[derive(Debug, Serialize, JsonSchema)]
struct ContainerEnvironment {
    /// The environment.
    name: Environment,
    /// Its image.
    image: ImageReference,
}

impl ContainerCheck {
    fn of(containers: &Containers) -> Self {
        let runtime = containers.runtime();
        let environments = Environment::ALL.iter().filter_map(|&name| {
            let image = containers.image(name).ok()?.clone();
            Some(ContainerEnvironment { name, image })
        });
        Self {
            runtime: runtime.ok().map(ContainerRuntime::kind),
            version: runtime.ok().map(|runtime| runtime.version().to_owned()),
            why_not: runtime.err().map(ToString::to_string),
            environments: environments.collect(),
        }
    }
}

impl fmt::Display for ContainerCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runtime, version, why_not, environments } = self;
        match (runtime, version) {
            (Some(runtime), Some(version)) => {
                writeln!(f, "container {runtime} {version}, without network")?;
            }
            _ => writeln!(f, "container none: {}", why_not.as_deref().unwrap_or_default())?,
        }
        for ContainerEnvironment { name, image } in environments {
            writeln!(f, "          {name} in {image}")?;
        }
        Ok(())
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SandboxCheck { walls, probes, chosen, limiter, user_namespaces, cgroup } =
            &self.sandbox;
        for backend in walls {
            write_backend(f, backend)?;
        }
        match (chosen, limiter) {
            (Some(chosen), Some(limiter)) => {
                let n_held = probes.iter().filter(|probe| probe.held).count();
                let n_all = probes.len();
                writeln!(f, "used      {chosen}; limits are enforced by {limiter}")?;
                writeln!(f, "probes    {n_held} of {n_all} contained")?;
            }
            _ => writeln!(
                f,
                "used      none; no backend works on this machine, so no package code will run"
            )?,
        }
        for probe in probes.iter().filter(|probe| !probe.held) {
            writeln!(f, "          not contained: {}", probe.name)?;
        }
        writeln!(f, "kernel    user namespaces {user_namespaces}; control groups: {cgroup}")?;
        self.containers.fmt(f)
    }
}

fn write_backend(f: &mut fmt::Formatter<'_>, backend: &BackendCheck) -> fmt::Result {
    let version = backend.version.as_ref().map(|it| format!(" (bwrap {it})")).unwrap_or_default();
    if let Some(why) = &backend.why_not {
        return writeln!(f, "fails     {}{version}: {why}", backend.name);
    }
    let uid = backend.uid_outside.map_or_else(|| "unknown".to_owned(), |uid| uid.to_string());
    let pid1 = match backend.seccomp_on_pid1 {
        Some(true) => "filtered",
        Some(false) => "not filtered",
        None => "the machine's own",
    };
    let landlock = backend.landlock_abi.map_or("not used".to_owned(), |abi| format!("ABI {abi}"));
    let network = match backend.network {
        Network::Filtered => "public addresses on ports 80 and 443",
        Network::PortOnly => "any address on ports 80 and 443",
        Network::None => "nothing",
    };
    writeln!(f, "works     {}{version}", backend.name)?;
    writeln!(f, "          user id outside {uid}; first process {pid1}; Landlock {landlock}")?;
    writeln!(f, "          a step with network reaches {network}")
}
