//! Archives as a malicious publisher packs them: their digests fit.

use super::{Allowed, HostileCase, asked, base};
use crate::{
    Harness, Outcome,
    network::ScriptedAnswer,
    pack::{Archive, Entry, Format, Hostile},
};
use batch_core::model::FailureKind::{
    self, ArchiveExtractionFailed, BinaryDiscoveryFailed, UnexpectedResponse, UnsafeName,
    UpstreamUnavailable,
};

/// What the archive, or what must be in it, cannot be used for.
const UNUSABLE: &[FailureKind] = &[
    ArchiveExtractionFailed,
    BinaryDiscoveryFailed,
    UnexpectedResponse,
    UnsafeName,
    UpstreamUnavailable,
];

type Corruption = fn(&mut Archive);
type Damage = fn(&mut Vec<u8>);

/// What is added to an honest archive.
const ROWS: &[(&str, Corruption)] = &[
    ("an entry that leaves its folder", |archive| adds(archive, "../../evil")),
    ("an absolute entry", |archive| absolute(archive)),
    ("a link out of the archive", |archive| links(archive, "../../../etc/passwd", None)),
    ("a hard link out of it", |archive| links(archive, "/etc/passwd", Some(Hostile::HardLink))),
    ("a device", |archive| links(archive, "", Some(Hostile::Device))),
    ("every entry twice", |archive| archive.entries.extend(archive.entries.clone())),
    ("a bomb", |archive| misreport(archive, Hostile::Zeros(8 << 20))),
    ("an entry that says a size of ages", |archive| misreport(archive, Hostile::SaysSize(1 << 40))),
    ("an entry that says another size", |archive| misreport(archive, Hostile::SaysSize(3))),
    ("a name that turns", |archive| adds(archive, "bin/\u{202e}gpj.exe")),
    ("a name with a line break", |archive| adds(archive, "bin/a\nb")),
    ("a name that is an option", |archive| adds(archive, "-rf")),
    ("a name of a hundred bytes", |archive| adds(archive, &"n".repeat(90))),
    ("ten thousand entries", |archive| {
        for i in 0..10_000 {
            adds(archive, &format!("n{i}"));
        }
    }),
    ("nothing at all", |archive| archive.entries.clear()),
];

fn adds(archive: &mut Archive, path: &str) {
    let text = Some("x".to_owned());
    archive.entries.push(Entry { path: path.to_owned(), text, ..Entry::default() });
}

fn absolute(archive: &mut Archive) {
    let root = std::mem::take(&mut archive.root);
    for entry in &mut archive.entries {
        entry.path = format!("{root}{}", entry.path);
    }
    adds(archive, "/etc/evil");
}

fn links(archive: &mut Archive, to: &str, hostile: Option<Hostile>) {
    let link = Some(to.to_owned());
    archive.entries.push(Entry { path: "evil".to_owned(), link, hostile, ..Entry::default() });
}

fn misreport(archive: &mut Archive, hostile: Hostile) {
    let (text, hostile) = (Some("four".to_owned()), Some(hostile));
    archive.entries.push(Entry { path: "big".to_owned(), text, hostile, ..Entry::default() });
}

/// What happens to packed bytes on their way: the digest fits no more.
const DAMAGES: &[(&str, Damage)] = &[
    ("a flipped byte", |body| {
        let middle = body.len() / 2;
        body[middle] ^= 0xFF;
    }),
    ("bytes after its end", |body| body.extend_from_slice(b"trailing garbage")),
    ("another archive in its place", |body| {
        let other = Archive { format: Format::TarGz, root: String::new(), entries: vec![] };
        *body = other.pack().unwrap_or_default();
    }),
];

pub(crate) fn archives_are_survived(harness: &Harness) -> Outcome {
    let case = match base(harness) {
        Ok(case) => case,
        Err(outcome) => return outcome,
    };
    let archives: Vec<usize> =
        asked(harness, case).into_iter().filter(|&i| case.is_archive(i)).collect();
    if archives.is_empty() {
        return Outcome::NotApplicable("the plugin reads no archive for the fixture".to_owned());
    }
    let subject = &harness.subject;
    let mut problems = vec![];
    for (what, corrupt) in ROWS {
        let what = format!("an archive with {what}");
        match case.packed_with(corrupt) {
            Ok(answers) => {
                let allowed = &Allowed::Anything;
                let tried = HostileCase { subject, case, what, allowed };
                problems.extend(tried.ask(answers.into_iter().map(ScriptedAnswer::from).collect()));
            }
            Err(why) => problems.push(format!("{what}: {why}")),
        }
    }
    for (what, damage) in DAMAGES {
        for &i in &archives {
            let mut scripted = super::scripted(case);
            damage(&mut scripted[i].answer.body);
            // Who reads parts cannot compare digests, and says so.
            let allowed = Allowed::OrRecipe(UNUSABLE);
            let what = format!("an archive with {what}");
            let run = subject.ask(case.asked(), scripted.clone(), super::NOTHING);
            let artifacts = run.facts.iter().flat_map(|facts| &facts.artifacts);
            if run.recipe.is_some()
                && artifacts.into_iter().any(|it| it.digest_verified == Some(true))
            {
                problems.push(format!("{what}: the facts say that its digest was compared"));
            }
            let tried = HostileCase { subject, case, what, allowed: &allowed };
            problems.extend(tried.ask(scripted));
        }
    }
    problems.into()
}

/// How many there are.
pub(crate) const fn n_rows() -> usize {
    ROWS.len() + DAMAGES.len()
}
