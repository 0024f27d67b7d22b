//! The only place that prints. Stored and printed texts are safe on a terminal and in CI.

use std::{
    fmt::Display,
    io::{self, BufWriter, StdoutLock, Write as _},
    ops::ControlFlow,
    sync::Arc,
};

use anyhow::Context as _;
use batch_core::decide::clean::{Cleaner, json_without_commands};
use schemars::JsonSchema;
use serde::Serialize;

use super::annotation::Annotation;
pub(super) use super::table::table;
use crate::exit::Exit;

/// Standard output, in the requested form.
#[derive(Debug, Clone)]
pub struct Out {
    form: Form,
    color: bool,
    cleaner: Arc<Cleaner>,
}

/// For whom the output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A person.
    Text,
    /// A program.
    Json,
    /// A person, and GitHub, which shows annotations beside the files of a pull request.
    Github,
}

impl Out {
    /// Prints in the `form`. Text is cleaned by `cleaner`, and has coloured verdicts if `color`.
    pub fn new(form: Form, color: bool, cleaner: Arc<Cleaner>) -> Self {
        Self { form, color, cleaner }
    }

    /// Prints `value` as JSON or as text.
    pub fn show<T: Serialize + Display>(&self, value: &T) -> anyhow::Result<()> {
        if self.is_json() { write(&json(value)?) } else { self.text(value) }
    }

    /// Prints `value` as text, whatever form is requested.
    pub(super) fn text(&self, value: &impl Display) -> anyhow::Result<()> {
        let text = self.cleaner.text(value.to_string().as_bytes());
        write(&if self.color { painted(&text) } else { text })
    }

    /// Whether JSON is requested.
    pub(super) fn is_json(&self) -> bool {
        self.form == Form::Json
    }

    /// Prints `annotations`, if they are requested. These are the only commands that this program prints, and
    /// their texts cannot begin another one.
    pub(super) fn annotate(
        &self,
        annotations: impl IntoIterator<Item = Annotation>,
    ) -> anyhow::Result<()> {
        if self.form != Form::Github {
            return Ok(());
        }
        let lines = annotations.into_iter().map(|annotation| annotation.line(&self.cleaner) + "\n");
        write(&lines.collect::<String>())
    }

    /// Prints an error with its causes on standard error; as JSON it is one object in one line.
    pub(super) fn error(&self, error: &anyhow::Error, exit: Exit) {
        let text = with_causes(error);
        // If nobody reads the output, the error cannot be reported.
        let _ = self.annotate([Annotation::error("tsuku-batch", &text)]);
        let line = match self.form {
            Form::Json => ErrorReport::new(&self.cleaner.text(text.as_bytes()), exit).line(),
            Form::Text | Form::Github => self.cleaner.text(format!("error: {text}\n").as_bytes()),
        };
        let _ = io::stderr().lock().write_all(line.as_bytes());
    }
}

/// What a command with `--json` prints on standard error when it fails, in one line. It is the last
/// line there.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ErrorReport {
    /// What is wrong, and what can be done about it.
    error: String,
    /// The exit code of the program.
    exit_code: u8,
}

impl ErrorReport {
    pub(super) fn new(error: &str, exit: Exit) -> Self {
        Self { error: error.trim_end().to_owned(), exit_code: exit as u8 }
    }

    pub(super) fn line(&self) -> String {
        json_without_commands(&serde_json::to_string(self).unwrap_or_default()) + "\n"
    }
}

/// Prints a text of this program itself, unchanged: nothing in it comes from elsewhere.
pub(super) fn own_text(text: &str) -> anyhow::Result<()> {
    write(text)
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
