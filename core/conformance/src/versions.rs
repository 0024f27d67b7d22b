//! The rule that the newest version is found by its numbers: 1.10 comes after 1.9.

use url::Url;

use super::{Harness, Outcome, fixture::ExpectedOutcome};

pub(super) fn are_compared_by_number(harness: &Harness) -> Outcome {
    if harness.subject.plugin.recipe_builder.is_none() {
        return Outcome::no_builder();
    }
    if harness.runs.is_empty() {
        return Outcome::no_fixtures();
    }
    let mut problems = vec![];
    // Whether a case states what is older, and whether one distinguishes texts from numbers.
    let (mut is_said, mut is_one_version, mut tells) = (false, true, false);
    for (case, run) in &harness.runs {
        let Some(older) = &case.older else { continue };
        is_said |= matches!(case.ends, ExpectedOutcome::Recipe(_));
        is_one_version &= older.is_empty();
        let name = &case.name;
        let Some(version) = run.facts.as_ref().map(|facts| &facts.version) else {
            // It may have failed because it requested the files of an older version.
            let of = |url: &Url| older.iter().find(|it| url.as_str().contains(it.as_str()));
            let asked = run.asked.iter().find_map(|url| Some((url, of(url)?)));
            problems.extend(asked.map(|(url, version)| {
                format!("fixture {name}: it asks {url}: {}", compared(version))
            }));
            continue;
        };
        if older.contains(version) {
            let what = compared(version);
            problems.push(format!("fixture {name}: the facts are of an older version: {what}"));
        }
        for version in older.iter().filter(|version| !case.mentions(version)) {
            problems.push(format!("fixture {name}: no answer lists the older version {version}"));
        }
        tells |= older.iter().any(|older| version < older);
    }
    let example = "as 1.9 beside 1.10";
    if !is_said {
        problems.push(format!(
            "no case that ends in a recipe says `older = […]`: list there the versions that its \
             registry has beside the newest, {example}, or none where it tells only one version"
        ));
    } else if !is_one_version && !tells && problems.is_empty() {
        problems.push(format!(
            "no case has an older version that a comparison of texts would take for the newest, \
             {example}; add one to its answers and to `older`"
        ));
    }
    problems.into()
}

fn compared(version: &str) -> String {
    format!("case.toml calls {version} older; compare versions by their numbers")
}
