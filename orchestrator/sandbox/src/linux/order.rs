//! The orchestrator's side of a supervisor.

use std::{path::PathBuf, pin::pin, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::Child,
};

use super::supervise::{Order, Reply};
use crate::{Job, Report, Sandbox, SandboxError, process};

/// A supervisor that is silent so long after its job's last second hangs itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// No report is longer: its output is capped far below.
const REPLY_BYTES: u64 = 8 << 20;

/// Has a supervisor run `job`.
pub(crate) async fn run(
    sandbox: &Sandbox,
    job: &Job,
    cancel: impl Future<Output = ()>,
) -> Result<Report, SandboxError> {
    let (walls, limiter) = (sandbox.walls.clone(), sandbox.limiter);
    let order = Order { job: job.clone(), walls, limiter };
    let mut line =
        serde_json::to_vec(&order).map_err(|error| SandboxError::Job(error.to_string()))?;
    line.push(b'\n');
    let start = |cause| SandboxError::Start { program: PathBuf::from(&sandbox.executable), cause };
    let mut supervisor = process::start_supervisor(&sandbox.executable, sandbox.walls.subcommand())
        .map_err(start)?;
    let answer = hear(&mut supervisor, &line, cancel);
    let Ok(heard) = tokio::time::timeout(job.limits.wall + PATIENCE, answer).await else {
        // Its death takes the job with it.
        let _ = supervisor.start_kill();
        return Err(SandboxError::NoReport("it hangs".to_owned()));
    };
    // Without this it would stay a zombie until the runtime looks again.
    let _ = supervisor.wait().await;
    match serde_json::from_str(&heard.reply) {
        Ok(Reply::Report(report)) => Ok(report),
        Ok(Reply::Refused(refusal)) => Err(SandboxError::Refused(refusal)),
        Err(_) => Err(SandboxError::NoReport(format!("{}{}", heard.reply, heard.complaint))),
    }
}

struct Heard {
    reply: String,
    complaint: String,
}

/// Gives the order, holds the lifeline until `cancel`, and listens to the end.
async fn hear(supervisor: &mut Child, line: &[u8], cancel: impl Future<Output = ()>) -> Heard {
    let (out, err) = (supervisor.stdout.take(), supervisor.stderr.take());
    let mut lifeline = supervisor.stdin.take();
    let mut cancel = pin!(cancel);
    let mut said = pin!(async { tokio::join!(read(out), read(err)) });
    if let Some(lifeline) = &mut lifeline {
        // A supervisor that does not listen has died and says why.
        let _ = lifeline.write_all(line).await;
    }
    let (reply, complaint) = tokio::select! {
        said = &mut said => said,
        () = &mut cancel => {
            drop(lifeline.take());
            said.await
        }
    };
    Heard { reply, complaint }
}

async fn read(stream: Option<impl AsyncRead + Unpin>) -> String {
    let mut text = Vec::new();
    if let Some(stream) = stream {
        // What was read before an error is the best answer there is.
        let _ = stream.take(REPLY_BYTES).read_to_end(&mut text).await;
    }
    String::from_utf8_lossy(&text).into_owned()
}
