//! The package manager's own program as generator and validator: every way in which it may answer, by a
//! fake that is a real process, and by a real one where `TSUKU_BATCH_TSUKU` names it.

mod bench;
mod create;
mod install;
mod processes;
mod real;
mod runs;

use libtest_mimic::Trial;

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = create::trials();
    trials.extend(install::trials());
    trials.extend(processes::trials());
    trials.extend(real::trials());
    trials.extend(runs::trials());
    trials
}
