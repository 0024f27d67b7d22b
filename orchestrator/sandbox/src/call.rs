//! Calls of trusted programs, which leave no process behind.

use std::{collections::BTreeMap, future::Future, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    Ended, Host, Job, Report, SandboxError,
    bounded_output::{BoundedOutput, HEAD_BYTES},
    streams::Push as _,
};

/// A call of a program that the owner of this machine installed and that does not run package code. It is
/// not contained, but it has a deadline and a limit of output, and all processes that it starts end with
/// it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The program, an absolute path, and its arguments.
    pub argv: Vec<String>,
    /// Its whole environment.
    pub env: BTreeMap<String, String>,
    /// Its current folder.
    pub dir: PathBuf,
    /// The time after which it is asked to end (TERM).
    pub deadline: Duration,
    /// The time between that and the end of all its processes (KILL).
    pub grace: Duration,
    /// The most bytes on standard output and standard error together, including those not kept.
    pub output_bytes: u64,
}

/// The result of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallReport {
    /// 128 + n for signal n, as in shells; `None` if it did not end by itself.
    pub exit_code: Option<i32>,
    /// How it ended: by itself, at its deadline, because of too much output, or because it was cancelled.
    pub ended: Ended,
    /// At most 1 MiB and the last 48 KiB, what is no UTF-8 replaced.
    pub stdout: String,
    /// The first 16 KiB and the last 48 KiB, what is no UTF-8 replaced.
    pub stderr: String,
    /// The time until the last process ended, in milliseconds.
    pub duration_ms: u64,
}

impl CallReport {
    /// The result of `job`, which a trusted program ran in this call. `uid` is that of the job, if it is
    /// known.
    pub(crate) fn of_job(self, job: &Job, uid: Option<u32>) -> Report {
        let Self { exit_code, ended, stdout, stderr, duration_ms } = self;
        let output_bytes = (stdout.len() + stderr.len()) as u64;
        let mut output = BoundedOutput::new(HEAD_BYTES);
        if !job.separate_stdout {
            output.push(stdout.as_bytes());
        }
        output.push(stderr.as_bytes());
        Report {
            exit_code,
            ended,
            output: output.text(),
            stdout: if job.separate_stdout { stdout } else { String::new() },
            output_bytes,
            truncated: output.left_out() > 0,
            duration_ms,
            uid,
            refused: vec![],
        }
    }
}

/// Runs `call` to its end. When `cancel` completes first, or this future is dropped, or this process dies,
/// the program and all its processes are ended.
///
/// On systems other than Linux, a process that leaves the group of the program is not found.
///
/// A failure of the program is not an error of this function. An error means that its result is unknown.
pub async fn call(
    host: &Host,
    call: &Call,
    cancel: impl Future<Output = ()>,
) -> Result<CallReport, SandboxError> {
    #[cfg(target_os = "linux")]
    return crate::linux::job_request::call(host, call, cancel).await;
    #[cfg(not(target_os = "linux"))]
    {
        let _ = host;
        crate::group::run(call, |_| std::future::pending(), cancel).await
    }
}
