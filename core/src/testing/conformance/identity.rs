//! What the plugin says of itself: names, place, tool, README.

use super::{Bench, Outcome, fixture};
use crate::plugin::{EcosystemPlugin, RootProbe};

/// What a README must tell, and words that its headings have for it.
const TOPICS: &[(&str, &[&str])] = &[
    ("which addresses are asked, and how often", &["asked", "asks"]),
    ("where its facts come from", &["facts", "sources"]),
    ("known oddities", &["oddities"]),
    ("how its fixtures were made", &["fixtures"]),
];

pub(super) fn words_are_well_formed(bench: &Bench) -> Outcome {
    let plugin = bench.subject.plugin;
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

pub(super) fn spellings_are_its_own(bench: &Bench) -> Outcome {
    let plugin = bench.subject.plugin;
    let mut spellings: Vec<&str> = plugin.aliases.to_vec();
    spellings.push(plugin.id.as_str());
    let mut problems = vec![];
    for (i, spelling) in spellings.iter().enumerate() {
        if spellings[..i].contains(spelling) {
            problems.push(format!("it names {spelling:?} twice; leave one out"));
        }
        for other in others(bench) {
            if other.id.as_str() == *spelling || other.aliases.contains(spelling) {
                problems.push(format!("{spelling:?} already means {}; take another", other.id));
            }
        }
    }
    problems.into()
}

pub(super) fn rank_is_its_own(bench: &Bench) -> Outcome {
    let rank = bench.subject.plugin.rotation_rank;
    let same = others(bench).filter(|other| other.rotation_rank == rank);
    let free = bench.subject.all.iter().map(|plugin| plugin.rotation_rank).max().unwrap_or(0) + 1;
    let problem = |other: &EcosystemPlugin| {
        format!("{} has rotation_rank {rank} too; the next free one is {free}", other.id)
    };
    same.map(problem).collect::<Vec<_>>().into()
}

fn others(bench: &Bench) -> impl Iterator<Item = &'static EcosystemPlugin> {
    let plugin = bench.subject.plugin;
    bench.subject.all.iter().copied().filter(move |other| !std::ptr::eq(*other, plugin))
}

pub(super) fn readme_tells(bench: &Bench) -> Outcome {
    let path = bench.subject.home.join("README.md");
    let text = match fixture::text(&path) {
        Ok(text) => text,
        Err(why) => {
            return vec![format!("{why}; write it, with the headings of another one")].into();
        }
    };
    let headings: Vec<String> =
        text.lines().filter(|line| line.starts_with("## ")).map(str::to_ascii_lowercase).collect();
    let is_told =
        |words: &[&str]| words.iter().any(|word| headings.iter().any(|it| it.contains(word)));
    let missing = TOPICS.iter().filter(|(_, words)| !is_told(words));
    let problem = |(topic, words): &(&str, &[&str])| {
        format!("README.md has no `## …{}…` that says {topic}; add one", words[0])
    };
    missing.map(problem).collect::<Vec<_>>().into()
}
