//! Restricts access to files, and to processes outside, with Landlock.

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, LandlockStatus, NetPort, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
    path_beneath_rules,
};

use super::view::View;
use crate::program::SYSTEM_DIRS;

/// The oldest usable version: before version 6 (Linux 6.12) a job could send signals to the
/// programs of its user, including this one.
pub(super) const NEEDED: ABI = ABI::V6;

/// Devices without data.
pub(super) const DEVICES: [&str; 5] =
    ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// Public files that every program reads to find the name of its user.
const USERS: [&str; 2] = ["/etc/passwd", "/etc/group"];

/// Gives up every access to files that `view` does not grant, and signals to processes outside.
/// With `ports`, TCP connections to other ports are refused. With `lists_all`, every folder may be
/// listed: if only visible files exist, programs that look for settings in all parent folders then
/// find nothing and get no error.
pub(super) fn restrict(view: &View, ports: Option<&[u16]>, lists_all: bool) -> Result<(), String> {
    match ruleset(view, ports, lists_all).map_err(|error| format!("Landlock: {error}"))? {
        // A partial result only lacks the optional parts. The necessary parts are required.
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
        // From version 9 on, the sockets of other programs cannot be reached either.
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

/// The version of Landlock in the kernel, or why there is none. This restricts the calling process,
/// because the library reports the version only in this way.
pub(super) fn abi() -> Result<i32, String> {
    let status = Ruleset::default()
        .handle_access(AccessFs::Execute)
        .and_then(Ruleset::create)
        .and_then(RulesetCreated::restrict_self)
        .map_err(|error| error.to_string())?;
    match status.landlock {
        LandlockStatus::NotEnabled => Err("Landlock is disabled in the kernel".to_owned()),
        LandlockStatus::NotImplemented => Err("the kernel has no Landlock".to_owned()),
        LandlockStatus::Available { effective_abi, kernel_abi } => {
            Ok(kernel_abi.unwrap_or(effective_abi as i32))
        }
    }
}
