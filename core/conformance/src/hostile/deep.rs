//! Texts with deeper nesting than any stack permits.

use super::{bases, scripted};
use crate::{
    Harness, Outcome, fixture::Case, harness::End, network::ScriptedAnswer, pack::Archive,
};

/// How many brackets are opened.
const DEPTH: usize = 40_000;
/// How many bytes of the stack the brackets may use: half of the usual stack of a thread.
const MAX_STACK: usize = 1 << 20;
/// Texts that open a nesting in some format.
const OPENERS: [&str; 4] = ["{", "[", "(", "- "];

pub(crate) fn nesting_is_survived(harness: &Harness) -> Outcome {
    let cases = match bases(harness) {
        Ok(cases) => cases,
        Err(outcome) => return outcome,
    };
    let mut problems = vec![];
    for case in cases {
        let plain = harness.subject.ask_deeply(case.asked(), scripted(case)).1;
        for opener in OPENERS {
            for (what, scripted) in deepened(harness, case, opener) {
                let (run, used) = harness.subject.ask_deeply(case.asked(), scripted);
                let problem = match (&run.end, used, plain) {
                    (End::GuardError(stuck), _, _) => stuck.to_string(),
                    (_, Some(used), Some(plain)) if plain + MAX_STACK < used => {
                        let mib = (used - plain) >> 20;
                        format!("to read them takes {mib} MiB of stack; limit the depth")
                    }
                    _ => continue,
                };
                problems.push(format!("{DEPTH} times {opener:?} {what}: {problem}"));
            }
        }
    }
    problems.into()
}

/// The answers of `case` with many opening brackets: in one answer at a time, or in all archives.
fn deepened(harness: &Harness, case: &Case, opener: &str) -> Vec<(String, Vec<ScriptedAnswer>)> {
    let whole = scripted(case);
    let many = opener.repeat(DEPTH);
    let mut all = vec![];
    for i in super::asked(harness, case).into_iter().filter(|&i| !case.is_archive(i)) {
        let Ok(text) = std::str::from_utf8(&whole[i].answer.body) else { continue };
        let url = &whole[i].answer.url;
        let mut texts = vec![("in place of", many.clone())];
        texts.extend(at_first(text, opener, &many).map(|text| ("at the first in", text)));
        texts.extend(at_last(text, opener, &many).map(|text| ("at the last in", text)));
        for (what, text) in texts {
            let mut scripted = whole.clone();
            scripted[i].answer.body = text.into_bytes();
            all.push((format!("{what} {url}"), scripted));
        }
    }
    let corrupt = |archive: &mut Archive| {
        for text in archive.entries.iter_mut().filter_map(|entry| entry.text.as_mut()) {
            *text = at_last(text, opener, &many).unwrap_or_else(|| many.clone());
        }
    };
    let has_archive = super::asked(harness, case).iter().any(|&i| case.is_archive(i));
    let packed = case.packed_with(corrupt).ok().filter(|_| has_archive);
    let in_archives = packed.map(|answers| answers.into_iter().map(ScriptedAnswer::from).collect());
    all.extend(in_archives.map(|scripted| ("in each text of its archives".to_owned(), scripted)));
    all
}

fn at_first(text: &str, opener: &str, many: &str) -> Option<String> {
    text.find(opener).map(|at| [&text[..at], many, &text[at..]].concat())
}

fn at_last(text: &str, opener: &str, many: &str) -> Option<String> {
    text.rfind(opener).map(|at| [&text[..at], many, &text[at..]].concat())
}
