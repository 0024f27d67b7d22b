//! Systems for which there is no containment yet.

use super::{Backend, Host, LimiterKind, Network, Part, Probe, Refusal, Sandbox, SandboxError};

pub(super) struct Opened {
    pub(super) sandbox: Sandbox,
    pub(super) probes: Vec<Probe>,
    pub(super) seccomp_on_pid1: Option<bool>,
    pub(super) uid_outside: u32,
}

pub(super) struct Machine {
    pub(super) landlock_abi: Option<i32>,
    pub(super) user_namespaces: String,
    pub(super) cgroup: String,
}

#[expect(clippy::unused_async, reason = "takes the place of one that waits")]
pub(super) async fn open(
    _host: &Host,
    backend: Backend,
    _limiter: LimiterKind,
) -> Result<Opened, SandboxError> {
    let message = match backend {
        Backend::Both | Backend::Bubblewrap | Backend::Landlock => "it is a part of Linux",
        Backend::Seatbelt => "not available in this version",
    };
    Err(SandboxError::Refused(Refusal { part: Part::Backend, message: message.to_owned() }))
}

pub(super) fn network(_sandbox: &Sandbox) -> Network {
    Network::None
}

pub(super) fn version(_sandbox: &Sandbox) -> Option<String> {
    None
}

#[expect(clippy::unused_async, reason = "takes the place of one that waits")]
pub(super) async fn look(_host: &Host) -> Machine {
    let none = || "not on this system".to_owned();
    Machine { landlock_abi: None, user_namespaces: none(), cgroup: none() }
}

/// Removes a folder and all in it. A folder that is not there is no error.
pub fn remove_tree(dir: &std::path::Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
