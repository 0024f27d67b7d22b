//! `failures list` and `failures show`.

use std::{collections::BTreeSet, fmt, ops::ControlFlow};

use batch_core::{
    decide::headline::{Owner, Remedy, shell_word},
    io::{HistoryFilter, StateError, StateReader as _, Visited},
    model::{FailureKind, FailureRecord, RunName},
};
use chrono::SubsecRound as _;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Context, Refusal,
    damage::{self, Damage},
    names,
    out::table,
    runs::{self, Period},
};
use crate::{
    env::Root,
    exit::Exit,
    explained::{ExplainedFailure, remedy_of_record},
};

/// If an id does not exist, similar ids are searched among this many of the newest failures.
const N_HINTS: usize = 500;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List failures, newest first
    List(ListArgs),
    /// Show one failure with its whole output
    Show {
        /// Id of the failure, as `failures list` prints it
        #[arg(value_name = "FAILURE ID")]
        id: String,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// Only failures of this run
    #[arg(long, value_name = "BATCH ID")]
    batch: Option<String>,
    /// Only failures of this ecosystem
    #[arg(long, short, value_name = "ID")]
    ecosystem: Option<String>,
    /// Only failures of this category, subcategory, or category/subcategory
    #[arg(long, value_name = "CATEGORY")]
    category: Option<String>,
    /// Only failures of this package
    #[arg(long, value_name = "PACKAGE ID")]
    package: Option<String>,
    #[command(flatten)]
    period: Period,
    /// Maximal number of failures
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
}

pub(super) fn run(command: &Command, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    match command {
        Command::Show { id } => show(id, &root, cx),
        Command::List(args) => list(args, &root, cx),
    }
}

/// The record of the failure `id`. What else in its file cannot be read is added to `damage`.
pub(super) fn find(id: &str, root: &Root, damage: &mut Damage) -> anyhow::Result<FailureRecord> {
    let found = root.state.failures(&HistoryFilter::of_failure(id))?;
    let Some(record) = found.records.into_iter().next() else {
        if let Some(damaged) = found.quarantined.first() {
            return Err(runs::unreadable("failure", id, damaged));
        }
        let hint = names::nearest(id, &known_near(id, root)?);
        return Err(Refusal::not_found(format!("there is no failure {id:?}{hint}")));
    };
    found.quarantined.iter().for_each(|damaged| damage.note(damaged));
    Ok(record)
}

fn show(id: &str, root: &Root, cx: &Context) -> anyhow::Result<Exit> {
    let mut damage = Damage::default();
    let record = find(id, root, &mut damage)?;
    let stored = record.output.as_ref().map(|output| root.state.output(&output.sha256));
    let output = match stored.transpose() {
        Ok(output) => output.flatten(),
        Err(error) if error.kind.is_about_the_file() => {
            damage.note(&error);
            None
        }
        Err(error) => return Err(error.into()),
    };
    let Remedy { text, command } = remedy_of_record(&record, &cx.env.registry);
    let ExplainedFailure { record, headline, owner } =
        ExplainedFailure::new(record, &cx.env.registry);
    let problems = damage.into_problems();
    cx.out.show(&FailureReport {
        record,
        headline,
        owner,
        remediation: text,
        command,
        output,
        problems,
    })?;
    Ok(Exit::Ok)
}

/// Ids that may have been meant by `id`: those of the same run, or else the newest ones.
fn known_near(id: &str, root: &Root) -> Result<Vec<String>, StateError> {
    let of_run = RunName::batch_of_failure(id).map(HistoryFilter::of_batch);
    let filters = of_run.into_iter().chain([HistoryFilter::default()]);
    let mut known = vec![];
    for filter in filters {
        root.state.visit_failures(&filter, &mut |visited| {
            if let Visited::Record(record) = visited {
                known.push(record.id);
            }
            if known.len() < N_HINTS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        if !known.is_empty() {
            break;
        }
    }
    Ok(known)
}

fn list(args: &ListArgs, root: &Root, cx: &Context) -> anyhow::Result<Exit> {
    let ListArgs { batch, ecosystem, category, package, period, limit } = args;
    let registry = &cx.env.registry;
    let ecosystem =
        ecosystem.as_deref().map(|word| names::ecosystem(registry, word)).transpose()?;
    let package = package.as_deref().map(|word| names::package(registry, word)).transpose()?;
    if let Some(word) = category {
        check_category(word)?;
    }
    let filter = HistoryFilter {
        ecosystem: ecosystem.map(|plugin| plugin.id.clone()),
        package: package.map(|(_, id)| id),
        batch: batch.clone(),
        since: period.since(),
        until: period.until(),
        failure: None,
    };
    let is_wanted = |record: &FailureRecord| {
        let pair = format!("{}/{}", record.category(), record.subcategory());
        category.as_ref().is_none_or(|wanted| {
            [&pair, record.category(), record.subcategory()].contains(&&**wanted)
        })
    };
    let (mut failures, mut damage, mut has_more) = (vec![], Damage::default(), false);
    root.state.visit_failures(&filter, &mut |visited| {
        match visited {
            Visited::Damaged(damaged) => damage.note(damaged),
            Visited::Record(record) if !is_wanted(&record) => (),
            Visited::Record(record) if failures.len() < *limit => failures.push(record),
            Visited::Record(_) => {
                has_more = true;
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    })?;
    let problems = damage.into_problems();
    if let Some(id) = batch
        && failures.is_empty()
        && problems.is_empty()
    {
        runs::find(id, root)?;
    }
    let total = (!has_more).then_some(failures.len());
    let exit = damage::exit(failures.len(), &problems);
    let explained = |record| ExplainedFailure::new(record, registry);
    let failures = failures.into_iter().map(explained).collect();
    cx.out.show(&FailureList { failures, total, problems })?;
    Ok(exit)
}

/// Whether `word` is a category, a subcategory or a pair of the taxonomy.
fn check_category(word: &str) -> anyhow::Result<()> {
    let words = |kind: &FailureKind| {
        let row = kind.row();
        [row.category.to_owned(), row.subcategory.to_owned(), kind.to_string()]
    };
    let known: BTreeSet<String> = FailureKind::ALL.iter().flat_map(words).collect();
    if known.contains(word) {
        return Ok(());
    }
    let known: Vec<String> = known.into_iter().collect();
    Err(Refusal::usage(format!("unknown category {word:?}{}", names::nearest(word, &known))))
}

/// What `failures list --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FailureList {
    /// Newest first.
    failures: Vec<ExplainedFailure>,
    /// The number of all failures; absent when there are more than the limit, because the others
    /// are not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<usize>,
    /// What could not be read, each with file, position, reason and remedy.
    problems: Vec<String>,
}

impl fmt::Display for FailureList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |ExplainedFailure { record, headline, .. }: &ExplainedFailure| {
            vec![
                record.id.clone(),
                format!("{}/{}", record.category(), record.subcategory()),
                headline.clone(),
            ]
        };
        let rows: Vec<Vec<String>> = self.failures.iter().map(row).collect();
        write!(f, "{}", table(&["FAILURE", "KIND", "WHAT HAPPENED"], &rows))?;
        runs::write_count(f, self.failures.len(), self.total, ["failure", "failures"])?;
        damage::write_problems(f, &self.problems)
    }
}

/// What `failures show --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FailureReport {
    /// As stored.
    record: FailureRecord,
    /// What happened, to what, and whose fault it is; one line. It is not stored: it follows from
    /// the record by the rules of this version.
    headline: String,
    /// Whose fault it is.
    owner: Owner,
    /// What a person can do about it.
    remediation: String,
    /// A command for a POSIX shell that does it or shows more; absent where nobody needs to do
    /// anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    /// The whole output of the failing program; absent when no program was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    /// What could not be read, each with file, position, reason and remedy.
    problems: Vec<String>,
}

impl fmt::Display for FailureReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = &self.record;
        writeln!(f, "{}", record.id)?;
        writeln!(f, "  package      {}", record.package_id)?;
        writeln!(f, "  kind         {}/{}", record.category(), record.subcategory())?;
        writeln!(f, "  happened     {}", self.headline)?;
        writeln!(f, "  whose fault  {}", self.owner)?;
        writeln!(f, "  what to do   {}", self.remediation)?;
        if let Some(command) = &self.command {
            writeln!(f, "               {command}")?;
        }
        writeln!(f, "  run          {}", record.batch_id)?;
        writeln!(f, "  ended        {}", record.timestamp.trunc_subsecs(0))?;
        if let Some(environment) = &record.environment {
            writeln!(f, "  environment  {environment}")?;
        }
        if let Some(service) = &record.service {
            writeln!(f, "  service      {service}")?;
        }
        if let Some(from) = record.executables_from {
            writeln!(f, "  commands     from {from}")?;
        }
        for note in &record.notes {
            writeln!(f, "  note         {note}")?;
        }
        writeln!(f, "  repeat it    tsuku-batch repro {}", shell_word(&record.id))?;
        writeln!(f, "\n{}", record.message)?;
        if let Some(output) = &self.output {
            writeln!(f, "\nWhole output:\n{output}")?;
        }
        damage::write_problems(f, &self.problems)
    }
}
