//! Carries out the script.

use std::{
    fs,
    io::{self, Write},
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Duration,
};

use rustix::process::{Signal, getpid, kill_process};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    CHILD_VARIABLE,
    call::Call,
    recorded::{Recorded, Replied},
    script::{Answer, Script, find},
};

/// The exit code if no script has an answer.
const UNSCRIPTED: u8 = 99;
/// The exit code after a signal that is not ignored.
const CANCELLED: u8 = 130;
/// The number of signals that the child ignores: all of them.
const ALL_SIGNALS: u32 = u32::MAX;

/// Answers this call according to the script in `file`.
pub(crate) fn answer(file: &Path) -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let call = Call::of(&args);
    let script = match read(file) {
        Ok(script) => script,
        Err(error) => return broken(&format!("cannot read {}: {error}", file.display())),
    };
    let n_before = note(file, &args, &call);
    let version = Answer { recorded: Some(Recorded::Version), ..Answer::default() };
    let found = find(&script, &call.package, &call.commands());
    let found = found.or((call.command == "--version").then_some(&version));
    match found {
        Some(answer) => act(answer.nth(n_before), &call),
        None => broken(&format!("no answer for {} of {:?}", call.command, call.package)),
    }
}

fn broken(why: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "fake-tsuku: {why}");
    ExitCode::from(UNSCRIPTED)
}

#[expect(clippy::disallowed_methods, reason = "a program of the tests")]
fn read(file: &Path) -> io::Result<Script> {
    Ok(serde_json::from_str(&fs::read_to_string(file)?)?)
}

/// Records the call beside the script, and returns how many equal calls there were before.
#[expect(clippy::disallowed_methods, reason = "a program of the tests")]
fn note(script: &Path, args: &[String], call: &Call) -> usize {
    let mut path = script.as_os_str().to_owned();
    path.push(".calls");
    let path = PathBuf::from(path);
    let same = json!([call.package, call.command]);
    let before = fs::read_to_string(&path).unwrap_or_default();
    let is_same =
        |line: &&str| serde_json::from_str::<Value>(line).is_ok_and(|noted| noted["same"] == same);
    let n_before = before.lines().filter(is_same).count();
    let variables: serde_json::Map<String, Value> = std::env::vars_os()
        .map(|(name, value)| {
            (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned().into())
        })
        .collect();
    let dir = std::env::current_dir().unwrap_or_default();
    let noted = json!({ "same": same, "args": args, "env": variables, "dir": dir, "pid": std::process::id() });
    // One write for the whole line, so that no reader sees a part of it. In a sandbox the file does
    // not exist.
    let line = format!("{noted}\n");
    let _ = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .and_then(|mut file| file.write_all(line.as_bytes()));
    n_before
}

fn act(answer: &Answer, call: &Call) -> ExitCode {
    let replied = answer.recorded.map(|recorded| recorded.reply(call));
    let Replied { stdout, stderr, exit } = replied.unwrap_or_else(|| Replied {
        stdout: String::new(),
        stderr: String::new(),
        exit: 0,
    });
    if answer.child_ms > 0 {
        start_child(answer.child_ms);
    }
    let stdout = answer.stdout.as_ref().unwrap_or(&stdout);
    let stderr = answer.stderr.as_ref().unwrap_or(&stderr);
    let printed = print(&mut io::stdout(), stdout, answer.latin1, answer.flood_bytes)
        .and_then(|()| print(&mut io::stderr(), stderr, answer.latin1, answer.flood_stderr_bytes));
    if printed.is_err() {
        // The exit code of a program whose output nobody reads.
        return ExitCode::from(141);
    }
    if let Err(error) = leave_files(answer, call) {
        let _ = writeln!(io::stderr(), "Error: {error}");
        return ExitCode::FAILURE;
    }
    if answer.after_ms > 0 && !wait(answer.after_ms, answer.ignored_signals) {
        return ExitCode::from(CANCELLED);
    }
    if let Some(signal) = answer.signal.and_then(Signal::from_named_raw) {
        let _ = kill_process(getpid(), signal);
        // The signal arrives at once, unless the signal does nothing.
        wait(1000, 0);
    }
    ExitCode::from(answer.exit.unwrap_or(exit))
}

fn print(stream: &mut dyn Write, text: &str, latin1: bool, flood_bytes: u64) -> io::Result<()> {
    if latin1 {
        let bytes: Vec<u8> =
            text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
        stream.write_all(&bytes)?;
    } else {
        stream.write_all(text.as_bytes())?;
    }
    let line = [b"flood ".repeat(1023), b"flood\n".to_vec()].concat();
    let mut left = usize::try_from(flood_bytes).unwrap_or(usize::MAX);
    while left > 0 {
        let n = left.min(line.len());
        stream.write_all(&line[..n])?;
        left -= n;
    }
    stream.flush()
}

#[expect(clippy::disallowed_methods, reason = "a program of the tests")]
fn leave_files(answer: &Answer, call: &Call) -> io::Result<()> {
    if let Some(output) = &call.output {
        if answer.folder {
            fs::create_dir_all(output)?;
        } else if let Some(text) = &answer.file {
            fs::write(output, text)?;
            fs::set_permissions(output, fs::Permissions::from_mode(0o600))?;
        }
    }
    let home = PathBuf::from(std::env::var_os("TSUKU_HOME").unwrap_or_default());
    for (path, text) in &answer.home {
        let path = home.join(path);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    if answer.fill_bytes > 0 {
        let tmp = PathBuf::from(std::env::var_os("TMPDIR").unwrap_or_default());
        let mut file = fs::File::create(tmp.join("filling"))?;
        print(&mut file, "", false, answer.fill_bytes)?;
    }
    Ok(())
}

/// Waits; returns `false` if a signal arrived that is not ignored.
fn wait(ms: u64, mut ignored: u32) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return false };
    runtime.block_on(async {
        let streams = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
        let (Ok(mut terms), Ok(mut interrupts)) = streams else { return false };
        let end = tokio::time::Instant::now() + Duration::from_millis(ms);
        loop {
            let name = tokio::select! {
                () = tokio::time::sleep_until(end) => return true,
                _ = terms.recv() => "terminated",
                _ = interrupts.recv() => "interrupt",
            };
            let _ = writeln!(io::stderr(), "Received {name}, canceling operation...");
            if ignored == 0 {
                return false;
            }
            ignored -= 1;
        }
    })
}

/// Starts a child in its own process group, which keeps this process's streams open.
#[expect(clippy::disallowed_methods, reason = "a program of the tests")]
fn start_child(ms: u64) {
    let Ok(own) = std::env::current_exe() else { return };
    let child = Command::new(own).env(CHILD_VARIABLE, ms.to_string()).process_group(0).spawn();
    // The child must outlive this process, so nobody waits for it.
    drop(child);
}

/// Runs the child.
pub(crate) fn live(ms: u64) -> ExitCode {
    wait(ms, ALL_SIGNALS);
    ExitCode::SUCCESS
}
