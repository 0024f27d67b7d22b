//! The only place that starts programs.
//!
//! The calls of `batch-sandbox` do not fit here: they return texts of at most one MiB, and git
//! answers with files of any size whose bytes matter.

use std::{
    collections::BTreeMap, ffi::OsString, fs::File, io, path::Path, pin::pin, process::Stdio,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{Child, Command},
    time::timeout,
};

/// How much of standard error is kept.
const STDERR_BYTES: u64 = 64 << 10;

/// The time between the request to end (TERM) and the end of all processes (KILL). git removes its
/// lock files in this time.
const GRACE: Duration = Duration::from_secs(5);

/// The time for the last output after the end of the program.
const DRAIN: Duration = Duration::from_secs(2);

/// What is started.
pub(crate) struct Invocation<'a> {
    /// A name, searched on the `PATH` in `env`.
    pub(crate) program: &'a str,
    pub(crate) args: &'a [OsString],
    /// All its variables.
    pub(crate) env: &'a BTreeMap<OsString, OsString>,
    /// Its current folder.
    pub(crate) dir: &'a Path,
    /// Its standard input; `None` is an empty one.
    pub(crate) stdin: Option<File>,
    pub(crate) deadline: Duration,
    /// The largest standard output. More is an error.
    pub(crate) max_stdout: u64,
}

/// What a program did.
#[derive(Debug)]
pub(crate) struct Output {
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    /// The first 64 KiB.
    pub(crate) stderr: Vec<u8>,
}

/// There is no result.
#[derive(Debug)]
pub(crate) enum Failure {
    Start(io::Error),
    TimedOut,
    TooMuchOutput,
}

/// Runs a program to its end. It is the first of a group of processes, which ends with this call:
/// when its deadline passes, when it prints too much, or when this future is dropped.
pub(crate) async fn run(invocation: Invocation<'_>) -> Result<Output, Failure> {
    let mut child = start(&invocation).map_err(Failure::Start)?;
    let mut group = Group(child.id());
    let work = read(&mut child, invocation.max_stdout);
    let outcome = timeout(invocation.deadline, work).await.unwrap_or(Err(Failure::TimedOut));
    match outcome {
        Ok(_) => group.0 = None,
        Err(_) => group.end(&mut child).await,
    }
    outcome
}

#[expect(clippy::disallowed_methods, reason = "this is where programs are started")]
fn start(invocation: &Invocation<'_>) -> io::Result<Child> {
    let stdin = invocation.stdin.as_ref().map(File::try_clone).transpose()?;
    Command::from(std::process::Command::new(invocation.program))
        .args(invocation.args)
        .env_clear()
        .envs(invocation.env)
        .current_dir(invocation.dir)
        // Ctrl-C goes only to this program, which decides.
        .process_group(0)
        .stdin(stdin.map_or_else(Stdio::null, Stdio::from))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// A group of processes, which is asked to end when this is dropped.
struct Group(Option<u32>);

impl Group {
    fn signal(&self, signal: Signal) {
        let pid = self.0.and_then(|group| i32::try_from(group).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // A group that has ended already gets no signal.
            let _ = kill_process_group(pid, signal);
        }
    }

    async fn end(&mut self, child: &mut Child) {
        self.signal(Signal::TERM);
        let _ = timeout(GRACE, child.wait()).await;
        self.signal(Signal::KILL);
        let _ = child.wait().await;
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
    }
}

/// Reads the output of `child` until it ends.
async fn read(child: &mut Child, max_stdout: u64) -> Result<Output, Failure> {
    let (mut stdout, mut stderr) = (vec![], vec![]);
    let streams = (child.stdout.take(), child.stderr.take());
    let status = {
        let reads = async {
            tokio::join!(
                beginning(streams.0, max_stdout.saturating_add(1), &mut stdout),
                beginning(streams.1, STDERR_BYTES, &mut stderr),
            )
        };
        let mut reads = pin!(reads);
        tokio::select! {
            _ = &mut reads => child.wait().await,
            status = child.wait() => {
                // A process that stays in the background, such as a shared connection of ssh, keeps
                // the streams open.
                let _ = timeout(DRAIN, reads).await;
                status
            }
        }
    };
    if max_stdout < stdout.len() as u64 {
        return Err(Failure::TooMuchOutput);
    }
    Ok(Output { code: status.map_err(Failure::Start)?.code(), stdout, stderr })
}

/// Reads `stream` to its end, and keeps its beginning. After an error, what was read is used: the
/// exit code says whether it is all.
async fn beginning<R: AsyncRead + Unpin>(stream: Option<R>, limit: u64, kept: &mut Vec<u8>) {
    if let Some(mut stream) = stream {
        let _ = (&mut stream).take(limit).read_to_end(kept).await;
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    }
}
