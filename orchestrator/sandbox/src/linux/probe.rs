//! Tests what works on this Linux.

use std::{
    net::TcpListener,
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixListener},
    },
    path::Path,
    time::Duration,
};

use super::{
    bubblewrap::Bubblewrap,
    confine, kernel, landlock,
    limiter::Limiter,
    self_test::{self, Found, Task},
    supervise::{Layers, Namespacing},
};
use crate::{
    Backend, Host, Job, LimiterKind, Limits, Network, NetworkAccess, Part, Probe, Refusal, Report,
    Sandbox, SandboxError, TemporaryDir, process, program::find_program,
};

/// Enough for a program that makes a few dozen attempts.
const LIMITS: Limits = Limits {
    memory_bytes: 256 << 20,
    cpus: 1,
    processes: 32,
    disk_bytes: 64 << 20,
    files: 10_000,
    wall_time: Duration::from_secs(30),
    output_bytes: 1 << 20,
};

/// A sandbox that was tested, and the results.
pub(crate) struct Opened {
    pub(crate) sandbox: Sandbox,
    pub(crate) probes: Vec<Probe>,
    pub(crate) seccomp_on_pid1: Option<bool>,
    pub(crate) uid_outside: Option<u32>,
}

pub(crate) async fn open(
    host: &Host,
    backend: Backend,
    limiter: LimiterKind,
) -> Result<Opened, SandboxError> {
    let layers = layers(host, backend).await.map_err(refused)?;
    let sandbox = Sandbox { executable: host.executable.clone(), layers, limiter };
    try_out(sandbox).await
}

async fn layers(host: &Host, backend: Backend) -> Result<Layers, String> {
    let bubblewrap = async || Bubblewrap::find(&host.path).await.map(Namespacing::Bubblewrap);
    Ok(match backend {
        Backend::Both => Layers { namespacing: bubblewrap().await?, landlock: true },
        Backend::Bubblewrap => Layers { namespacing: bubblewrap().await?, landlock: false },
        Backend::Landlock => {
            let has = host.namespaces && makes_namespaces(host).await;
            Layers {
                namespacing: if has { Namespacing::Namespaces } else { Namespacing::Nothing },
                landlock: true,
            }
        }
        Backend::Seatbelt => return Err("it is a part of macOS".to_owned()),
    })
}

async fn makes_namespaces(host: &Host) -> bool {
    let args = [confine::SUBCOMMAND, confine::NAMESPACES];
    process::probe(&host.executable, &args, &[]).await.is_ok_and(|said| said.succeeded)
}

fn refused(message: String) -> SandboxError {
    SandboxError::Refused(Refusal { part: Part::Backend, message })
}

pub(crate) fn network(sandbox: &Sandbox) -> Network {
    match sandbox.layers.namespacing {
        Namespacing::Bubblewrap(_) | Namespacing::Namespaces => Network::Filtered,
        Namespacing::Nothing => Network::PortOnly,
    }
}

/// Runs a program that tries to get out, without and with network. A backend that does not contain
/// it without network is not used. The results with network are only reported, because not every
/// backend can check addresses.
async fn try_out(sandbox: Sandbox) -> Result<Opened, SandboxError> {
    let place = |error: std::io::Error| {
        let message = format!("cannot create the folders for the test: {error}");
        SandboxError::Refused(Refusal { part: Part::Host, message })
    };
    let dir = TemporaryDir::new().map_err(place)?;
    let top = dir.path();
    let (work_dir, outside) = (top.join("work"), top.join("outside"));
    std::fs::create_dir(&work_dir).map_err(place)?;
    std::fs::File::create(&outside).map_err(place)?;
    let listener = TcpListener::bind("127.0.0.1:0").map_err(place)?;
    let socket = top.join("socket");
    let _local = UnixListener::bind(&socket).map_err(place)?;
    // Another test at the same time may listen for both.
    let _abstract = SocketAddr::from_abstract_name(self_test::ABSTRACT)
        .and_then(|name| UnixListener::bind_addr(&name));
    let mut task = Task {
        outside,
        socket,
        process: std::process::id().cast_signed(),
        listener: listener.local_addr().map_err(place)?,
        network: false,
        namespaces: sandbox.layers.namespacing != Namespacing::Nothing,
    };
    let (report, mut found) = try_task(&sandbox, &task, &work_dir).await?;
    // Without mounts, a job can change the modes of its user's files. This is reported, and does
    // not exclude the backend, because nothing else works without mounts.
    let is_known = |probe: &Probe| !task.namespaces && probe.name == self_test::MODES;
    let open = found.probes.iter().filter(|it| !it.held && !is_known(it));
    let open: Vec<&str> = open.map(|it| it.name.as_str()).collect();
    if !open.is_empty() {
        return Err(refused(format!("these probes were not contained: {}", open.join("; "))));
    }
    let is_root = report.uid == Some(0);
    found.probes.push(Probe { name: "the job is not root outside".to_owned(), held: !is_root });
    if is_root {
        return Err(refused("the job is root outside".to_owned()));
    }
    task.network = true;
    let (_, with_network) = try_task(&sandbox, &task, &work_dir).await?;
    found.probes.extend(with_network.probes);
    let Found { probes, seccomp_on_pid1 } = found;
    Ok(Opened { sandbox, probes, seccomp_on_pid1, uid_outside: report.uid })
}

async fn try_task(
    sandbox: &Sandbox,
    task: &Task,
    work_dir: &Path,
) -> Result<(Report, Found), SandboxError> {
    let said = serde_json::to_string(task).map_err(|error| SandboxError::Job(error.to_string()))?;
    let program = sandbox.executable.to_string_lossy().into_owned();
    let job = Job {
        argv: vec![program, self_test::SUBCOMMAND.to_owned(), said],
        env: std::collections::BTreeMap::new(),
        work_dir: work_dir.to_owned(),
        writable: true,
        network: task.network.then(NetworkAccess::default),
        read_only: vec![sandbox.executable.clone()],
        path_dirs: Vec::new(),
        separate_stdout: false,
        limits: LIMITS,
    };
    let report = sandbox.run(&job, std::future::pending()).await?;
    match serde_json::from_str(report.output.trim()) {
        Ok(found) if report.succeeded() => Ok((report, found)),
        Ok(_) | Err(_) => {
            let said = report.output.trim();
            Err(refused(format!("the self-test did not end ({:?}): {said}", report.ended)))
        }
    }
}

pub(crate) fn version(sandbox: &Sandbox) -> Option<String> {
    match &sandbox.layers.namespacing {
        Namespacing::Bubblewrap(bwrap) => Some(bwrap.version()),
        Namespacing::Namespaces | Namespacing::Nothing => None,
    }
}

/// Information about the machine for people. Nothing is decided by it.
pub(crate) struct Machine {
    pub(crate) landlock_abi: Option<i32>,
    pub(crate) user_namespaces: String,
    pub(crate) cgroup: String,
}

pub(crate) async fn look(host: &Host) -> Machine {
    Machine {
        landlock_abi: landlock_abi(host).await,
        user_namespaces: user_namespaces(),
        cgroup: cgroup(),
    }
}

/// The version of Landlock in the kernel. The library reports it only to a process that restricts itself.
async fn landlock_abi(host: &Host) -> Option<i32> {
    let args = [confine::SUBCOMMAND, confine::ABI];
    let said = process::probe(&host.executable, &args, &[]).await.ok();
    said.and_then(|said| said.stdout.parse().ok())
}

/// Whether the parts of `backend` are on this machine. Only a job in it shows whether they work.
pub(crate) async fn has_parts(host: &Host, backend: Backend) -> bool {
    let has_bubblewrap = || find_program("bwrap", &host.path).is_some();
    let has_landlock =
        async || landlock_abi(host).await.is_some_and(|abi| landlock::NEEDED as i32 <= abi);
    match backend {
        Backend::Both => has_bubblewrap() && has_landlock().await,
        Backend::Bubblewrap => has_bubblewrap(),
        Backend::Landlock => has_landlock().await,
        Backend::Seatbelt => false,
    }
}

fn user_namespaces() -> String {
    let setting = |name: &str| kernel::read(format!("/proc/sys/{name}")).ok();
    let is = |name: &str, value: &str| setting(name).is_some_and(|text| text.trim() == value);
    if is("user/max_user_namespaces", "0") || is("kernel/unprivileged_userns_clone", "0") {
        return "switched off".to_owned();
    }
    if is("kernel/apparmor_restrict_unprivileged_userns", "1") {
        return "restricted by AppArmor to programs with a profile".to_owned();
    }
    match setting("user/max_user_namespaces") {
        Some(max) => format!("at most {}", max.trim()),
        None => "not in this kernel".to_owned(),
    }
}

fn cgroup() -> String {
    let limits = Limits::default();
    let said = [LimiterKind::CgroupV2, LimiterKind::CgroupV1].map(|kind| {
        let name = if kind == LimiterKind::CgroupV2 { "version 2" } else { "version 1" };
        match Limiter::create(kind, &limits) {
            // It is dropped here and thereby removed.
            Ok(_) => format!("{name} can be used"),
            Err(error) => format!("{name}: {error}"),
        }
    });
    said.join("; ")
}
