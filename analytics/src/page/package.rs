//! One package: where it stands, why, and what was tried.

use std::collections::BTreeSet;

use askama::Template;
use batch_core::model::{FailureRecord, PackageId, QueueEntry, RunRecord, StatusLabel};

use super::{
    Page, failure,
    frame::Frame,
    row::{self, FailureRow, Link, NOT_QUEUED, Why},
};
use crate::{
    path,
    records::StoredOutput,
    site::Site,
    text::{Stamp, Text, counted},
};

/// Attempts shown; the lists have the others.
const N_ATTEMPTS: usize = 20;
/// Bytes of output under the newest attempt, and under the others.
const NEWEST_TAIL: usize = 16 << 10;
const TAIL: usize = 1 << 10;

#[derive(Template)]
#[template(path = "package.html")]
struct PackagePage<'a> {
    frame: Frame,
    name: Text,
    ecosystem: Text,
    has_queue: bool,
    queue_href: String,
    status: &'static str,
    why: Why,
    next_retry: Option<Stamp>,
    facts: Vec<(&'static str, Text)>,
    notes: Vec<Text>,
    routed_from: Option<Link>,
    blocks: Option<Link>,
    attempts: Vec<Attempt>,
    n_attempts: usize,
    recipe: Option<(Text, &'a Text)>,
}

struct Attempt {
    at: Stamp,
    word: &'static str,
    cause: Option<Link>,
    environment: &'static str,
    run: Link,
    message: Text,
    output: Text,
}

pub(super) fn build(site: &Site<'_>, id: &PackageId, entry: Option<&QueueEntry>) -> Page {
    let path = path::package(id);
    let mut tries = tries(site, id);
    let n_attempts = tries.len();
    tries.truncate(N_ATTEMPTS);
    let newest = tries.first().map(Try::at).max(entry.map(QueueEntry::waiting_since));
    let recipe = site.recipe(id).map(|(name, toml)| (Text::of(name), Text::new(toml)));
    let page = PackagePage {
        frame: Frame::fixed(&path, &id.to_string(), "Packages", newest),
        name: Text::of(&id.name),
        ecosystem: Text::of(&id.ecosystem),
        has_queue: site.records.queues.contains_key(&id.ecosystem),
        queue_href: path::list(&path::queue(&id.ecosystem), 1),
        status: entry.map_or(NOT_QUEUED, |entry| entry.status.label().as_str()),
        why: why(site, id, entry),
        next_retry: entry.and_then(|entry| entry.next_retry_at).map(Stamp),
        facts: facts(id, entry),
        notes: notes(site, id, entry),
        routed_from: entry.and_then(|entry| entry.routed_from.as_ref()).map(|from| {
            let is_known = site.packages.contains_key(from);
            let href = if is_known { path::package(from) } else { String::new() };
            Link { href, text: Text::of(from) }
        }),
        blocks: site.blockers.iter().find(|blocker| blocker.id == *id).map(|blocker| Link {
            href: path::list(&path::blocker(&id.ecosystem, &id.name), 1),
            text: Text::new(&counted(blocker.waiting.len(), "package")),
        }),
        attempts: tries.iter().enumerate().map(|(i, tried)| tried.row(site, i == 0)).collect(),
        n_attempts,
        recipe: recipe.as_ref().map(|(name, toml)| (name.clone(), toml)),
    };
    super::page(path, &page)
}

fn why(site: &Site<'_>, id: &PackageId, entry: Option<&QueueEntry>) -> Why {
    let of_text = |text: String| Why { text: Text::new(&text), links: vec![] };
    let Some(entry) = entry else {
        return of_text("In no queue; what is below was recorded while it was.".to_owned());
    };
    let remediation = site.failures_with(id).first().map(|newest| newest.kind().row().remediation);
    match entry.status.label() {
        StatusLabel::Pending if tries(site, id).is_empty() && entry.last_attempt_at.is_none() => {
            of_text("Never attempted; waits for its turn.".to_owned())
        }
        StatusLabel::Pending => of_text(match remediation {
            Some(remediation) => format!("Waits for its next turn. Last time: {remediation}."),
            None => "Waits for its next turn.".to_owned(),
        }),
        StatusLabel::Failed => of_text(match remediation {
            Some(remediation) => format!("To mend it: {remediation}."),
            None => "The failure itself is not on record.".to_owned(),
        }),
        StatusLabel::Success => of_text("Its recipe is on main.".to_owned()),
        StatusLabel::RequiresManual | StatusLabel::Excluded => {
            let reason = entry.status.reason().unwrap_or_default();
            of_text(if reason.is_empty() { "No reason is recorded.".into() } else { reason.into() })
        }
        StatusLabel::InProgress | StatusLabel::Blocked => {
            let mut why = Why::short(site, entry);
            let text = why.text.as_str();
            let mut first = text.chars();
            let capital = first.next().map(|c| c.to_ascii_uppercase());
            why.text = Text::new(&capital.into_iter().chain(first).collect::<String>());
            why
        }
    }
}

fn facts(id: &PackageId, entry: Option<&QueueEntry>) -> Vec<(&'static str, Text)> {
    let mut facts = vec![("Id", Text::of(id))];
    let Some(entry) = entry else { return facts };
    facts.push(("Tier", Text::of(u8::from(entry.tier))));
    facts.push(("Queued", Text::of(Stamp(entry.added_at))));
    let mut push_some = |name, text: Option<Text>| facts.extend(text.map(|text| (name, text)));
    push_some("Last attempt", entry.last_attempt_at.map(|at| Text::of(Stamp(at))));
    push_some("Last probe", entry.last_probe_at.map(|at| Text::of(Stamp(at))));
    push_some("Failures in a row", count(entry.consecutive_failures));
    push_some("Faults of others in a row", count(entry.consecutive_faults));
    push_some(
        "Popularity",
        entry.popularity.as_ref().map(|p| {
            let period = p.period_days.map_or(String::new(), |days| format!(" in {days} days"));
            Text::of(format_args!("{} {}{period} ({}, {})", p.value, p.unit, p.source, p.as_of))
        }),
    );
    push_some("Upstream version", entry.upstream_version.as_deref().map(Text::new));
    push_some("Generator", entry.generator_version.as_deref().map(Text::new));
    facts
}

/// What is noted of the package; without an entry, what its newest failure says.
fn notes(site: &Site<'_>, id: &PackageId, entry: Option<&QueueEntry>) -> Vec<Text> {
    let of_failure = || site.failures_with(id).first().map(|newest| &*newest.notes);
    let notes = entry.map(|entry| &*entry.notes).or_else(of_failure).unwrap_or_default();
    notes.iter().map(|note| Text::new(note)).collect()
}

fn count(n: u32) -> Option<Text> {
    (n > 0).then(|| Text::of(n))
}

/// One attempt, as far as it left a trace.
enum Try<'a> {
    Failed(&'a FailureRecord),
    /// In a run whose successes and failure records add up.
    Succeeded(&'a RunRecord),
    /// In a run that has lost records.
    Unknown(&'a RunRecord),
}

fn tries<'a>(site: &Site<'a>, id: &PackageId) -> Vec<Try<'a>> {
    let failures = site.failures_with(id);
    let failed_in: BTreeSet<&str> = failures.iter().map(|failure| &*failure.batch_id).collect();
    let others = site.runs_with(id).iter().filter(|run| !failed_in.contains(&*run.batch_id));
    let of_run = |run: &&'a RunRecord| {
        if site.is_complete(run) { Try::Succeeded(run) } else { Try::Unknown(run) }
    };
    let mut tries: Vec<Try<'a>> =
        failures.iter().map(|failure| Try::Failed(failure)).chain(others.map(of_run)).collect();
    tries.sort_by_key(|tried| std::cmp::Reverse(tried.at()));
    tries
}

impl Try<'_> {
    fn at(&self) -> chrono::DateTime<chrono::Utc> {
        match self {
            Self::Failed(failure) => failure.timestamp,
            Self::Succeeded(run) | Self::Unknown(run) => run.timestamp,
        }
    }

    fn row(&self, site: &Site<'_>, is_newest: bool) -> Attempt {
        match self {
            Self::Failed(failure) => {
                let row = FailureRow::new(failure);
                let text = Text::of(format_args!("{} / {}", row.category, row.subcategory));
                let tail = if is_newest { NEWEST_TAIL } else { TAIL };
                let blank = Text::default();
                Attempt {
                    at: row.at,
                    word: row::word(failure),
                    cause: Some(Link { href: row.href, text }),
                    environment: row.environment,
                    run: Link::run(site, &failure.batch_id),
                    message: if is_newest { failure::message(failure) } else { row.line },
                    output: output(site, failure).map_or(blank, |text| Text::tail(text, tail)),
                }
            }
            Self::Succeeded(run) => Attempt::of_run(site, run, "succeeded"),
            Self::Unknown(run) => Attempt::of_run(site, run, "not_recorded"),
        }
    }
}

impl Attempt {
    fn of_run(site: &Site<'_>, run: &RunRecord, word: &'static str) -> Self {
        Self {
            at: Stamp(run.timestamp),
            word,
            cause: None,
            environment: "",
            run: Link::run(site, &run.batch_id),
            message: Text::default(),
            output: Text::default(),
        }
    }
}

fn output<'a>(site: &Site<'a>, failure: &FailureRecord) -> Option<&'a str> {
    match site.records.outputs.get(&failure.output.as_ref()?.sha256)? {
        StoredOutput::Whole(text) => Some(text),
        StoredOutput::TooOld | StoredOutput::Missing => None,
    }
}
