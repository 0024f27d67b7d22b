//! Changes answers of fixtures at random: one text of a registry at a time, and files in its
//! archives.

use super::{
    Subject,
    answers::Part,
    fixture::{self, Case},
    hostile::{Allowed, HostileCase},
    network::ScriptedAnswer,
};

/// Inputs of an ordinary test run; each is a complete request about a package.
const N_INPUTS: u32 = 40;

/// A text that a registry sends.
#[derive(Debug, Clone)]
enum Place {
    /// The body of an answer.
    Answer { case: usize, answer: usize },
    /// A file in an archive; it may be compressed itself.
    Entry { case: usize, part: String, entry: usize },
}

/// Asks the plugin about its fixtures, with one randomly changed text in each request, as
/// `core/fuzz/README.md` describes. Panics with the problem if the plugin panics, does not end,
/// makes an invalid recipe, or passes hostile text to a tool.
pub fn fuzz(subject: &Subject) {
    let cases = fixture::cases(&subject.home.join("fixtures")).unwrap_or_default();
    let (places, samples): (Vec<Place>, Vec<Vec<u8>>) = texts(&cases).into_iter().unzip();
    if places.is_empty() {
        return;
    }
    let mut mutator = batch_fuzz::Mutator::new(&[]);
    let make = |rng: &mut fastrand::Rng, _| {
        let at = rng.usize(..places.len());
        let mut input = u32::try_from(at).unwrap_or_default().to_le_bytes().to_vec();
        input.extend(mutator.changed_from(at, &samples, rng));
        input
    };
    let target = format!("answers_{}", subject.plugin.id);
    batch_fuzz::run_made(&target, N_INPUTS, make, |input| {
        let Some((at, text)) = input.split_first_chunk::<4>() else { return };
        let at = usize::try_from(u32::from_le_bytes(*at)).unwrap_or_default();
        let Some(place) = places.get(at) else { return };
        if let Some(problem) = asked(subject, &cases, place, text) {
            panic!("{place:?}: {problem}");
        }
    });
}

fn texts(cases: &[Case]) -> Vec<(Place, Vec<u8>)> {
    let mut texts = vec![];
    for (i, case) in cases.iter().enumerate() {
        for (answer, packed) in case.packed().unwrap_or_default().into_iter().enumerate() {
            texts.push((Place::Answer { case: i, answer }, packed.body));
        }
        for (part, archive) in case.archives() {
            for (entry, it) in archive.entries.iter().enumerate() {
                let text = it.text.as_ref().or(it.gzip.as_ref());
                let place = Place::Entry { case: i, part: part.clone(), entry };
                texts.extend(text.map(|text| (place, text.clone().into_bytes())));
            }
        }
    }
    texts
}

/// The problem in the plugin's result for `text` at `place`.
fn asked(subject: &Subject, cases: &[Case], place: &Place, text: &[u8]) -> Option<String> {
    let (case, answers) = match place {
        Place::Answer { case, answer } => {
            let mut answers = cases[*case].packed().ok()?;
            answers[*answer].body = text.to_vec();
            (&cases[*case], answers)
        }
        Place::Entry { case, part, entry } => {
            let text = String::from_utf8_lossy(text).into_owned();
            let with = |name: &str, parts: &mut Part| {
                if let Part::Archive(archive) = parts
                    && name == part
                {
                    let entry = &mut archive.entries[*entry];
                    let place =
                        if entry.gzip.is_some() { &mut entry.gzip } else { &mut entry.text };
                    *place = Some(text.clone());
                }
            };
            (&cases[*case], cases[*case].packed_after(with).ok()?)
        }
    };
    let scripted = answers.into_iter().map(ScriptedAnswer::from).collect();
    let (what, allowed) = ("a text was changed".to_owned(), &Allowed::Anything);
    HostileCase { subject, case, what, allowed }.ask(scripted)
}
