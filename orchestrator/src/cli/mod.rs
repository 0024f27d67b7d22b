//! The command line: one file per command, each with its arguments and what it prints.

mod damage;
mod dashboard;
mod ecosystem;
mod failures;
mod fold;
mod init;
mod log;
mod names;
mod out;
mod plan;
mod queue;
mod recipe;
mod run;
mod runs;
mod sandbox;
mod schema;
mod seed;
mod status;
mod r#try;

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use batch_core::{
    decide::clean::Cleaner,
    io::{StateError, StateErrorKind},
};
use chrono::{DateTime, Utc};
use clap::{Parser, Subcommand};
use schemars::schema_for;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::filter::LevelFilter;

pub use out::Out;

use crate::{
    env::{self, Env, Fixed, Root},
    exit::Exit,
    settings::SettingsError,
};

/// Turns package registries into verified install recipes.
#[derive(Debug, Parser)]
#[command(name = "tsuku-batch", version, about, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done · 1 unexpected error, or a recipe that was checked is invalid · 2 wrong command line · 3 not found, or not all of it · 4 \
nothing could be attempted · 5 the package tried, or a plugin checked, failed · 6 state cannot be \
read or written · 7 another run is \
under way · 10 to 13 with status --exit-code: degraded, stalled, paused, never run · 130 interrupted";

#[derive(Debug, clap::Args)]
struct Global {
    /// Folder that holds the pipeline's state
    #[arg(long, global = true, value_name = "DIR", default_value = ".")]
    root: PathBuf,
    /// Print JSON on standard output; its schemas are under data/schemas/
    #[arg(long, global = true)]
    json: bool,
    /// Say nothing on standard error but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more on standard error; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// No colours, whatever the terminal
    #[arg(long, global = true)]
    no_color: bool,
    /// Seed of all waits that are random, so that a run can be repeated
    #[arg(long, global = true, value_name = "N")]
    seed: Option<u64>,
    /// Where the clock of records stands, for tests of the whole program: an instant as in RFC 3339
    #[arg(long, global = true, value_name = "INSTANT", env = "TSUKU_BATCH_NOW", hide = true)]
    now: Option<DateTime<Utc>>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lay out a root: control file, and queues from the curated lists
    Init(init::Args),
    /// Take packages from the queue, make recipes, verify them, record everything
    Run(run::Args),
    /// Fill the queues from the lists of the registries
    Seed(seed::Args),
    /// Show what a run would do now, and why the rest is passed over
    Plan(plan::Args),
    /// Ten seconds of state: health, queues, breakers, last runs
    Status(status::Args),
    /// Try one package and print recipe and verdict; nothing is recorded
    Try(r#try::Args),
    /// Add to the queues, or list them
    #[command(subcommand)]
    Queue(queue::Command),
    /// Recipes, whoever wrote them
    #[command(subcommand)]
    Recipe(recipe::Command),
    /// Ecosystems of this program
    #[command(subcommand)]
    Ecosystem(ecosystem::Command),
    /// What failed, and why
    #[command(subcommand)]
    Failures(failures::Command),
    /// What ran
    #[command(subcommand)]
    Runs(runs::Command),
    /// Judge a batch by the facts that its stages noted; changes nothing
    Fold(fold::Args),
    /// Pages about the state
    #[command(subcommand)]
    Dashboard(dashboard::Command),
    /// Containment of package code on this machine
    #[command(subcommand)]
    Sandbox(sandbox::Command),
    /// Write the JSON schemas of all files and outputs, or check them
    Schema(schema::Args),
}

/// For what clears up behind itself when the program ends.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// What every command gets.
struct Context {
    env: Env,
    out: Out,
    root: PathBuf,
    quiet: bool,
    cancel: CancellationToken,
}

impl Context {
    fn open_root(&self) -> anyhow::Result<Root> {
        Root::open(&self.root)
    }
}

/// The program.
pub fn main() -> ExitCode {
    // The helper processes of the sandbox are this program too.
    if let Some(exit) = batch_sandbox::hidden_entry(std::env::args_os()) {
        return exit;
    }
    let cli = Cli::parse();
    let Global { seed, now, .. } = cli.global;
    let env = Env::of_process(Fixed { now, seed });
    let cleaner = env.as_ref().map_or_else(|_| Arc::default(), |env| Arc::clone(&env.cleaner));
    log::to_stderr(level(&cli.global), Arc::clone(&cleaner));
    let color = env::wants_color(cli.global.no_color);
    let out = Out::new(cli.global.json, color, Arc::clone(&cleaner));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::new(error), &cleaner).into(),
    };
    let exit = match runtime.block_on(dispatch(cli, env, out)) {
        Ok(exit) => exit,
        Err(error) => fail(&error, &cleaner),
    };
    // What nobody waits for any more, such as the reading of a large file, ends with the program.
    runtime.shutdown_timeout(LAST_MOMENT);
    exit.into()
}

async fn dispatch(cli: Cli, env: anyhow::Result<Env>, out: Out) -> anyhow::Result<Exit> {
    let Global { root, quiet, .. } = cli.global;
    let cancel = CancellationToken::new();
    let context = Context { env: env?, out, root, quiet, cancel };
    let cx = &context;
    match cli.command {
        Command::Init(args) => init::run(&args, cx),
        Command::Run(args) => run::run(&args, cx).await,
        Command::Seed(args) => seed::run(&args, cx).await,
        Command::Plan(args) => plan::run(&args, cx).await,
        Command::Status(args) => status::run(&args, cx),
        Command::Try(args) => r#try::run(&args, cx).await,
        Command::Queue(command) => queue::run(&command, cx),
        Command::Recipe(command) => recipe::run(&command, cx),
        Command::Ecosystem(command) => ecosystem::run(&command, cx).await,
        Command::Failures(command) => failures::run(&command, cx),
        Command::Runs(command) => runs::run(&command, cx),
        Command::Fold(args) => fold::run(&args, cx),
        Command::Dashboard(command) => dashboard::run(&command, cx).await,
        Command::Sandbox(command) => sandbox::run(&command, cx).await,
        Command::Schema(args) => schema::run(&args, cx),
    }
}

fn level(global: &Global) -> LevelFilter {
    match (global.quiet, global.verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => LevelFilter::INFO,
        (false, 1) => LevelFilter::DEBUG,
        (false, _) => LevelFilter::TRACE,
    }
}

/// The schemas of everything that `--json` prints, by name.
fn output_schemas() -> [(&'static str, schemars::Schema); 21] {
    [
        ("output-init", schema_for!(init::InitReport)),
        ("output-run", schema_for!(crate::run::Summary)),
        ("output-seed", schema_for!(seed::SeedReport)),
        ("output-seed-status", schema_for!(seed::status::SeedStatusReport)),
        ("output-plan", schema_for!(plan::PlanReport)),
        ("output-status", schema_for!(status::StatusReport)),
        ("output-try", schema_for!(r#try::TryReport)),
        ("output-queue-add", schema_for!(queue::AddReport)),
        ("output-queue-list", schema_for!(queue::ListReport)),
        ("output-recipe-check", schema_for!(recipe::CheckReport)),
        ("output-ecosystem-list", schema_for!(ecosystem::EcosystemList)),
        ("output-ecosystem-show", schema_for!(ecosystem::EcosystemDetails)),
        ("output-ecosystem-check", schema_for!(ecosystem::ConformanceReport)),
        ("output-ecosystem-new", schema_for!(ecosystem::NewReport)),
        ("output-failures-list", schema_for!(failures::FailureList)),
        ("output-failures-show", schema_for!(failures::FailureReport)),
        ("output-runs-list", schema_for!(runs::RunList)),
        ("output-runs-show", schema_for!(runs::RunReport)),
        ("output-fold", schema_for!(fold::FoldReport)),
        ("output-dashboard-build", schema_for!(dashboard::BuildReport)),
        ("output-sandbox-check", schema_for!(sandbox::CheckReport)),
    ]
}

/// An error that is the caller's, with the code to end with.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Refusal {
    exit: Exit,
    message: String,
}

impl Refusal {
    fn usage(message: impl Into<String>) -> anyhow::Error {
        Self { exit: Exit::Usage, message: message.into() }.into()
    }

    fn not_found(message: impl Into<String>) -> anyhow::Error {
        Self { exit: Exit::NotFound, message: message.into() }.into()
    }
}

/// Says what went wrong, and with which code to end.
fn fail(error: &anyhow::Error, cleaner: &Cleaner) -> Exit {
    out::error(error, cleaner);
    let refusal = error.chain().find_map(|cause| cause.downcast_ref::<Refusal>());
    let state = error.chain().find_map(|cause| cause.downcast_ref::<StateError>());
    let settings = error.chain().any(<dyn std::error::Error>::is::<SettingsError>);
    match (refusal, state) {
        (Some(refusal), _) => refusal.exit,
        (None, Some(StateError { kind: StateErrorKind::Locked { .. }, .. })) => Exit::Locked,
        (None, Some(_)) => Exit::State,
        (None, None) if settings => Exit::State,
        (None, None) => Exit::Unexpected,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
