//! Namespaces that this program makes itself, around the Landlock backend.
//!
//! They need no other program, but either root with `CAP_SYS_ADMIN` or a kernel that lets users
//! make them. Three processes stand one in the other: `enter` makes the namespaces and waits
//! outside of their processes, `init` is the first process inside and collects orphans, `apply`
//! becomes the job. Inside of `bwrap` the same `init` is the first process.

use std::{io, process::ExitCode};

use rustix::{
    mount::{MountFlags, mount},
    process::{DumpableBehavior, Pid, Signal, WaitOptions, getegid, geteuid},
    thread::{
        CapabilitySet, CapabilitySets, UnshareFlags, capabilities,
        configure_capability_in_ambient_set, set_capabilities, set_no_new_privs,
    },
};
use serde::{Deserialize, Serialize};

use super::{confine, kernel, listeners, loopback, mounts, seccomp, view::View};
use crate::process;

/// What [`make`] is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) view: View,
    /// Ports to listen on for the supervisor; `None` without network.
    pub(super) ports: Option<Vec<u16>>,
    /// Whether the job becomes another user than this process's.
    pub(super) other_user: bool,
    pub(super) allowed: seccomp::Allowed,
}

/// The user id inside, of who makes namespaces as an ordinary user.
const INSIDE: u32 = 1000;

/// What `init` and `apply` still need inside a user namespace.
const INHERITED: [CapabilitySet; 2] = [CapabilitySet::SYS_ADMIN, CapabilitySet::SETPCAP];

/// Makes the namespaces, starts `init` in them and gives its exit code.
pub(super) fn make(plan: &Plan) -> Result<u8, String> {
    separate()?;
    mounts::lay_out(&plan.view, plan.other_user)?;
    loopback::switch_on().map_err(|error| format!("cannot switch loopback on: {error}"))?;
    if let Some(ports) = &plan.ports {
        listeners::hand_out(io::stdin(), ports)
            .map_err(|error| format!("cannot listen for the supervisor: {error}"))?;
    }
    let allowed = serde_json::to_string(&plan.allowed).map_err(|error| error.to_string())?;
    inherit_capabilities().map_err(|error| format!("cannot keep capabilities: {error}"))?;
    let args = [confine::SUBCOMMAND, confine::INIT, &allowed];
    let status = process::start_self(&args).and_then(|mut init| init.wait());
    let status = status.map_err(|error| format!("cannot start the first process: {error}"))?;
    Ok(process::exit_code(status).and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// Whether this process may make them. It has them when this returns.
pub(super) fn separate() -> Result<(), String> {
    let all = UnshareFlags::NEWNS
        | UnshareFlags::NEWNET
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWPID;
    if geteuid().is_root() {
        return unshare(all).map_err(|error| format!("cannot make namespaces as root: {error}"));
    }
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    unshare(all | UnshareFlags::NEWUSER)
        .map_err(|error| format!("this kernel lets no user make namespaces: {error}"))?;
    let map = |file: &str, text: &str| {
        kernel::write(format!("/proc/self/{file}"), text)
            .map_err(|error| format!("cannot write {file}: {error}"))
    };
    map("setgroups", "deny")?;
    map("uid_map", &format!("{INSIDE} {user} 1\n"))?;
    map("gid_map", &format!("{INSIDE} {group} 1\n"))
}

#[expect(deprecated, reason = "deprecated for shared file descriptors, which are not unshared")]
fn unshare(flags: UnshareFlags) -> io::Result<()> {
    Ok(rustix::thread::unshare(flags)?)
}

/// Keeps what is needed across the start of a program, which only root keeps by itself.
fn inherit_capabilities() -> io::Result<()> {
    if geteuid().is_root() {
        return Ok(());
    }
    let held = capabilities(None)?;
    let inheritable = INHERITED.into_iter().collect();
    set_capabilities(None, CapabilitySets { inheritable, ..held })?;
    for capability in INHERITED {
        configure_capability_in_ambient_set(capability, true)?;
    }
    Ok(())
}

/// The first process of the namespaces: starts `apply`, collects every orphan, and ends, and all
/// others with it, when `apply` does.
pub(super) fn init(allowed: &str) -> Result<ExitCode, String> {
    let named = |what: &str, error: &dyn std::fmt::Display| format!("{what}: {error}");
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| named("cannot tie the first process to its parent", &error))?;
    // Nobody reads the memory of the first process, nor writes it.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| named("cannot protect the first process", &error))?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::RDONLY;
    // Refused where `bwrap` has done it, and where the machine hides parts of its own; that one is
    // read-only by now.
    let _ = mount("proc", "/proc", "proc", flags, c"");
    let allowed = serde_json::from_str(allowed).map_err(|error| named("the filter", &error))?;
    set_no_new_privs(true).map_err(|error| named("cannot renounce new privileges", &error))?;
    // Before the first fork, so that no process inside is without it.
    seccomp::restrict(allowed)?;
    let apply = process::start_self(&[confine::SUBCOMMAND, confine::APPLY])
        .map_err(|error| named("cannot start the job", &error))?;
    let main = Pid::from_child(&apply);
    confine::drop_capabilities().map_err(|error| named("cannot drop capabilities", &error))?;
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == main => {
                let signal = status.terminating_signal().map(|signal| 128 + signal);
                let code = status.exit_status().or(signal).and_then(|code| u8::try_from(code).ok());
                return Ok(ExitCode::from(code.unwrap_or(1)));
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(named("cannot wait for the job", &error)),
        }
    }
}
