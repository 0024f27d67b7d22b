//! The orchestrator's side of a supervisor.

use std::{path::Path, pin::pin, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::Child,
};

use super::{call, supervise::JobRequest};
use crate::{Call, CallReport, Host, Job, Refusal, Report, Sandbox, SandboxError, process};

/// A supervisor that does not answer this long after the end of its job's time is considered to
/// hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// A report is never longer, because its output is limited.
const REPLY_BYTES: u64 = 8 << 20;

/// Lets a supervisor run `job`.
pub(crate) async fn run(
    sandbox: &Sandbox,
    job: &Job,
    cancel: impl Future<Output = ()>,
) -> Result<Report, SandboxError> {
    let (layers, limiter) = (sandbox.layers.clone(), sandbox.limiter);
    let job_request = JobRequest { job: job.clone(), layers, limiter };
    let supervisor = Supervisor {
        program: &sandbox.executable,
        subcommand: sandbox.layers.subcommand(),
        patience: job.limits.wall_time + PATIENCE,
    };
    supervisor.ask(&job_request, cancel).await
}

/// Has a supervisor make `call`.
pub(crate) async fn call(
    host: &Host,
    call: &Call,
    cancel: impl Future<Output = ()>,
) -> Result<CallReport, SandboxError> {
    let patience = call.deadline + call.grace + PATIENCE;
    let supervisor =
        Supervisor { program: &host.executable, subcommand: call::SUBCOMMAND, patience };
    supervisor.ask(call, cancel).await
}

/// A supervisor that is to be started.
struct Supervisor<'a> {
    program: &'a Path,
    subcommand: &'static str,
    /// How long it may take in all.
    patience: Duration,
}

impl Supervisor<'_> {
    async fn ask<T: DeserializeOwned>(
        &self,
        job_request: &impl Serialize,
        cancel: impl Future<Output = ()>,
    ) -> Result<T, SandboxError> {
        let mut line = serde_json::to_vec(job_request)
            .map_err(|error| SandboxError::Job(error.to_string()))?;
        line.push(b'\n');
        let start = |cause| SandboxError::Start { program: self.program.to_owned(), cause };
        let mut child = process::start_supervisor(self.program, self.subcommand).map_err(start)?;
        let answer = exchange(&mut child, &line, cancel);
        let Ok(heard) = tokio::time::timeout(self.patience, answer).await else {
            // When the supervisor dies, the job ends too.
            let _ = child.start_kill();
            return Err(SandboxError::NoReport("it hangs".to_owned()));
        };
        // Otherwise it stays a zombie until the runtime checks again.
        let _ = child.wait().await;
        match serde_json::from_str::<Result<T, Refusal>>(&heard.reply) {
            Ok(Ok(report)) => Ok(report),
            Ok(Err(refusal)) => Err(SandboxError::Refused(refusal)),
            Err(_) => Err(SandboxError::NoReport(format!("{}{}", heard.reply, heard.complaint))),
        }
    }
}

struct SupervisorOutput {
    reply: String,
    complaint: String,
}

/// Sends the request, keeps the supervisor's standard input open until `cancel`, and reads the
/// output to its end.
async fn exchange(
    supervisor: &mut Child,
    line: &[u8],
    cancel: impl Future<Output = ()>,
) -> SupervisorOutput {
    let (out, err) = (supervisor.stdout.take(), supervisor.stderr.take());
    let mut stdin = supervisor.stdin.take();
    let mut cancel = pin!(cancel);
    let mut said = pin!(async { tokio::join!(read(out), read(err)) });
    if let Some(stdin) = &mut stdin {
        // A supervisor that cannot receive the request has died, and its output says why.
        let _ = stdin.write_all(line).await;
    }
    let (reply, complaint) = tokio::select! {
        said = &mut said => said,
        () = &mut cancel => {
            drop(stdin.take());
            said.await
        }
    };
    SupervisorOutput { reply, complaint }
}

async fn read(stream: Option<impl AsyncRead + Unpin>) -> String {
    let mut text = Vec::new();
    if let Some(stream) = stream {
        // After an error, the part that was read is used.
        let _ = stream.take(REPLY_BYTES).read_to_end(&mut text).await;
    }
    String::from_utf8_lossy(&text).into_owned()
}
