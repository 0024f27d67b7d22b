//! Cleans bytes that a package, a registry or a tool supplied. The result is text that is safe to
//! store, to publish and to print in CI.
//!
//! All foreign text is cleaned once, where it enters the program: outputs and messages by a
//! [`Cleaner`], descriptions and other texts of one line by
//! [`one_line`](crate::decide::recipe::one_line). Cleaning a clean text changes nothing.

mod commands;
mod hidden;
mod known_folders;
mod markers;
mod named_values;
mod redact;
mod scan;
mod shapes;
mod truncation;
mod values;
mod view;

use std::path::Path;

pub use commands::{json_without_commands, without_commands};
pub use known_folders::KnownFolders;
pub use redact::{Redacted, Redactor};

/// The replacement of a secret.
pub const REDACTED: &str = "***";

/// Cleans texts. It knows the secrets that this program handed out and the folders of this machine.
/// It is made once and passed to everything that records or prints. The default knows no value and
/// no folder, and still recognises secrets by their form.
#[derive(Debug, Default)]
pub struct Cleaner {
    redactor: Redactor,
    known_folders: KnownFolders,
}

impl Cleaner {
    /// A cleaner that removes the secrets that `redactor` finds and replaces `known_folders` by
    /// short names.
    pub fn new(redactor: Redactor, known_folders: KnownFolders) -> Self {
        Self { redactor, known_folders }
    }

    /// `bytes` as lines of text, without escape sequences, hidden characters, and text that a
    /// carriage return overwrote. Tabs become blanks, secrets become `***`, the home folder becomes
    /// `~`, and no line is a command to a CI system.
    pub fn text(&self, bytes: &[u8]) -> String {
        self.cleaned(bytes, &self.known_folders)
    }

    /// Like [`Cleaner::text`], for what a program printed in a work folder below `works`. The work
    /// folder is replaced by `$WORK` and the scratch folder beside it by `$SCRATCH`, because their
    /// names are random and equal outputs are stored once.
    pub fn output(&self, bytes: &[u8], works: &Path) -> String {
        self.cleaned(bytes, &self.known_folders.with_work_folders(works))
    }

    fn cleaned(&self, bytes: &[u8], known_folders: &KnownFolders) -> String {
        let shown = truncation::without_truncated_words(&hidden::without_hidden(bytes));
        let redacted = self.redactor.redact(&shown).text;
        without_commands(&known_folders.shortened(&redacted))
    }
}

#[cfg(test)]
mod tests;
