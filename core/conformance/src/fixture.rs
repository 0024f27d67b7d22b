//! Fixtures: the answers of a registry about one package, and the expected results.
//!
//! The format is described in `core/conformance/README.md`, section Fixtures.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{
    answers::{Answer, Part, Parts, Planned, is_json, packed},
    pack::Archive,
};
use batch_core::model::{FailureKind, KnownRecipes, RecipeName};

const ARCHIVE: &str = ".archive.toml";
/// A folder with this file is a fixture about a list of packages, not about one package.
pub(super) const LIST: &str = "list.toml";

/// One folder below `fixtures/`.
#[derive(Debug, Clone)]
pub(super) struct Case {
    /// The folder's name.
    pub(super) name: String,
    pub(super) package: String,
    /// The recipes that there are.
    pub(super) known: KnownRecipes,
    pub(super) ends: ExpectedOutcome,
    /// Versions that the registry has beside the newest; `None` where nothing is said of it.
    pub(super) older: Option<Vec<String>>,
    pub(super) answers: Vec<Planned>,
    parts: Parts,
}

/// What must come of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ExpectedOutcome {
    /// This text, byte for byte.
    Recipe(String),
    Absent,
    Failure(FailureKind),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[expect(dead_code, reason = "for people")]
    about: String,
    package: String,
    ends: String,
    /// Versions that the answers list beside the newest, which is the one that the facts are of.
    older: Option<Vec<String>>,
    /// Recipes that there are, and the packages that each satisfies: ecosystem and names.
    #[serde(default)]
    recipes: BTreeMap<RecipeName, BTreeMap<String, Vec<String>>>,
    #[serde(default)]
    answers: Vec<Planned>,
}

/// All cases below `dir`, by name; none where there is no such folder.
pub(super) fn cases(dir: &Path) -> Result<Vec<Case>, String> {
    let mut cases = vec![];
    for folder in entries(dir)? {
        if folder.is_dir() && !folder.join(LIST).exists() {
            cases.push(case(&folder).map_err(|why| format!("{}: {why}", folder.display()))?);
        }
    }
    Ok(cases)
}

fn case(dir: &Path) -> Result<Case, String> {
    let text = text(&dir.join("case.toml"))?;
    let document: Document =
        toml::from_str(&text).map_err(|error| format!("case.toml: {error}"))?;
    let parts = parts(dir)?;
    let ends = match &*document.ends {
        "recipe" => ExpectedOutcome::Recipe(self::text(&dir.join("recipe.toml"))?),
        "absent" => ExpectedOutcome::Absent,
        kind => ExpectedOutcome::Failure(kind.parse().map_err(|_| {
            format!("ends = {kind:?} is neither \"recipe\", \"absent\" nor a failure kind")
        })?),
    };
    let name = dir.file_name().map(|name| name.to_string_lossy().into_owned());
    let (package, answers) = (document.package, document.answers);
    let mut known = KnownRecipes::default();
    for (recipe, satisfies) in &document.recipes {
        known.add_named(recipe, satisfies);
    }
    let (name, older) = (name.unwrap_or_default(), document.older);
    Ok(Case { name, package, known, ends, older, answers, parts })
}

/// Every file of `dir`.
pub(super) fn parts(dir: &Path) -> Result<Parts, String> {
    let mut parts = BTreeMap::new();
    for path in entries(dir)? {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let part = if name.ends_with(ARCHIVE) {
            let read = toml::from_str(&text(&path)?);
            Part::Archive(read.map_err(|error| format!("{name}: {error}"))?)
        } else {
            Part::Text(bytes(&path)?)
        };
        parts.insert(name, part);
    }
    Ok(parts)
}

impl Case {
    /// What is asked for, and the recipes that there are.
    pub(super) fn asked(&self) -> (&str, &KnownRecipes) {
        (&self.package, &self.known)
    }

    /// Its answers, archives packed and digests put in.
    pub(super) fn packed(&self) -> Result<Vec<Answer>, String> {
        self.packed_with(|_| {})
    }

    /// The same, with every archive changed by `corrupt` before it is packed: digests fit.
    pub(super) fn packed_with(
        &self,
        corrupt: impl Fn(&mut Archive),
    ) -> Result<Vec<Answer>, String> {
        packed(&self.answers, &self.parts, corrupt)
    }

    /// The archives, by the names of their files.
    pub(super) fn archives(&self) -> impl Iterator<Item = (&String, &Archive)> {
        self.parts.iter().filter_map(|(name, part)| match part {
            Part::Archive(archive) => Some((name, archive)),
            Part::Text(_) => None,
        })
    }

    /// The same after `change` was made to each file.
    pub(super) fn packed_after(
        &self,
        change: impl Fn(&str, &mut Part),
    ) -> Result<Vec<Answer>, String> {
        let mut parts = self.parts.clone();
        for (name, part) in &mut parts {
            change(name, part);
        }
        packed(&self.answers, &parts, |_| {})
    }

    /// The same without the lines of texts, and the files of archives, that mention `word`.
    pub(super) fn without_lines_of(&self, word: &str) -> Result<Vec<Answer>, String> {
        let kept = |text: &str| -> String {
            let lines = text.split_inclusive('\n');
            lines.filter(|line| !line.contains(word)).collect()
        };
        let mut parts = self.parts.clone();
        for part in parts.values_mut() {
            match part {
                Part::Text(text) => *text = kept(&String::from_utf8_lossy(text)).into_bytes(),
                Part::Archive(archive) => {
                    archive.entries.retain(|entry| !entry.path.contains(word));
                    for entry in &mut archive.entries {
                        entry.text = entry.text.as_deref().map(kept);
                        entry.gzip = entry.gzip.as_deref().map(kept);
                    }
                }
            }
        }
        let without = |planned: &Planned| Planned {
            text: planned.text.as_deref().map(kept),
            ..planned.clone()
        };
        let answers: Vec<Planned> = self.answers.iter().map(without).collect();
        packed(&answers, &parts, |_| {})
    }

    /// Whether the body of answer `i` has no form of its own: neither an archive nor JSON.
    pub(super) fn is_plain_text(&self, i: usize) -> bool {
        let answers = self.packed().unwrap_or_default();
        !self.is_archive(i) && !answers.get(i).is_some_and(|answer| is_json(&answer.body))
    }

    /// Whether any file or answer of it has `word` in it.
    pub(super) fn mentions(&self, word: &str) -> bool {
        let in_part = |part: &Part| match part {
            Part::Text(text) => String::from_utf8_lossy(text).contains(word),
            Part::Archive(archive) => archive.mentions(word),
        };
        let is_golden = |name: &str| name == "recipe.toml" || name == "case.toml";
        let parts = self.parts.iter().filter(|(name, _)| !is_golden(name));
        parts.map(|(_, part)| part).any(in_part)
            || self.answers.iter().filter_map(|it| it.text.as_ref()).any(|it| it.contains(word))
    }

    /// Whether any of its archives has `word` in it.
    pub(super) fn archives_mention(&self, word: &str) -> bool {
        self.parts.values().any(|part| matches!(part, Part::Archive(it) if it.mentions(word)))
    }

    /// Whether the body of answer `i` is packed from a description.
    pub(super) fn is_archive(&self, i: usize) -> bool {
        let file = self.answers.get(i).and_then(|planned| planned.file.as_deref());
        file.is_some_and(|file| file.ends_with(ARCHIVE))
    }
}

/// The text of a file beside the plugin's sources.
pub(super) fn text(path: &Path) -> Result<String, String> {
    let text = String::from_utf8(bytes(path)?);
    text.map_err(|_| format!("{} is no UTF-8", path.display()))
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
}

/// What lies in `dir`, in a fixed order; nothing where it is not there.
#[expect(clippy::disallowed_methods, reason = "sources of a plugin are no state")]
pub(super) fn entries(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let not = |error: io::Error| format!("{} cannot be read: {error}", dir.display());
    let found = match fs::read_dir(dir) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        Err(error) => return Err(not(error)),
    };
    let paths = found.map(|entry| entry.map(|entry| entry.path()).map_err(not));
    let mut paths: Vec<PathBuf> = paths.collect::<Result<_, _>>()?;
    paths.sort();
    Ok(paths)
}
