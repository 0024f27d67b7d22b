//! What a listing met and could not read: every listing names it, in one form.

use std::fmt::{self, Display};

use crate::exit::Exit;

/// Named one by one; of more than that, the number is enough.
const N_NAMED: usize = 20;

/// What could not be read, as far as it was met.
#[derive(Debug, Default)]
pub(super) struct Damage {
    named: Vec<String>,
    n_more: usize,
}

impl Damage {
    /// Takes in `damaged`, which displays as file, place, reason and remedy.
    pub(super) fn note(&mut self, damaged: impl Display) {
        if self.named.len() < N_NAMED {
            self.named.push(damaged.to_string());
        } else {
            self.n_more += 1;
        }
    }

    /// One line each.
    pub(super) fn into_problems(mut self) -> Vec<String> {
        if self.n_more > 0 {
            self.named.push(format!("{} more records cannot be read", self.n_more));
        }
        self.named
    }
}

/// The end of what a person is shown.
pub(super) fn write_problems(f: &mut fmt::Formatter<'_>, problems: &[String]) -> fmt::Result {
    problems.iter().try_for_each(|problem| writeln!(f, "problem: {problem}"))
}

/// How a listing of `n` records ends: one that has nothing to show because of `problems` is no
/// success.
pub(super) fn exit(n: usize, problems: &[String]) -> Exit {
    if n == 0 && !problems.is_empty() { Exit::State } else { Exit::Ok }
}
