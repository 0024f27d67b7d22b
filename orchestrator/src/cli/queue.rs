//! `queue add` and `queue list`.

use std::{fmt, sync::Arc};

use anyhow::Context as _;
use batch_core::{
    io::{StateReader as _, StateWriter as _},
    model::{PackageId, QueueEntry, StatusLabel, StoredEntry, Tier},
};
use chrono::SubsecRound as _;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Context, Refusal,
    damage::{self, Damage},
    names,
    out::table,
};
use crate::{counted::counted, exit::Exit, seeds};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Add packages to the queues
    Add {
        /// Packages, each written `<ecosystem>:<name>`
        #[arg(value_name = "PACKAGE ID", required = true)]
        packages: Vec<String>,
        /// Tier: 1 curated, 2 popular, 3 the rest
        #[arg(long, value_name = "1|2|3", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=3))]
        tier: u8,
    },
    /// List the entries of the queues
    List {
        /// Only entries of this ecosystem
        #[arg(long, short, value_name = "ID")]
        ecosystem: Option<String>,
        /// Only entries with this status
        #[arg(long, short, value_name = "STATUS")]
        status: Option<String>,
        /// Maximal number of entries, sorted by id
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
}

pub(super) fn run(command: &Command, cx: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::Add { packages, tier } => add(packages, Tier::try_from(*tier)?, cx),
        Command::List { ecosystem, status, limit } => {
            list(ecosystem.as_deref(), status.as_deref(), *limit, cx)
        }
    }
}

fn add(packages: &[String], tier: Tier, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    let now = cx.env.clock.now();
    // All names are checked before anything is written.
    let wanted = packages.iter().map(|word| names::package(&cx.env.registry, word));
    let wanted: Vec<_> = wanted.collect::<anyhow::Result<_>>()?;
    let _nobody_else = root.state.exclusive()?;
    for (plugin, id) in &wanted {
        let queue = root.state.queue(&plugin.id)?;
        for damaged in queue.iter().flat_map(|queue| &queue.quarantined) {
            tracing::warn!("an entry is passed over: {damaged}");
        }
        if queue.is_some_and(|queue| queue.quarantined_ids().contains(id)) {
            return Err(Refusal::usage(format!(
                "{id} is in the queue already, in an entry that cannot be read; `tsuku-batch queue list` says why; correct that entry"
            )));
        }
    }
    let mut report = AddReport { added: vec![], known: vec![] };
    for (plugin, id) in wanted {
        let mut queue = match root.state.queue(&plugin.id)? {
            Some(queue) => Arc::unwrap_or_clone(queue),
            None => seeds::empty(plugin, now),
        };
        if let Some(entry) = queue.entries.get(&id) {
            report.known.push(StoredEntry::from(entry));
            continue;
        }
        queue.entries.insert(id.clone(), QueueEntry::new(id.clone(), tier, now));
        queue.header.updated_at = now;
        root.state.put_queue(&queue)?;
        report.added.push(id);
    }
    cx.out.show(&report)?;
    Ok(Exit::Ok)
}

fn list(
    ecosystem: Option<&str>,
    status: Option<&str>,
    limit: Option<usize>,
    cx: &Context,
) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    let chosen = ecosystem.map(|word| names::ecosystem(&cx.env.registry, word)).transpose()?;
    let status = status.map(parse_status).transpose()?;
    let mut damage = Damage::default();
    let mut report = ListReport { entries: vec![], total: 0, quarantined: vec![] };
    for id in root.state.queued_ecosystems()? {
        if chosen.is_some_and(|plugin| plugin.id != id) {
            continue;
        }
        let queue = root.state.queue(&id)?.context("the queue file was removed meanwhile")?;
        let is_wanted =
            |entry: &&QueueEntry| status.is_none_or(|status| entry.status.label() == status);
        for entry in queue.entries.values().filter(is_wanted) {
            report.total += 1;
            if limit.is_none_or(|limit| report.entries.len() < limit) {
                report.entries.push(entry.into());
            }
        }
        queue.quarantined.iter().for_each(|damaged| damage.note(damaged));
    }
    report.quarantined = damage.into_problems();
    cx.out.show(&report)?;
    Ok(damage::exit(report.entries.len(), &report.quarantined))
}

fn parse_status(word: &str) -> anyhow::Result<StatusLabel> {
    let found = StatusLabel::ALL.iter().copied().find(|label| label.as_str() == word);
    found.ok_or_else(|| {
        let known: Vec<String> =
            StatusLabel::ALL.iter().map(|label| label.as_str().to_owned()).collect();
        Refusal::usage(format!("unknown status {word:?}{}", names::nearest(word, &known)))
    })
}

/// What `queue add --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AddReport {
    /// Packages that were added.
    added: Vec<PackageId>,
    /// Packages that were in the queue before; they are not changed.
    known: Vec<StoredEntry>,
}

impl fmt::Display for AddReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for id in &self.added {
            writeln!(f, "added  {id}")?;
        }
        for entry in &self.known {
            writeln!(f, "known  {} ({})", entry.id, entry.status.as_str())?;
        }
        Ok(())
    }
}

/// What `queue list --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ListReport {
    /// As stored.
    entries: Vec<StoredEntry>,
    /// The number of entries without the limit.
    total: usize,
    /// What could not be read, each with file, entry and reason.
    quarantined: Vec<String>,
}

impl fmt::Display for ListReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |entry: &StoredEntry| {
            let waiting =
                entry.next_retry_at.map(|at| format!("retry after {}", at.trunc_subsecs(0)));
            let regressed = entry
                .regressed_at
                .map(|at| format!("worked before, failed again on {}", at.trunc_subsecs(0)));
            let whys = [entry.status_reason.clone(), regressed, waiting].into_iter().flatten();
            let why = whys.collect::<Vec<_>>().join("; ");
            vec![
                entry.id.to_string(),
                u8::from(entry.tier).to_string(),
                entry.status.as_str().to_owned(),
                why,
            ]
        };
        let rows: Vec<Vec<String>> = self.entries.iter().map(row).collect();
        write!(f, "{}", table(&["PACKAGE", "TIER", "STATUS", "WHY"], &rows))?;
        let total = counted(self.total, "entry", "entries");
        writeln!(f, "{} of {total}", self.entries.len())?;
        damage::write_problems(f, &self.quarantined)
    }
}
