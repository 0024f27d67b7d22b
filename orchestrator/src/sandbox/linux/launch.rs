//! What stands between the order and the job's first process.

use std::path::{Path, PathBuf};

use tokio::{io::AsyncWriteExt as _, net::unix::pipe, process::Child};

use super::{
    bubblewrap::Inner,
    confine::{self, Confinement, Entry, Watched},
    processes,
    remove::remove_tree,
    supervise::{Order, Wall, host},
    view::{Scratch, View},
};
use crate::{
    process,
    sandbox::{LimiterKind, Refusal},
};

/// Removed when dropped.
pub(super) struct ScratchDir(pub(super) PathBuf);

impl Drop for ScratchDir {
    fn drop(&mut self) {
        // What stays lies in a folder of the caller, who removes that.
        let _ = remove_tree(&self.0);
    }
}

/// The second line where the supervisor is the first: a fork bomb outruns no kernel.
pub(super) fn watched(order: &Order) -> Option<Watched> {
    const OTHERS: u64 = 1024;
    (order.limiter == LimiterKind::Watchdog).then(|| {
        // Root may be quicker than all that it watches. Others try in vain.
        let _ = rustix::process::nice(-10);
        let job = u64::from(order.job.limits.processes);
        Watched { processes_of_user: processes::of_user() + 2 * job + OTHERS }
    })
}

pub(super) fn confinement(order: &Order, view: &View, ready: String) -> Confinement {
    Confinement {
        ready,
        network: order.job.network,
        memory_files: order.limiter != LimiterKind::Watchdog,
        landlock: (order.wall == Wall::Landlock).then(|| view.clone()),
        work_dir: order.job.work_dir.clone(),
        argv: order.job.argv.clone(),
    }
}

pub(super) fn through_the_wall(
    order: &Order,
    view: &View,
    scratch: &Scratch,
) -> Result<Vec<String>, Refusal> {
    let program =
        std::env::current_exe().map_err(|error| host("cannot find this program", &error))?;
    let args = vec![confine::SUBCOMMAND.to_owned(), confine::APPLY.to_owned()];
    Ok(match &order.wall {
        Wall::Bubblewrap(bwrap) => bwrap.argv(&order.job, view, scratch, &Inner { program, args }),
        Wall::Landlock => {
            [program.to_string_lossy().into_owned()].into_iter().chain(args).collect()
        }
    })
}

pub(super) async fn spawn(
    entry: &Entry,
    inner: &Confinement,
    env: &std::collections::BTreeMap<String, String>,
) -> std::io::Result<(Child, pipe::Receiver)> {
    let (output, writer) = std::io::pipe()?;
    let program = std::env::current_exe()?.to_string_lossy().into_owned();
    let entry = serde_json::to_string(entry)?;
    let argv = [program, confine::SUBCOMMAND.to_owned(), confine::ENTER.to_owned(), entry];
    let mut child = process::start_job(&argv, env, writer)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A job that died at once says why on its output.
        let _ = stdin.write_all(&serde_json::to_vec(inner)?).await;
    }
    Ok((child, pipe::Receiver::from_owned_fd(output.into())?))
}

/// Beside the work folder, so on the same disk.
pub(super) fn make_scratch(work_dir: &Path) -> std::io::Result<ScratchDir> {
    let parent = work_dir.parent().ok_or(std::io::ErrorKind::InvalidInput)?;
    let dir = tempfile::Builder::new().prefix(".scratch-").tempdir_in(parent)?;
    let dir = ScratchDir(dir.keep());
    let scratch = Scratch::below(&dir.0);
    for below in [&scratch.home, &scratch.tmp, &scratch.shm, &scratch.etc] {
        std::fs::create_dir(below)?;
    }
    let home = scratch.home.display();
    let passwd = format!("sandbox:x:1000:1000:sandbox:{home}:/bin/sh\n");
    super::kernel::write(scratch.etc.join("passwd"), &passwd)?;
    super::kernel::write(scratch.etc.join("group"), "sandbox:x:1000:\n")?;
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
