//! Access to files, and to processes outside, by Landlock.

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, LandlockStatus, NetPort, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
    path_beneath_rules,
};

use super::view::View;
use crate::program::SYSTEM_DIRS;

/// The least that contains: before 6 (Linux 6.12) a job could send signals to the programs of its
/// user, this one among them.
const NEEDED: ABI = ABI::V6;

/// Devices that hold nothing.
pub(super) const DEVICES: [&str; 5] =
    ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// Public, and asked by every program for the name of its user.
const USERS: [&str; 2] = ["/etc/passwd", "/etc/group"];

/// Gives up, for good, every access to files that `view` does not grant, and every signal to a
/// process outside. With `ports`, TCP connections to other ports are refused.
/// With `lists_all`, every folder may be listed: where only what is shown exists, programs that look
/// for their settings in each folder above find nothing, and no error either.
pub(super) fn restrict(view: &View, ports: Option<&[u16]>, lists_all: bool) -> Result<(), String> {
    match ruleset(view, ports, lists_all).map_err(|error| format!("Landlock: {error}"))? {
        // What is missing of a partial one is the best effort: the needed part is required.
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
        RulesetStatus::NotEnforced => Err("Landlock is not enforced".to_owned()),
    }
}

fn ruleset(
    view: &View,
    ports: Option<&[u16]>,
    lists_all: bool,
) -> Result<RulesetStatus, RulesetError> {
    let read = AccessFs::from_read(NEEDED);
    let all = AccessFs::from_all(NEEDED);
    let read_only = SYSTEM_DIRS.iter().chain(&USERS).chain(&["/proc"]);
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(all)?
        .scope(Scope::from_all(NEEDED))?;
    if ports.is_some() {
        ruleset = ruleset.handle_access(AccessNet::ConnectTcp)?;
    }
    let mut created = ruleset
        .set_compatibility(CompatLevel::BestEffort)
        // From version 9 on the sockets of other programs are out of reach, too.
        .handle_access(AccessFs::ResolveUnix)?
        .create()?
        .add_rules(path_beneath_rules(read_only, read))?
        .add_rules(path_beneath_rules(&view.read_only, read))?
        .add_rules(path_beneath_rules(view.replaced.iter().map(|(_, at)| at), read))?
        .add_rules(path_beneath_rules(DEVICES, AccessFs::ReadFile | AccessFs::WriteFile))?
        .add_rules(path_beneath_rules(&view.read_write, all))?;
    if lists_all {
        created = created.add_rules(path_beneath_rules(["/"], AccessFs::ReadDir))?;
    }
    for &port in ports.unwrap_or_default() {
        created = created.add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
    }
    Ok(created.restrict_self()?.ruleset)
}

/// The kernel's version of Landlock, or why there is none. Restricts the calling process: only
/// that way does the library tell.
pub(super) fn abi() -> Result<i32, String> {
    let status = Ruleset::default()
        .handle_access(AccessFs::Execute)
        .and_then(Ruleset::create)
        .and_then(RulesetCreated::restrict_self)
        .map_err(|error| error.to_string())?;
    match status.landlock {
        LandlockStatus::NotEnabled => Err("the kernel's Landlock is switched off".to_owned()),
        LandlockStatus::NotImplemented => Err("the kernel has no Landlock".to_owned()),
        LandlockStatus::Available { effective_abi, kernel_abi } => {
            Ok(kernel_abi.unwrap_or(effective_abi as i32))
        }
    }
}
