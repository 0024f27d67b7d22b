//! The real program installs bottles from an OCI layout on loopback.
//!
//! A test program with its own main function (`harness = false`), so that missing requirements are
//! reported as ignored tests with the reason.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests, helpers included")]

mod compiled;
mod containers;
#[path = "../../sandbox/tests/sandbox/fake_docker.rs"]
mod fake_docker;
mod layout;
mod local_tap;
mod pours;
mod refusals;
mod root;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let backends = root::usable_backends();
    let mut trials = pours::trials(&backends);
    trials.extend(compiled::trials(&backends));
    trials.extend(refusals::trials(&backends));
    trials.extend(containers::trials(&backends));
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// `test`, ignored if there is an `obstacle`.
fn trial(
    name: impl Into<String>,
    test: impl FnOnce() + Send + 'static,
    obstacle: Option<&str>,
) -> Trial {
    let test = || {
        test();
        Ok(())
    };
    let trial = Trial::test(name, test).with_ignored_flag(obstacle.is_some());
    match obstacle {
        Some(reason) => trial.with_kind(reason),
        None => trial,
    }
}

/// Why nothing can be installed on this machine; `None` if it can.
fn obstacle(backends: &[String]) -> Option<&'static str> {
    if !cfg!(target_os = "linux") {
        return Some("bottles are poured on Linux only");
    }
    backends.is_empty().then_some("no sandbox works on this machine")
}
