//! The only place that prints. Stored and printed texts are safe on a terminal and in CI.

use std::{
    fmt::Display,
    io::{self, BufWriter, StdoutLock, Write as _},
    ops::ControlFlow,
    sync::Arc,
};

use anyhow::Context as _;
use batch_core::decide::{
    clean::{Cleaner, json_without_commands},
    recipe::one_line,
};
use serde::Serialize;

/// Standard output, in the requested form.
#[derive(Debug, Clone)]
pub struct Out {
    json: bool,
    color: bool,
    cleaner: Arc<Cleaner>,
}

impl Out {
    /// Prints JSON if `json`, otherwise text, which `cleaner` cleans, with coloured verdicts if
    /// `color`.
    pub fn new(json: bool, color: bool, cleaner: Arc<Cleaner>) -> Self {
        Self { json, color, cleaner }
    }

    /// Prints `value` as JSON or as text.
    pub fn show<T: Serialize + Display>(&self, value: &T) -> anyhow::Result<()> {
        if self.json { write(&json(value)?) } else { self.text(value) }
    }

    /// Prints `value` as text, whatever form is requested.
    pub(super) fn text(&self, value: &impl Display) -> anyhow::Result<()> {
        let text = self.cleaner.text(value.to_string().as_bytes());
        write(&if self.color { painted(&text) } else { text })
    }

    /// Prints `annotations` as commands to GitHub, which shows them on the page of the run. These are the
    /// only commands that this program prints, and their texts cannot begin another one.
    pub(super) fn annotate(&self, annotations: &[Annotation]) -> anyhow::Result<()> {
        let clean = |text: &str| one_line(&self.cleaner.text(text.as_bytes()));
        let lines = annotations.iter().map(|Annotation { level, file, line, title, message }| {
            let file = file.as_ref().map(|file| format!("file={},", property(&clean(file))));
            let line = line.map(|line| format!("line={line},")).unwrap_or_default();
            let (file, level) = (file.unwrap_or_default(), level.as_str());
            let (title, message) = (property(&clean(title)), data(&clean(message)));
            format!("::{level} {file}{line}title={title}::{message}\n")
        });
        write(&lines.collect::<String>())
    }

    /// Whether JSON is requested.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }
}

/// A message on the page of a run on GitHub.
#[derive(Debug)]
pub(super) struct Annotation {
    pub(super) level: Level,
    /// The file that it is about, relative to the root, and the line in it.
    pub(super) file: Option<String>,
    pub(super) line: Option<usize>,
    pub(super) title: String,
    pub(super) message: String,
}

/// How serious an annotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Error,
    Warning,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// `text` as the text of a command to GitHub.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// `text` as the value of a property of a command to GitHub.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

fn write(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    written(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

fn written(result: io::Result<()>) -> anyhow::Result<()> {
    match result {
        // The reader has closed the pipe, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("cannot write to standard output"),
    }
}

/// Values as JSON on standard output, one on each line, printed as they come.
#[derive(Debug)]
pub(super) struct JsonLines {
    stdout: BufWriter<StdoutLock<'static>>,
    failure: Option<io::Error>,
}

impl JsonLines {
    pub(super) fn to_stdout() -> Self {
        Self { stdout: BufWriter::new(io::stdout().lock()), failure: None }
    }

    /// Prints `value`. After an error, or when nobody reads any more, the rest is not wanted.
    pub(super) fn put<T: Serialize>(&mut self, value: &T) -> ControlFlow<()> {
        let json = serde_json::to_string(value).map_err(io::Error::from);
        let result =
            json.and_then(|json| writeln!(self.stdout, "{}", json_without_commands(&json)));
        match result {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.failure = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    /// Prints what is left. A reader that has closed the pipe is no error.
    pub(super) fn end(mut self) -> anyhow::Result<()> {
        let result = self.failure.take().map_or_else(|| self.stdout.flush(), Err);
        written(result)
    }
}

/// Words at the beginning of a line, and their colours (ECMA-48).
const VERDICTS: &[(&str, &str)] = &[
    ("ok ", "32"),
    ("works ", "32"),
    ("HEALTHY", "32"),
    ("fail ", "31"),
    ("fails ", "31"),
    ("problem:", "31"),
    ("DEGRADED", "33"),
    ("STALLED", "31"),
    ("PAUSED", "31"),
    ("NEVER RUN", "33"),
];

/// `text`, which has no escape sequences, with coloured verdicts.
fn painted(text: &str) -> String {
    let line = |line: &str| {
        let word = line.trim_start();
        let indent = &line[..line.len() - word.len()];
        match VERDICTS.iter().find(|(verdict, _)| word.starts_with(verdict)) {
            None => line.to_owned(),
            Some((verdict, color)) => {
                let rest = &word[verdict.len()..];
                format!("{indent}\x1b[{color}m{verdict}\x1b[0m{rest}")
            }
        }
    };
    text.split_inclusive('\n').map(line).collect()
}

fn json<T: Serialize>(value: &T) -> serde_json::Result<String> {
    Ok(json_without_commands(&serde_json::to_string_pretty(value)?) + "\n")
}

/// Prints an error with its causes on standard error.
pub(super) fn error(error: &anyhow::Error, cleaner: &Cleaner) {
    let text = cleaner.text(format!("error: {}\n", with_causes(error)).as_bytes());
    // If nobody reads standard error, the error cannot be reported.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Each cause is printed once, because some errors contain their cause.
fn with_causes(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |text, cause| {
        let cause = cause.to_string();
        match text.is_empty() {
            true => cause,
            false if text.contains(&cause) => text,
            false => format!("{text}: {cause}"),
        }
    })
}

/// Formats a table with columns of sufficient width.
pub(super) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let width = |i: usize| {
        let cells = rows.iter().map(|row| row[i].chars().count());
        cells.chain([headings[i].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let body = rows.iter().map(|row| line(row.iter().map(String::as_str).collect()));
    std::iter::once(line(headings.to_vec())).chain(body).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_an_annotation_or_a_property_of_it() {
        assert_eq!(property("a,b: 100 %\r\n::set-env"), "a%2Cb%3A 100 %25%0D%0A%3A%3Aset-env");
        assert_eq!(data("a: 1\n::stop-commands::x"), "a: 1%0A::stop-commands::x");
    }
}
