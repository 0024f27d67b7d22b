//! `queue list`.

use std::fmt;

use batch_core::{
    io::StateReader as _,
    model::{PackageName, QueueEntry, Status, StatusLabel, StoredEntry, Tier},
};
use chrono::{DateTime, SubsecRound as _, Utc};

use crate::{
    cli::{
        Context, Refusal,
        damage::{self, Damage},
        names,
        out::{JsonLines, table},
    },
    counted::counted,
    exit::Exit,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Only entries of this ecosystem
    #[arg(long, short, value_name = "ID")]
    ecosystem: Option<String>,
    /// Only entries with this status; may be given several times
    #[arg(long, short, value_name = "STATUS")]
    status: Vec<String>,
    /// Only entries of this tier
    #[arg(long, value_name = "1|2|3", value_parser = clap::value_parser!(u8).range(1..=3))]
    tier: Option<u8>,
    /// Only entries whose reason, note or missing recipe contains this text
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Only entries that can be attempted now
    #[arg(long)]
    due: bool,
    /// Maximal number of entries, sorted by id
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// The entries that are wanted.
struct Wanted {
    statuses: Vec<StatusLabel>,
    tier: Option<Tier>,
    /// In lower case.
    reason: Option<String>,
    /// Only those that are due at this time.
    due_at: Option<DateTime<Utc>>,
}

impl Wanted {
    fn takes(&self, entry: &QueueEntry) -> bool {
        let is_status = self.statuses.is_empty() || self.statuses.contains(&entry.status.label());
        is_status
            && self.tier.is_none_or(|tier| entry.tier == tier)
            && self.due_at.is_none_or(|now| is_due(entry, now))
            && self.reason.as_ref().is_none_or(|text| reasons(entry).any(|it| it.contains(text)))
    }
}

fn is_due(entry: &QueueEntry, now: DateTime<Utc>) -> bool {
    matches!(entry.status, Status::Pending | Status::Failed)
        && entry.next_retry_at.is_none_or(|at| at <= now)
}

/// The texts about an entry, in lower case.
fn reasons(entry: &QueueEntry) -> impl Iterator<Item = String> {
    let by = match &entry.status {
        Status::Blocked { by } => &**by,
        Status::Pending
        | Status::InProgress { .. }
        | Status::Success
        | Status::Failed
        | Status::RequiresManual { .. }
        | Status::Excluded { .. } => &[],
    };
    let of_operator = entry.operator_change.as_ref().and_then(|change| change.reason.as_deref());
    let texts = entry.status.reason().into_iter().chain(of_operator);
    let texts = texts.chain(entry.notes.iter().map(String::as_str));
    texts.chain(by.iter().map(PackageName::as_str)).map(str::to_lowercase)
}

pub(super) fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    let chosen = args.ecosystem.as_deref().map(|word| names::ecosystem(&cx.env.registry, word));
    let chosen = chosen.transpose()?;
    let wanted = Wanted {
        statuses: args.status.iter().map(|word| parse(word)).collect::<anyhow::Result<_>>()?,
        tier: args.tier.map(Tier::try_from).transpose()?,
        reason: args.reason.as_ref().map(|text| text.to_lowercase()),
        due_at: args.due.then(|| cx.env.clock.now()),
    };
    let mut damage = Damage::default();
    let mut list = List { entries: vec![], total: 0, problems: vec![] };
    for id in root.state.queued_ecosystems()? {
        if chosen.is_some_and(|plugin| plugin.id != id) {
            continue;
        }
        // A queue that was removed in the meantime has no entries.
        let Some(queue) = root.state.queue(&id)? else { continue };
        for entry in queue.entries.values().filter(|entry| wanted.takes(entry)) {
            list.total += 1;
            if args.limit.is_none_or(|limit| list.entries.len() < limit) {
                list.entries.push(entry.into());
            }
        }
        queue.quarantined.iter().for_each(|damaged| damage.note(damaged));
    }
    list.problems = damage.into_problems();
    let exit = damage::exit(list.entries.len(), &list.problems);
    if cx.out.is_json() {
        list.print_lines()?;
    } else {
        cx.out.text(&list)?;
    }
    Ok(exit)
}

fn parse(word: &str) -> anyhow::Result<StatusLabel> {
    let found = StatusLabel::ALL.iter().copied().find(|label| label.as_str() == word);
    found.ok_or_else(|| {
        let known: Vec<String> =
            StatusLabel::ALL.iter().map(|label| label.as_str().to_owned()).collect();
        Refusal::usage(format!("unknown status {word:?}{}", names::nearest(word, &known)))
    })
}

/// What `queue list` shows.
struct List {
    entries: Vec<StoredEntry>,
    /// The number of entries without the limit.
    total: usize,
    /// What could not be read, each with file, entry and reason.
    problems: Vec<String>,
}

impl List {
    /// Each entry as JSON on a line of its own. Problems are reported on standard error.
    fn print_lines(&self) -> anyhow::Result<()> {
        let mut lines = JsonLines::to_stdout();
        for entry in &self.entries {
            if lines.put(entry).is_break() {
                break;
            }
        }
        for problem in &self.problems {
            tracing::warn!("{problem}");
        }
        lines.end()
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<Vec<String>> = self.entries.iter().map(row).collect();
        write!(f, "{}", table(&["PACKAGE", "TIER", "STATUS", "WHY"], &rows))?;
        let total = counted(self.total, "entry", "entries");
        writeln!(f, "{} of {total}", self.entries.len())?;
        damage::write_problems(f, &self.problems)
    }
}

fn row(entry: &StoredEntry) -> Vec<String> {
    let waiting = entry.next_retry_at.map(|at| format!("retry after {}", at.trunc_subsecs(0)));
    let regressed = entry
        .regressed_at
        .map(|at| format!("worked before, failed again on {}", at.trunc_subsecs(0)));
    let by: Vec<&str> = entry.blocked_by.iter().map(PackageName::as_str).collect();
    let blocked = (!by.is_empty()).then(|| format!("waits for {}", by.join(", ")));
    let whys = [entry.status_reason.clone(), blocked, regressed, waiting];
    vec![
        entry.id.to_string(),
        u8::from(entry.tier).to_string(),
        entry.status.as_str().to_owned(),
        whys.into_iter().flatten().collect::<Vec<_>>().join("; "),
    ]
}
