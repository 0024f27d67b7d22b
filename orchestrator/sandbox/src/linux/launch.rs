//! What stands between the order and the job's first process.

use std::{
    collections::BTreeMap,
    os::{fd::OwnedFd, unix::fs::PermissionsExt as _},
    path::{Path, PathBuf},
};

use tokio::{net::unix::pipe, process::Child};

use super::{
    bubblewrap::Inner,
    confine::{self, Confinement, Entry, Next, Ruled},
    limiter::Limiter,
    namespaces::Plan,
    ownership, processes,
    remove::remove_tree,
    rlimits::{Bounds, Watched},
    seccomp::Allowed,
    supervise::{Order, Outer, host},
    view::{Scratch, View},
};
use crate::{LimiterKind, Refusal, process};

/// Removed when dropped.
pub(super) struct ScratchDir(pub(super) PathBuf);

impl Drop for ScratchDir {
    fn drop(&mut self) {
        // What stays lies in a folder of the caller, who removes that.
        let _ = remove_tree(&self.0);
    }
}

/// All that is known of a job before it is started.
pub(super) struct Launch<'a> {
    pub(super) order: &'a Order,
    pub(super) scratch: &'a Scratch,
    pub(super) view: View,
    /// The user that the job becomes; `None` leaves it this program's.
    pub(super) user: Option<u32>,
}

impl Launch<'_> {
    /// What the job's side is told before it makes anything.
    pub(super) fn entry(&self, limiter: &Limiter) -> Result<Entry, Refusal> {
        let bounds = Bounds {
            supervisor: std::process::id().cast_signed(),
            cgroup_procs: limiter.procs(),
            limits: self.order.job.limits,
            watched: self.watched(),
        };
        Ok(Entry { bounds, next: self.next()? })
    }

    fn next(&self) -> Result<Next, Refusal> {
        let allowed = self.allowed();
        Ok(match &self.order.walls.outer {
            Outer::Bubblewrap(bwrap) => {
                let program = std::env::current_exe()
                    .map_err(|error| host("cannot find this program", &error))?;
                let allowed = serde_json::to_string(&allowed)
                    .map_err(|error| host("cannot write the filter", &error))?;
                let words = [confine::SUBCOMMAND, confine::INIT, &allowed];
                let words = words.map(str::to_owned).to_vec();
                let inner = (&Inner { program, args: words }, self.user.is_some());
                let argv = bwrap.argv(&self.order.job, &self.view, self.scratch, inner);
                Next::Bubblewrap { argv, allowed: self.allowed() }
            }
            Outer::Namespaces => Next::Namespaces(Plan {
                view: self.view.clone(),
                ports: self.ports(),
                other_user: self.user.is_some(),
                allowed,
            }),
            Outer::Nothing => Next::Nothing,
        })
    }

    /// What the job's last step is told.
    pub(super) fn confinement(&self, ready: String) -> Confinement {
        let Order { job, walls, .. } = self.order;
        let outer = &walls.outer;
        let alone = self.user.is_some() || *outer != Outer::Nothing;
        // Without a network namespace Landlock can at least tell ports apart.
        let reach = job.network.as_ref();
        let ports =
            || reach.map(|it| it.ports_unjudged().into_iter().collect()).unwrap_or_default();
        let ports = (*outer == Outer::Nothing).then(ports);
        Confinement {
            ready,
            ports: self.ports().filter(|_| matches!(outer, Outer::Bubblewrap(_))),
            user: self.user,
            processes: alone.then_some(job.limits.processes),
            allowed: self.allowed(),
            landlock: walls.landlock.then(|| Ruled { view: self.view.clone(), ports }),
            work_dir: job.work_dir.clone(),
            argv: job.argv.clone(),
        }
    }

    fn allowed(&self) -> Allowed {
        Allowed {
            network: self.order.job.network.is_some(),
            hides_files: matches!(self.order.walls.outer, Outer::Bubblewrap(_)),
            memory_files: self.order.limiter != LimiterKind::Watchdog,
        }
    }

    /// Ports on which something may be reached, ascending; `None` without network.
    pub(super) fn ports(&self) -> Option<Vec<u16>> {
        self.order.job.network.as_ref().map(|reach| reach.ports().into_iter().collect())
    }

    /// The second line where the supervisor is the first: a fork bomb outruns no kernel.
    fn watched(&self) -> Option<Watched> {
        const OTHERS: u64 = 1024;
        (self.order.limiter == LimiterKind::Watchdog).then(|| {
            // Root may be quicker than all that it watches; nobody else has the right.
            let _ = rustix::process::nice(-10);
            let job = u64::from(self.order.job.limits.processes);
            Watched { processes_of_user: processes::of_user() + 2 * job + OTHERS }
        })
    }
}

/// The first process of a job, and the ends of what connects it to its supervisor.
pub(super) struct Spawned {
    pub(super) child: Child,
    pub(super) output: pipe::Receiver,
    pub(super) control: std::os::unix::net::UnixStream,
}

/// Starts the job's side and tells it `inner` through the control socket.
pub(super) fn spawn(
    entry: &Entry,
    inner: &Confinement,
    env: &BTreeMap<String, String>,
) -> std::io::Result<Spawned> {
    use std::io::Write as _;

    let (output, writer) = std::io::pipe()?;
    let (mut control, inside) = std::os::unix::net::UnixStream::pair()?;
    rustix::net::sockopt::set_socket_passcred(&control, true)?;
    let program = std::env::current_exe()?.to_string_lossy().into_owned();
    let entry = serde_json::to_string(entry)?;
    let argv = [program, confine::SUBCOMMAND.to_owned(), confine::ENTER.to_owned(), entry];
    let child = process::start_job(&argv, env, OwnedFd::from(inside), writer)?;
    let mut line = serde_json::to_vec(inner)?;
    line.push(b'\n');
    // A job that died at once says why on its output. What does not fit the socket's buffer is read
    // while it is written.
    let _ = control.write_all(&line);
    control.set_nonblocking(true)?;
    Ok(Spawned { child, output: pipe::Receiver::from_owned_fd(output.into())?, control })
}

/// Folders for what a job writes, beside its work folder and so on the same disk, owned by `user`
/// where that is another one.
pub(super) fn make_scratch(work_dir: &Path, user: Option<u32>) -> std::io::Result<ScratchDir> {
    let parent = work_dir.parent().ok_or(std::io::ErrorKind::InvalidInput)?;
    let dir = tempfile::Builder::new().prefix(".scratch-").tempdir_in(parent)?;
    let dir = ScratchDir(dir.keep());
    let scratch = Scratch::below(&dir.0);
    for below in scratch.written().into_iter().chain([&scratch.etc]) {
        std::fs::create_dir(below)?;
        // Not what a parent folder with a set-group-ID bit would make of it.
        std::fs::set_permissions(below, std::fs::Permissions::from_mode(0o755))?;
    }
    for (name, text) in scratch.settings(user.unwrap_or(1000)) {
        super::kernel::write(scratch.etc.join(name), &text)?;
    }
    if let Some(user) = user {
        ownership::hand_over(&dir.0, user)?;
        ownership::hand_over(work_dir, user)?;
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
