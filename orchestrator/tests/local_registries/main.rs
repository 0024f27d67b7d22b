//! Ecosystems whose registries may not be reachable: the whole program with the real `gem`, `cpanm`,
//! `pip` and `cargo`, on registries with tiny packages that the test generates and serves on loopback.
//!
//! A test program with its own main function (`harness = false`), so that missing requirements are
//! reported as ignored tests with the reason.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests, helpers included")]

mod actions;
mod cpan;
mod crates;
mod gems;
#[path = "../bottles/layout.rs"]
#[expect(dead_code, reason = "the tests of bottles use all of it")]
mod layout;
#[path = "../bottles/local_tap.rs"]
#[expect(dead_code, reason = "the tests of bottles use all of it")]
mod local_tap;
mod pypi;
#[path = "../whole/registry.rs"]
#[expect(dead_code, reason = "the tests of the whole program use all of it")]
mod registry;
mod root;
mod slots;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let trials =
        [slots::trials(), pypi::trials(), gems::trials(), cpan::trials(), crates::trials()];
    let trials = trials.into_iter().flatten().collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// `tests`, ignored if one of `programs` is missing or no sandbox works.
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
