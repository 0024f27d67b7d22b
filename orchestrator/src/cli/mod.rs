//! The command line: one file per command, each with its arguments and what it prints.

mod annotation;
mod archive;
mod blockers;
mod breaker;
mod completions;
mod config;
mod damage;
mod dashboard;
mod disambiguation;
mod doctor;
mod ecosystem;
mod examples;
mod explain;
mod failures;
mod filters;
mod fold;
mod forge;
mod global;
mod import;
mod init;
mod limits;
mod listing;
mod log;
mod names;
mod out;
mod outputs;
mod pause;
mod period;
mod plan;
mod pr;
mod programs;
mod push;
mod queue;
mod quotas;
mod recipe;
mod reclassify;
mod refusal;
mod repro;
mod rollback;
mod run;
mod runs;
mod sandbox;
mod schema;
mod seed;
mod session;
mod signal;
mod simulate;
mod stages;
mod status;
mod stops;
mod sweep;
mod table;
mod trial;
mod r#try;

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use clap::{Parser, Subcommand};

pub use out::Out;

use global::Global;
use refusal::{Refusal, fail};

use crate::{
    env::{self, Env, Root},
    exit::Exit,
    screen::Screen,
    stage::Stop,
};

/// Turns package registries into verified install recipes.
#[derive(Debug, Parser)]
#[command(
    name = "tsuku-batch",
    version = VERSION,
    about,
    max_term_width = 100,
    after_help = EXIT_CODES
)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// The version with the commit and its day; `unknown` in builds for development and without git.
const VERSION: &str =
    concat!(env!("CARGO_PKG_VERSION"), " (commit ", env!("TSUKU_BATCH_COMMIT"), ")");

const EXIT_CODES: &str = "\
Exit codes: 0 done · 1 unexpected error, or something that was checked is wrong (recipe, settings, doctor) · 2 wrong command line · 3 not found, or not all of it · 4 \
nothing could be attempted · 5 the package tried, or a plugin checked, failed, or a failure was not reproduced · 6 state cannot be \
read or written · 7 another run is in progress · 10 to 13 with status --exit-code: degraded, stalled, paused, never run · 130 interrupted";

#[derive(Debug, Subcommand)]
enum Command {
    /// Create a root: a control file, and queues from the curated lists
    Init(init::Args),
    /// Import the records of an earlier pipeline into a root
    Import(import::Args),
    /// Take packages from the queues, make and verify their recipes, and record everything
    Run(run::Args),
    /// First stage of a run in several processes: decide what it does
    Preflight(stages::preflight::Args),
    /// Second stage: make the recipes
    Generate(stages::generate::Args),
    /// Third stage, once for each environment: test the recipes
    Validate(stages::validate::Args),
    /// Last stage: write the run into the state
    Merge(stages::merge::Args),
    /// Show the environments in which recipes are left to test, as the matrix of a CI job
    Matrix(stages::matrix::Args),
    /// Take back the recipes of one batch, on a branch, and nothing else
    Rollback(rollback::Args),
    /// List, update and merge the pull requests of batches
    #[command(subcommand)]
    Pr(pr::Command),
    /// Test recipes that exist already: again, or in one more environment
    Sweep(sweep::Args),
    /// Fill the queues from the lists of the registries
    Seed(seed::Args),
    /// Show what a run would do now, and why it would skip the other packages
    Plan(plan::Args),
    /// Simulate months of runs in seconds, on a copy of the state; changes nothing
    Simulate(simulate::Args),
    /// Show the state on one page: health, queues, breakers, last runs
    Status(status::Args),
    /// Check whether the settings fit together, and into what registries and machines allow
    #[command(subcommand)]
    Config(config::Command),
    /// Find what is damaged or contradicts itself in a root, and repair what is safe to repair
    Doctor(doctor::Args),
    /// Stop everything, or single ecosystems, for a time or until it is resumed
    Pause(pause::PauseArgs),
    /// Let go on what was paused
    Resume(pause::ResumeArgs),
    /// Show the circuit breakers, or open and close them
    #[command(subcommand)]
    Breaker(breaker::Command),
    /// Make, install and verify the recipe of one package, and record nothing
    Try(r#try::Args),
    /// List, add, retry, exclude and release the packages of the queues
    #[command(subcommand)]
    Queue(queue::Command),
    /// Decide from which source a tool is taken, and check such decisions
    #[command(subcommand)]
    Disambiguation(disambiguation::Command),
    /// Show the packages that others wait for, and what each of them would unlock
    Blockers(blockers::Args),
    /// Show how often each host may be asked, and how much of that the last run used
    Limits,
    /// Check recipe files
    #[command(subcommand)]
    Recipe(recipe::Command),
    /// Describe, check or create ecosystems
    #[command(subcommand)]
    Ecosystem(ecosystem::Command),
    /// Explain a package, a failure or a run: where it stands and why, and what happens next
    Explain(explain::Args),
    /// Show failures and their causes
    #[command(subcommand)]
    Failures(failures::Command),
    /// Apply today's rules to recorded failures, and show which of them change their cause
    Reclassify(reclassify::Args),
    /// Move old records into compressed files, where they are read as before
    Archive(archive::Args),
    /// Show exactly what failed: recipe, command lines, environment, sandbox; with --run do it again
    Repro(repro::Args),
    /// Show runs
    #[command(subcommand)]
    Runs(runs::Command),
    /// Show what a batch adds to the state according to its recorded facts; changes nothing
    Fold(fold::Args),
    /// Write or serve the pages about the state
    #[command(subcommand)]
    Dashboard(dashboard::Command),
    /// Check the sandbox for package code on this machine
    #[command(subcommand)]
    Sandbox(sandbox::Command),
    /// Write or check the JSON schemas of all files and outputs
    Schema(schema::Args),
    /// Print a script with which a shell completes commands and options
    Completions(completions::Args),
}

/// How long work may take that still runs when the program ends.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);

/// What every command needs.
struct Context {
    env: Env,
    out: Out,
    screen: Arc<Screen>,
    root: PathBuf,
    quiet: bool,
    /// The seed of everything that chance decides, if it is given.
    seed: Option<u64>,
    /// How the work is asked to end.
    stop: Stop,
}

impl Context {
    fn open_root(&self) -> anyhow::Result<Root> {
        Root::open(&self.root)
    }
}

/// The program.
pub fn main() -> ExitCode {
    // The helper processes of the sandbox run this program too.
    if let Some(exit) = batch_sandbox::hidden_entry(std::env::args_os()) {
        return exit;
    }
    let cli = match global::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(exit) => return exit,
    };
    let env = Env::of_process(cli.global.overrides());
    let cleaner = env.as_ref().map_or_else(|_| Arc::default(), |env| Arc::clone(&env.cleaner));
    let screen = Arc::new(Screen::of_stderr());
    let clock = env.as_ref().ok().map(|env| Arc::clone(&env.clock));
    let form = (cli.global.log_format, cli.global.level());
    log::to_stderr(form, Arc::clone(&cleaner), Arc::clone(&screen), clock);
    if let Some(columns) = env::columns() {
        table::limit_to(columns);
    }
    let out = Out::new(cli.global.form(), env::wants_color(cli.global.color), cleaner);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::new(error), &out).into(),
    };
    let exit = match runtime.block_on(dispatch(cli, env, out.clone(), screen)) {
        Ok(exit) => exit,
        Err(error) => fail(&error, &out),
    };
    // Work that is no longer needed, such as reading a large file, ends with the program.
    runtime.shutdown_timeout(SHUTDOWN_GRACE);
    exit.into()
}

async fn dispatch(
    cli: Cli,
    env: anyhow::Result<Env>,
    out: Out,
    screen: Arc<Screen>,
) -> anyhow::Result<Exit> {
    // A new root may lie in another one.
    let is_new = matches!(cli.command, Command::Init(_));
    let default = || if is_new { ".".into() } else { env::enclosing_root() };
    let (quiet, seed) = (cli.global.shows_messages_only(), cli.global.seed);
    let root = cli.global.root.unwrap_or_else(default);
    let context = Context { env: env?, out, screen, root, quiet, seed, stop: Stop::default() };
    let cx = &context;
    match cli.command {
        Command::Init(args) => init::run(&args, cx),
        Command::Import(args) => import::run(&args, cx),
        Command::Run(args) => run::run(&args, cx).await,
        Command::Preflight(args) => stages::preflight::run(&args, cx).await,
        Command::Generate(args) => stages::generate::run(&args, cx).await,
        Command::Validate(args) => stages::validate::run(&args, cx).await,
        Command::Merge(args) => stages::merge::run(&args, cx).await,
        Command::Matrix(args) => stages::matrix::run(&args, cx).await,
        Command::Rollback(args) => rollback::run(&args, cx).await,
        Command::Pr(command) => pr::run(&command, cx).await,
        Command::Sweep(args) => sweep::run(&args, cx).await,
        Command::Seed(args) => seed::run(&args, cx).await,
        Command::Plan(args) => plan::run(&args, cx).await,
        Command::Simulate(args) => simulate::run(&args, cx),
        Command::Status(args) => status::run(&args, cx),
        Command::Config(command) => config::run(&command, cx),
        Command::Doctor(args) => doctor::run(&args, cx).await,
        Command::Pause(args) => pause::pause(&args, cx).await,
        Command::Resume(args) => pause::resume(&args, cx).await,
        Command::Breaker(command) => breaker::run(&command, cx).await,
        Command::Try(args) => r#try::run(&args, cx).await,
        Command::Queue(command) => queue::run(&command, cx).await,
        Command::Disambiguation(command) => disambiguation::run(&command, cx).await,
        Command::Blockers(args) => blockers::run(&args, cx),
        Command::Limits => limits::run(cx),
        Command::Recipe(command) => recipe::run(&command, cx).await,
        Command::Ecosystem(command) => ecosystem::run(&command, cx).await,
        Command::Explain(args) => explain::run(&args, cx),
        Command::Failures(command) => failures::run(&command, cx),
        Command::Reclassify(args) => reclassify::run(&args, cx),
        Command::Archive(args) => archive::run(&args, cx).await,
        Command::Repro(args) => repro::run(&args, cx).await,
        Command::Runs(command) => runs::run(&command, cx),
        Command::Fold(args) => fold::run(&args, cx),
        Command::Dashboard(command) => dashboard::run(&command, cx).await,
        Command::Sandbox(command) => sandbox::run(&command, cx).await,
        Command::Schema(args) => schema::run(&args, cx),
        Command::Completions(args) => completions::run(&args),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::examples::command().debug_assert();
    }
}
