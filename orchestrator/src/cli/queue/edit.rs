//! `queue retry`, `queue exclude`, `queue unblock` and `queue set-tier`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use batch_core::{
    decide::queue_edit::{Edit, NotPossible, Operator, edited},
    io::{QueueFile, StateReader as _, StateWriter as _},
    model::{EcosystemId, PackageId, Queue, QueueEntry, StatusLabel, StoredEntry, Tier},
};
use chrono::SubsecRound as _;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    WhoArgs,
    packages::{Asked, PackageArgs, Words},
};
use crate::{
    cli::{
        Context, Refusal, damage, names,
        push::{self, Outcome, PushArgs},
    },
    counted::counted,
    env::Root,
    exit::Exit,
};

/// A change of entries for which a reason may be given.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct EditArgs {
    #[command(flatten)]
    packages: PackageArgs,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    who: WhoArgs,
    #[command(flatten)]
    push: PushArgs,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ExcludeArgs {
    #[command(flatten)]
    packages: PackageArgs,
    /// Why, for everybody who asks for the package later
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    who: WhoArgs,
    #[command(flatten)]
    push: PushArgs,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SetTierArgs {
    /// The new tier: 1 curated, 2 popular, 3 the rest
    #[arg(value_name = "1|2|3", value_parser = clap::value_parser!(u8).range(1..=3))]
    tier: u8,
    #[command(flatten)]
    edit: EditArgs,
}

impl EditArgs {
    pub(super) async fn run(&self, edit: Edit, cx: &Context) -> anyhow::Result<Exit> {
        let Self { packages, reason, who, push } = self;
        Asking { edit, packages, reason: reason.as_deref(), who }.carry_out(push, cx).await
    }
}

impl ExcludeArgs {
    pub(super) async fn run(&self, cx: &Context) -> anyhow::Result<Exit> {
        let Self { packages, reason, who, push } = self;
        let edit = Edit::Exclude;
        Asking { edit, packages, reason: Some(reason), who }.carry_out(push, cx).await
    }
}

impl SetTierArgs {
    pub(super) async fn run(&self, cx: &Context) -> anyhow::Result<Exit> {
        self.edit.run(Edit::SetTier(Tier::try_from(self.tier)?), cx).await
    }
}

/// What is asked for.
struct Asking<'a> {
    edit: Edit,
    packages: &'a PackageArgs,
    reason: Option<&'a str>,
    who: &'a WhoArgs,
}

impl Asking<'_> {
    async fn carry_out(&self, push: &PushArgs, cx: &Context) -> anyhow::Result<Exit> {
        let operator = self.who.operator(self.reason, cx);
        if self.edit == Edit::Exclude && operator.reason.is_none() {
            return Err(Refusal::usage("--reason is empty"));
        }
        let asked = self.packages.words()?;
        let change = |root: &Root| self.change(&asked, (root, cx), &operator);
        push::change(push, "change entries of queues", cx, change).await
    }

    fn change(
        &self,
        asked: &Words,
        (root, cx): (&Root, &Context),
        operator: &Operator,
    ) -> Outcome<EditReport> {
        let Self { edit, who, .. } = *self;
        let mut report = EditReport { dry_run: who.dry_run, ..EditReport::default() };
        let asked = asked.read(&root.state, cx, &mut report.problems)?;
        let _nobody_else = root.state.exclusive()?;
        let queues = Queues::read(&asked, root)?;
        // Everything is looked up before anything is written.
        let found = queues.find(asked, &mut report.problems)?;
        for entry in found {
            report.add(&entry, edit, operator);
        }
        if !who.dry_run {
            queues.write(&report.entries, operator, root)?;
        }
        let exit = if !report.problems.is_empty() {
            Exit::NotFound
        } else if report.changed.is_empty() && report.unchanged.iter().any(|it| it.why.is_some()) {
            Exit::Unavailable
        } else {
            Exit::Ok
        };
        Ok((report, exit))
    }
}

/// The queues of the packages that are asked for, each read once.
struct Queues(BTreeMap<EcosystemId, Arc<QueueFile>>);

impl Queues {
    fn read(asked: &[Asked], root: &Root) -> anyhow::Result<Self> {
        let ecosystems: BTreeSet<&EcosystemId> =
            asked.iter().map(|asked| &asked.id.ecosystem).collect();
        let mut queues = BTreeMap::new();
        for ecosystem in ecosystems {
            if let Some(queue) = root.state.queue(ecosystem)? {
                for damaged in &queue.quarantined {
                    tracing::warn!("an entry is passed over: {damaged}");
                }
                queues.insert(ecosystem.clone(), queue);
            }
        }
        Ok(Self(queues))
    }

    fn find(
        &self,
        asked: Vec<Asked>,
        problems: &mut Vec<String>,
    ) -> anyhow::Result<Vec<QueueEntry>> {
        let mut found = vec![];
        for Asked { id, place } in asked {
            match self.0.get(&id.ecosystem).and_then(|queue| queue.entries.get(&id)) {
                Some(entry) => found.push(entry.clone()),
                None => Asked::refuse(place.as_deref(), self.unknown(&id), problems)?,
            }
        }
        Ok(found)
    }

    fn unknown(&self, id: &PackageId) -> anyhow::Error {
        let Some(queue) = self.0.get(&id.ecosystem) else {
            return Refusal::not_found(format!(
                "{id} is not queued; {} has no queue",
                id.ecosystem
            ));
        };
        let known: Vec<String> = queue.entries.keys().map(ToString::to_string).collect();
        let near = names::nearest(&id.to_string(), &known);
        Refusal::not_found(format!("{id} is not queued{near}"))
    }

    fn write(self, changed: &[QueueEntry], operator: &Operator, root: &Root) -> anyhow::Result<()> {
        for (ecosystem, file) in self.0 {
            let own = changed.iter().filter(|entry| entry.id.ecosystem == ecosystem);
            let own: Queue = own.map(|entry| (entry.id.clone(), entry.clone())).collect();
            if !own.is_empty() {
                root.state.put_entries(file, own, operator.at)?;
            }
        }
        Ok(())
    }
}

/// What `queue retry`, `exclude`, `unblock` and `set-tier` print with `--json`.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct EditReport {
    /// Whether nothing was written because of `--dry-run`.
    dry_run: bool,
    /// Entries that changed.
    changed: Vec<Changed>,
    /// Entries that did not change.
    unchanged: Vec<Unchanged>,
    /// Lines of a list that were passed over, each with file, line and reason.
    problems: Vec<String>,
    #[serde(skip)]
    entries: Vec<QueueEntry>,
}

/// An entry that changed.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ChangedEntry")]
struct Changed {
    before: StoredEntry,
    after: StoredEntry,
}

/// An entry that did not change.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "UnchangedEntry")]
struct Unchanged {
    id: PackageId,
    status: StatusLabel,
    /// Why the change is not possible; absent if the entry is so already.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// What can be done, as a command to paste.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
}

impl EditReport {
    fn add(&mut self, entry: &QueueEntry, edit: Edit, operator: &Operator) {
        let unchanged = |id: &PackageId, why, command| Unchanged {
            id: id.clone(),
            status: entry.status.label(),
            why,
            command,
        };
        match edited(entry, edit, operator) {
            Ok(Some(after)) => {
                self.changed.push(Changed { before: entry.into(), after: (&after).into() });
                self.entries.push(after);
            }
            Ok(None) => self.unchanged.push(unchanged(&entry.id, None, None)),
            Err(NotPossible { why, command }) => {
                self.unchanged.push(unchanged(&entry.id, Some(why), command));
            }
        }
    }
}

/// The state of an entry in a few words.
pub(super) fn described(entry: &StoredEntry) -> String {
    let reason = entry.status_reason.as_ref().map(|reason| format!(" ({reason})"));
    let waits = entry.next_retry_at.map(|at| format!(", not before {}", at.trunc_subsecs(0)));
    let (reason, waits) = (reason.unwrap_or_default(), waits.unwrap_or_default());
    format!("tier {}, {}{reason}{waits}", u8::from(entry.tier), entry.status.as_str())
}

impl fmt::Display for EditReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Changed { before, after } in &self.changed {
            writeln!(f, "changed    {}: {} -> {}", after.id, described(before), described(after))?;
        }
        for Unchanged { id, status, why, command } in &self.unchanged {
            let why = why.clone().unwrap_or_else(|| format!("nothing to do ({})", status.as_str()));
            let command = command.as_ref().map(|it| format!("; see `{it}`")).unwrap_or_default();
            writeln!(f, "unchanged  {id}: {why}{command}")?;
        }
        damage::write_problems(f, &self.problems)?;
        let n = counted(self.changed.len(), "entry", "entries");
        let verb = if self.dry_run { "would be changed; nothing was written" } else { "changed" };
        writeln!(f, "{n} {verb}")
    }
}
