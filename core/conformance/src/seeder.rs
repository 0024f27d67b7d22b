//! The seeder: it asks declared hosts only, and any answer is a page or an error.

use std::{collections::BTreeSet, sync::Arc};

use url::Url;

use super::{
    Harness, Outcome, guard,
    harness::{PATIENCE, Run},
    hostile, lists,
    network::{FallbackAnswer, RecordingHttp, SimRegistry},
    quotas::is_covered,
};
use batch_core::{
    model::FailureKind,
    plugin::{EcosystemPlugin, PageRequest, Shape, SourceError},
};
use batch_sim::SimClock;

/// What may come in place of a list.
const ANSWERS: &[FallbackAnswer] = &[
    scripted(200, "application/json", "{}"),
    scripted(200, "application/json", "[]"),
    scripted(200, "application/json", ""),
    scripted(200, "application/json", "{\"a\":"),
    scripted(200, "application/json", "null"),
    scripted(200, "application/json", "[[[[[[[[]]]]]]]]"),
    scripted(200, "text/html", "<!doctype html><title>Just a moment...</title>"),
    scripted(200, "text/plain", "\u{feff}../x\n-rf\n\u{202e}\n"),
    scripted(403, "application/json", "{\"error\":\"no\"}"),
    scripted(404, "text/plain", "not found"),
    scripted(429, "text/plain", "slow down"),
    scripted(500, "text/plain", "oops"),
];

const fn scripted(status: u16, content_type: &'static str, body: &'static str) -> FallbackAnswer {
    FallbackAnswer { status, content_type, body }
}

pub(super) fn reads_declared_sources(harness: &Harness) -> Outcome {
    let Some(seeder) = harness.subject.plugin.seeder else { return Outcome::no_seeder() };
    let quotas = harness.subject.plugin.rate_limit.quotas();
    let sources = seeder.sources();
    let mut problems = vec![];
    if sources.is_empty() {
        let advice = "name what it reads in Seeder::sources, or set `seeder: None`";
        problems.push(format!("it reads nothing; {advice}"));
    }
    for (i, source) in sources.iter().enumerate() {
        let name = source.name;
        if name.is_empty() || sources[..i].iter().any(|other| other.name == name) {
            problems.push(format!("two sources are called {name:?}, or it is empty; rename one"));
        }
        let files = match source.shape {
            Shape::Files(files) => files,
            Shape::Pages(_) => &[],
        };
        for address in [source.url].iter().chain(files).chain(source.per_candidate) {
            let url = Url::parse(address).ok();
            if !url.is_some_and(|url| is_covered(&url, quotas)) {
                problems.push(format!(
                    "the source {name} reads {address}, which is at no declared host; see quotas()"
                ));
            }
        }
    }
    problems.into()
}

/// An estimate counts what is asked about each candidate whose commands its list does not tell.
pub(super) fn estimates_are_complete(harness: &Harness) -> Outcome {
    let Some(seeder) = harness.subject.plugin.seeder else { return Outcome::no_seeder() };
    let shared = hostile::shared(harness);
    // What is asked about a package that has a recipe, one request each.
    let of_package = |run: &Run| -> BTreeSet<Url> {
        run.asked.iter().filter(|url| !shared.contains(url)).cloned().collect()
    };
    let runs = harness.runs.iter().filter(|(_, run)| run.recipe.is_some());
    let Some(asked) = runs.map(|(_, run)| of_package(run)).min_by_key(BTreeSet::len) else {
        return Outcome::no_recipe();
    };
    let mut problems = vec![];
    for source in seeder.sources() {
        if !lists::leaves_commands_unknown(harness, source.name) {
            continue;
        }
        let n_told = source.per_candidate.len();
        if n_told < asked.len() {
            let asked: Vec<&str> = asked.iter().map(Url::as_str).collect();
            problems.push(format!(
                "the source {} names {n_told} requests for each candidate whose commands it does \
                 not tell, and inspect sends {}: {}; name them in per_candidate",
                source.name,
                asked.len(),
                asked.join(" ")
            ));
        }
        let hosts: BTreeSet<Option<String>> =
            source.per_candidate.iter().map(|it| host(it)).collect();
        for url in asked.iter().filter(|url| !hosts.contains(&host(url.as_str()))) {
            problems.push(format!(
                "inspect asks {url}, and per_candidate of the source {} names no address there",
                source.name
            ));
        }
    }
    problems.into()
}

fn host(address: &str) -> Option<String> {
    Url::parse(address).ok()?.host_str().map(str::to_owned)
}

pub(super) fn reads_any_answer(harness: &Harness) -> Outcome {
    if harness.subject.plugin.seeder.is_none_or(|seeder| seeder.sources().is_empty()) {
        return Outcome::no_seeder();
    }
    let plugin = harness.subject.plugin;
    let mut problems = vec![];
    for &answer in ANSWERS {
        let shown = answer.body;
        match guard::within(PATIENCE, "discover", move || discover(plugin, answer)) {
            Err(stuck) => problems.push(format!("on {shown:?} {stuck}")),
            Ok(Err(why)) => problems.push(why),
            Ok(Ok((errors, undeclared_requests))) => {
                let of_unknown = |error: &&SourceError| {
                    let kind = error.finding().kind;
                    matches!(kind, FailureKind::Unclassified | FailureKind::EvidenceLost)
                };
                if errors.iter().any(|error| of_unknown(&error)) {
                    problems.push(format!("{shown:?} ends in an error of no kind"));
                }
                let advice = "declare that host in quotas()";
                problems.extend(
                    undeclared_requests.iter().map(|url| format!("it asks {url}; {advice}")),
                );
            }
        }
    }
    problems.into()
}

type Discovered = (Vec<SourceError>, Vec<String>);

fn discover(plugin: &EcosystemPlugin, answer: FallbackAnswer) -> Result<Discovered, String> {
    let Some(seeder) = plugin.seeder else { return Err("it has no seeder".to_owned()) };
    let clock = SimClock::default();
    let network = Arc::new(SimRegistry::new(clock.clone(), vec![], answer));
    let http = RecordingHttp::new(plugin, &network)?;
    let mut errors = vec![];
    for source in seeder.sources() {
        let wanted = PageRequest { limit: 10, ..PageRequest::first(plugin, &http, source) };
        errors.extend(clock.run(wanted.page(seeder)).err());
    }
    Ok((errors, http.undeclared_requests()))
}
