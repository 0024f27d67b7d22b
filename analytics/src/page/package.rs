//! The page of one package: its status, the reason, and its attempts.

use std::collections::BTreeSet;

use askama::Template;
use batch_core::model::{
    ExecutablesFrom, FailureRecord, PackageId, QueueEntry, RunRecord, StatusLabel,
};

use super::{
    Page, failure,
    frame::Frame,
    row::{self, FailureRow, Link, NOT_QUEUED, Why},
};
use crate::{
    path,
    records::StoredOutput,
    site::Site,
    text::{Text, Timestamp, counted},
};

/// How many attempts are shown; the lists of failures have the others.
const N_ATTEMPTS: usize = 20;
/// Bytes of output that are shown for the newest attempt, and for each other one.
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
    next_retry: Option<Timestamp>,
    facts: Vec<(&'static str, Text)>,
    notes: Vec<Text>,
    routed_from: Option<Link>,
    blocks: Option<Link>,
    attempts: Vec<Attempt>,
    n_attempts: usize,
    recipe: Option<(Text, &'a Text)>,
}

struct Attempt {
    at: Timestamp,
    word: &'static str,
    cause: Option<Link>,
    environment: &'static str,
    /// Who told the commands, if an installation did.
    executables_from: Option<&'static str>,
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
        next_retry: entry.and_then(|entry| entry.next_retry_at).map(Timestamp),
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
        attempts: tries.iter().enumerate().map(|(i, tried)| tried.row(site, id, i == 0)).collect(),
        n_attempts,
        recipe: recipe.as_ref().map(|(name, toml)| (name.clone(), toml)),
    };
    super::page(path, &page)
}

fn why(site: &Site<'_>, id: &PackageId, entry: Option<&QueueEntry>) -> Why {
    let of_text = |text: String| Why { text: Text::new(&text), links: vec![] };
    let Some(entry) = entry else {
        return of_text(
            "It is in no queue. The records below are from the time when it was.".to_owned(),
        );
    };
    let newest = site.failures_with(id).first();
    let last = newest.map(|it| (site.headline(it), site.remedy(it)));
    match entry.status.label() {
        StatusLabel::Pending if tries(site, id).is_empty() && entry.last_attempt_at.is_none() => {
            of_text("It was never attempted and waits for its turn.".to_owned())
        }
        StatusLabel::Pending => of_text(match last {
            Some((headline, remedy)) => format!(
                "It waits for its next turn. The last failure: {headline}. Remedy: {remedy}."
            ),
            None => "It waits for its next turn.".to_owned(),
        }),
        StatusLabel::Failed if entry.regressed_at.is_some() => {
            let at = entry.regressed_at.map(|at| at.format("%Y-%m-%d").to_string());
            let at = at.unwrap_or_default();
            let text = format!("Its recipe worked before, and failed when it was tested on {at}.");
            of_text(match last {
                Some((headline, remedy)) => format!("{text} {headline}. Remedy: {remedy}."),
                None => text,
            })
        }
        StatusLabel::Failed => of_text(match last {
            Some((headline, remedy)) => format!("{headline}. Remedy: {remedy}."),
            None => "The failure itself is not recorded.".to_owned(),
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
    facts.push(("Queued", Text::of(Timestamp(entry.added_at))));
    let mut push_some = |name, text: Option<Text>| facts.extend(text.map(|text| (name, text)));
    push_some("Last attempt", entry.last_attempt_at.map(|at| Text::of(Timestamp(at))));
    push_some("Last probe", entry.last_probe_at.map(|at| Text::of(Timestamp(at))));
    push_some("Failures in a row", count(entry.consecutive_failures));
    push_some("Failures in a row not caused by it", count(entry.consecutive_faults));
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

/// The notes of the queue entry; without an entry, those of the newest failure.
fn notes(site: &Site<'_>, id: &PackageId, entry: Option<&QueueEntry>) -> Vec<Text> {
    let of_failure = || site.failures_with(id).first().map(|newest| &*newest.notes);
    let notes = entry.map(|entry| &*entry.notes).or_else(of_failure).unwrap_or_default();
    notes.iter().map(|note| Text::new(note)).collect()
}

fn count(n: u32) -> Option<Text> {
    (n > 0).then(|| Text::of(n))
}

/// One attempt, as far as records exist of it.
enum Try<'a> {
    Failed(&'a FailureRecord),
    /// The run has as many failure records as it counted, so the package succeeded.
    Succeeded(&'a RunRecord),
    /// Failure records of the run are missing, so the result is unknown.
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

    fn row(&self, site: &Site<'_>, id: &PackageId, is_newest: bool) -> Attempt {
        match self {
            Self::Failed(failure) => {
                let row = FailureRow::new(site, failure);
                let text = Text::of(format_args!("{} / {}", row.category, row.subcategory));
                let tail = if is_newest { NEWEST_TAIL } else { TAIL };
                let blank = Text::default();
                Attempt {
                    at: row.at,
                    word: row::word(failure),
                    cause: Some(Link { href: row.href, text }),
                    environment: row.environment,
                    executables_from: failure.executables_from.and_then(discovered),
                    run: Link::run(site, &failure.batch_id),
                    message: if is_newest { failure::message(failure) } else { row.line },
                    output: output(site, failure).map_or(blank, |text| Text::tail(text, tail)),
                }
            }
            Self::Succeeded(run) => {
                let name = site.recipe_name(id);
                let from = name.and_then(|name| run.executables_from.get(name)).copied();
                let executables_from = from.and_then(discovered);
                Attempt { executables_from, ..Attempt::of_run(site, run, "succeeded") }
            }
            Self::Unknown(run) => Attempt::of_run(site, run, "not_recorded"),
        }
    }
}

impl Attempt {
    fn of_run(site: &Site<'_>, run: &RunRecord, word: &'static str) -> Self {
        Self {
            at: Timestamp(run.timestamp),
            word,
            cause: None,
            environment: "",
            executables_from: None,
            run: Link::run(site, &run.batch_id),
            message: Text::default(),
            output: Text::default(),
        }
    }
}

/// The word for `from`; `None` for the registry, which tells them as a rule.
fn discovered(from: ExecutablesFrom) -> Option<&'static str> {
    (from != ExecutablesFrom::Registry).then(|| from.as_str())
}

fn output<'a>(site: &Site<'a>, failure: &FailureRecord) -> Option<&'a str> {
    match site.records.outputs.get(&failure.output.as_ref()?.sha256)? {
        StoredOutput::Whole(text) => Some(text),
        StoredOutput::TooOld | StoredOutput::Missing => None,
    }
}
