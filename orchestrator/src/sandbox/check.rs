//! What this machine offers, found by trying.

use schemars::JsonSchema;
use serde::Serialize;

#[cfg(target_os = "linux")]
pub(super) use super::linux::probe as machine;
#[cfg(not(target_os = "linux"))]
pub(super) use super::unsupported as machine;
use super::{Backend, Host, LimiterKind, Sandbox, SandboxError};

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
    pub backends: Vec<BackendCheck>,
    /// The one that jobs will run in.
    pub chosen: Option<Backend>,
    /// What will hold jobs to their limits.
    pub limiter: Option<LimiterKind>,
    /// The kernel's version of Landlock; absent where it has none.
    pub landlock_abi: Option<i32>,
    /// Whether the kernel lets users make namespaces, in words.
    pub user_namespaces: String,
    /// Which control groups may be made, in words.
    pub cgroup: String,
}

/// One backend on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BackendCheck {
    /// Which.
    pub name: Backend,
    /// Whether a probe ran in it and was contained.
    pub usable: bool,
    /// In words, where it is not usable.
    pub why_not: Option<String>,
    /// How much it keeps from a job.
    pub strength: Strength,
    /// What it does not keep from a job, in words.
    pub weakness: Option<String>,
    /// Of the program or of the kernel's interface.
    pub version: Option<String>,
}

/// How much a backend keeps from a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// The job sees nothing but what it is shown.
    Strong,
    /// The job can see more than it needs, and change nothing of worth.
    Weaker,
}

/// Said of the Landlock backend.
const LANDLOCK_WEAKNESS: &str = "a job can list the machine's processes with their arguments, see \
     that files exist, and, unless run by root, change mode and times of its user's files; it \
     shares the network of the machine in steps that have network";

/// The order of preference.
const BACKENDS: [Backend; 3] = [Backend::Bubblewrap, Backend::Landlock, Backend::Seatbelt];

pub(super) async fn detect(host: &Host, prefer: Option<Backend>) -> Detected {
    let mut backends = Vec::new();
    let mut sandbox = None;
    for backend in BACKENDS {
        let opened = open_with_any(host, backend).await;
        let why_not = opened.as_ref().err().map(ToString::to_string);
        backends.push(BackendCheck {
            name: backend,
            usable: opened.is_ok(),
            why_not,
            strength: strength(backend),
            weakness: (backend == Backend::Landlock).then(|| LANDLOCK_WEAKNESS.to_owned()),
            version: opened.as_ref().ok().and_then(machine::version),
        });
        if prefer.is_none_or(|preferred| preferred == backend) {
            sandbox = sandbox.or(opened.ok());
        }
    }
    let machine = machine::look(host).await;
    if let (Some(abi), Some(check)) = (machine.landlock_abi, backends.get_mut(1)) {
        check.version = Some(format!("ABI {abi}"));
    }
    let check = SandboxCheck {
        backends,
        chosen: sandbox.as_ref().map(Sandbox::backend),
        limiter: sandbox.as_ref().map(Sandbox::limiter),
        landlock_abi: machine.landlock_abi,
        user_namespaces: machine.user_namespaces,
        cgroup: machine.cgroup,
    };
    Detected { sandbox, check }
}

const fn strength(backend: Backend) -> Strength {
    match backend {
        Backend::Bubblewrap => Strength::Strong,
        Backend::Landlock | Backend::Seatbelt => Strength::Weaker,
    }
}

/// The error is the last limiter's, unless it is the backend that does not work.
async fn open_with_any(host: &Host, backend: Backend) -> Result<Sandbox, SandboxError> {
    let mut last = SandboxError::NoReport("no limiter was tried".to_owned());
    for limiter in LimiterKind::ALL {
        match machine::open(host, backend, limiter).await {
            Err(SandboxError::Refused(refusal)) if refusal.part == super::Part::Limiter => {
                last = SandboxError::Refused(refusal);
            }
            opened => return opened,
        }
    }
    Err(last)
}
