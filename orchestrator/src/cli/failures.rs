//! `failures list` and `failures show`.

use std::{collections::BTreeSet, fmt};

use batch_core::{
    io::StateReader as _,
    model::{FailureKind, FailureRecord},
};
use chrono::SubsecRound as _;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Context, Refusal, names, out::table};
use crate::exit::Exit;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Newest first
    List {
        /// Only of this run
        #[arg(long, value_name = "BATCH ID")]
        batch: Option<String>,
        /// Only of this ecosystem
        #[arg(long, short, value_name = "ID")]
        ecosystem: Option<String>,
        /// Only of this category, subcategory, or category/subcategory
        #[arg(long, value_name = "CATEGORY")]
        category: Option<String>,
        /// Only of this package
        #[arg(long, value_name = "PACKAGE ID")]
        package: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
    },
    /// One failure with its whole output
    Show {
        /// As `failures list` prints it
        #[arg(value_name = "FAILURE ID")]
        id: String,
    },
}

pub(super) fn run(command: &Command, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    let failures = root.state.failures()?;
    match command {
        Command::Show { id } => {
            let Some(record) = failures.records.iter().find(|record| record.id == *id) else {
                let known: Vec<String> =
                    failures.records.iter().rev().map(|record| record.id.clone()).collect();
                let hint = names::nearest(id, &known);
                return Err(Refusal::not_found(format!("there is no failure {id:?}{hint}")));
            };
            let output = match &record.output {
                Some(output) => root.state.output(&output.sha256)?,
                None => None,
            };
            let remediation = record.kind().row().remediation.to_owned();
            cx.out.show(&FailureReport { record: record.clone(), remediation, output })?;
        }
        Command::List { batch, ecosystem, category, package, limit } => {
            let chosen = ecosystem
                .as_deref()
                .map(|word| names::ecosystem(&cx.env.registry, word))
                .transpose()?;
            let package = package
                .as_deref()
                .map(|word| names::package(&cx.env.registry, word))
                .transpose()?;
            if let Some(word) = category {
                check_category(word)?;
            }
            if let Some(id) = batch
                && root.state.run(id)?.is_none()
            {
                let runs = root.state.runs()?.records;
                let known: Vec<String> = runs.into_iter().rev().map(|run| run.batch_id).collect();
                let hint = names::nearest(id, &known);
                return Err(Refusal::not_found(format!("there is no run {id:?}{hint}")));
            }
            let is_wanted = |record: &&FailureRecord| {
                let pair = format!("{}/{}", record.category(), record.subcategory());
                batch.as_ref().is_none_or(|batch| record.batch_id == *batch)
                    && chosen.is_none_or(|plugin| record.ecosystem == plugin.id)
                    && package.as_ref().is_none_or(|(_, id)| record.package_id == *id)
                    && category.as_ref().is_none_or(|wanted| {
                        [&pair, record.category(), record.subcategory()].contains(&&**wanted)
                    })
            };
            let wanted: Vec<&FailureRecord> =
                failures.records.iter().rev().filter(is_wanted).collect();
            let total = wanted.len();
            let failures = wanted.into_iter().take(*limit).cloned().collect();
            cx.out.show(&FailureList { failures, total })?;
        }
    }
    Ok(Exit::Ok)
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
    failures: Vec<FailureRecord>,
    /// How many there are, limit aside.
    total: usize,
}

impl fmt::Display for FailureList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |record: &FailureRecord| {
            let last = record.message.lines().last().unwrap_or_default();
            vec![
                record.id.clone(),
                format!("{}/{}", record.category(), record.subcategory()),
                last.chars().take(90).collect(),
            ]
        };
        let rows: Vec<Vec<String>> = self.failures.iter().map(row).collect();
        write!(f, "{}", table(&["FAILURE", "KIND", "MESSAGE"], &rows))?;
        writeln!(f, "{} of {} failures", self.failures.len(), self.total)
    }
}

/// What `failures show --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FailureReport {
    /// As stored.
    record: FailureRecord,
    /// What a person can do about it.
    remediation: String,
    /// Everything the failing program printed; absent where none ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
}

impl fmt::Display for FailureReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = &self.record;
        writeln!(f, "{}", record.id)?;
        writeln!(f, "  package      {}", record.package_id)?;
        writeln!(f, "  kind         {}/{}", record.category(), record.subcategory())?;
        writeln!(f, "  what to do   {}", self.remediation)?;
        writeln!(f, "  run          {}", record.batch_id)?;
        writeln!(f, "  ended        {}", record.timestamp.trunc_subsecs(0))?;
        if let Some(environment) = &record.environment {
            writeln!(f, "  environment  {environment}")?;
        }
        if let Some(service) = &record.service {
            writeln!(f, "  service      {service}")?;
        }
        for note in &record.notes {
            writeln!(f, "  note         {note}")?;
        }
        writeln!(f, "\n{}", record.message)?;
        if let Some(output) = &self.output {
            writeln!(f, "\nWhole output:\n{output}")?;
        }
        Ok(())
    }
}
