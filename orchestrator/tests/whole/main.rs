//! The whole program, as its users run it: real processes, the real npm against a registry on
//! loopback, a real sandbox.
//!
//! A program of its own (`harness = false`) so that what a machine lacks is reported as ignored,
//! with the reason.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests, helpers included")]

mod attacks;
mod bad_input;
mod damage;
mod facts;
mod kill;
mod registry;
mod root;
mod runs;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let backends = root::usable_backends();
    let mut trials = bad_input::trials(&backends);
    trials.extend(damage::trials());
    trials.extend(facts::trials());
    trials.extend(runs::trials(&backends));
    trials.extend(kill::trials());
    trials.extend(attacks::trials());
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// `test`, ignored where there is an `obstacle`.
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
