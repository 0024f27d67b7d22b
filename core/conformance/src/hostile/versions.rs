//! The rule that only valid versions become part of a command line.

use super::{Allowed, HostileCase, asked, bases, scripted};
use crate::{Harness, Outcome, answers::Answer};

/// Invalid versions with higher numbers than any other.
const VERSIONS: [&str; 6] = [
    "--config=99.9",
    "-99.9",
    "../../99.9",
    "99.9 --config=x",
    "99.9\u{1b}[2J\u{202e}",
    "99.9;$(id)`id`",
];

pub(crate) fn versions_are_survived(harness: &Harness) -> Outcome {
    let cases = match bases(harness) {
        Ok(cases) => cases,
        Err(outcome) => return outcome,
    };
    let mut problems = vec![];
    for case in cases {
        let run = harness.runs.iter().find(|(other, _)| other.name == case.name);
        let Some(facts) = run.and_then(|(_, run)| run.facts.as_ref()) else { continue };
        // Such a short text may occur for other reasons.
        if facts.version.len() < 3 {
            continue;
        }
        let whole = scripted(case);
        let places = asked(harness, case);
        for hostile in VERSIONS {
            let everywhere = places.iter().map(|&i| vec![i]).chain([places.clone()]);
            for places in everywhere {
                let mut scripted = whole.clone();
                for &i in &places {
                    let answer = &mut scripted[i].answer;
                    if !case.is_archive(i) {
                        in_text(answer, &facts.version, hostile);
                    }
                    if 1 < places.len() {
                        in_address(answer, &facts.version, hostile);
                    }
                }
                let what = format!("a version is {hostile:?}");
                let allowed = &Allowed::Stated;
                problems.extend(
                    HostileCase { subject: &harness.subject, case, what, allowed }.ask(scripted),
                );
            }
        }
    }
    problems.sort();
    problems.dedup();
    problems.into()
}

fn in_text(answer: &mut Answer, version: &str, hostile: &str) {
    if let Ok(text) = std::str::from_utf8(&answer.body) {
        answer.body = text.replace(version, hostile).into_bytes();
    }
}

/// If all answers state such a version, its file exists.
fn in_address(answer: &mut Answer, version: &str, hostile: &str) {
    let last = answer.url.rfind('/').unwrap_or_default();
    let (folder, file) = answer.url.split_at(last);
    let segment = file.trim_start_matches('/').replace(version, hostile);
    let Ok(mut url) = url::Url::parse(folder) else { return };
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.push(&segment);
    }
    answer.url = url.to_string();
}
