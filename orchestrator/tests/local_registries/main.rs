//! Ecosystems whose registries cannot be reached from everywhere: the whole program with the real
//! `gem`, `cpanm` and `cargo`, against registries on loopback that are made here of tiny packages.
//!
//! A program of its own (`harness = false`) so that what a machine lacks is reported as ignored,
//! with the reason.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests, helpers included")]

mod cpan;
mod crates;
mod gems;
mod root;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let trials = [gems::trials(), cpan::trials(), crates::trials()].into_iter().flatten().collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// `tests`, ignored where one of `programs` is absent or no sandbox works.
fn trials(programs: &[&str], tests: &[(&str, fn())]) -> Vec<Trial> {
    let obstacle = root::obstacle(programs);
    let trial = |&(name, test): &(&str, fn())| {
        let test = move || {
            test();
            Ok(())
        };
        let trial = Trial::test(name, test).with_ignored_flag(obstacle.is_some());
        match &obstacle {
            Some(reason) => trial.with_kind(reason),
            None => trial,
        }
    };
    tests.iter().map(trial).collect()
}
