//! `reclassify`: applies today's rules of classification to recorded failures.

use std::{collections::BTreeMap, fmt, ops::ControlFlow};

use batch_core::{
    io::{HistoryFilter, StateReader as _, Visited},
    model::{EcosystemId, Evidence, FailureRecord, Finding},
    persist::Reclassification,
    plugin::Registry,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Context,
    damage::{self, Damage},
    names,
    out::table,
    period::Period,
};
use crate::{counted::counted, exit::Exit};

/// How many ids of each kind of change are shown.
const N_EXAMPLES: usize = 3;

/// How many changes `--diff` lists.
const N_LISTED: usize = 1_000;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    period: Period,
    /// Only failures of this ecosystem
    #[arg(long, short, value_name = "ID")]
    ecosystem: Option<String>,
    /// List the failures that change, the newest first, at most 1000
    #[arg(long)]
    diff: bool,
    /// Write the changes; without it nothing is written
    #[arg(long)]
    write: bool,
}

pub(super) fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    let registry = &cx.env.registry;
    let now = cx.env.clock.now();
    let ecosystem =
        args.ecosystem.as_deref().map(|word| names::ecosystem(registry, word)).transpose()?;
    let filter = HistoryFilter {
        ecosystem: ecosystem.map(|plugin| plugin.id.clone()),
        since: args.period.since(now),
        until: args.period.until(now),
        ..HistoryFilter::default()
    };
    let _no_run_in_between = if args.write { Some(root.state.lock(now)?) } else { None };
    let classify = |id: &EcosystemId, evidence: &Evidence| own(registry, id, evidence);
    let rules = Reclassification::new(&root.state, &filter, &classify)?;
    let mut report = ReclassifyReport::default();
    let mut damage = Damage::default();
    rules.damaged().iter().for_each(|damaged| damage.note(damaged));
    root.state.visit_failures(&filter, &mut |visited| {
        match visited {
            Visited::Record(failure) => {
                report.add(&failure, rules.renewed(&failure).as_ref(), args.diff);
            }
            Visited::Damaged(damaged) => damage.note(damaged),
        }
        ControlFlow::Continue(())
    })?;
    if args.write {
        report.files_written = Some(rules.write(&root.state, &filter)?);
    }
    report.moves.sort_by(|a, b| (b.count, &a.from, &a.to).cmp(&(a.count, &b.from, &b.to)));
    report.problems = damage.into_problems();
    cx.out.show(&report)?;
    let n_read = usize::try_from(report.failures).unwrap_or(usize::MAX);
    Ok(damage::exit(n_read, &report.problems))
}

/// What the classifier of `ecosystem` reads. A record that names no tool is of the ecosystem's own.
fn own(registry: &Registry, ecosystem: &EcosystemId, evidence: &Evidence) -> Option<Finding> {
    let plugin = registry.get(ecosystem)?;
    match &plugin.toolchain {
        Some(toolchain) if evidence.tool.is_empty() => {
            let tool = toolchain.program.to_owned();
            plugin.classifier.classify(&Evidence { tool, ..evidence.clone() })
        }
        Some(_) | None => plugin.classifier.classify(evidence),
    }
}

/// What `reclassify --json` prints.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct ReclassifyReport {
    /// Number of failures that were read.
    failures: u64,
    /// Number of failures that change.
    changed: u64,
    /// The changes of the kind, the most frequent first.
    moves: Vec<Move>,
    /// Number of failures whose kind stays, and whose service, confidence or fingerprint changes.
    same_kind: u64,
    /// The failures that change, with `--diff`, the newest first; at most 1000.
    changes: Vec<Change>,
    /// Number of files that were written; absent without `--write`.
    #[serde(skip_serializing_if = "Option::is_none")]
    files_written: Option<u64>,
    /// What cannot be read, each with file, position and reason. It stays as it is.
    problems: Vec<String>,
}

/// Failures that change from one kind to another.
#[derive(Debug, Serialize, JsonSchema)]
struct Move {
    /// The stored category and subcategory, as `category/subcategory`.
    from: String,
    /// Those of today's rules.
    to: String,
    count: u64,
    /// Ids of some of these failures, the newest first.
    examples: Vec<String>,
}

/// A failure that changes.
#[derive(Debug, Serialize, JsonSchema)]
struct Change {
    id: String,
    /// The fields that change, with what is stored and what is new.
    fields: BTreeMap<&'static str, [String; 2]>,
}

impl ReclassifyReport {
    fn add(&mut self, before: &FailureRecord, after: Option<&FailureRecord>, is_listed: bool) {
        self.failures += 1;
        let Some(after) = after else { return };
        self.changed += 1;
        let pair = |it: &FailureRecord| format!("{}/{}", it.category(), it.subcategory());
        let (from, to) = (pair(before), pair(after));
        if from == to {
            self.same_kind += 1;
        } else {
            let of = |it: &&mut Move| it.from == from && it.to == to;
            let id = before.id.clone();
            match self.moves.iter_mut().find(of) {
                Some(found) => {
                    found.count += 1;
                    if found.examples.len() < N_EXAMPLES {
                        found.examples.push(id);
                    }
                }
                None => self.moves.push(Move { from, to, count: 1, examples: vec![id] }),
            }
        }
        if is_listed && self.changes.len() < N_LISTED {
            self.changes.push(Change { id: before.id.clone(), fields: fields(before, after) });
        }
    }
}

/// The fields that differ.
fn fields(before: &FailureRecord, after: &FailureRecord) -> BTreeMap<&'static str, [String; 2]> {
    let of = |it: &FailureRecord| {
        [
            ("kind", format!("{}/{}", it.category(), it.subcategory())),
            ("service", it.service.clone().unwrap_or_else(|| "-".to_owned())),
            ("confidence", format!("{:?}", it.confidence).to_lowercase()),
            ("fingerprint", it.fingerprint.to_string()),
        ]
    };
    let both = of(before).into_iter().zip(of(after));
    both.filter(|(old, new)| old != new).map(|((name, old), (_, new))| (name, [old, new])).collect()
}

impl fmt::Display for ReclassifyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.moves.is_empty() {
            let row = |it: &Move| {
                vec![it.count.to_string(), it.from.clone(), it.to.clone(), it.examples.join(" ")]
            };
            let rows: Vec<Vec<String>> = self.moves.iter().map(row).collect();
            writeln!(f, "{}", table(&["FAILURES", "STORED", "TODAY", "FOR EXAMPLE"], &rows))?;
        }
        for change in &self.changes {
            writeln!(f, "{}", change.id)?;
            for (name, [old, new]) in &change.fields {
                writeln!(f, "  {name}  {old} -> {new}")?;
            }
        }
        let n_listed = self.changes.len() as u64;
        if n_listed > 0 && n_listed < self.changed {
            writeln!(f, "… and {} more", self.changed - n_listed)?;
        }
        let failures = counted(self.failures, "failure", "failures");
        writeln!(
            f,
            "{} of {failures} change, {} of them keep their kind",
            self.changed, self.same_kind
        )?;
        match self.files_written {
            Some(n) => writeln!(f, "{} written", counted(n, "file", "files"))?,
            None if self.changed > 0 => {
                writeln!(f, "nothing was written; --write writes it")?;
            }
            None => (),
        }
        damage::write_problems(f, &self.problems)
    }
}
