//! The sandbox of macOS: the program `sandbox-exec` of the system, with a profile for each job.
//!
//! It has been tested with a substitute on Linux only, and never on a Mac. It is weaker than the backends
//! of Linux: docs/security.md says in what.

mod probe;
mod profile;
mod watch;

use std::{
    future::Future,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{Call, Job, Report, SandboxError, group, remove_tree, variables::variables};
use profile::Folders;

/// The time between TERM and KILL at the end of a job.
const GRACE: Duration = Duration::from_secs(2);

/// The program `sandbox-exec`.
#[derive(Debug, Clone)]
pub struct Seatbelt {
    program: PathBuf,
}

impl Seatbelt {
    /// Where the system has the program.
    pub const PROGRAM: &str = "/usr/bin/sandbox-exec";

    /// The program at `program`, which need not exist.
    pub fn at(program: PathBuf) -> Self {
        Self { program }
    }

    /// Runs `job` to its end, as [`crate::Sandbox::run`] does. The limits for memory and processes are
    /// checked twice a second. The limit for disk holds for each single file.
    pub async fn run(
        &self,
        job: &Job,
        cancel: impl Future<Output = ()>,
    ) -> Result<Report, SandboxError> {
        let parent = job.work_dir.parent().unwrap_or(Path::new("/"));
        let host = |error: std::io::Error| SandboxError::Job(error.to_string());
        let scratch = tempfile::Builder::new().prefix(".scratch-").tempdir_in(parent);
        let scratch = scratch.map_err(host)?.keep();
        let report = self.run_in(&scratch, job, cancel).await;
        // What stays is in a folder that the caller removes.
        let _ = tokio::task::spawn_blocking(move || remove_tree(&scratch)).await;
        report
    }

    async fn run_in(
        &self,
        scratch: &Path,
        job: &Job,
        cancel: impl Future<Output = ()>,
    ) -> Result<Report, SandboxError> {
        let (home, tmp) = (scratch.join("home"), scratch.join("tmp"));
        for folder in [&home, &tmp] {
            std::fs::create_dir(folder).map_err(|error| SandboxError::Job(error.to_string()))?;
        }
        // A profile knows real paths only.
        let real = job.read_only.iter().filter_map(|path| path.canonicalize().ok());
        let job = &Job { read_only: real.collect(), ..job.clone() };
        let folders = Folders { home: &home, tmp: &tmp };
        let profile = profile::profile(job, folders).map_err(SandboxError::Job)?;
        let limits = job.limits;
        let call = Call {
            argv: profile::argv(&self.program, &profile, job),
            env: variables(job, &home, &tmp),
            dir: job.work_dir.clone(),
            deadline: limits.wall_time,
            grace: GRACE,
            output_bytes: limits.output_bytes,
        };
        let report = group::run(&call, |group| watch::exceeded(group, limits), cancel).await?;
        Ok(report.of_job(job, Some(rustix::process::geteuid().as_raw())))
    }
}
