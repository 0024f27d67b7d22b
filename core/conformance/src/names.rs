//! Names: what is refused before an address is made of it, and what stays the same.

use std::collections::BTreeMap;

use super::{Harness, Outcome};
use batch_core::model::{EcosystemId, PackageId, PackageName};

/// No registry has a package of such a name.
fn hostile() -> Vec<String> {
    let fixed = [
        "",
        ".",
        "..",
        "../x",
        "a/../b",
        "a/..",
        "/etc/passwd",
        "a//b",
        "a/",
        "-rf",
        "--version",
        "a b",
        " a",
        "a\n",
        "a\r\nHost: x",
        "a\tb",
        "a\0b",
        "a\u{1b}[1m",
        "a\u{7f}",
        "a%2e%2e%2fb",
        "%2e",
        "a%2fb",
        "a?b=c",
        "a#b",
        "a&b",
        "a\\b",
        "a:b@c",
        "https://a.example/x",
        "a\u{202e}b",
        "a\u{200b}b",
        "a\u{feff}",
        "раypal",
        "ｒipgrep",
        "$(id)",
        "`id`",
        "a;id",
        "a|id",
        "a'b",
        "a\"b",
        "<script>",
        "{a}",
        "a*",
    ];
    let long = ["a".repeat(10 << 10), "a/".repeat(5 << 10) + "a", "é".repeat(5 << 10)];
    fixed.into_iter().map(str::to_owned).chain(long).collect()
}

pub(super) fn hostile_ones_are_refused(harness: &Harness) -> Outcome {
    let names = harness.subject.plugin.names;
    let mut problems = vec![];
    for name in hostile() {
        let shown: String = name.chars().take(40).collect();
        match names.normalise(&name) {
            Ok(read) => problems.push(format!(
                "normalise({shown:?}) gives {:?}; refuse it, best with plugin::Spelling",
                read.as_str().chars().take(40).collect::<String>()
            )),
            Err(error) => {
                let message = error.to_string();
                if 400 < message.len() || message.contains(['\n', '\r', '\u{1b}']) {
                    problems.push(format!(
                        "what it says about {shown:?} is no short line; use InvalidId::because"
                    ));
                }
            }
        }
    }
    problems.into()
}

/// Spellings that some registry may have, the same every time.
fn spellings(harness: &Harness) -> Vec<String> {
    const LETTERS: &[u8] = b"abcXYZ0189@/._~+-";
    let mut rng = fastrand::Rng::with_seed(3);
    let random = (0..4_000).map(|_| {
        let n = rng.usize(1..20);
        let letters = (0..n).map(|_| char::from(LETTERS[rng.usize(..LETTERS.len())]));
        letters.collect::<String>()
    });
    let of_fixtures = harness.runs.iter().flat_map(|(case, _)| {
        [case.package.clone(), case.package.to_uppercase(), case.package.replace('-', "_")]
    });
    of_fixtures.chain(random).collect()
}

pub(super) fn are_read_the_same_again(harness: &Harness) -> Outcome {
    let plugin = harness.subject.plugin;
    let mut problems = vec![];
    let mut n_accepted = 0;
    let mut known: BTreeMap<String, PackageName> = BTreeMap::new();
    for spelling in spellings(harness) {
        let Ok(name) = plugin.names.normalise(&spelling) else { continue };
        n_accepted += 1;
        let again = plugin.names.normalise(name.as_str());
        if again.as_ref() != Ok(&name) {
            let again = again.map_or_else(|error| error.to_string(), |name| name.to_string());
            problems.push(format!("{spelling:?} is read as {name}, and that as {again}"));
        }
        let identity = plugin.names.identity(&name);
        if plugin.names.identity(&name) != identity {
            problems.push(format!("{name} has two identities; Names::identity must keep no state"));
        }
        let other = known.entry(identity.clone()).or_insert_with(|| name.clone());
        if letters(other) != letters(&name) {
            problems.push(format!(
                "{name} and {other} share the identity {identity:?}, so only one of them is queued"
            ));
        }
        if !survives(&plugin.id, &name) {
            problems.push(format!("{name} cannot be written to a file and read back"));
        }
    }
    if n_accepted == 0 {
        problems.push("normalise refuses every name; accept what the registry accepts".to_owned());
    }
    for (case, _) in &harness.runs {
        if let Err(error) = plugin.names.normalise(&case.package) {
            problems.push(format!("fixture {}: {error}", case.name));
        }
    }
    problems.into()
}

/// What registries tell names apart by: no registry takes names for one that differ in these.
fn letters(name: &PackageName) -> String {
    name.as_str().to_lowercase().replace(['-', '_', '.'], "")
}

fn survives(ecosystem: &EcosystemId, name: &PackageName) -> bool {
    let id = PackageId { ecosystem: ecosystem.clone(), name: name.clone() };
    id.to_string().parse() == Ok(id)
}
