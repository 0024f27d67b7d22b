//! Systems other than Linux. Of these, macOS has a sandbox.

use std::path::Path;

use super::{
    Backend, Host, LimiterKind, Network, Part, Probe, Refusal, Sandbox, SandboxError,
    program::is_executable, seatbelt::Seatbelt,
};

pub(super) struct Opened {
    pub(super) sandbox: Sandbox,
    pub(super) probes: Vec<Probe>,
    pub(super) seccomp_on_pid1: Option<bool>,
    pub(super) uid_outside: Option<u32>,
}

pub(super) struct Machine {
    pub(super) landlock_abi: Option<i32>,
    pub(super) user_namespaces: String,
    pub(super) cgroup: String,
}

pub(super) async fn open(
    _host: &Host,
    backend: Backend,
    limiter: LimiterKind,
) -> Result<Opened, SandboxError> {
    if backend != Backend::Seatbelt {
        return Err(refused(Part::Backend, "it is a part of Linux"));
    }
    if limiter != LimiterKind::Watchdog {
        return Err(refused(Part::Limiter, "it is a part of Linux"));
    }
    let user = rustix::process::geteuid();
    if user.is_root() {
        return Err(refused(Part::Backend, "a job would be root; run as an ordinary user"));
    }
    if !is_executable(Path::new(Seatbelt::PROGRAM)) {
        return Err(refused(Part::Backend, "this system has no sandbox-exec"));
    }
    let seatbelt = Seatbelt::at(Seatbelt::PROGRAM.into());
    let probes = seatbelt.probe().await?;
    if let Some(open) = probes.iter().find(|probe| !probe.held) {
        return Err(refused(Part::Backend, &format!("not contained: {}", open.name)));
    }
    let sandbox = Sandbox { seatbelt, limiter };
    Ok(Opened { sandbox, probes, seccomp_on_pid1: None, uid_outside: Some(user.as_raw()) })
}

/// Whether the parts of `backend` are on this machine. Only a job in it shows whether they work.
#[expect(clippy::unused_async, reason = "takes the place of one that waits")]
pub(super) async fn has_parts(_host: &Host, backend: Backend) -> bool {
    backend == Backend::Seatbelt
        && !rustix::process::geteuid().is_root()
        && is_executable(Path::new(Seatbelt::PROGRAM))
}

fn refused(part: Part, message: &str) -> SandboxError {
    SandboxError::Refused(Refusal { part, message: message.to_owned() })
}

pub(super) fn network(_sandbox: &Sandbox) -> Network {
    Network::PortOnly
}

pub(super) fn version(_sandbox: &Sandbox) -> Option<String> {
    None
}

#[expect(clippy::unused_async, reason = "takes the place of one that waits")]
pub(super) async fn look(_host: &Host) -> Machine {
    let none = || "not on this system".to_owned();
    Machine { landlock_abi: None, user_namespaces: none(), cgroup: none() }
}

/// Removes a folder and everything in it. A folder that does not exist is no error.
pub fn remove_tree(dir: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
