//! System calls that no job needs, refused.
//!
//! A list of what is refused, not of what is allowed: compilers and language runtimes use too much
//! of the kernel, and file access is contained elsewhere. What is left is what reaches past the
//! processes and files of the job.

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

/// Never part of building or asking a command-line tool, whatever the arguments.
const REFUSED: &[libc::c_long] = &[
    // Other processes. The signals to them are Landlock's or the namespace's part.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_setpriority,
    libc::SYS_ioprio_set,
    libc::SYS_sched_setscheduler,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setattr,
    // Namespaces and mounts.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    // Ways round this filter, and the kernel's most attacked parts.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    // What outlives the job, and is counted by nothing.
    libc::SYS_shmget,
    libc::SYS_msgget,
    libc::SYS_semget,
    libc::SYS_mq_open,
    libc::SYS_memfd_secret,
    // The machine as a whole.
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
];

#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[libc::c_long] = &[libc::SYS_iopl, libc::SYS_ioperm, libc::SYS_modify_ldt];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[libc::c_long] = &[];

/// As if the kernel were too old for it: every caller knows an older way, which can be judged by
/// its arguments, or does without.
const UNKNOWN: &[libc::c_long] = &[libc::SYS_clone3, libc::SYS_fchmodat2, libc::SYS_openat2];

/// Flags of `clone` that make namespaces. `CLONE_NEWTIME` is for `unshare` and `clone3` only.
const NEW_NAMESPACE: u64 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u64;

/// Set-user-ID and set-group-ID.
const SET_ID: [u64; 2] = [libc::S_ISUID as u64, libc::S_ISGID as u64];

/// `TIOCSTI` and `TIOCLINUX`, whose type differs between C libraries.
const TYPING: [u64; 2] = [0x5412, 0x541c];

/// What differs between jobs.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Allowed {
    /// IP sockets; without them, sockets of the job's own.
    pub(super) network: bool,
    /// Whether the machine's own sockets cannot be seen, neither by path nor by abstract name.
    pub(super) hides_files: bool,
    /// Files in memory: not where memory is counted by the pages of processes.
    pub(super) memory_files: bool,
}

/// Applies the filter to this process and all that it will become. There is no way back.
pub(super) fn restrict(allowed: Allowed) -> Result<(), String> {
    for program in programs(allowed)? {
        apply_filter(&program).map_err(|error| format!("seccomp: {error}"))?;
    }
    Ok(())
}

/// The same filter as files in memory that a program started next inherits, for [`arguments`].
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

/// The words of `bwrap` that apply `files` to all processes inside, the first one among them.
pub(super) fn arguments(files: &[OwnedFd]) -> impl Iterator<Item = String> {
    files.iter().flat_map(|file| ["--add-seccomp-fd".to_owned(), file.as_raw_fd().to_string()])
}

/// `struct sock_filter` of the kernel: two bytes, one, one, four.
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

/// An empty list of rules refuses whatever the arguments.
fn refused(allowed: Allowed) -> Result<Rules, seccompiler::BackendError> {
    let always = REFUSED.iter().chain(REFUSED_HERE).map(|&call| (call, Vec::new()));
    let mut rules: Rules = always.collect();
    rules.insert(libc::SYS_socket, sockets(allowed)?);
    if !allowed.network && !allowed.hides_files {
        // Its sockets may be listened on: to whom it would connect is not seen here.
        rules.insert(libc::SYS_connect, vec![]);
    }
    // A pair of connected streams stays inside; a datagram socket could be connected again, to
    // any socket of the machine.
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
    // Of another process: its limits, its processors.
    rules.insert(libc::SYS_prlimit64, vec![differs(0, 0)?]);
    rules.insert(libc::SYS_sched_setaffinity, vec![differs(0, 0)?]);
    // Typing into the terminal, should one have been left open.
    let typing = TYPING.map(|request| equals(1, request));
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

/// Where the job has a network, IP sockets. Where it has none, streams inside the machine: common
/// tools talk to their own children that way; datagrams could be sent to anybody's socket.
///
/// Always a question to the kernel which interfaces there
/// are. Common tools ask it at their start and end where it is refused (`getifaddrs(3)`, Node's
/// `os.networkInterfaces`); changing anything that way needs a capability, and jobs have none.
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
    Ok(rules)
}

/// Calls that set a file's mode, and which argument it is.
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

/// Calls that open a file, and which arguments are flags and mode.
fn openings() -> Vec<(libc::c_long, u8, u8)> {
    let mut calls = vec![(libc::SYS_openat, 2, 3)];
    #[cfg(target_arch = "x86_64")]
    calls.insert(0, (libc::SYS_open, 1, 2));
    calls
}

/// The mode is read only where a file may be made; elsewhere it can be anything.
fn creations(flags: u8, mode: u8) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    /// `O_TMPFILE` without `O_DIRECTORY`, which is a part of it.
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

/// The kernel takes these arguments as 32 bits, so a job could hide behind the others.
fn rule(
    argument: u8,
    op: SeccompCmpOp,
    value: u64,
) -> Result<SeccompRule, seccompiler::BackendError> {
    let len = SeccompCmpArgLen::Dword;
    SeccompRule::new(vec![SeccompCondition::new(argument, len, op, value)?])
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

/// On `x86_64` the same calls have second numbers, for 32-bit pointers, which a filter by number
/// would let through. Jumps are relative: these instructions can stand before any program.
fn no_x32() -> Vec<sock_filter> {
    const LOAD_NUMBER: u16 = 0x20;
    const JUMP_IF_AT_LEAST: u16 = 0x35;
    const RETURN: u16 = 0x06;
    const X32: u32 = 0x4000_0000;
    if !cfg!(target_arch = "x86_64") {
        return Vec::new();
    }
    let refuse = libc::SECCOMP_RET_ERRNO | u32::try_from(libc::ENOSYS).unwrap_or(0);
    vec![
        sock_filter { code: LOAD_NUMBER, jt: 0, jf: 0, k: 0 },
        sock_filter { code: JUMP_IF_AT_LEAST, jt: 0, jf: 1, k: X32 },
        sock_filter { code: RETURN, jt: 0, jf: 0, k: refuse },
    ]
}
