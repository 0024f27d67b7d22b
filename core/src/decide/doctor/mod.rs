//! What is wrong with a root: findings, from what was read of it.
//!
//! Nothing is read here. Who reads it gives each part, with its place, to the checks of this module.

mod codes;
mod control;
mod entries;
mod findings;
mod history;
mod logs;
mod machine;
mod recipes;
mod unreadable;

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::Serialize;

pub use self::{
    codes::{CodeRow, FindingCode, Severity},
    control::{control, mended_control},
    entries::{EntryCheck, may_reset, mended_entry},
    findings::{Findings, MAX_OF_A_KIND},
    history::{HistoryCheck, Placed},
    logs::{breaker_log, curated_source, seeding},
    machine::{LeftOver, left_over, pull_request, runner},
    recipes::RecipeCheck,
    unreadable::{FileKind, unreadable},
};
use crate::decide::shell_word::shell_word;

/// After this time something that should have been renewed counts as old.
const OLD: TimeDelta = TimeDelta::days(30);

/// Where something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The path of the file, relative to the root.
    pub file: &'a str,
    /// The line from 1; 0 means the whole file.
    pub line: u64,
}

/// One thing that is wrong with a root.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[schemars(rename = "DoctorFinding")]
pub struct Finding {
    /// The kind.
    pub code: FindingCode,
    /// How serious it is.
    pub severity: Severity,
    /// The path of the file, relative to the root; empty if it is about no file.
    pub file: String,
    /// The line, from 1; absent if it is about the whole file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What is wrong, in one sentence. It may contain hostile text.
    pub message: String,
    /// What a person can do.
    pub remedy: String,
    /// Whether `doctor --fix` repairs it.
    pub fixable: bool,
}

impl Finding {
    /// A finding about `subject`, which the remedy may name.
    pub fn new(code: FindingCode, at: Place<'_>, subject: &str, message: String) -> Self {
        let row = code.row();
        let remedy = row.remedy.replace("{file}", &shell_word(at.file));
        Self {
            code,
            severity: row.severity,
            file: at.file.to_owned(),
            line: (at.line > 0).then_some(at.line),
            message,
            remedy: remedy.replace("{subject}", &shell_word(subject)),
            fixable: row.fix.is_some(),
        }
    }

    /// The same, which a repair would leave as it is.
    #[must_use]
    pub fn not_fixable(self) -> Self {
        Self { fixable: false, ..self }
    }
}

/// The line, from 1, on which `text` first contains `part`; 0 if it does not.
fn line_of(text: &str, part: &str) -> u64 {
    let found = text.find(part).map(|at| text[..at].matches('\n').count() + 1);
    found.and_then(|line| u64::try_from(line).ok()).unwrap_or(0)
}
