//! Determines by tests which sandbox works on this machine.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(target_os = "linux")]
pub(super) use super::linux::probe as machine;
#[cfg(not(target_os = "linux"))]
pub(super) use super::macos as machine;
use super::{Backend, Host, LimiterKind, Part, Sandbox, SandboxError};

/// What this machine offers to contain untrusted code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SandboxCheck {
    /// All backends, the strongest first.
    pub walls: Vec<BackendCheck>,
    /// The tests from inside the chosen backend; empty when there is none.
    pub probes: Vec<Probe>,
    /// The backend in which jobs will run.
    pub chosen: Option<Backend>,
    /// What will enforce the limits of jobs.
    pub limiter: Option<LimiterKind>,
    /// Whether the kernel allows users to create namespaces, in words.
    pub user_namespaces: String,
    /// Which control groups can be created, in words.
    pub cgroup: String,
}

impl SandboxCheck {
    /// Whether there is a sandbox that contained every probe.
    pub fn holds(&self) -> bool {
        self.chosen.is_some() && self.probes.iter().all(|probe| probe.held)
    }
}

/// One attempt to get out of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Probe {
    /// What the sandbox must prevent, in words.
    pub name: String,
    /// Whether it was prevented.
    pub held: bool,
}

/// The result for one backend on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BackendCheck {
    /// The backend.
    pub name: Backend,
    /// Whether it contained every probe of a step without network.
    pub usable: bool,
    /// Why it cannot be used, in words.
    pub why_not: Option<String>,
    /// The user id of a job as the machine sees it; absent when no job ran.
    pub uid_outside: Option<u32>,
    /// Whether the first process inside has a seccomp filter too; absent when the first process is
    /// that of the machine.
    pub seccomp_on_pid1: Option<bool>,
    /// The version of Landlock in the kernel, if this backend uses it.
    pub landlock_abi: Option<i32>,
    /// What protects private addresses from a step with network.
    pub network: Network,
    /// The version of the program `bwrap`, if this backend uses it.
    pub version: Option<String>,
    /// Probes that it did not contain.
    pub not_held: Vec<String>,
}

/// What protects private addresses from a job with network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// The supervisor checks each address before it connects.
    Filtered,
    /// The kernel checks TCP ports and no addresses.
    PortOnly,
    /// Nothing, because the backend does not work on this machine.
    None,
}

/// The order of preference.
const BACKENDS: [Backend; 4] =
    [Backend::Both, Backend::Bubblewrap, Backend::Landlock, Backend::Seatbelt];

/// What is chosen if several backends or limiters work. The default is the strongest of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Preference {
    /// The only backend to use.
    pub backend: Option<Backend>,
    /// The only limiter to use.
    pub limiter: Option<LimiterKind>,
}

/// The first backend that works. The following ones are not tested, because each test is a job.
pub(super) async fn detect(host: &Host, prefer: Preference) -> Option<Sandbox> {
    let is_preferred = |backend: &Backend| prefer.backend.is_none_or(|it| it == *backend);
    for backend in BACKENDS.into_iter().filter(is_preferred) {
        if let Ok(opened) = open_with_any(host, backend, prefer.limiter).await {
            return Some(opened.sandbox);
        }
    }
    None
}

/// Whether one of the backends that may be chosen has its parts on this machine. Nothing runs in it.
pub(super) async fn may_work(host: &Host, prefer: Preference) -> bool {
    for backend in BACKENDS {
        let may_be_chosen = prefer.backend.is_none_or(|it| it == backend);
        if may_be_chosen && machine::has_parts(host, backend).await {
            return true;
        }
    }
    false
}

pub(super) async fn check(host: &Host) -> SandboxCheck {
    let machine = machine::look(host).await;
    let mut walls = Vec::new();
    let mut chosen: Option<machine::Opened> = None;
    for backend in BACKENDS {
        let opened = open_with_any(host, backend, None).await;
        let uses_landlock = matches!(backend, Backend::Both | Backend::Landlock);
        let abi = machine.landlock_abi.filter(|_| uses_landlock);
        walls.push(backend_check(backend, opened.as_ref(), abi));
        chosen = chosen.or(opened.ok());
    }
    let sandbox = chosen.as_ref().map(|opened| opened.sandbox.clone());
    SandboxCheck {
        walls,
        probes: chosen.map(|opened| opened.probes).unwrap_or_default(),
        chosen: sandbox.as_ref().map(Sandbox::backend),
        limiter: sandbox.as_ref().map(Sandbox::limiter),
        user_namespaces: machine.user_namespaces,
        cgroup: machine.cgroup,
    }
}

fn backend_check(
    name: Backend,
    opened: Result<&machine::Opened, &SandboxError>,
    landlock_abi: Option<i32>,
) -> BackendCheck {
    let found = opened.ok();
    let not_held = found.into_iter().flat_map(|found| &found.probes).filter(|probe| !probe.held);
    BackendCheck {
        name,
        usable: found.is_some(),
        why_not: opened.err().map(ToString::to_string),
        uid_outside: found.and_then(|found| found.uid_outside),
        seccomp_on_pid1: found.and_then(|found| found.seccomp_on_pid1),
        landlock_abi,
        network: found.map_or(Network::None, |found| machine::network(&found.sandbox)),
        version: found.and_then(|found| machine::version(&found.sandbox)),
        not_held: not_held.map(|probe| probe.name.clone()).collect(),
    }
}

/// The error is that of the last limiter, unless the backend itself does not work.
async fn open_with_any(
    host: &Host,
    backend: Backend,
    only: Option<LimiterKind>,
) -> Result<machine::Opened, SandboxError> {
    let mut last = SandboxError::NoReport("no limiter was tried".to_owned());
    for limiter in LimiterKind::ALL.into_iter().filter(|it| only.is_none_or(|only| only == *it)) {
        match machine::open(host, backend, limiter).await {
            Err(SandboxError::Refused(refusal)) if refusal.part == Part::Limiter => {
                last = SandboxError::Refused(refusal);
            }
            opened => return opened,
        }
    }
    Err(last)
}
