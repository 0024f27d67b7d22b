//! Runs hostile programs against every sandbox that works on this machine.
//!
//! One test for each combination; where a backend or limiter is missing, its tests are reported as
//! ignored with the reason. With other command lines, this program is also the hostile program, the
//! orchestrator that is killed, and a process of the sandbox.

mod attacks;
mod calls;
mod containers;
mod containment;
mod fake_docker;
mod hostile;
mod limits;
mod orphans;
mod seatbelt;
mod test_sandbox;

use std::process::ExitCode;

use batch_sandbox::{LimiterKind, Sandbox};
use libtest_mimic::{Arguments, Completion, Trial};
use test_sandbox::{Check, Layers, TestSandbox};

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
    trials.extend(containers::trials());
    trials.extend(seatbelt::trials());
    trials.extend([
        trial("detect", "without bwrap on PATH the kernel's own means are chosen", || {
            containment::without_bwrap_the_kernels_own_means_are_chosen();
            Ok(Completion::Completed)
        }),
        trial("detect", "a preferred backend is the chosen one or none", || {
            containment::a_preferred_backend_is_the_chosen_one_or_none();
            Ok(Completion::Completed)
        }),
    ]);
    trials.extend(calls::CHECKS.iter().map(|(name, check)| {
        trial("call", name, || {
            check();
            Ok(Completion::Completed)
        })
    }));
    for layers in Layers::ALL {
        let backend = layers.name();
        let opened = LimiterKind::ALL.map(|limiter| (limiter, layers.open(limiter)));
        let any = opened.iter().find_map(|(_, opened)| opened.clone().ok());
        let any = any.ok_or_else(|| opened.last().and_then(|(_, last)| last.clone().err()));
        for (name, check) in containment::CHECKS.iter().chain(orphans::CHECKS).chain(calls::OF_JOBS)
        {
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
        Ok(sandbox) => Ok(check(&TestSandbox::new(sandbox))),
    })
}

fn trial(
    group: &str,
    name: &str,
    run: impl FnOnce() -> Result<Completion, libtest_mimic::Failed> + Send + 'static,
) -> Trial {
    Trial::ignorable_test(format!("{group}: {name}"), run)
}
