//! The rules about facts: they describe the requested package, and they can be stored and shown
//! safely.

use url::Url;

use super::{Harness, Outcome};
use batch_core::{
    decide::clean::without_commands,
    model::{PackageFacts, is_hidden},
};

/// What is said to have been compared with its digest was sent to the plugin, and all of it.
pub(super) fn digests_were_compared(harness: &Harness) -> Outcome {
    let mut problems = vec![];
    for (case, run) in &harness.runs {
        let answers = case.packed().unwrap_or_default();
        let artifacts = run.facts.iter().flat_map(|facts| &facts.artifacts);
        for artifact in artifacts {
            let Some(said) = artifact.digest_verified else { continue };
            let (url, name) = (&artifact.url, &case.name);
            // A fragment is never sent.
            let address = url.split('#').next().unwrap_or(url);
            let n_sent = Url::parse(address).ok().and_then(|url| run.sent.get(&url).copied());
            let n_sent = n_sent.unwrap_or_default();
            let whole = answers.iter().find(|answer| answer.url == address);
            let n_whole = whole.map_or(usize::MAX, |answer| answer.body.len());
            if n_sent == 0 {
                problems.push(format!(
                    "{name}: digest_verified of {url} is {said}, and nothing of it was read; say \
                     None, as Artifact::unread does"
                ));
            } else if said && n_sent < n_whole {
                problems.push(format!(
                    "{name}: the digest of {url} is said to be verified, and only {n_sent} bytes of \
                     {n_whole} were read; say Some(false)"
                ));
            }
        }
    }
    if harness.facts().next().is_none() { Outcome::no_recipe() } else { problems.into() }
}

pub(super) fn are_fit_to_store(harness: &Harness) -> Outcome {
    let mut problems = vec![];
    for (case, facts) in harness.facts() {
        let name = &case.name;
        if facts.id.ecosystem != harness.subject.plugin.id {
            problems.push(format!("{name}: the facts are of ecosystem {}", facts.id.ecosystem));
        }
        if let Ok(asked) = harness.subject.plugin.names.normalise(&case.package)
            && facts.id.name != asked
        {
            let found = &facts.id.name;
            problems.push(format!("{name}: the facts are of {found}, not of {asked}"));
        }
        if facts.homepage.as_ref().is_some_and(|url| !url.starts_with("https://")) {
            problems.push(format!("{name}: the homepage is not https; leave it out"));
        }
        let texts = facts.notes.iter().chain([&facts.description, &facts.version]);
        let texts = texts.chain(&facts.printed_version);
        let is_unfit = |text: &&String| {
            text.chars().any(is_hidden) || without_commands(text.as_str()) != **text
        };
        if texts.into_iter().any(|text| is_unfit(&text)) {
            let advice = "use decide::recipe::one_line";
            problems.push(format!(
                "{name}: a text has a line break, a hidden character or a command to CI; {advice}"
            ));
        }
        let stored = serde_json::to_string(facts).ok();
        let read = stored.and_then(|text| serde_json::from_str::<PackageFacts>(&text).ok());
        if read.as_ref() != Some(facts) {
            problems.push(format!("{name}: the facts change on their way through a file"));
        }
    }
    if harness.facts().next().is_none() { Outcome::no_recipe() } else { problems.into() }
}
