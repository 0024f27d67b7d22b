//! `queue add`.

use std::{collections::BTreeMap, fmt, sync::Arc};

use batch_core::{
    decide::queue_edit::{Operator, added, retry_command},
    io::{QueueFile, StateReader as _, StateWriter as _},
    model::{EcosystemId, PackageId, Queue, StatusLabel, StoredEntry, Tier},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    WhoArgs,
    packages::{Asked, PackageArgs, Words},
};
use crate::{
    cli::{
        Context, Refusal, damage,
        push::{self, Outcome, PushArgs},
    },
    env::Root,
    exit::Exit,
    seeds,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    packages: PackageArgs,
    /// Tier: 1 curated, 2 popular, 3 the rest
    #[arg(long, value_name = "1|2|3", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=3))]
    tier: u8,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    who: WhoArgs,
    #[command(flatten)]
    push: PushArgs,
}

pub(super) async fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let tier = Tier::try_from(args.tier)?;
    let operator = args.who.operator(args.reason.as_deref(), cx);
    let asked = args.packages.words()?;
    let add = Adding { tier, operator: &operator, dry_run: args.who.dry_run };
    push::change(&args.push, "add packages", cx, |root| add.carry_out(&asked, (root, cx))).await
}

/// How packages are added.
struct Adding<'a> {
    tier: Tier,
    operator: &'a Operator,
    dry_run: bool,
}

impl Adding<'_> {
    fn carry_out(&self, asked: &Words, (root, cx): (&Root, &Context)) -> Outcome<AddReport> {
        let Self { tier, operator, dry_run } = *self;
        let mut report = AddReport { dry_run, ..AddReport::default() };
        // All names are checked before anything is written.
        let asked = asked.read(&root.state, cx, &mut report.problems)?;
        let _nobody_else = root.state.exclusive()?;
        let mut queues = Queues::default();
        let wanted = queues.wanted(asked, (root, cx), &mut report.problems)?;
        let mut new: BTreeMap<EcosystemId, Queue> = BTreeMap::new();
        for id in wanted {
            if let Some(entry) = queues.0.get(&id.ecosystem).and_then(|it| it.entries.get(&id)) {
                report.known.push(entry.into());
                continue;
            }
            let queue = new.entry(id.ecosystem.clone()).or_default();
            queue.insert(id.clone(), added(id.clone(), tier, operator));
            report.added.push(id);
        }
        let is_failed = |entry: &&StoredEntry| entry.status == StatusLabel::Failed;
        let failed = report.known.iter().filter(is_failed).map(|entry| &entry.id);
        report.command = retry_command(failed);
        for (ecosystem, file) in queues.0 {
            if let Some(entries) = new.remove(&ecosystem).filter(|_| !dry_run) {
                root.state.put_entries(file, entries, operator.at)?;
            }
        }
        let exit = if report.problems.is_empty() { Exit::Ok } else { Exit::NotFound };
        Ok((report, exit))
    }
}

/// The queues that are asked for, each read once.
#[derive(Default)]
struct Queues(BTreeMap<EcosystemId, Arc<QueueFile>>);

impl Queues {
    /// The packages of `asked` that may be added.
    fn wanted(
        &mut self,
        asked: Vec<Asked>,
        (root, cx): (&Root, &Context),
        problems: &mut Vec<String>,
    ) -> anyhow::Result<Vec<PackageId>> {
        let mut wanted = vec![];
        for Asked { id, place } in asked {
            if !self.0.contains_key(&id.ecosystem) {
                self.0.insert(id.ecosystem.clone(), read(&id.ecosystem, (root, cx))?);
            }
            let queue = &self.0[&id.ecosystem];
            if !queue.quarantined.is_empty() && queue.quarantined_ids().contains(&id) {
                let error = Refusal::usage(format!(
                    "{id} is in the queue already, in an entry that cannot be read; `tsuku-batch queue list` says why; correct that entry"
                ));
                Asked::refuse(place.as_deref(), error, problems)?;
            } else {
                wanted.push(id);
            }
        }
        Ok(wanted)
    }
}

fn read(ecosystem: &EcosystemId, (root, cx): (&Root, &Context)) -> anyhow::Result<Arc<QueueFile>> {
    let found = root.state.queue(ecosystem)?;
    for damaged in found.iter().flat_map(|queue| &queue.quarantined) {
        tracing::warn!("an entry is passed over: {damaged}");
    }
    let empty = || match cx.env.registry.get(ecosystem) {
        Some(plugin) => Ok(Arc::new(seeds::empty(plugin, cx.env.clock.now()))),
        None => Err(Refusal::usage(format!("no plugin builds packages of {ecosystem}"))),
    };
    found.map_or_else(empty, Ok)
}

/// What `queue add --json` prints.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct AddReport {
    /// Whether nothing was written because of `--dry-run`.
    dry_run: bool,
    /// Packages that were added.
    added: Vec<PackageId>,
    /// Packages that were in the queue before; they are not changed.
    known: Vec<StoredEntry>,
    /// The command that makes those of them due that failed; absent if none failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    /// Lines of a list that were passed over, each with file, line and reason.
    problems: Vec<String>,
}

impl fmt::Display for AddReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for id in &self.added {
            writeln!(f, "added  {id}")?;
        }
        for StoredEntry { id, status, status_reason, .. } in &self.known {
            let why = status_reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            writeln!(f, "known  {id} ({}{why})", status.as_str())?;
        }
        if let Some(command) = &self.command {
            writeln!(f, "Known packages that failed are tried again with `{command}`.")?;
        }
        damage::write_problems(f, &self.problems)?;
        if self.dry_run {
            writeln!(f, "Nothing was written.")?;
        }
        Ok(())
    }
}
