//! Namespaces that this program creates itself, for the Landlock backend.
//!
//! They need no other program, but either root with `CAP_SYS_ADMIN` or a kernel that allows users
//! to create them. Three processes are nested: `enter` creates the namespaces and waits outside of
//! the process namespace, `init` is the first process inside and collects orphans, `apply` becomes
//! the job. With `bwrap`, the same `init` is the first process.

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

/// The input of [`make`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) view: View,
    /// Ports to listen on for the supervisor; `None` without network.
    pub(super) ports: Option<Vec<u16>>,
    /// Whether the job has another user than this process.
    pub(super) other_user: bool,
    pub(super) allowed: seccomp::Allowed,
}

/// The user id inside, when an ordinary user creates the namespaces.
const INSIDE: u32 = 1000;

/// The capabilities that `init` and `apply` still need inside a user namespace.
const INHERITED: [CapabilitySet; 2] = [CapabilitySet::SYS_ADMIN, CapabilitySet::SETPCAP];

/// Creates the namespaces, starts `init` in them and returns its exit code.
pub(super) fn make(plan: &Plan) -> Result<u8, String> {
    separate()?;
    mounts::mount_view(&plan.view, plan.other_user)?;
    loopback::bring_up().map_err(|error| format!("cannot switch loopback on: {error}"))?;
    if let Some(ports) = &plan.ports {
        listeners::open_and_send(io::stdin(), ports)
            .map_err(|error| format!("cannot listen for the supervisor: {error}"))?;
    }
    let allowed = serde_json::to_string(&plan.allowed).map_err(|error| error.to_string())?;
    inherit_capabilities().map_err(|error| format!("cannot keep capabilities: {error}"))?;
    let args = [confine::SUBCOMMAND, confine::INIT, &allowed];
    let status = process::start_self(&args).and_then(|mut init| init.wait());
    let status = status.map_err(|error| format!("cannot start the first process: {error}"))?;
    Ok(process::exit_code(status).and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// Whether this process may create them. After success it has created them.
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
    unshare(all | UnshareFlags::NEWUSER).map_err(|error| {
        format!("this kernel does not allow users to create namespaces: {error}")
    })?;
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

/// Keeps the necessary capabilities when a program is started. Only root keeps them by default.
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

/// The first process of the namespaces: it starts `apply`, collects every orphan, and ends when
/// `apply` ends, which ends all other processes.
pub(super) fn init(allowed: &str) -> Result<ExitCode, String> {
    let named = |what: &str, error: &dyn std::fmt::Display| format!("{what}: {error}");
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| named("cannot tie the first process to its parent", &error))?;
    // Nobody can read or write the memory of the first process.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| named("cannot protect the first process", &error))?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::RDONLY;
    // Refused if `bwrap` has done it, and if the machine hides parts of its own `/proc`, which is
    // read-only now.
    let _ = mount("proc", "/proc", "proc", flags, c"");
    let allowed = serde_json::from_str(allowed).map_err(|error| named("the filter", &error))?;
    set_no_new_privs(true).map_err(|error| named("cannot renounce new privileges", &error))?;
    // Before the first fork, so that every process inside has it.
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
