//! The compiler of the walk-through in CI, where `CARGO_INCREMENTAL` is 0.
//!
//! The new crate changes at every step, and what contains it is compiled again. A contributor waits for
//! this a few seconds, because the compiler keeps its state. If cargo were told to let it do so, all
//! results of this checkout would be out of date; what a program adds that stands before the compiler is
//! not seen by cargo. This program is the test itself: a shell would remove variables like
//! `CARGO_BIN_EXE_tsuku-batch`.

use std::{
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, ExitCode},
};

/// Where the compiler keeps its state.
const STATE: &str = "CONTRIBUTING_COMPILER_STATE";
/// The folder whose crates it keeps it for.
const CRATES_IN: &str = "CONTRIBUTING_CRATES_IN";

/// Makes the cargo in `command` start this program in place of the compiler.
pub(crate) fn keeps_its_state(command: &mut Command, crates_in: &Path, state: &Path) {
    let is_off = std::env::var("CARGO_INCREMENTAL").is_ok_and(|value| value == "0");
    if is_off && std::env::var_os("RUSTC_WRAPPER").is_none() {
        command.env("RUSTC_WRAPPER", std::env::current_exe().unwrap());
        command.env(STATE, state).env(CRATES_IN, crates_in);
    }
}

/// Becomes the compiler if this program was started in place of it.
pub(crate) fn entry() -> Option<ExitCode> {
    let state = std::env::var(STATE).ok()?;
    let mut args = std::env::args_os().skip(1);
    let mut compiler = Command::new(args.next()?);
    compiler.args(args);
    let of = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    if std::env::var_os(CRATES_IN).is_some_and(|crates_in| Path::new(&of).starts_with(crates_in)) {
        // Many small units, as is usual for a compiler that keeps its state, whatever cargo says.
        compiler.args(["-C", &format!("incremental={state}"), "-C", "codegen-units=256"]);
    }
    panic!("the compiler was not started: {}", compiler.exec())
}
