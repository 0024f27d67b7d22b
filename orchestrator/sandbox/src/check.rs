//! What this machine offers, found by trying.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(target_os = "linux")]
pub(super) use super::linux::probe as machine;
#[cfg(not(target_os = "linux"))]
pub(super) use super::unsupported as machine;
use super::{Backend, Host, LimiterKind, Part, Sandbox, SandboxError};

/// What was found.
#[derive(Debug, Clone)]
pub struct Detected {
    /// `None`: no package code may run here.
    pub sandbox: Option<Sandbox>,
    /// The whole finding, for people.
    pub check: SandboxCheck,
}

/// What this machine offers to contain untrusted code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SandboxCheck {
    /// All backends, the strongest first.
    pub walls: Vec<WallCheck>,
    /// What was tried from inside the chosen one; empty where there is none.
    pub probes: Vec<Probe>,
    /// The one that jobs will run in.
    pub chosen: Option<Backend>,
    /// What will hold jobs to their limits.
    pub limiter: Option<LimiterKind>,
    /// Whether the kernel lets users make namespaces, in words.
    pub user_namespaces: String,
    /// Which control groups may be made, in words.
    pub cgroup: String,
}

impl SandboxCheck {
    /// Whether there is a sandbox in which every probe was held.
    pub fn holds(&self) -> bool {
        self.chosen.is_some() && self.probes.iter().all(|probe| probe.held)
    }
}

/// One attempt to get out of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Probe {
    /// What must hold, in words.
    pub name: String,
    /// Whether it did.
    pub held: bool,
}

/// One backend on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WallCheck {
    /// Which.
    pub name: Backend,
    /// Whether it contained all that was tried in a step without network.
    pub usable: bool,
    /// In words, where it is not usable.
    pub why_not: Option<String>,
    /// The user id of a job as the machine sees it; absent where none ran.
    pub uid_outside: Option<u32>,
    /// Whether the first process inside has a seccomp filter, too; absent where the first process is
    /// the machine's.
    pub seccomp_on_pid1: Option<bool>,
    /// The kernel's version of Landlock, where this backend uses it.
    pub landlock_abi: Option<i32>,
    /// What keeps a step with network from private addresses.
    pub network: Network,
    /// Of the program `bwrap`, where this backend uses it.
    pub version: Option<String>,
    /// What was tried in it and not held.
    pub not_held: Vec<String>,
}

/// What keeps a job with network from private addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// The supervisor judges each address before it connects.
    Filtered,
    /// The kernel judges TCP ports and no addresses.
    PortOnly,
    /// Nothing: the backend does not work here.
    None,
}

/// The order of preference.
const BACKENDS: [Backend; 4] =
    [Backend::Both, Backend::Bubblewrap, Backend::Landlock, Backend::Seatbelt];

/// What is chosen where more than one works; the default is the strongest of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Preference {
    /// This backend and no other.
    pub backend: Option<Backend>,
    /// This limiter and no other.
    pub limiter: Option<LimiterKind>,
}

pub(super) async fn detect(host: &Host, prefer: Preference) -> Detected {
    let machine = machine::look(host).await;
    let mut walls = Vec::new();
    let mut chosen: Option<machine::Opened> = None;
    for backend in BACKENDS {
        let opened = open_with_any(host, backend, prefer.limiter).await;
        let uses_landlock = matches!(backend, Backend::Both | Backend::Landlock);
        let abi = machine.landlock_abi.filter(|_| uses_landlock);
        walls.push(wall(backend, opened.as_ref(), abi));
        if prefer.backend.is_none_or(|preferred| preferred == backend) {
            chosen = chosen.or(opened.ok());
        }
    }
    let sandbox = chosen.as_ref().map(|opened| opened.sandbox.clone());
    let check = SandboxCheck {
        walls,
        probes: chosen.map(|opened| opened.probes).unwrap_or_default(),
        chosen: sandbox.as_ref().map(Sandbox::backend),
        limiter: sandbox.as_ref().map(Sandbox::limiter),
        user_namespaces: machine.user_namespaces,
        cgroup: machine.cgroup,
    };
    Detected { sandbox, check }
}

fn wall(
    name: Backend,
    opened: Result<&machine::Opened, &SandboxError>,
    landlock_abi: Option<i32>,
) -> WallCheck {
    let found = opened.ok();
    let not_held = found.into_iter().flat_map(|found| &found.probes).filter(|probe| !probe.held);
    WallCheck {
        name,
        usable: found.is_some(),
        why_not: opened.err().map(ToString::to_string),
        uid_outside: found.map(|found| found.uid_outside),
        seccomp_on_pid1: found.and_then(|found| found.seccomp_on_pid1),
        landlock_abi,
        network: found.map_or(Network::None, |found| machine::network(&found.sandbox)),
        version: found.and_then(|found| machine::version(&found.sandbox)),
        not_held: not_held.map(|probe| probe.name.clone()).collect(),
    }
}

/// The error is the last limiter's, unless it is the backend that does not work.
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
