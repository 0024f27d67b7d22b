//! The preparation between the request and the first process of the job.

use std::{
    collections::BTreeMap,
    os::{fd::OwnedFd, unix::fs::PermissionsExt as _},
    path::{Path, PathBuf},
};

use tokio::{net::unix::pipe, process::Child};

use super::{
    bubblewrap::Inner,
    confine::{self, Confinement, Entry, LandlockRules, Next},
    limiter::Limiter,
    namespaces::Plan,
    ownership, processes,
    remove::remove_tree,
    rlimits::{Bounds, UserLimits},
    seccomp::Allowed,
    supervise::{JobRequest, Namespacing, host},
    view::{Scratch, View},
};
use crate::{LimiterKind, Refusal, process};

/// A folder that is removed when this value is dropped.
pub(super) struct ScratchDir(pub(super) PathBuf);

impl Drop for ScratchDir {
    fn drop(&mut self) {
        // If something stays, it is in a folder that the caller removes.
        let _ = remove_tree(&self.0);
    }
}

/// Everything that is known about a job before its start.
pub(super) struct Launch<'a> {
    pub(super) job_request: &'a JobRequest,
    pub(super) scratch: &'a Scratch,
    pub(super) view: View,
    /// The user of the job; `None` keeps the user of this program.
    pub(super) user: Option<u32>,
}

impl Launch<'_> {
    /// The input of the job's side before it creates anything.
    pub(super) fn entry(&self, limiter: &Limiter) -> Result<Entry, Refusal> {
        let bounds = Bounds {
            supervisor: std::process::id().cast_signed(),
            cgroup_procs: limiter.procs(),
            limits: self.job_request.job.limits,
            watched: self.watched(),
        };
        Ok(Entry { bounds, next: self.next()? })
    }

    fn next(&self) -> Result<Next, Refusal> {
        let allowed = self.allowed();
        Ok(match &self.job_request.layers.namespacing {
            Namespacing::Bubblewrap(bwrap) => {
                let program = std::env::current_exe()
                    .map_err(|error| host("cannot find this program", &error))?;
                let allowed = serde_json::to_string(&allowed)
                    .map_err(|error| host("cannot write the filter", &error))?;
                let words = [confine::SUBCOMMAND, confine::INIT, &allowed];
                let words = words.map(str::to_owned).to_vec();
                let inner = (&Inner { program, args: words }, self.user.is_some());
                let argv = bwrap.argv(&self.job_request.job, &self.view, self.scratch, inner);
                Next::Bubblewrap { argv, allowed: self.allowed() }
            }
            Namespacing::Namespaces => Next::Namespaces(Plan {
                view: self.view.clone(),
                ports: self.ports(),
                other_user: self.user.is_some(),
                allowed,
            }),
            Namespacing::Nothing => Next::Nothing,
        })
    }

    /// The input of the job's last step.
    pub(super) fn confinement(&self, ready: String) -> Confinement {
        let JobRequest { job, layers, .. } = self.job_request;
        let namespacing = &layers.namespacing;
        let alone = self.user.is_some() || *namespacing != Namespacing::Nothing;
        // Without a network namespace, Landlock can at least check ports.
        let network_access = job.network.as_ref();
        let ports = || {
            network_access.map(|it| it.ports_unjudged().into_iter().collect()).unwrap_or_default()
        };
        let ports = (*namespacing == Namespacing::Nothing).then(ports);
        Confinement {
            ready,
            ports: self.ports().filter(|_| matches!(namespacing, Namespacing::Bubblewrap(_))),
            user: self.user,
            processes: alone.then_some(job.limits.processes),
            allowed: self.allowed(),
            landlock: layers.landlock.then(|| LandlockRules { view: self.view.clone(), ports }),
            work_dir: job.work_dir.clone(),
            argv: job.argv.clone(),
        }
    }

    fn allowed(&self) -> Allowed {
        Allowed {
            network: self.job_request.job.network.is_some(),
            hides_files: matches!(self.job_request.layers.namespacing, Namespacing::Bubblewrap(_)),
            memory_files: self.job_request.limiter != LimiterKind::Watchdog,
        }
    }

    /// Ports that the job may connect to, ascending; `None` without network.
    pub(super) fn ports(&self) -> Option<Vec<u16>> {
        self.job_request
            .job
            .network
            .as_ref()
            .map(|network_access| network_access.ports().into_iter().collect())
    }

    /// A second limit, for the watchdog: even a fork bomb cannot exceed a limit of the kernel.
    fn watched(&self) -> Option<UserLimits> {
        const OTHERS: u64 = 1024;
        (self.job_request.limiter == LimiterKind::Watchdog).then(|| {
            // Root can run faster than the watched processes. Other users have no right to that.
            let _ = rustix::process::nice(-10);
            let job = u64::from(self.job_request.job.limits.processes);
            UserLimits { processes_of_user: processes::of_user() + 2 * job + OTHERS }
        })
    }
}

/// The first process of a job, and its connections to the supervisor.
pub(super) struct Spawned {
    pub(super) child: Child,
    pub(super) output: pipe::Receiver,
    /// Where standard output is apart.
    pub(super) stdout: Option<pipe::Receiver>,
    pub(super) control: std::os::unix::net::UnixStream,
}

/// Starts the job's side and sends `inner` over the control socket.
pub(super) fn spawn(
    entry: &Entry,
    inner: &Confinement,
    env: &BTreeMap<String, String>,
    separate_stdout: bool,
) -> std::io::Result<Spawned> {
    use std::io::Write as _;

    let (output, writer) = std::io::pipe()?;
    let (stdout, first) = if separate_stdout {
        std::io::pipe().map(|(stdout, writer)| (Some(stdout), writer))?
    } else {
        (None, writer.try_clone()?)
    };
    let (mut control, inside) = std::os::unix::net::UnixStream::pair()?;
    rustix::net::sockopt::set_socket_passcred(&control, true)?;
    let program = std::env::current_exe()?.to_string_lossy().into_owned();
    let entry = serde_json::to_string(entry)?;
    let argv = [program, confine::SUBCOMMAND.to_owned(), confine::ENTER.to_owned(), entry];
    let child = process::start_job(&argv, env, OwnedFd::from(inside), (first, writer))?;
    let mut line = serde_json::to_vec(inner)?;
    line.push(b'\n');
    // If the job died at once, its output says why. Data that exceeds the buffer of the socket is
    // read while it is written.
    let _ = control.write_all(&line);
    control.set_nonblocking(true)?;
    let stdout = stdout.map(|it| pipe::Receiver::from_owned_fd(it.into())).transpose()?;
    Ok(Spawned { child, output: pipe::Receiver::from_owned_fd(output.into())?, stdout, control })
}

/// Folders for the files of a job, beside its work folder and therefore on the same disk. `user`
/// becomes their owner if it is another one.
pub(super) fn make_scratch(work_dir: &Path, user: Option<u32>) -> std::io::Result<ScratchDir> {
    let parent = work_dir.parent().ok_or(std::io::ErrorKind::InvalidInput)?;
    let dir = tempfile::Builder::new().prefix(".scratch-").tempdir_in(parent)?;
    let dir = ScratchDir(dir.keep());
    let scratch = Scratch::below(&dir.0);
    for below in scratch.written().into_iter().chain([&scratch.etc]) {
        std::fs::create_dir(below)?;
        // The mode must not depend on a set-group-ID bit of the parent folder.
        std::fs::set_permissions(below, std::fs::Permissions::from_mode(0o755))?;
    }
    for (name, text) in scratch.settings(user.unwrap_or(1000)) {
        super::kernel::write(scratch.etc.join(name), &text)?;
    }
    if let Some(user) = user {
        ownership::change_owner(&dir.0, user)?;
        ownership::change_owner(work_dir, user)?;
    }
    Ok(dir)
}

pub(super) fn random() -> Result<u128, Refusal> {
    use std::io::Read as _;
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(|error| host("cannot read random numbers", &error))?;
    Ok(u128::from_ne_bytes(bytes))
}
