//! The rule that a missing file which all packages share says nothing about any of them.

use std::collections::{BTreeMap, BTreeSet};

use url::Url;

use super::scripted;
use crate::{
    Harness, Outcome,
    fixture::Case,
    harness::{End, Run},
    network::NOTHING,
};

/// The addresses that are requested for more than one package.
pub(crate) fn shared(harness: &Harness) -> BTreeSet<Url> {
    let mut packages: BTreeMap<&Url, BTreeSet<&str>> = BTreeMap::new();
    for (case, run) in &harness.runs {
        for url in &run.asked {
            packages.entry(url).or_default().insert(&case.package);
        }
    }
    let is_shared = |packages: &BTreeSet<&str>| 1 < packages.len();
    let shared = packages.iter().filter(|(_, packages)| is_shared(packages));
    shared.map(|(url, _)| (*url).clone()).collect()
}

pub(crate) fn absences_are_told(harness: &Harness) -> Outcome {
    if harness.subject.plugin.recipe_builder.is_none() {
        return Outcome::no_builder();
    }
    let mut problems = vec![];
    for url in shared(harness) {
        let asks = |(case, run): &&(Case, Run)| {
            run.recipe.is_some() && scripted(case).iter().any(|it| is_at(&it.answer.url, &url))
        };
        let Some((case, _)) = harness.runs.iter().find(asks) else { continue };
        let mut scripted = scripted(case);
        for answer in scripted.iter_mut().map(|it| &mut it.answer) {
            if is_at(&answer.url, &url) {
                (answer.status, answer.body) = (404, b"not found".to_vec());
            }
        }
        let run = harness.subject.ask(case.asked(), scripted, NOTHING);
        let is_of_package = match run.end {
            End::Absent => true,
            End::Failure(kind) => kind.row().category == "deterministic_insufficient",
            End::Recipe | End::GuardError(_) => false,
        };
        if is_of_package {
            problems.push(format!(
                "fixture {}: several packages ask for {url}; where that answers 404 it ends in {}, \
                 as if the package had been removed; use ask_listed or ask_listed_text",
                case.name, run.end
            ));
        }
    }
    problems.into()
}

fn is_at(address: &str, url: &Url) -> bool {
    Url::parse(address).is_ok_and(|address| address == *url)
}
