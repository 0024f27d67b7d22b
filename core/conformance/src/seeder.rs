//! The seeder: it asks declared hosts only, and any answer is a page or an error.

use std::sync::Arc;

use url::Url;

use super::{
    Bench, Outcome,
    bench::PATIENCE,
    guard,
    network::{Elsewhere, SimRegistry, Watched},
    quotas::is_covered,
};
use batch_core::{
    model::FailureKind,
    plugin::{EcosystemPlugin, Shape, SourceError},
};
use batch_sim::SimClock;

/// What may come in place of a list.
const ANSWERS: &[Elsewhere] = &[
    told(200, "application/json", "{}"),
    told(200, "application/json", "[]"),
    told(200, "application/json", ""),
    told(200, "application/json", "{\"a\":"),
    told(200, "application/json", "null"),
    told(200, "application/json", "[[[[[[[[]]]]]]]]"),
    told(200, "text/html", "<!doctype html><title>Just a moment...</title>"),
    told(200, "text/plain", "\u{feff}../x\n-rf\n\u{202e}\n"),
    told(403, "application/json", "{\"error\":\"no\"}"),
    told(404, "text/plain", "not found"),
    told(429, "text/plain", "slow down"),
    told(500, "text/plain", "oops"),
];

const fn told(status: u16, content_type: &'static str, body: &'static str) -> Elsewhere {
    Elsewhere { status, content_type, body }
}

pub(super) fn reads_declared_sources(bench: &Bench) -> Outcome {
    let Some(seeder) = bench.subject.plugin.seeder else { return Outcome::no_seeder() };
    let quotas = bench.subject.plugin.rate_limit.quotas();
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

pub(super) fn reads_any_answer(bench: &Bench) -> Outcome {
    if bench.subject.plugin.seeder.is_none_or(|seeder| seeder.sources().is_empty()) {
        return Outcome::no_seeder();
    }
    let plugin = bench.subject.plugin;
    let mut problems = vec![];
    for &answer in ANSWERS {
        let shown = answer.body;
        match guard::within(PATIENCE, "discover", move || discover(plugin, answer)) {
            Err(stuck) => problems.push(format!("on {shown:?} {stuck}")),
            Ok(Err(why)) => problems.push(why),
            Ok(Ok((errors, strays))) => {
                let of_unknown = |error: &&SourceError| {
                    let kind = error.finding().kind;
                    matches!(kind, FailureKind::Unclassified | FailureKind::EvidenceLost)
                };
                if errors.iter().any(|error| of_unknown(&error)) {
                    problems.push(format!("{shown:?} ends in an error of no kind"));
                }
                let advice = "declare that host in quotas()";
                problems.extend(strays.iter().map(|url| format!("it asks {url}; {advice}")));
            }
        }
    }
    problems.into()
}

type Discovered = (Vec<SourceError>, Vec<String>);

fn discover(plugin: &EcosystemPlugin, answer: Elsewhere) -> Result<Discovered, String> {
    let Some(seeder) = plugin.seeder else { return Err("it has no seeder".to_owned()) };
    let clock = SimClock::default();
    let network = Arc::new(SimRegistry::new(clock.clone(), vec![], answer));
    let http = Watched::new(plugin, &network)?;
    let mut errors = vec![];
    for source in seeder.sources() {
        errors.extend(clock.run(seeder.discover(&http, source, None, 10)).err());
    }
    Ok((errors, http.strays()))
}
