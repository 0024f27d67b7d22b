//! The supervisor of one call of a trusted program, a process of its own.
//!
//! As for jobs, standard input contains the call in one line and then stays open. When it closes, the caller
//! has died or has cancelled the call. This process is a subreaper, so it finds all processes that the program
//! started, however they detached, and ends them.

use std::{future::Future, pin::pin, process::ExitCode, time::Duration};

use tokio::{
    process::{Child, ChildStderr, ChildStdout},
    time::Instant,
};

use super::{
    processes,
    supervise::{host, parent_closed, read_line, reply},
};
use crate::{
    Call, CallReport, Ended, Refusal,
    bounded_output::{BoundedOutput, HEAD_BYTES},
    process,
    streams::Streams,
};

/// The hidden subcommand.
pub(crate) const SUBCOMMAND: &str = "sandbox-call";

/// The pause between two rounds of KILL.
const AGAIN: Duration = Duration::from_millis(5);
/// A killed process has ended after this time, unless the machine itself hangs.
const KILL_TIMEOUT: Duration = Duration::from_secs(45);
/// The time for the last output after the end of the last process.
const DRAIN: Duration = Duration::from_millis(500);

/// Runs the call from standard input and prints the result.
pub(crate) fn main() -> ExitCode {
    reply(&supervise())
}

fn supervise() -> Result<CallReport, Refusal> {
    let call: Call = read_line().map_err(|error| host("cannot read the call", &error))?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .map_err(|error| host("cannot adopt orphans", &error))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| host("cannot start", &error))?;
    runtime.block_on(async {
        let closed = parent_closed().map_err(|error| host("cannot watch the caller", &error))?;
        Started::start(call)?.run_to_end(closed).await
    })
}

struct Started {
    call: Call,
    child: Child,
    streams: Streams<ChildStdout, ChildStderr, BoundedOutput>,
    began_at: Instant,
}

impl Started {
    fn start(call: Call) -> Result<Self, Refusal> {
        let program = call.argv.first().map_or("nothing", String::as_str);
        let mut child = process::start_trusted(&call.argv, &call.env, &call.dir)
            .map_err(|error| host(&format!("cannot start {program}"), &error))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let streams = Streams::new(stdout, stderr, BoundedOutput::new(HEAD_BYTES));
        Ok(Self { call, child, streams, began_at: Instant::now() })
    }

    async fn run_to_end(mut self, closed: impl Future<Output = ()>) -> Result<CallReport, Refusal> {
        let ended = self.watch(closed).await;
        if matches!(ended, Ended::TimedOut | Ended::Cancelled) {
            self.ask_to_end().await;
        }
        self.kill_all().await?;
        let exit_code = match self.child.try_wait() {
            Ok(Some(status)) if ended == Ended::Exited => process::exit_code(status),
            _ => None,
        };
        // All processes have ended, so only the rest in the pipes is read.
        let _ = tokio::time::timeout(DRAIN, self.streams.read_to_end()).await;
        let duration_ms = u64::try_from(self.began_at.elapsed().as_millis()).unwrap_or(u64::MAX);
        let Streams { stdout, output, .. } = &self.streams;
        let (stdout, stderr) = (stdout.text(), output.text());
        Ok(CallReport { exit_code, ended, stdout, stderr, duration_ms })
    }

    async fn watch(&mut self, closed: impl Future<Output = ()>) -> Ended {
        let mut closed = pin!(closed);
        let mut deadline = pin!(tokio::time::sleep_until(self.began_at + self.call.deadline));
        loop {
            tokio::select! {
                _ = self.child.wait() => return Ended::Exited,
                () = &mut closed => return Ended::Cancelled,
                () = &mut deadline => return Ended::TimedOut,
                () = self.streams.read() => {
                    if self.streams.total() > self.call.output_bytes {
                        return Ended::OutputFlood;
                    }
                }
            }
        }
    }

    /// Sends TERM once and waits. Programs that need a second signal are killed afterwards.
    async fn ask_to_end(&mut self) {
        processes::terminate(None);
        let Self { child, streams, call, .. } = self;
        let ended = async { tokio::join!(child.wait(), streams.read_to_end()) };
        let _ = tokio::time::timeout(call.grace, ended).await;
    }

    async fn kill_all(&mut self) -> Result<(), Refusal> {
        let main = self.child.id().and_then(|pid| pid.try_into().ok());
        let by = Instant::now() + KILL_TIMEOUT;
        let mut again = tokio::time::interval(AGAIN);
        while !processes::kill(main) {
            if Instant::now() > by {
                return Err(host("the program does not die", &"it hangs in the kernel"));
            }
            again.tick().await;
        }
        // The process has ended. This reads its exit status.
        let _ = tokio::time::timeout(KILL_TIMEOUT, self.child.wait()).await;
        while processes::any() {
            if Instant::now() > by {
                return Err(host(
                    "the program does not die",
                    &"it starts new processes constantly",
                ));
            }
            processes::kill(None);
            again.tick().await;
        }
        Ok(())
    }
}
