//! Tries what Linux offers.

use std::{path::Path, time::Duration};

use super::{
    bubblewrap::Bubblewrap, confine, kernel, limiter::Limiter, self_test, supervise::Wall,
};
use crate::{
    process,
    sandbox::{Backend, Host, Job, LimiterKind, Limits, Part, Refusal, Sandbox, SandboxError},
};

/// Enough for a program that tries five things.
const LIMITS: Limits = Limits {
    memory_bytes: 256 << 20,
    cpus: 1,
    processes: 32,
    disk_bytes: 64 << 20,
    wall: Duration::from_secs(30),
    output_bytes: 1 << 20,
};

pub(crate) async fn open(
    host: &Host,
    backend: Backend,
    limiter: LimiterKind,
) -> Result<Sandbox, SandboxError> {
    let wall = match backend {
        Backend::Bubblewrap => {
            Bubblewrap::find(&host.path).await.map(Wall::Bubblewrap).map_err(refused)?
        }
        Backend::Landlock => Wall::Landlock,
        Backend::Seatbelt => return Err(refused("it is a part of macOS".to_owned())),
    };
    let sandbox = Sandbox { executable: host.executable.clone(), wall, limiter };
    try_out(&sandbox).await?;
    Ok(sandbox)
}

fn refused(message: String) -> SandboxError {
    SandboxError::Refused(Refusal { part: Part::Backend, message })
}

/// Runs a program that tries to get out.
async fn try_out(sandbox: &Sandbox) -> Result<(), SandboxError> {
    let place = |error: std::io::Error| {
        let message = format!("cannot make a folder to try it in: {error}");
        SandboxError::Refused(Refusal { part: Part::Host, message })
    };
    let dir = tempfile::Builder::new().prefix("sandbox-").tempdir().map_err(place)?;
    let (work_dir, outside) = (dir.path().join("work"), dir.path().join("outside"));
    std::fs::create_dir(&work_dir).map_err(place)?;
    std::fs::File::create(&outside).map_err(place)?;
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let job = Job {
        argv: vec![text(&sandbox.executable), self_test::SUBCOMMAND.to_owned(), text(&outside)],
        env: std::collections::BTreeMap::new(),
        work_dir,
        writable: true,
        network: false,
        read_only: vec![sandbox.executable.clone()],
        path_dirs: Vec::new(),
        limits: LIMITS,
    };
    let report = sandbox.run(&job, std::future::pending()).await?;
    if report.succeeded() && report.output.trim() == self_test::CONTAINED {
        return Ok(());
    }
    let said = report.output.trim();
    Err(refused(format!("a probe was not contained ({:?}): {said}", report.ended)))
}

pub(crate) fn version(sandbox: &Sandbox) -> Option<String> {
    match &sandbox.wall {
        Wall::Bubblewrap(bwrap) => Some(bwrap.version()),
        Wall::Landlock => None,
    }
}

/// What the machine says of itself, for people; nothing is decided by it.
pub(crate) struct Machine {
    pub(crate) landlock_abi: Option<i32>,
    pub(crate) user_namespaces: String,
    pub(crate) cgroup: String,
}

pub(crate) async fn look(host: &Host) -> Machine {
    let args = [confine::SUBCOMMAND, confine::ABI];
    let said = process::probe(&host.executable, &args, &[]).await.ok();
    Machine {
        landlock_abi: said.and_then(|said| said.stdout.parse().ok()),
        user_namespaces: user_namespaces(),
        cgroup: cgroup(),
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
            // Dropped here, which removes it.
            Ok(_) => format!("{name} can be made"),
            Err(error) => format!("{name}: {error}"),
        }
    });
    said.join("; ")
}
