//! System calls that no job needs are refused.
//!
//! The list contains what is refused and not what is allowed, because compilers and language
//! runtimes use large parts of the kernel, and file access is restricted elsewhere. The refused
//! calls are those that reach beyond the processes and files of the job.

mod calls;

use std::{
    collections::BTreeMap,
    io::{Seek as _, Write as _},
    os::fd::{AsRawFd as _, OwnedFd},
};

use rustix::fs::{MemfdFlags, memfd_create};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter, sock_filter,
};
use serde::{Deserialize, Serialize};

use calls::{REFUSED, REFUSED_HERE, UNKNOWN, no_x32};

/// The allowed arguments of `personality`: a question, Linux, Linux with 32 bits, and both with the
/// version of an old kernel. Other values disable protections of memory.
const PERSONALITIES: [u64; 5] = [0xffff_ffff, 0, 8, 0x20000, 0x20008];

/// Sends data with the first packet of a connection, which then is made without `connect`, so that
/// Landlock would not check the port.
const FAST_OPEN: u64 = libc::MSG_FASTOPEN as u64;

/// The limit of core files. Its type differs between C libraries.
const CORE: u64 = libc::RLIMIT_CORE as u64;

/// Flags of `clone` that make namespaces. `CLONE_NEWTIME` is for `unshare` and `clone3` only.
const NEW_NAMESPACE: u64 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u64;

/// The bits set-user-ID and set-group-ID.
const SET_ID: [u64; 2] = [libc::S_ISUID as u64, libc::S_ISGID as u64];

/// `TIOCSTI` and `TIOCLINUX`. Their type differs between C libraries.
const TERMINAL_INPUT: [u64; 2] = [0x5412, 0x541c];

/// The differences between jobs.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Allowed {
    /// Whether IP sockets are allowed; otherwise only sockets inside the job.
    pub(super) network: bool,
    /// Whether the sockets of the machine are hidden, both by path and by abstract name.
    pub(super) hides_files: bool,
    /// Whether files in memory are allowed. They are not when memory is counted by the pages of
    /// processes.
    pub(super) memory_files: bool,
}

/// Applies the filter to this process and all its children. It cannot be removed.
pub(super) fn restrict(allowed: Allowed) -> Result<(), String> {
    for program in programs(allowed)? {
        apply_filter(&program).map_err(|error| format!("seccomp: {error}"))?;
    }
    Ok(())
}

/// The same filter as files in memory, which the next program inherits, for [`arguments`].
pub(super) fn files(allowed: Allowed) -> Result<Vec<OwnedFd>, String> {
    let file = |program: BpfProgram| {
        let mut file = std::fs::File::from(memfd_create("seccomp", MemfdFlags::empty())?);
        file.write_all(&bytes(&program))?;
        file.rewind()?;
        Ok(OwnedFd::from(file))
    };
    let files: std::io::Result<_> = programs(allowed)?.into_iter().map(file).collect();
    files.map_err(|error| format!("cannot write the filter: {error}"))
}

/// The arguments of `bwrap` that apply `files` to all processes inside, including the first one.
pub(super) fn arguments(files: &[OwnedFd]) -> impl Iterator<Item = String> {
    files.iter().flat_map(|file| ["--add-seccomp-fd".to_owned(), file.as_raw_fd().to_string()])
}

/// `struct sock_filter` of the kernel: two bytes, one byte, one byte, four bytes.
fn bytes(program: &BpfProgram) -> Vec<u8> {
    let instruction = |it: &sock_filter| {
        let mut bytes = it.code.to_ne_bytes().to_vec();
        bytes.extend([it.jt, it.jf]);
        bytes.extend(it.k.to_ne_bytes());
        bytes
    };
    program.iter().flat_map(instruction).collect()
}

fn programs(allowed: Allowed) -> Result<Vec<BpfProgram>, String> {
    let named = |error: &dyn std::fmt::Display| format!("seccomp: {error}");
    let mut unknown = UNKNOWN.to_vec();
    if !allowed.memory_files {
        unknown.push(libc::SYS_memfd_create);
    }
    let unknown = unknown.into_iter().map(|call| (call, Vec::new())).collect();
    let refused = refused(allowed).map_err(|error| named(&error))?;
    [(unknown, libc::ENOSYS), (refused, libc::EPERM)]
        .into_iter()
        .map(|(rules, errno)| program(rules, errno).map_err(|error| named(&error)))
        .collect()
}

type Rules = BTreeMap<libc::c_long, Vec<SeccompRule>>;

/// An empty list of rules refuses a call whatever its arguments.
fn refused(allowed: Allowed) -> Result<Rules, seccompiler::BackendError> {
    let always = REFUSED.iter().chain(REFUSED_HERE).map(|&call| (call, Vec::new()));
    let mut rules: Rules = always.collect();
    rules.insert(libc::SYS_socket, sockets(allowed)?);
    if !allowed.network && !allowed.hides_files {
        // The job may listen on its sockets. The filter cannot see the target of a connection.
        rules.insert(libc::SYS_connect, vec![]);
    }
    for (call, flags) in [(libc::SYS_sendto, 3), (libc::SYS_sendmsg, 2), (libc::SYS_sendmmsg, 3)] {
        rules.insert(call, vec![masked(flags, FAST_OPEN, FAST_OPEN)?]);
    }
    // A pair of connected streams stays inside. A datagram socket could be connected again, to any
    // socket of the machine.
    let kinds = [libc::SOCK_DGRAM, libc::SOCK_RAW].map(|kind| masked(1, 0xf, number(kind)));
    let [datagram, raw] = kinds;
    let other_family = differs(0, number(libc::AF_UNIX));
    rules.insert(libc::SYS_socketpair, vec![datagram?, raw?, other_family?]);
    let namespaces: Result<Vec<_>, _> = (0..64)
        .map(|bit| 1_u64 << bit)
        .filter(|flag| NEW_NAMESPACE & flag != 0)
        .map(|flag| masked(0, flag, flag))
        .collect();
    rules.insert(libc::SYS_clone, namespaces?);
    // Limits and processors of another process.
    rules.insert(libc::SYS_prlimit64, vec![differs(0, 0)?, new_core_limit()?]);
    rules.insert(libc::SYS_setrlimit, vec![equals(0, CORE)?]);
    rules.insert(
        libc::SYS_personality,
        vec![SeccompRule::new(
            PERSONALITIES
                .iter()
                .map(|&it| condition(0, SeccompCmpOp::Ne, it))
                .collect::<Result<_, _>>()?,
        )?],
    );
    rules.insert(libc::SYS_sched_setaffinity, vec![differs(0, 0)?]);
    // Input into the terminal, in case one is still open.
    let typing = TERMINAL_INPUT.map(|request| equals(1, request));
    rules.insert(libc::SYS_ioctl, typing.into_iter().collect::<Result<_, _>>()?);
    for (call, mode) in modes() {
        let set_id: Result<Vec<_>, _> = SET_ID.iter().map(|&bit| masked(mode, bit, bit)).collect();
        rules.insert(call, set_id?);
    }
    for (call, flags, mode) in openings() {
        rules.insert(call, creations(flags, mode)?);
    }
    Ok(rules)
}

/// A limit of core files that the job sets. Reading the limit is allowed. See `rlimits::CORE`.
fn new_core_limit() -> Result<SeccompRule, seccompiler::BackendError> {
    let sets = SeccompCondition::new(2, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0)?;
    let core = condition(1, SeccompCmpOp::Eq, CORE)?;
    SeccompRule::new(vec![core, sets])
}

/// With network, IP sockets are allowed. Without network, only local streams are, because common
/// tools use them to talk to their children. Datagrams could be sent to any socket.
///
/// Asking the kernel which interfaces exist is always allowed. Common tools stop if it is refused
/// (`getifaddrs(3)`, Node's `os.networkInterfaces`). Changing anything in this way needs a
/// capability, and jobs have none.
fn sockets(allowed: Allowed) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    let argument = |index, op, value: libc::c_int| {
        SeccompCondition::new(index, SeccompCmpArgLen::Dword, op, number(value))
    };
    let is = |family| argument(0, SeccompCmpOp::Eq, family);
    let inside = [libc::AF_NETLINK, libc::AF_UNIX];
    let outside = [libc::AF_NETLINK, libc::AF_INET, libc::AF_INET6];
    let families = if allowed.network { &outside[..] } else { &inside };
    let others = families.iter().map(|&family| argument(0, SeccompCmpOp::Ne, family));
    let route = argument(2, SeccompCmpOp::Ne, libc::NETLINK_ROUTE)?;
    let mut rules = vec![
        SeccompRule::new(others.collect::<Result<_, _>>()?)?,
        SeccompRule::new(vec![is(libc::AF_NETLINK)?, route])?,
    ];
    for kind in [libc::SOCK_DGRAM, libc::SOCK_RAW] {
        let kind = argument(1, SeccompCmpOp::MaskedEq(0xf), kind)?;
        rules.push(SeccompRule::new(vec![is(libc::AF_UNIX)?, kind])?);
    }
    // Only TCP and UDP, because Landlock checks the ports of no other protocol.
    for family in [libc::AF_INET, libc::AF_INET6] {
        let protocols = [0, libc::IPPROTO_TCP, libc::IPPROTO_UDP];
        let others = protocols.map(|protocol| argument(2, SeccompCmpOp::Ne, protocol));
        let others = [is(family)].into_iter().chain(others);
        rules.push(SeccompRule::new(others.collect::<Result<_, _>>()?)?);
        for kind in [libc::SOCK_RAW, libc::SOCK_RDM, libc::SOCK_SEQPACKET, libc::SOCK_DCCP] {
            let kind = argument(1, SeccompCmpOp::MaskedEq(0xf), kind)?;
            rules.push(SeccompRule::new(vec![is(family)?, kind])?);
        }
    }
    Ok(rules)
}

/// Calls that set a file's mode, with the position of the argument.
fn modes() -> Vec<(libc::c_long, u8)> {
    let mut calls = vec![
        (libc::SYS_fchmod, 1),
        (libc::SYS_fchmodat, 2),
        (libc::SYS_mknodat, 2),
        (libc::SYS_mkdirat, 2),
    ];
    #[cfg(target_arch = "x86_64")]
    calls.extend([
        (libc::SYS_chmod, 1),
        (libc::SYS_mknod, 1),
        (libc::SYS_mkdir, 1),
        (libc::SYS_creat, 1),
    ]);
    calls.sort_unstable();
    calls
}

/// Calls that open a file, with the positions of the flags and the mode.
fn openings() -> Vec<(libc::c_long, u8, u8)> {
    let mut calls = vec![(libc::SYS_openat, 2, 3)];
    #[cfg(target_arch = "x86_64")]
    calls.insert(0, (libc::SYS_open, 1, 2));
    calls
}

/// The mode is used only if a file may be created; otherwise it can be anything.
fn creations(flags: u8, mode: u8) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    /// `O_TMPFILE` without `O_DIRECTORY`, which is part of it.
    const UNNAMED: u64 = 0o20_000_000;
    let has = |argument, bit| {
        let op = SeccompCmpOp::MaskedEq(bit);
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, op, bit)
    };
    let mut rules = Vec::new();
    for makes in [number(libc::O_CREAT), UNNAMED] {
        for bit in SET_ID {
            rules.push(SeccompRule::new(vec![has(flags, makes)?, has(mode, bit)?])?);
        }
    }
    Ok(rules)
}

fn masked(argument: u8, mask: u64, value: u64) -> Result<SeccompRule, seccompiler::BackendError> {
    rule(argument, SeccompCmpOp::MaskedEq(mask), value)
}

fn differs(argument: u8, value: u64) -> Result<SeccompRule, seccompiler::BackendError> {
    rule(argument, SeccompCmpOp::Ne, value)
}

fn equals(argument: u8, value: u64) -> Result<SeccompRule, seccompiler::BackendError> {
    rule(argument, SeccompCmpOp::Eq, value)
}

/// The kernel reads these arguments as 32 bits, so a job could hide values in the other bits.
fn rule(
    argument: u8,
    op: SeccompCmpOp,
    value: u64,
) -> Result<SeccompRule, seccompiler::BackendError> {
    SeccompRule::new(vec![condition(argument, op, value)?])
}

fn condition(
    argument: u8,
    op: SeccompCmpOp,
    value: u64,
) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, op, value)
}

fn number(constant: libc::c_int) -> u64 {
    u64::try_from(constant).unwrap_or(u64::MAX)
}

fn program(rules: Rules, errno: libc::c_int) -> Result<BpfProgram, seccompiler::BackendError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let errno = u32::try_from(errno).unwrap_or(u32::MAX);
    let action = SeccompAction::Errno(errno);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, arch)?;
    let filter: BpfProgram = filter.try_into()?;
    Ok(no_x32().into_iter().chain(filter).collect())
}
