//! The only place that starts programs.

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{io::AsyncReadExt, process::Child};

/// A program that is asked about itself has this long.
const PROBE_DEADLINE: Duration = Duration::from_secs(10);

/// And may say this much; the rest is dropped.
const PROBE_OUTPUT_BYTES: u64 = 64 << 10;

/// What a short-lived program said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Whether it exited with 0.
    pub succeeded: bool,
    /// Standard output, at most 64 KiB, trimmed.
    pub stdout: String,
    /// Standard error, likewise.
    pub stderr: String,
}

/// A program could not be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ProbeError {
    #[error("cannot start {program}")]
    Start {
        program: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("{program} gave no answer within {} s", PROBE_DEADLINE.as_secs())]
    TimedOut { program: PathBuf },
}

/// Asks a trusted program about itself, `--version` and the like, with `env` as its whole
/// environment, nothing on its standard input and ten seconds to answer.
pub async fn probe<S: AsRef<OsStr>>(
    program: &Path,
    args: &[S],
    env: &[(&str, &OsStr)],
) -> Result<Said, ProbeError> {
    let start = |cause| ProbeError::Start { program: program.to_owned(), cause };
    let mut child = asked(program, args, env).spawn().map_err(start)?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let answer = async { tokio::join!(read_capped(out), read_capped(err), child.wait()) };
    let (stdout, stderr, status) = tokio::time::timeout(PROBE_DEADLINE, answer)
        .await
        .map_err(|_| ProbeError::TimedOut { program: program.to_owned() })?;
    let succeeded = status.map_err(start)?.success();
    Ok(Said { succeeded, stdout, stderr })
}

fn asked<S: AsRef<OsStr>>(
    program: &Path,
    args: &[S],
    env: &[(&str, &OsStr)],
) -> tokio::process::Command {
    let mut command = command(program);
    command.args(args).env_clear().envs(env.iter().copied()).process_group(0).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

async fn read_capped<R: tokio::io::AsyncRead + Unpin>(stream: Option<R>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        // What was read before an error is the best answer there is.
        let _ = (&mut stream).take(PROBE_OUTPUT_BYTES).read_to_end(&mut bytes).await;
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    }
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

/// Starts this program as supervisor of one job. It is not killed when the handle is dropped: its
/// closed standard input tells it to clean up and go, which a kill would prevent.
pub(crate) fn start_supervisor(program: &Path, subcommand: &str) -> io::Result<Child> {
    command(program)
        .arg(subcommand)
        .env_clear()
        // Ctrl-C goes to the orchestrator alone, which decides.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// Starts a job on the way to its confinement. `control` is its standard input, both its other
/// streams go to `output`. To be called on
/// the thread that lives as long as the process: `PR_SET_PDEATHSIG` is tied to a thread.
#[cfg(target_os = "linux")]
pub(crate) fn start_job(
    argv: &[String],
    env: &std::collections::BTreeMap<String, String>,
    control: std::os::fd::OwnedFd,
    output: io::PipeWriter,
) -> io::Result<Child> {
    let [program, rest @ ..] = argv else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no program"));
    };
    command(Path::new(program))
        .args(rest)
        .env_clear()
        .envs(env)
        .stdin(control)
        .stdout(output.try_clone()?)
        .stderr(output)
        .kill_on_drop(true)
        .spawn()
}

fn command(program: &Path) -> tokio::process::Command {
    tokio::process::Command::new(program)
}

/// Becomes the program `argv`, looked up on `PATH`, in the same environment. Returns only when
/// that fails.
#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "this is where programs are started")]
pub(crate) fn become_program(argv: &[String], stdin: Stdio, dir: Option<&Path>) -> io::Error {
    use std::os::unix::process::CommandExt as _;

    let [program, rest @ ..] = argv else {
        return io::Error::new(io::ErrorKind::InvalidInput, "no program");
    };
    let mut command = std::process::Command::new(program);
    command.args(rest).stdin(stdin);
    if let Some(dir) = dir {
        command.current_dir(dir);
    }
    command.exec()
}

/// This program, wherever its file is or whether it can be reached at all.
#[cfg(target_os = "linux")]
const OWN_PROGRAM: &str = "/proc/self/exe";

/// Starts this program anew, with the same environment and streams.
#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "this is where programs are started")]
pub(crate) fn start_self(args: &[&str]) -> io::Result<std::process::Child> {
    std::process::Command::new(OWN_PROGRAM).args(args).spawn()
}

/// Becomes this program anew. Returns only when that fails.
#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "this is where programs are started")]
pub(crate) fn become_self(args: &[&str]) -> io::Error {
    use std::os::unix::process::CommandExt as _;

    std::process::Command::new(OWN_PROGRAM).args(args).exec()
}

/// 128 + n for signal n, as shells say it.
pub fn exit_code(status: ExitStatus) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal))
}
