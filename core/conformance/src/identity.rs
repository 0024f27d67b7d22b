//! What the plugin says of itself: names, place, tool, README.

use super::{Harness, Outcome, fixture};
use batch_core::{
    decide::recipe::is_generic_step,
    plugin::{EcosystemPlugin, RESERVED_WORDS, RootProbe},
};

/// What a README must tell, and words that its headings have for it.
const TOPICS: &[(&str, &[&str])] = &[
    ("which addresses are asked, and how often", &["asked", "asks"]),
    ("where its facts come from", &["facts", "sources"]),
    ("known oddities", &["oddities"]),
    ("how its fixtures were made", &["fixtures"]),
];

/// What a template says, in lower case, where somebody must.
const UNWRITTEN: &str = "not written yet";

pub(super) fn words_are_well_formed(harness: &Harness) -> Outcome {
    let plugin = harness.subject.plugin;
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c))
    };
    let mut problems = vec![];
    if plugin.display_name.trim().is_empty() {
        problems.push("display_name is empty; people read it on pages".to_owned());
    }
    for alias in plugin.aliases.iter().filter(|alias| !is_word(alias)) {
        problems.push(format!("the alias {alias:?} is no lower-case word of [a-z0-9._-]"));
    }
    for word in plugin.aliases.iter().chain([&plugin.id.as_str()]) {
        if RESERVED_WORDS.contains(word) {
            problems.push(format!("{word:?} means something else to the program; take another"));
        }
    }
    if let Some(toolchain) = &plugin.toolchain {
        let probed = match &toolchain.root_probe {
            RootProbe::Printed(argv) => argv.first().copied(),
            RootProbe::RealPath(program) => Some(*program),
        };
        for program in [Some(toolchain.program), probed] {
            if program.is_none_or(|program| program.is_empty() || program.contains('/')) {
                problems.push("a program of the toolchain is no bare name on PATH".to_owned());
            }
        }
    }
    problems.into()
}

pub(super) fn spellings_are_its_own(harness: &Harness) -> Outcome {
    let plugin = harness.subject.plugin;
    let mut spellings: Vec<&str> = plugin.aliases.to_vec();
    spellings.push(plugin.id.as_str());
    let mut problems = vec![];
    for (i, spelling) in spellings.iter().enumerate() {
        if spellings[..i].contains(spelling) {
            problems.push(format!("it names {spelling:?} twice; leave one out"));
        }
        for other in others(harness) {
            if other.id.as_str() == *spelling || other.aliases.contains(spelling) {
                problems.push(format!("{spelling:?} already means {}; take another", other.id));
            }
        }
    }
    problems.into()
}

pub(super) fn rank_is_its_own(harness: &Harness) -> Outcome {
    let rank = harness.subject.plugin.rotation_rank;
    let same = others(harness).filter(|other| other.rotation_rank == rank);
    let free = harness.subject.all.iter().map(|plugin| plugin.rotation_rank).max();
    let free = free.map_or(0, |last| last.saturating_add(1));
    let problem = |other: &EcosystemPlugin| {
        format!("{} has rotation_rank {rank} too; the next free one is {free}", other.id)
    };
    same.map(problem).collect::<Vec<_>>().into()
}

pub(super) fn steps_are_its_own(harness: &Harness) -> Outcome {
    let own = harness.subject.plugin.recipe_actions;
    let mut problems = vec![];
    for (i, step) in own.iter().enumerate() {
        let name = step.name;
        if name.is_empty() || own[..i].iter().any(|other| other.name == name) {
            problems.push(format!("recipe_actions has {name:?} twice, or a step without a name"));
        }
        if is_generic_step(name) {
            problems.push(format!("{name} is a step of any recipe; call yours otherwise"));
        }
        let has_it =
            |other: &&EcosystemPlugin| other.recipe_actions.iter().any(|it| it.name == name);
        if let Some(other) = others(harness).find(has_it) {
            problems.push(format!("{name} is a step of {} too; call yours otherwise", other.id));
        }
    }
    problems.into()
}

fn others(harness: &Harness) -> impl Iterator<Item = &'static EcosystemPlugin> {
    let plugin = harness.subject.plugin;
    harness.subject.all.iter().copied().filter(move |other| !std::ptr::eq(*other, plugin))
}

pub(super) fn readme_tells(harness: &Harness) -> Outcome {
    let path = harness.subject.home.join("README.md");
    let text = match fixture::text(&path) {
        Ok(text) => text,
        Err(why) => {
            return vec![format!("{why}; write it, with the headings of another one")].into();
        }
    };
    let sections = sections(&text);
    let mut problems = vec![];
    for (topic, words) in TOPICS {
        let is_about = |heading: &str| words.iter().any(|word| heading.contains(word));
        match sections.iter().find(|(heading, _)| is_about(heading)) {
            None => problems
                .push(format!("README.md has no `## …{}…` that says {topic}; add one", words[0])),
            Some((heading, body)) if body.is_empty() || body.contains(UNWRITTEN) => problems
                .push(format!("README.md says nothing yet under `## {heading}`: say {topic}")),
            Some(_) => {}
        }
    }
    problems.into()
}

/// Headings of the second level and what stands below each, without capitals.
fn sections(text: &str) -> Vec<(String, String)> {
    let text = text.to_lowercase();
    let sections = text.split("\n## ").skip(1).map(|section| {
        let (heading, body) = section.split_once('\n').unwrap_or((section, ""));
        (heading.trim().to_owned(), body.trim().to_owned())
    });
    sections.collect()
}
