//! Records that a listing could not read. Every listing names them in the same form.

use std::fmt::{self, Display};

use crate::{counted::counted, exit::Exit};

/// How many are named one by one. For the others the number is enough.
const N_NAMED: usize = 20;

/// The records that could not be read.
#[derive(Debug, Default)]
pub(super) struct Damage {
    named: Vec<String>,
    n_more: usize,
}

impl Damage {
    /// Adds `damaged`, which displays as file, position, reason and remedy. What is named already is
    /// not named again.
    pub(super) fn note(&mut self, damaged: impl Display) {
        let text = damaged.to_string();
        if self.named.contains(&text) {
            return;
        }
        if self.named.len() < N_NAMED {
            self.named.push(text);
        } else {
            self.n_more += 1;
        }
    }

    /// One line for each.
    pub(super) fn into_problems(mut self) -> Vec<String> {
        if self.n_more > 0 {
            let more = counted(self.n_more, "more record", "more records");
            self.named.push(format!("{more} cannot be read"));
        }
        self.named
    }
}

/// The end of the text for a person.
pub(super) fn write_problems(f: &mut fmt::Formatter<'_>, problems: &[String]) -> fmt::Result {
    problems.iter().try_for_each(|problem| writeln!(f, "problem: {problem}"))
}

/// The exit code of a listing of `n` records. A listing that shows nothing because of `problems` is
/// not a success.
pub(super) fn exit(n: usize, problems: &[String]) -> Exit {
    if n == 0 && !problems.is_empty() { Exit::State } else { Exit::Ok }
}
