//! The only place that starts programs.

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{io::AsyncReadExt, process::Child};

/// How long a program may take to answer a question about itself.
const PROBE_DEADLINE: Duration = Duration::from_secs(10);

/// How much output is kept of it.
const PROBE_OUTPUT_BYTES: u64 = 64 << 10;

/// The output of a short-lived program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramOutput {
    /// Whether its exit code was 0.
    pub succeeded: bool,
    /// Standard output, at most 64 KiB, trimmed.
    pub stdout: String,
    /// Standard error, at most 64 KiB, trimmed.
    pub stderr: String,
}

/// A program could not be run.
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
    #[error("{program} did not answer within {} s", PROBE_DEADLINE.as_secs())]
    TimedOut { program: PathBuf },
}

/// Runs a trusted program to ask about itself, for example with `--version`. `env` are all its
/// variables, its standard input is empty, and it has ten seconds.
pub async fn probe<S: AsRef<OsStr>>(
    program: &Path,
    args: &[S],
    env: &[(&str, &OsStr)],
) -> Result<ProgramOutput, ProbeError> {
    let start = |cause| ProbeError::Start { program: program.to_owned(), cause };
    let mut child = asked(program, args, env).spawn().map_err(start)?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let answer = async { tokio::join!(read_capped(out), read_capped(err), child.wait()) };
    let (stdout, stderr, status) = tokio::time::timeout(PROBE_DEADLINE, answer)
        .await
        .map_err(|_| ProbeError::TimedOut { program: program.to_owned() })?;
    let succeeded = status.map_err(start)?.success();
    Ok(ProgramOutput { succeeded, stdout, stderr })
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
        // After an error, the part that was read is used.
        let _ = (&mut stream).take(PROBE_OUTPUT_BYTES).read_to_end(&mut bytes).await;
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    }
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

/// Starts this program as the supervisor of one job. It is not killed when the handle is dropped:
/// its closed standard input tells it to clean up and to end, which a kill would prevent.
#[cfg(target_os = "linux")]
pub(crate) fn start_supervisor(program: &Path, subcommand: &str) -> io::Result<Child> {
    command(program)
        .arg(subcommand)
        .env_clear()
        // Ctrl-C goes only to the orchestrator, which decides.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// Starts a job on the way to its confinement. `control` is its standard input; its other two
/// streams go to `outputs`, standard output first. To be called on the thread that lives as long as
/// the process: `PR_SET_PDEATHSIG` is tied to a thread.
#[cfg(target_os = "linux")]
pub(crate) fn start_job(
    argv: &[String],
    env: &std::collections::BTreeMap<String, String>,
    control: std::os::fd::OwnedFd,
    outputs: (io::PipeWriter, io::PipeWriter),
) -> io::Result<Child> {
    let [program, rest @ ..] = argv else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no program"));
    };
    command(Path::new(program))
        .args(rest)
        .env_clear()
        .envs(env)
        .stdin(control)
        .stdout(outputs.0)
        .stderr(outputs.1)
        .kill_on_drop(true)
        .spawn()
}

/// Starts a trusted program in `dir`, with `env` as its whole environment and nothing on its standard
/// input. It is the first of a group of processes, so that no Ctrl-C of a terminal reaches it.
pub(crate) fn start_trusted(
    argv: &[String],
    env: &std::collections::BTreeMap<String, String>,
    dir: &Path,
) -> io::Result<Child> {
    let [program, rest @ ..] = argv else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no program"));
    };
    command(Path::new(program))
        .args(rest)
        .env_clear()
        .envs(env)
        .current_dir(dir)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
}

fn command(program: &Path) -> tokio::process::Command {
    tokio::process::Command::new(program)
}

/// Becomes the program `argv`, searched on `PATH`, with the same variables. It returns only when
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

/// This program, even if its file has been moved or cannot be reached.
#[cfg(target_os = "linux")]
const OWN_PROGRAM: &str = "/proc/self/exe";

/// Starts this program again, with the same variables and streams.
#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "this is where programs are started")]
pub(crate) fn start_self(args: &[&str]) -> io::Result<std::process::Child> {
    std::process::Command::new(OWN_PROGRAM).args(args).spawn()
}

/// Becomes this program again. It returns only when that fails.
#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "this is where programs are started")]
pub(crate) fn become_self(args: &[&str]) -> io::Error {
    use std::os::unix::process::CommandExt as _;

    std::process::Command::new(OWN_PROGRAM).args(args).exec()
}

/// 128 + n for signal n, as in shells.
pub fn exit_code(status: ExitStatus) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal))
}
