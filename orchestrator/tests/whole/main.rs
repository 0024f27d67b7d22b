//! The whole program as its users run it: real processes, the real npm with a registry on loopback,
//! a real sandbox.
//!
//! A test program with its own main function (`harness = false`), so that missing requirements are
//! reported as ignored tests with the reason.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests, helpers included")]

mod archive;
mod attacks;
mod bad_input;
mod blame;
mod ci_environment;
mod command_line;
mod config;
mod damage;
mod doctor;
mod explain;
mod facts;
mod history;
mod kill;
mod levels;
mod overrides;
mod pages;
mod pause;
mod push;
mod queue;
mod recipes;
mod reclassify;
mod registry;
mod repro;
mod root;
mod runbook;
mod runs;
mod secrets;
mod shown;
mod simulate;
mod sources;
mod stage_order;
mod stages;
mod state_faults;
mod stopped;
mod terminal;
mod top;
mod tsuku;
mod waiting;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    if let Some(code) = fake_tsuku::entry() {
        return code;
    }
    let arguments = Arguments::from_args();
    let backends = root::usable_backends();
    // The longest one comes first, so that the others run beside it.
    let mut trials = kill::trials();
    trials.extend(archive::trials());
    trials.extend(bad_input::trials(&backends));
    trials.extend(blame::trials());
    trials.extend(ci_environment::trials());
    trials.extend(config::trials());
    trials.extend(command_line::trials());
    trials.extend(damage::trials());
    trials.extend(doctor::trials());
    trials.extend(explain::trials());
    trials.extend(facts::trials());
    trials.extend(levels::trials());
    trials.extend(overrides::trials());
    trials.extend(pages::trials());
    trials.extend(pause::trials());
    trials.extend(push::trials());
    trials.extend(queue::trials());
    trials.extend(history::trials());
    trials.extend(recipes::trials());
    trials.extend(reclassify::trials());
    trials.extend(repro::trials());
    trials.extend(runbook::trials());
    trials.extend(runs::trials(&backends));
    trials.extend(secrets::trials());
    trials.extend(shown::trials());
    trials.extend(simulate::trials());
    trials.extend(sources::trials());
    trials.extend(stage_order::trials());
    trials.extend(stages::trials());
    trials.extend(state_faults::trials());
    trials.extend(stopped::trials());
    trials.extend(attacks::trials());
    trials.extend(terminal::trials());
    trials.extend(top::trials());
    trials.extend(tsuku::trials());
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
