//! How a container ended. Everything here is pure.

use crate::{CallReport, Ended};

/// The exit code of a process that was killed (128 + SIGKILL).
const KILLED: i32 = 137;
/// The exit code with which `timeout` ends if its program took too long.
const TOOK_TOO_LONG: i32 = 124;

/// What the runtime says about a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    /// Whether its program was started.
    was_started: bool,
    /// Whether its program has ended.
    has_exited: bool,
    /// Whether the kernel killed a process of it because of its memory limit.
    is_out_of_memory: bool,
    exit_code: i32,
}

impl State {
    /// Reads what [`super::argv::state`] prints; `None` if it is something else.
    pub(super) fn read(said: &str) -> Option<Self> {
        let [status, is_out_of_memory, exit_code] =
            said.split_whitespace().collect::<Vec<_>>().try_into().ok()?;
        Some(Self {
            was_started: !["created", "configured", "initialized"].contains(&status),
            has_exited: ["exited", "stopped"].contains(&status),
            is_out_of_memory: is_out_of_memory == "true",
            exit_code: exit_code.parse().ok()?,
        })
    }
}

/// The exit code of a job and how it ended. The error is a fault of the runtime or of the image: the
/// program was not started, or something else than the program ended it.
///
/// The client ends with the exit code of the program, or with its own: 125 for a failure of the
/// runtime, 126 and 127 for a program that cannot be started. A program may end with these codes too,
/// so the `state` decides. `None` means that there is no container.
pub(super) fn read(
    client: &CallReport,
    state: Option<&State>,
) -> Result<(Option<i32>, Ended), String> {
    match client.ended {
        Ended::Cancelled | Ended::OutputFlood => return Ok((None, client.ended)),
        Ended::TimedOut if state.is_some_and(|state| state.was_started) => {
            return Ok((None, Ended::TimedOut));
        }
        Ended::TimedOut => return Err("the container did not start in time".to_owned()),
        Ended::Exited => {}
        Ended::OutOfMemory | Ended::TooManyProcesses | Ended::DiskFull | Ended::TooManyFiles => {
            return Err(said(client));
        }
    }
    let Some(state) = state.filter(|state| state.has_exited) else { return Err(said(client)) };
    match state.exit_code {
        0 => Ok((Some(0), Ended::Exited)),
        _ if state.is_out_of_memory => Ok((None, Ended::OutOfMemory)),
        // The program cannot be blamed for a signal that nobody can refuse and whose sender is
        // unknown.
        KILLED => Err("the container was killed".to_owned()),
        TOOK_TOO_LONG => Ok((None, Ended::TimedOut)),
        code => Ok((Some(code), Ended::Exited)),
    }
}

/// What the client says about its own failure.
pub(super) fn said(client: &CallReport) -> String {
    let said = [client.stderr.trim(), client.stdout.trim()];
    let said = said.into_iter().find(|text| !text.is_empty()).unwrap_or("it printed nothing");
    let code = client.exit_code.map_or_else(|| "none".to_owned(), |code| code.to_string());
    format!("exit code {code}: {said}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(exit_code: i32) -> CallReport {
        CallReport {
            exit_code: Some(exit_code),
            ended: Ended::Exited,
            stdout: String::new(),
            stderr: "docker: it failed\n".to_owned(),
            duration_ms: 1,
        }
    }

    #[track_caller]
    fn check(client: &CallReport, state: &str, expected: Result<(Option<i32>, Ended), &str>) {
        let got = read(client, State::read(state).as_ref());
        match (&got, expected) {
            (Ok(got), Ok(expected)) => assert_eq!(*got, expected, "{state}"),
            (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
            _ => panic!("{got:?} is not {expected:?}"),
        }
    }

    #[test]
    fn codes_of_the_program_are_told_from_codes_of_the_runtime() {
        for code in [1, 125, 126, 127] {
            let own = format!("exited false {code}");
            check(&client(code), &own, Ok((Some(code), Ended::Exited)));
            check(&client(code), &format!("created false {code}"), Err("docker: it failed"));
            check(&client(code), "", Err("docker: it failed"));
        }
        check(&client(0), "exited false 0", Ok((Some(0), Ended::Exited)));
        check(&client(0), "exited true 0", Ok((Some(0), Ended::Exited)));
    }

    #[test]
    fn killed_and_timed_out_programs_are_no_failures_of_a_package() {
        check(&client(137), "exited true 137", Ok((None, Ended::OutOfMemory)));
        check(&client(1), "exited true 1", Ok((None, Ended::OutOfMemory)));
        check(&client(137), "exited false 137", Err("killed"));
        check(&client(124), "exited false 124", Ok((None, Ended::TimedOut)));
    }

    #[test]
    fn a_call_that_did_not_end_by_itself_says_why() {
        let ended = |ended| CallReport { exit_code: None, ended, ..client(0) };
        check(&ended(Ended::TimedOut), "running false 0", Ok((None, Ended::TimedOut)));
        check(&ended(Ended::TimedOut), "created false 0", Err("did not start"));
        check(&ended(Ended::TimedOut), "", Err("did not start"));
        check(&ended(Ended::Cancelled), "", Ok((None, Ended::Cancelled)));
        check(&ended(Ended::OutputFlood), "running false 0", Ok((None, Ended::OutputFlood)));
    }

    #[test]
    fn what_is_no_state_is_none() {
        for text in ["", "exited", "exited false", "exited false x", "a b c d"] {
            assert_eq!(State::read(text), None, "{text}");
        }
    }
}
