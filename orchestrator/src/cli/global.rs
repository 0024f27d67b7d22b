//! The options of every command, and how the command line is read.

use std::{ffi::OsString, io::Write as _, path::PathBuf, process::ExitCode};

use chrono::{DateTime, Utc};
use clap::FromArgMatches as _;
use tracing_subscriber::filter::LevelFilter;

use super::{
    Cli,
    annotation::Format,
    examples,
    log::LogFormat,
    out::{ErrorReport, Form},
};
use crate::{
    env::{ColorChoice, TestOverrides},
    exit::Exit,
};

/// The heading of these options in the help texts. They come after those of the command itself.
const HEADING: &str = "Options of every command";

#[derive(Debug, clap::Args)]
pub(super) struct Global {
    /// Folder of the pipeline's state [default: the current folder, or the nearest one above it that
    /// has a batch-control.json]
    #[arg(long, global = true, value_name = "DIR", env = "TSUKU_BATCH_ROOT", hide_env_values = true, help_heading = HEADING)]
    pub(super) root: Option<PathBuf>,
    /// Print JSON on standard output; its schemas are under data/schemas/. An error is one JSON object
    /// in the last line of standard error
    #[arg(long, global = true, help_heading = HEADING)]
    pub(super) json: bool,
    /// Also report problems as annotations that GitHub shows beside files and above logs
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t, conflicts_with = "json", help_heading = HEADING)]
    pub(super) format: Format,
    /// Print only errors on standard error
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = HEADING)]
    pub(super) quiet: bool,
    /// Print more on standard error; twice prints everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = HEADING)]
    pub(super) verbose: u8,
    /// The form of messages on standard error: for people, or one JSON object on each line
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t, help_heading = HEADING)]
    pub(super) log_format: LogFormat,
    /// When to use colours; the variables `NO_COLOR` and `CLICOLOR_FORCE` decide about auto
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t, help_heading = HEADING)]
    pub(super) color: ColorChoice,
    /// Seed of the random waiting times and of simulations, so that they can be repeated exactly
    #[arg(long, global = true, value_name = "N", help_heading = HEADING)]
    pub(super) seed: Option<u64>,
    /// Fixed time for all records, for tests of the whole program: an instant as in RFC 3339
    #[arg(long, global = true, value_name = "INSTANT", env = "TSUKU_BATCH_NOW", hide = true)]
    pub(super) now: Option<DateTime<Utc>>,
}

impl Global {
    pub(super) fn overrides(&self) -> TestOverrides {
        TestOverrides { now: self.now, seed: self.seed }
    }

    /// For whom the output is.
    pub(super) fn form(&self) -> Form {
        match (self.json, self.format) {
            (true, _) => Form::Json,
            (false, Format::Text) => Form::Text,
            (false, Format::Github) => Form::Github,
        }
    }

    /// Whether what happens during a run is shown by messages only.
    pub(super) fn shows_messages_only(&self) -> bool {
        self.quiet || self.log_format == LogFormat::Json
    }

    pub(super) fn level(&self) -> LevelFilter {
        match (self.quiet, self.verbose) {
            (true, _) => LevelFilter::ERROR,
            (false, 0) => LevelFilter::INFO,
            (false, 1) => LevelFilter::DEBUG,
            (false, _) => LevelFilter::TRACE,
        }
    }
}

/// Reads the command line. If it is wrong, or asks for help or the version, that is printed.
pub(super) fn parse(args: impl Iterator<Item = OsString>) -> Result<Cli, ExitCode> {
    let args: Vec<OsString> = args.collect();
    let read = examples::command().try_get_matches_from(&args);
    let error = match read.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => return Ok(cli),
        Err(error) => error,
    };
    if error.use_stderr() && args.iter().any(|arg| arg == "--json") {
        let text = error.render().to_string();
        let report = ErrorReport::new(text.strip_prefix("error: ").unwrap_or(&text), Exit::Usage);
        // If nobody reads the output, the error cannot be reported.
        let _ = std::io::stderr().lock().write_all(report.line().as_bytes());
    } else {
        let _ = error.print();
    }
    Err(if error.use_stderr() { Exit::Usage.into() } else { Exit::Ok.into() })
}
