//! Programs as groups of processes, for systems on which no supervisor finds every process.

use std::{future::Future, pin::pin, time::Duration};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{process::Child, time::Instant};

use crate::{
    Call, CallReport, Ended, SandboxError,
    bounded_output::{BoundedOutput, HEAD_BYTES},
    process,
    streams::Streams,
};

/// The time for the last output after the end of the last process.
const DRAIN: Duration = Duration::from_millis(500);

/// Runs `call` to its end, or until `cancel`, or until `watch` completes, which gets the number of the
/// group. Then the whole group is killed. A process that has left its group is not found.
pub(crate) async fn run<W: Future<Output = Ended>>(
    call: &Call,
    watch: impl FnOnce(u32) -> W,
    cancel: impl Future<Output = ()>,
) -> Result<CallReport, SandboxError> {
    let program = call.argv.first().cloned().unwrap_or_default();
    let mut child = process::start_trusted(&call.argv, &call.env, &call.dir)
        .map_err(|cause| SandboxError::Start { program: program.into(), cause })?;
    let began_at = Instant::now();
    let group = child.id().unwrap_or_default();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut streams = Streams::new(stdout, stderr, BoundedOutput::new(HEAD_BYTES));
    let (mut cancel, mut watch) = (pin!(cancel), pin!(watch(group)));
    let mut deadline = pin!(tokio::time::sleep_until(began_at + call.deadline));
    let ended = loop {
        tokio::select! {
            _ = child.wait() => break Ended::Exited,
            () = &mut cancel => break Ended::Cancelled,
            () = &mut deadline => break Ended::TimedOut,
            ended = &mut watch => break ended,
            () = streams.read() => {
                if streams.total() > call.output_bytes {
                    break Ended::OutputFlood;
                }
            }
        }
    };
    if matches!(ended, Ended::TimedOut | Ended::Cancelled) {
        signal(group, Signal::TERM);
        let ends = async { tokio::join!(child.wait(), streams.read_to_end()) };
        let _ = tokio::time::timeout(call.grace, ends).await;
    }
    signal(group, Signal::KILL);
    let exit_code = exit_code(&mut child).await.filter(|_| ended == Ended::Exited);
    let _ = tokio::time::timeout(DRAIN, streams.read_to_end()).await;
    let duration_ms = u64::try_from(began_at.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (stdout, stderr) = (streams.stdout.text(), streams.output.text());
    Ok(CallReport { exit_code, ended, stdout, stderr, duration_ms })
}

/// A group that has ended already gets no signal.
fn signal(group: u32, signal: Signal) {
    if let Some(group) = i32::try_from(group).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, signal);
    }
}

async fn exit_code(child: &mut Child) -> Option<i32> {
    child.wait().await.ok().and_then(process::exit_code)
}
