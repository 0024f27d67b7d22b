//! The page of one package: its status, the rule that put it there, what happens next, and its
//! attempts.

use askama::Template;
use batch_core::{
    decide::explain::{Explanation, History},
    model::{PackageId, QueueEntry, RunRecord, Status},
};

use super::{
    Page, cell, chart,
    frame::Frame,
    matrix,
    row::{self, Link, NOT_QUEUED},
    strip,
    table::{Cell, Column, ColumnKind as Kind, Row, Table, TableView},
};
use crate::{
    explained::{self, Places},
    html::Html,
    known::Known,
    path,
    site::Site,
    text::{Text, Timestamp, counted, duration, https_url},
    tried::Tried,
};

/// How many attempts are shown; the lists of failures have the others.
const N_ATTEMPTS: usize = 20;

#[derive(Template)]
#[template(path = "package.html")]
struct PackagePage<'a> {
    frame: Frame,
    name: Text,
    ecosystem: Link,
    status: &'static str,
    rule: Text,
    history: &'static str,
    next_at: Option<Timestamp>,
    next: Text,
    last: Option<(Link, Text)>,
    strip: Html,
    facts: Html,
    out: Vec<(&'static str, String)>,
    commands: Vec<Text>,
    matrix: Option<chart::FigureView<'a>>,
    attempts: Option<TableView<'a>>,
    n_attempts: usize,
    recipe: Option<(Text, Text)>,
}

const ATTEMPTS: &[Column] = &[
    Column::new("Time", Kind::Time),
    Column::new("Outcome", Kind::Status),
    Column::new("What happened", Kind::Line),
    Column::new("Kind", Kind::Other),
    Column::new("Whole output", Kind::Other),
    Column::new("Tests took", Kind::Number),
    Column::new("Commands from", Kind::Other),
    Column::new("Run", Kind::Other),
];

pub(super) fn build(site: &Site<'_>, places: &Places<'_>, known: &Known<'_>) -> Page {
    let &Known { id, entry, .. } = known;
    let path = path::package(id);
    let root = path::root_of(&path);
    let explanation = explained::package(site, places, known);
    let newest = known.attempts(&site.attempts).next();
    let failure = newest.and_then(|it| it.failures.first());
    let as_of = newest.map(|it| it.at).max(entry.map(QueueEntry::waiting_since));
    let attempts = Table {
        id: "attempts",
        caption: Text::new("Attempts, newest first"),
        columns: ATTEMPTS,
        rows: known
            .attempts(&site.attempts)
            .take(N_ATTEMPTS)
            .map(|it| attempt(site, known, it))
            .collect(),
    };
    let matrix = matrix::of_package(site, known);
    let recipe = site.recipe(id);
    let page = PackagePage {
        frame: Frame::fixed(&path, &id.to_string(), "Packages", as_of),
        name: Text::new(id.name.as_str()),
        ecosystem: Link::ecosystem(&id.ecosystem),
        status: entry.map_or(NOT_QUEUED, |entry| row::status(entry.status.label())),
        rule: sentence(&explanation.rule),
        history: explanation.history.map_or("", History::meaning),
        next_at: explanation.next_attempt.at.map(Timestamp),
        next: Text::new(&explanation.next_attempt.why),
        last: failure.map(|failure| {
            let headline = Link::failure(site, failure);
            (headline, Text::of(site.remedy(failure)))
        }),
        strip: strip::cell(site, Some(known)).view(root),
        facts: cell::facts(root, &facts(site, known)),
        out: out(site, known),
        commands: commands(&explanation),
        matrix: matrix.as_ref().map(|figure| figure.view(root)),
        attempts: newest.map(|_| attempts.view(root)),
        n_attempts: known.n_attempts(),
        recipe: recipe.map(|(name, toml)| (Text::of(name), Text::new(toml))),
    };
    super::page(path, &page)
}

fn commands(explanation: &Explanation) -> Vec<Text> {
    explanation.commands.iter().map(|command| Text::new(command)).collect()
}

/// `text` with a capital and a full stop.
fn sentence(text: &str) -> Text {
    let mut text = [text.trim_end_matches('.'), "."].concat();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    Text::new(&text)
}

fn facts(site: &Site<'_>, known: &Known<'_>) -> Vec<(&'static str, Cell)> {
    let &Known { id, entry, .. } = known;
    let mut facts = vec![("Id", Cell::of(id))];
    if let Some(name) = known.recipe {
        let is_here = site.records.recipes.contains_key(name);
        let here = Link::new(format!("{}#recipe", path::package(id)), name);
        let recipe = if is_here { Cell::Link(here) } else { Cell::text(name) };
        facts.push(("Recipe", recipe));
    }
    if let Some(entry) = entry {
        facts.extend(of_entry(site, entry));
    }
    facts.push(("Notes", Cell::text(notes(known).join("; "))));
    if let Some(blocker) = site.blocker(id) {
        let list = path::list(&path::blocker(&id.ecosystem, &id.name), 1);
        let waiting = counted(blocker.waiting.len(), "package");
        facts.push(("Blocks", Cell::Link(Link::new(list, waiting))));
    }
    facts
}

fn of_entry(site: &Site<'_>, entry: &QueueEntry) -> Vec<(&'static str, Cell)> {
    let time = |at: Option<chrono::DateTime<chrono::Utc>>| Cell::time(at.map(Timestamp));
    let package = |id: &Option<PackageId>| {
        id.as_ref()
            .map_or(Cell::None, |id| Cell::link(Link::new(site.package_href(id), Text::of(id))))
    };
    let count = |n: u32| if n == 0 { Cell::None } else { Cell::Number(n.into()) };
    let waits_for = if let Status::Blocked { by } = &entry.status {
        let list = |name| path::list(&path::blocker(&entry.id.ecosystem, name), 1);
        let links = by.iter().map(|name| Link::new(list(name), name)).collect();
        Cell::Links(Text::default(), links)
    } else {
        Cell::None
    };
    let in_pull_request = if let Status::InProgress { batch } = &entry.status {
        Cell::link(Link::run(site, &batch.to_string()))
    } else {
        Cell::None
    };
    let last_batch = entry.last_batch.as_ref().map(ToString::to_string);
    vec![
        ("Waits for", waits_for),
        ("In the pull request of", in_pull_request),
        ("Not before", time(entry.next_retry_at)),
        ("Tier", Cell::Number(u8::from(entry.tier).into())),
        ("Queued", Cell::Time(Timestamp(entry.added_at))),
        ("Last attempt", time(entry.last_attempt_at)),
        ("Last run", last_batch.map_or(Cell::None, |id| Cell::link(Link::run(site, &id)))),
        ("Last probe", time(entry.last_probe_at)),
        ("Verified before", time(entry.verified_at)),
        ("Failed after it had worked", time(entry.regressed_at)),
        ("Failures in a row", count(entry.consecutive_failures)),
        ("Failures in a row not caused by it", count(entry.consecutive_faults)),
        ("Moved here from", package(&entry.routed_from)),
        ("Taken from instead", package(&entry.routed_to)),
        (
            "Popularity",
            entry.popularity.as_ref().map_or(Cell::None, |it| {
                let period = it.period_days.map_or(String::new(), |n| format!(" in {n} days"));
                Cell::of(format_args!(
                    "{} {}{period} ({}, {})",
                    it.value, it.unit, it.source, it.as_of
                ))
            }),
        ),
        ("Version", entry.upstream_version.as_deref().map_or(Cell::None, Cell::text)),
        ("Generator", entry.generator_version.as_deref().map_or(Cell::None, Cell::text)),
    ]
}

/// The notes of the queue entry; without an entry, those of the newest failure.
fn notes<'a>(known: &Known<'a>) -> &'a [String] {
    let of_failure = || known.failures.first().map(|newest| &*newest.notes);
    known.entry.map(|entry| &*entry.notes).or_else(of_failure).unwrap_or_default()
}

/// Links to other sites.
fn out(site: &Site<'_>, known: &Known<'_>) -> Vec<(&'static str, String)> {
    let id = known.id;
    let mut out = vec![];
    out.extend(site.registry_page(id).map(|url| ("registry", url)));
    if let Some((name, toml)) = site.recipe(id) {
        out.extend(homepage(toml).map(|url| ("homepage", url)));
        let file = batch_core::model::slug(name.as_str());
        let path = format!("recipes/{}/{file}.toml", &file[..1]);
        out.extend(site.on_forge(&path).map(|url| ("recipe on the forge", url)));
    }
    let runs = || known.attempts(&site.attempts).filter_map(|it| it.run);
    let workflow = runs().find_map(|run: &RunRecord| https_url(run.workflow_run_url.as_deref()?));
    out.extend(workflow.map(|url| ("newest workflow run", url)));
    out
}

/// The address that a recipe gives as the homepage of its package.
fn homepage(toml: &str) -> Option<String> {
    let line = toml.lines().find_map(|line| line.strip_prefix("homepage = \""))?;
    https_url(line.split_once('"')?.0)
}

fn attempt(site: &Site<'_>, known: &Known<'_>, tried: &Tried<'_>) -> Row {
    let failure = tried.failures.first();
    let took: u64 = tried.run.map_or(0, |run| {
        let own = run.results.iter().filter(|it| it.package_id == *tried.package);
        own.map(|it| it.duration_ms).sum()
    });
    let name = known.recipe;
    let from = match failure {
        Some(failure) => failure.executables_from,
        None => name.and_then(|name| tried.run?.executables_from.get(name)).copied(),
    };
    Row::from([
        Cell::Time(Timestamp(tried.at)),
        Cell::Word(tried.ended.as_str()),
        failure.map_or(Cell::None, |it| Cell::Link(Link::failure(site, it))),
        failure.map_or(Cell::None, |it| Cell::of(it.kind())),
        Cell::Links(
            Text::default(),
            tried
                .failures
                .iter()
                .filter(|it| it.output.is_some())
                .map(|it| {
                    let place = it.environment.map_or("output", |it| it.as_str());
                    Link::new(format!("{}#output", site.shown(it).href), place)
                })
                .collect(),
        ),
        if took == 0 { Cell::None } else { Cell::text(duration(took.div_ceil(1000))) },
        from.map_or(Cell::None, |from| Cell::text(from.as_str())),
        Cell::link(Link::run(site, tried.batch_id)),
    ])
}
