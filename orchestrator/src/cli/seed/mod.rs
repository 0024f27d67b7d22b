//! `seed`: adds packages from the lists of registries to the queues.

mod pushing;
pub(super) mod status;

use std::{collections::BTreeMap, fmt};

use batch_core::{
    decide::breaker::BreakerPolicy,
    model::{Control, EcosystemId, SeedCursor, SeedOutcome, SeedingRecord},
    plugin::{EcosystemPlugin, Seeder},
};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Context, Refusal, annotation::Annotation, names, push::PushArgs, signal::cancel_on_signal,
    stops,
};
use crate::{
    counted::counted,
    exit::Exit,
    net,
    stage::seed::{self, Progress, Request, SeedTarget, Tools},
};
use pushing::Pushing;

const AFTER_HELP: &str = "\
Entries are added and their popularity is refreshed; the status of an entry never changes. \
Suspicious packages get the status requires_manual and the evidence, so that a person can review \
them.

Exit codes: 0 full · 3 partial, or a list shrank · 4 no source could be read, or seeding is \
disabled · 6 state cannot be read or written · 7 this ecosystem is being seeded already · 130 \
interrupted. In each case the packages found so far are saved, with --push in the remote. What cannot \
be pushed stays in .tsuku-batch/seeding/, and the same command with --resume pushes it.";

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, after_help = AFTER_HELP)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Ecosystem whose queue is filled
    #[arg(value_name = "ECOSYSTEM", required_unless_present = "all")]
    ecosystem: Option<String>,
    /// Seed all ecosystems at the same time; an error of one does not affect the others
    #[arg(long, conflicts_with = "ecosystem")]
    all: bool,
    /// Maximal number of packages to look at for each ecosystem; with --resume, that many more
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Continue where the last seeding ended, even if it was killed
    #[arg(long)]
    resume: bool,
    /// Ask and decide as usual, but write nothing
    #[arg(long)]
    dry_run: bool,
    /// Trust a list that is much shorter than before
    #[arg(long)]
    accept_shrunk: bool,
    #[command(flatten)]
    push: PushArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show for each ecosystem the last seeding, what is left of it, and the cost of a full one
    Status,
}

pub(super) async fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    if let Some(Command::Status) = args.command {
        return status::run(cx);
    }
    let root = cx.open_root()?;
    let control = root.control(&cx.env.registry)?;
    let plugins = match &args.ecosystem {
        Some(word) => vec![names::ecosystem(&cx.env.registry, word)?],
        None => cx.env.registry.iter().collect(),
    };
    let at = (cx.env.clock.now(), &root.settings.breaker_policy());
    let (wanted, passed_over) = seedable(plugins, &control, at);
    if let ([], Some((ecosystem, why))) = (&*wanted, passed_over.first_key_value()) {
        let message = format!("{ecosystem} is not seeded: {why}");
        return Err(Refusal { exit: Exit::Unavailable, message }.into());
    }
    cancel_on_signal(cx);
    let http = &net::polite(&cx.env, &root.settings, &root.layout.cache(), &control)?;
    let progress = Progress::new(&cx.screen, &cx.env.clock, cx.quiet);
    let limit = args.limit.and_then(|limit| usize::try_from(limit).ok());
    let Args { resume, dry_run, accept_shrunk, .. } = *args;
    let request = Request { limit, resume, dry_run, accept_shrunk };
    let (env, root, cancel) = (&cx.env, &root, cx.stop.token());
    let pushing = Pushing::new(&args.push, root, cx).await?;
    let target: &dyn SeedTarget = match &pushing {
        Some(pushing) => pushing,
        None => &root.state,
    };
    let tools = &Tools { env, root, http, target, request, progress: &progress, cancel };
    let seedings = wanted.into_iter().map(|(plugin, seeder)| async move {
        (plugin.id.clone(), seed::run(plugin, seeder, tools).await)
    });
    let mut report = SeedReport { dry_run, passed_over, ..SeedReport::default() };
    let mut errors = vec![];
    for (ecosystem, outcome) in futures_util::future::join_all(seedings).await {
        match outcome {
            Ok(record) => report.runs.push(record),
            Err(error) => {
                report.failed.insert(ecosystem, format!("{error:#}"));
                errors.push(error);
            }
        }
    }
    drop(progress);
    net::prune(http);
    if report.runs.is_empty() && errors.len() == 1 {
        return Err(errors.remove(0));
    }
    cx.out.show(&report)?;
    cx.out.annotate(report.annotations())?;
    Ok(if cx.stop.is_draining() { Exit::Interrupted } else { report.exit() })
}

type Seedable = (&'static EcosystemPlugin, &'static dyn Seeder);

/// The plugins with lists that can be read now, and why the others are passed over.
fn seedable(
    plugins: Vec<&'static EcosystemPlugin>,
    control: &Control,
    at: (DateTime<Utc>, &BreakerPolicy),
) -> (Vec<Seedable>, BTreeMap<EcosystemId, String>) {
    let mut passed_over = BTreeMap::new();
    let mut wanted: Vec<Seedable> = vec![];
    for plugin in plugins {
        match (stops::reason(&plugin.id, control, at), plugin.seeder) {
            (Some(stop), _) => {
                let why = stops::in_words(&stop, &plugin.id, (control, at.0));
                passed_over.insert(plugin.id.clone(), why);
            }
            (None, None) => {
                passed_over.insert(plugin.id.clone(), "it has no seeder".to_owned());
            }
            (None, Some(seeder)) if seeder.sources().is_empty() => {
                passed_over.insert(plugin.id.clone(), "its seeder has no source".to_owned());
            }
            (None, Some(seeder)) => wanted.push((plugin, seeder)),
        }
    }
    (wanted, passed_over)
}

/// What `seed --json` prints.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct SeedReport {
    /// Whether nothing was written.
    dry_run: bool,
    /// One for each ecosystem that was seeded.
    runs: Vec<SeedingRecord>,
    /// Ecosystems whose state could not be read or written, with the reasons.
    failed: BTreeMap<EcosystemId, String>,
    /// Ecosystems that were skipped, with the reasons.
    passed_over: BTreeMap<EcosystemId, String>,
}

impl SeedReport {
    /// What was not read, and what a person has to look at.
    fn annotations(&self) -> Vec<Annotation> {
        let failed = self
            .failed
            .iter()
            .map(|(ecosystem, why)| Annotation::error(&format!("{ecosystem} was not seeded"), why));
        let sources = self.runs.iter().flat_map(|run| run.sources.iter().map(move |it| (run, it)));
        let partial = sources.filter_map(|(run, source)| {
            let title =
                format!("{}: {} is {}", run.ecosystem, source.name, source.outcome.as_str());
            let is_whole = source.outcome == SeedOutcome::Full;
            (!is_whole).then(|| Annotation::warning(&title, source.reason.as_deref().unwrap_or("")))
        });
        let suspicious = self.runs.iter().flat_map(|run| {
            run.suspicious.iter().map(|it| {
                Annotation::notice(&format!("{}:{}", run.ecosystem, it.name), &it.evidence)
            })
        });
        failed.chain(partial).chain(suspicious).collect()
    }

    fn exit(&self) -> Exit {
        let all = |outcome| self.runs.iter().all(|run| run.outcome == outcome);
        if all(SeedOutcome::Unavailable) {
            Exit::Unavailable
        } else if all(SeedOutcome::Full) && self.failed.is_empty() {
            Exit::Ok
        } else {
            Exit::NotFound
        }
    }
}

impl fmt::Display for SeedReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for run in &self.runs {
            one(f, run)?;
        }
        for (ecosystem, why) in &self.failed {
            writeln!(f, "fail {ecosystem}: {why}")?;
        }
        for (ecosystem, why) in &self.passed_over {
            writeln!(f, "not seeded: {ecosystem}, {why}")?;
        }
        if self.dry_run {
            writeln!(f, "Nothing was written (--dry-run).")?;
        }
        match self.runs.iter().find(|run| run.cursor.is_some()) {
            Some(run) => writeln!(f, "Next: tsuku-batch seed {} --resume", run.ecosystem),
            None => writeln!(f, "Next: tsuku-batch plan"),
        }
    }
}

fn one(f: &mut fmt::Formatter<'_>, run: &SeedingRecord) -> fmt::Result {
    let word = if run.outcome == SeedOutcome::Full { "ok  " } else { "fail" };
    writeln!(f, "{word} {}: {}", run.ecosystem, run.outcome.as_str())?;
    let left = match run.not_visited {
        Some(n) => format!("{n} not yet visited"),
        None => "how many are not yet visited is unknown".to_owned(),
    };
    let SeedingRecord { seen, added, refreshed, unchanged, .. } = run;
    writeln!(
        f,
        "     {seen} seen, {added} added, {refreshed} refreshed, {unchanged} unchanged; {left}"
    )?;
    for (reason, n) in &run.skipped {
        writeln!(f, "     {n} skipped: {}", reason.as_str())?;
    }
    for source in &run.sources {
        let total = source.total.map(|total| format!(" of {total}")).unwrap_or_default();
        let why = source.reason.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        let (name, seen) = (&source.name, source.seen);
        writeln!(f, "     {name}: {}, {seen}{total} seen{why}", source.outcome.as_str())?;
    }
    for suspicion in &run.suspicious {
        writeln!(f, "     suspicious: {}: {}", suspicion.name, suspicion.evidence)?;
    }
    if let Some(cursor) = &run.cursor {
        writeln!(f, "     continues with --resume at {}", place(cursor))?;
    }
    for (host, usage) in &run.usage {
        let waited = usage.waited_ms / 1000;
        writeln!(f, "     {host}: {}, {waited} s of waiting", requests(usage.sent))?;
    }
    Ok(())
}

pub(super) fn place(cursor: &SeedCursor) -> String {
    let page = cursor.page.as_deref().unwrap_or("its first page");
    let visited = counted(cursor.visited, "package", "packages");
    format!("{}, {page}, after {visited} of it", cursor.source)
}

pub(super) fn requests(n: u64) -> String {
    counted(n, "request", "requests")
}
