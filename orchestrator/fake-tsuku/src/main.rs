//! The program; see the library.

use std::{io::Write as _, process::ExitCode};

fn main() -> ExitCode {
    fake_tsuku::entry().unwrap_or_else(|| {
        let _ = writeln!(std::io::stderr(), "set FAKE_TSUKU_SCRIPT to the path of a script");
        ExitCode::from(2)
    })
}
