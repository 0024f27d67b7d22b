//! Lists as registries answer them: what a seeder hands on of a fixture, page by page.

mod failures;

use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};

use serde::Deserialize;

use super::{
    Harness, Outcome,
    answers::{Answer, Parts, Planned, packed},
    blocking, fixture, guard,
    harness::PATIENCE,
    network::{NOTHING, RecordingHttp, ScriptedAnswer, SimRegistry},
    shuffle::shuffled,
};
use batch_core::{
    model::{Candidate, CommandName, Page},
    plugin::{EcosystemPlugin, PageRequest, Seeder, Shape, SourceError},
};
use batch_sim::SimClock;

pub(super) use failures::are_told;

/// Without limit.
const ALL: usize = usize::MAX;
/// Cursors that no page has given.
const ODD_CURSORS: [&str; 5] = ["", "x", "-1", "18446744073709551615", "1 2 3"];
/// Each with its keys in an order of its own.
const N_ORDERS: u64 = 4;

/// `list.toml`: what a registry answers about one source, and what must come of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[expect(dead_code, reason = "for people")]
    about: String,
    source: String,
    /// In the words of [`shown`], in order.
    candidates: Vec<String>,
    /// Candidates on a page; 0 is as many as there are. With others there are no answers.
    #[serde(default = "any_limits")]
    limits: Vec<usize>,
    answers: Vec<Planned>,
}

fn any_limits() -> Vec<usize> {
    vec![1, 2, 0]
}

/// A fixture of a list.
struct List {
    name: String,
    document: Document,
    parts: Parts,
}

/// What came of asking for one page.
struct Asked {
    page: Result<Page, SourceError>,
    undeclared_requests: Vec<String>,
    /// The longest time for which the plugin kept its thread without working.
    blocked: Duration,
}

/// The longest time for which the first page of any list keeps its thread without working.
pub(super) fn longest_block(harness: &Harness) -> Duration {
    let blocked = lists(&harness.subject.home).unwrap_or_default().into_iter().filter_map(|list| {
        let limit = list.document.limits.last().copied().unwrap_or_default();
        Some(list.ask(harness.subject.plugin, list.scripted().ok()?, None, limit).ok()?.blocked)
    });
    harness.subject.plugin.seeder.and_then(|_| blocked.max()).unwrap_or_default()
}

/// Whether a fixture shows that the list `source` does not tell the commands of a candidate.
pub(super) fn leaves_commands_unknown(harness: &Harness, source: &str) -> bool {
    let is_unknown = |list: &List| {
        let limit = list.document.limits.last().copied().unwrap_or_default();
        let pages = list.pages(harness.subject.plugin, limit).unwrap_or_default();
        pages.iter().flat_map(|page| &page.candidates).any(|it| it.commands.is_none())
    };
    let lists = lists(&harness.subject.home).unwrap_or_default();
    lists.iter().filter(|list| list.document.source == source).any(is_unknown)
}

fn lists(home: &Path) -> Result<Vec<List>, String> {
    let mut lists = vec![];
    for folder in fixture::entries(&home.join("fixtures"))? {
        let path = folder.join(fixture::LIST);
        if path.exists() {
            let odd = |why: String| format!("{}: {why}", path.display());
            let document = toml::from_str(&fixture::text(&path)?);
            let document = document.map_err(|error| odd(error.to_string()))?;
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            lists.push(List { name, document, parts: fixture::parts(&folder).map_err(odd)? });
        }
    }
    Ok(lists)
}

/// A candidate as fixtures write it: `lion, 7 downloads, commands roar yawn`.
fn shown(candidate: &Candidate) -> String {
    let Candidate { id, popularity, commands, .. } = candidate;
    let popularity = popularity.as_ref().map(|it| format!(", {} {}", it.value, it.unit));
    let commands = commands.as_ref().map(|names| {
        let names: Vec<&str> = names.iter().map(CommandName::as_str).collect();
        format!(", commands {}", names.join(" "))
    });
    format!("{}{}{}", id.name, popularity.unwrap_or_default(), commands.unwrap_or_default())
}

/// What `check` finds in each list; the plugin may have none.
fn of_lists(
    harness: &Harness,
    check: impl Fn(&'static EcosystemPlugin, &List) -> Result<Vec<String>, String>,
) -> Outcome {
    if harness.subject.plugin.seeder.is_none() {
        return Outcome::no_seeder();
    }
    let lists = match lists(&harness.subject.home) {
        Ok(lists) => lists,
        Err(why) => return vec![format!("a list fixture cannot be read: {why}")].into(),
    };
    if lists.is_empty() {
        return Outcome::NotApplicable(
            "there is no list fixture yet; write one, as core/conformance/README.md, Fixtures, says".to_owned(),
        );
    }
    let found = lists.iter().flat_map(|list| {
        let problems = check(harness.subject.plugin, list).unwrap_or_else(|why| vec![why]);
        problems.into_iter().map(|problem| format!("fixture {}: {problem}", list.name))
    });
    found.collect::<Vec<_>>().into()
}

impl List {
    fn scripted(&self) -> Result<Vec<ScriptedAnswer>, String> {
        let answers = packed(&self.document.answers, &self.parts, |_| {})?;
        Ok(answers.into_iter().map(ScriptedAnswer::from).collect())
    }

    /// Whether the list of this fixture consists of what lies at `url`, or begins there.
    fn is_source(&self, plugin: &EcosystemPlugin, url: &str) -> bool {
        let sources = plugin.seeder.map(Seeder::sources).unwrap_or_default();
        sources.iter().filter(|it| it.name == self.document.source).any(|source| {
            let is_file = matches!(source.shape, Shape::Files(files) if files.contains(&url));
            is_file || source.url == url
        })
    }

    /// The page at `cursor`; the error says how it stuck.
    fn ask(
        &self,
        plugin: &'static EcosystemPlugin,
        scripted: Vec<ScriptedAnswer>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Asked, String> {
        let (source, cursor) = (self.document.source.clone(), cursor.map(str::to_owned));
        let limit = if limit == 0 { ALL } else { limit };
        let work = move || discover(plugin, &source, scripted, cursor.as_deref(), limit);
        guard::within(PATIENCE, "discover", work).unwrap_or_else(|stuck| Err(stuck.to_string()))
    }

    /// The pages with `limit` candidates each, to the end.
    fn pages(&self, plugin: &'static EcosystemPlugin, limit: usize) -> Result<Vec<Page>, String> {
        let most = 3 * self.document.candidates.len() + 10;
        let (mut pages, mut cursor, mut known) = (vec![], None::<String>, BTreeSet::new());
        loop {
            let asked = self.ask(plugin, self.scripted()?, cursor.as_deref(), limit)?;
            if let Some(url) = asked.undeclared_requests.first() {
                return Err(format!("it asks {url}; declare that host in quotas()"));
            }
            let page =
                asked.page.map_err(|error| format!("it cannot be read: {}", said(&error)))?;
            cursor.clone_from(&page.next_cursor);
            pages.push(page);
            let Some(next) = &cursor else { return Ok(pages) };
            if !known.insert(next.clone()) || most < pages.len() {
                return Err(format!("its pages never end: the cursor {next:?} comes again"));
            }
        }
    }
}

fn discover(
    plugin: &EcosystemPlugin,
    source: &str,
    scripted: Vec<ScriptedAnswer>,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Asked, String> {
    let seeder = plugin.seeder.ok_or("it has no seeder")?;
    let found = seeder.sources().iter().find(|it| it.name == source);
    let source = found.ok_or_else(|| format!("Seeder::sources names no {source:?}; add it"))?;
    let clock = SimClock::default();
    let network = Arc::new(SimRegistry::new(clock.clone(), scripted, NOTHING));
    let http = RecordingHttp::new(plugin, &network)?;
    let wanted = PageRequest { cursor, limit, ..PageRequest::first(plugin, &http, source) };
    let (page, blocked) = clock.run(blocking::RecordingHttp::new(wanted.page(seeder)));
    Ok(Asked { page, undeclared_requests: http.undeclared_requests(), blocked })
}

fn said(error: &SourceError) -> String {
    let cause: &dyn std::error::Error = error;
    let said = std::iter::successors(Some(cause), |error| error.source());
    said.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

pub(super) fn are_golden(harness: &Harness) -> Outcome {
    of_lists(harness, |plugin, list| {
        let limit = list.document.limits.last().copied().unwrap_or_default();
        let pages = list.pages(plugin, limit)?;
        let mut problems = vec![];
        let candidates: Vec<&Candidate> = pages.iter().flat_map(|page| &page.candidates).collect();
        let found: Vec<String> = candidates.iter().map(|it| shown(it)).collect();
        if found != list.document.candidates {
            let golden = &list.document.candidates;
            problems.push(format!("the candidates are {found:?} where list.toml says {golden:?}"));
        }
        for id in candidates.iter().map(|it| &it.id) {
            if id.ecosystem != plugin.id {
                problems.push(format!("{} is of the ecosystem {}", id.name, id.ecosystem));
            }
            if plugin.names.normalise(id.name.as_str()).as_ref() != Ok(&id.name) {
                problems.push(format!("{} is not as Names::normalise spells it", id.name));
            }
        }
        if list.pages(plugin, limit)? != pages {
            problems.push("the same answers give another page; sort what comes from a map".into());
        }
        for seed in 1..=N_ORDERS {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut scripted = list.scripted()?;
            for Answer { body, .. } in scripted.iter_mut().map(|scripted| &mut scripted.answer) {
                *body = shuffled(body, &mut rng);
            }
            if list.ask(plugin, scripted, None, limit)?.page.ok().as_ref() != pages.first() {
                let advice = "sort what comes from a map, or keep it in a BTreeMap";
                problems.push(format!("keys in another order give another page; {advice}"));
                break;
            }
        }
        Ok(problems)
    })
}

pub(super) fn are_paged(harness: &Harness) -> Outcome {
    of_lists(harness, |plugin, list| {
        let mut problems = vec![];
        for &limit in &list.document.limits {
            let pages = list.pages(plugin, limit)?;
            let most = pages.iter().map(|page| page.candidates.len()).max().unwrap_or_default();
            if 0 < limit && limit < most {
                problems.push(format!("a page of at most {limit} has {most} candidates"));
            }
            let candidates = pages.iter().flat_map(|page| &page.candidates);
            let found: Vec<String> = candidates.map(shown).collect();
            if found != list.document.candidates {
                problems.push(format!("in pages of {limit} the candidates are {found:?}"));
            }
        }
        let limit = list.document.limits.first().copied().unwrap_or_default();
        for cursor in ODD_CURSORS {
            match list.ask(plugin, list.scripted()?, Some(cursor), limit) {
                Err(stuck) => problems.push(format!("at the cursor {cursor:?} {stuck}")),
                Ok(Asked { undeclared_requests, .. }) => problems.extend(
                    undeclared_requests
                        .iter()
                        .map(|url| format!("at the cursor {cursor:?} it asks {url}")),
                ),
            }
        }
        Ok(problems)
    })
}
