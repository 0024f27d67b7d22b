//! Hostile programs against every sandbox that works on this machine.
//!
//! One trial per combination; where a backend or limiter is absent its trials are reported as
//! ignored, with the reason. This program is also the hostile programs, the orchestrator that gets
//! killed, and the sandbox's own processes, by other command lines.

mod attacks;
mod hostile;
mod lab;
mod limits;
mod orphans;
mod walls;

use std::process::ExitCode;

use batch_sandbox::{LimiterKind, Sandbox};
use lab::{Check, Lab, Walls};
use libtest_mimic::{Arguments, Completion, Trial};

fn main() -> ExitCode {
    if let Some(code) = batch_sandbox::hidden_entry(std::env::args_os()) {
        return code;
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.split_first() {
        Some((mode, args)) if mode == hostile::MODE => hostile::main(args),
        Some((mode, args)) if mode == orphans::DRIVER => orphans::drive(args),
        Some((mode, args)) if mode == attacks::DRIVER => attacks::drive(args),
        _ => libtest_mimic::run(&Arguments::from_args(), trials()).exit_code(),
    }
}

fn trials() -> Vec<Trial> {
    let mut trials = attacks::trials();
    trials.extend([
        trial("detect", "without bwrap on PATH the kernel's own means are chosen", || {
            walls::without_bwrap_the_kernels_own_means_are_chosen();
            Ok(Completion::Completed)
        }),
        trial("detect", "a preferred backend is the chosen one or none", || {
            walls::a_preferred_backend_is_the_chosen_one_or_none();
            Ok(Completion::Completed)
        }),
    ]);
    for walls in Walls::ALL {
        let backend = walls.name();
        let opened = LimiterKind::ALL.map(|limiter| (limiter, walls.open(limiter)));
        let any = opened.iter().find_map(|(_, opened)| opened.clone().ok());
        let any = any.ok_or_else(|| opened.last().and_then(|(_, last)| last.clone().err()));
        for (name, check) in walls::CHECKS.iter().chain(orphans::CHECKS) {
            let sandbox = any.clone().map_err(Option::unwrap_or_default);
            trials.push(hostile_trial(&backend, name, sandbox, *check));
        }
        for (limiter, sandbox) in &opened {
            for (name, check) in limits::CHECKS {
                let group = format!("{backend}+{limiter:?}");
                trials.push(hostile_trial(&group, name, sandbox.clone(), *check));
            }
        }
    }
    trials
}

fn hostile_trial(group: &str, name: &str, sandbox: Result<Sandbox, String>, check: Check) -> Trial {
    trial(group, name, move || match sandbox {
        Err(why) => Ok(Completion::ignored_with(why)),
        Ok(sandbox) => Ok(check(&Lab::new(sandbox))),
    })
}

fn trial(
    group: &str,
    name: &str,
    run: impl FnOnce() -> Result<Completion, libtest_mimic::Failed> + Send + 'static,
) -> Trial {
    Trial::ignorable_test(format!("{group}: {name}"), run)
}
