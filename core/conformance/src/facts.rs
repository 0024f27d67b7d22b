//! Facts: of the package that was asked for, and fit to be stored and shown.

use super::{Bench, Outcome};
use batch_core::{
    decide::clean::without_commands,
    model::{PackageFacts, is_hidden},
};

pub(super) fn are_fit_to_store(bench: &Bench) -> Outcome {
    let mut problems = vec![];
    for (case, facts) in bench.facts() {
        let name = &case.name;
        if facts.id.ecosystem != bench.subject.plugin.id {
            problems.push(format!("{name}: the facts are of ecosystem {}", facts.id.ecosystem));
        }
        if let Ok(asked) = bench.subject.plugin.names.normalise(&case.package)
            && facts.id.name != asked
        {
            let found = &facts.id.name;
            problems.push(format!("{name}: the facts are of {found}, not of {asked}"));
        }
        if facts.homepage.as_ref().is_some_and(|url| !url.starts_with("https://")) {
            problems.push(format!("{name}: the homepage is not https; leave it out"));
        }
        let texts = facts.notes.iter().chain([&facts.description, &facts.version]);
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
    if bench.facts().next().is_none() { Outcome::no_recipe() } else { problems.into() }
}
