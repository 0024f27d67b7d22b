//! From bytes that a package, a registry or a tool supplied to text that is safe to store, to
//! publish and to print in CI.
//!
//! Everything foreign is cleaned once, where it enters: outputs and messages by a [`Cleaner`],
//! descriptions and other texts of one line by
//! [`one_line`](crate::decide::recipe::one_line). What is cleaned stays as it is when it is
//! cleaned again.

mod commands;
mod cut;
mod hidden;
mod marks;
mod named;
mod places;
mod redact;
mod scan;
mod shapes;
mod values;
mod view;

use std::path::Path;

pub use commands::{json_without_commands, without_commands};
pub use places::Places;
pub use redact::{Redacted, Redactor};

/// What stands for a secret that was taken out.
pub const REDACTED: &str = "***";

/// Cleans texts. It knows the secrets that were handed out and the folders of this machine; it is
/// made once and passed to whatever records or prints. The default knows no value and no folder:
/// it still recognises secrets by their shapes.
#[derive(Debug, Default)]
pub struct Cleaner {
    redactor: Redactor,
    places: Places,
}

impl Cleaner {
    /// Takes out what `redactor` finds, and writes `places` in short.
    pub fn new(redactor: Redactor, places: Places) -> Self {
        Self { redactor, places }
    }

    /// `bytes` as lines of text: without escape sequences, hidden characters and what a carriage
    /// return overwrote; tabs are blanks; secrets are replaced by `***`, the home folder by `~`;
    /// no line is a command to a CI system.
    pub fn text(&self, bytes: &[u8]) -> String {
        self.cleaned(bytes, &self.places)
    }

    /// As [`Cleaner::text`], for what was said about a work folder, one of those in `works`: it is
    /// replaced by `$WORK`, and the scratch folder beside it by `$SCRATCH`. Their names are random,
    /// and an output is stored once for each content.
    pub fn output(&self, bytes: &[u8], works: &Path) -> String {
        self.cleaned(bytes, &self.places.with_works(works))
    }

    fn cleaned(&self, bytes: &[u8], places: &Places) -> String {
        let shown = cut::without_cut_words(&hidden::without_hidden(bytes));
        let redacted = self.redactor.redact(&shown).text;
        without_commands(&places.shortened(&redacted))
    }
}

#[cfg(test)]
mod tests;
