//! Lists as registries answer them: what a seeder hands on of a fixture, page by page.

mod failures;

use std::{collections::BTreeSet, path::Path, sync::Arc};

use serde::Deserialize;

use super::{
    Bench, Outcome,
    bench::PATIENCE,
    fixture::{self, Answer, Parts, Planned},
    guard,
    network::{NOTHING, SimRegistry, Told, Watched},
    shuffle::shuffled,
};
use batch_core::{
    model::{Candidate, CommandName, Page},
    plugin::{EcosystemPlugin, SourceError},
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
    strays: Vec<String>,
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
    bench: &Bench,
    check: impl Fn(&'static EcosystemPlugin, &List) -> Result<Vec<String>, String>,
) -> Outcome {
    if bench.subject.plugin.seeder.is_none() {
        return Outcome::no_seeder();
    }
    let lists = match lists(&bench.subject.home) {
        Ok(lists) => lists,
        Err(why) => return vec![format!("a list fixture cannot be read: {why}")].into(),
    };
    if lists.is_empty() {
        return Outcome::NotApplicable(
            "there is no list fixture yet; write one, as core/conformance/README.md, Fixtures, says".to_owned(),
        );
    }
    let found = lists.iter().flat_map(|list| {
        let problems = check(bench.subject.plugin, list).unwrap_or_else(|why| vec![why]);
        problems.into_iter().map(|problem| format!("fixture {}: {problem}", list.name))
    });
    found.collect::<Vec<_>>().into()
}

impl List {
    fn told(&self) -> Result<Vec<Told>, String> {
        let answers = fixture::packed(&self.document.answers, &self.parts, |_| {})?;
        Ok(answers.into_iter().map(Told::from).collect())
    }

    /// The page at `cursor`; the error says how it stuck.
    fn ask(
        &self,
        plugin: &'static EcosystemPlugin,
        told: Vec<Told>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Asked, String> {
        let (source, cursor) = (self.document.source.clone(), cursor.map(str::to_owned));
        let limit = if limit == 0 { ALL } else { limit };
        let work = move || discover(plugin, &source, told, cursor.as_deref(), limit);
        guard::within(PATIENCE, "discover", work).unwrap_or_else(|stuck| Err(stuck.to_string()))
    }

    /// The pages with `limit` candidates each, to the end.
    fn pages(&self, plugin: &'static EcosystemPlugin, limit: usize) -> Result<Vec<Page>, String> {
        let most = 3 * self.document.candidates.len() + 10;
        let (mut pages, mut cursor, mut known) = (vec![], None::<String>, BTreeSet::new());
        loop {
            let asked = self.ask(plugin, self.told()?, cursor.as_deref(), limit)?;
            if let Some(url) = asked.strays.first() {
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
    told: Vec<Told>,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Asked, String> {
    let seeder = plugin.seeder.ok_or("it has no seeder")?;
    let found = seeder.sources().iter().find(|it| it.name == source);
    let source = found.ok_or_else(|| format!("Seeder::sources names no {source:?}; add it"))?;
    let clock = SimClock::default();
    let network = Arc::new(SimRegistry::new(clock.clone(), told, NOTHING));
    let http = Watched::new(plugin, &network)?;
    let page = clock.run(seeder.discover(&http, source, cursor, limit));
    Ok(Asked { page, strays: http.strays() })
}

fn said(error: &SourceError) -> String {
    let cause: &dyn std::error::Error = error;
    let said = std::iter::successors(Some(cause), |error| error.source());
    said.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

pub(super) fn are_golden(bench: &Bench) -> Outcome {
    of_lists(bench, |plugin, list| {
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
            let mut told = list.told()?;
            for Answer { body, .. } in told.iter_mut().map(|told| &mut told.answer) {
                *body = shuffled(body, &mut rng);
            }
            if list.ask(plugin, told, None, limit)?.page.ok().as_ref() != pages.first() {
                let advice = "sort what comes from a map, or keep it in a BTreeMap";
                problems.push(format!("keys in another order give another page; {advice}"));
                break;
            }
        }
        Ok(problems)
    })
}

pub(super) fn are_paged(bench: &Bench) -> Outcome {
    of_lists(bench, |plugin, list| {
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
            match list.ask(plugin, list.told()?, Some(cursor), limit) {
                Err(stuck) => problems.push(format!("at the cursor {cursor:?} {stuck}")),
                Ok(Asked { strays, .. }) => problems.extend(
                    strays.iter().map(|url| format!("at the cursor {cursor:?} it asks {url}")),
                ),
            }
        }
        Ok(problems)
    })
}
