//! The format of a script.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::recorded::Recorded;

/// Answers by package, then by command.
pub type Script = BTreeMap<String, BTreeMap<String, Answer>>;

/// The behaviour of one call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "README.md says it")]
pub struct Answer {
    pub recorded: Option<Recorded>,
    pub stdout: Option<String>,
    pub stderr: Option<String>,
    pub latin1: bool,
    pub exit: Option<u8>,
    pub signal: Option<i32>,
    pub after_ms: u64,
    pub ignored_signals: u32,
    pub file: Option<String>,
    pub folder: bool,
    pub home: BTreeMap<String, String>,
    pub flood_bytes: u64,
    pub flood_stderr_bytes: u64,
    pub fill_bytes: u64,
    pub child_ms: u64,
    pub then: Option<Box<Answer>>,
}

impl Answer {
    /// The behaviour of the `n`-th call, counted from 0.
    pub(crate) fn nth(&self, n: usize) -> &Self {
        match (&self.then, n) {
            (Some(then), 1..) => then.nth(n - 1),
            (Some(_) | None, _) => self,
        }
    }
}

/// The answer of `script` for a call of `commands`, the most exact first, about `package`.
pub(crate) fn find<'a>(script: &'a Script, package: &str, commands: &[&str]) -> Option<&'a Answer> {
    let packages = [package, "*"].into_iter().filter_map(|name| script.get(name));
    packages.flat_map(|answers| commands.iter().filter_map(|command| answers.get(*command))).next()
}
