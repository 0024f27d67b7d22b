//! Fixtures: what a registry answers about one package, and what must come of it.
//!
//! The format is in `core/conformance/README.md`, Fixtures.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::pack::Archive;
use batch_core::{
    io::Headers,
    model::{FailureKind, KnownRecipes, RecipeName},
};

const ARCHIVE: &str = ".archive.toml";
/// A folder with it is about a list, not about a package.
pub(super) const LIST: &str = "list.toml";

/// One folder below `fixtures/`.
#[derive(Debug, Clone)]
pub(super) struct Case {
    /// The folder's name.
    pub(super) name: String,
    pub(super) package: String,
    /// The recipes that there are.
    pub(super) known: KnownRecipes,
    pub(super) ends: Ends,
    pub(super) answers: Vec<Planned>,
    parts: Parts,
}

/// What must come of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ends {
    /// This text, byte for byte.
    Recipe(String),
    Absent,
    Failure(FailureKind),
}

/// One answer, not yet packed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Planned {
    pub(super) url: String,
    #[serde(default = "ok")]
    pub(super) status: u16,
    #[serde(default)]
    pub(super) headers: Headers,
    /// The body, or
    text: Option<String>,
    /// the name of the file that holds it, or is packed to it.
    file: Option<String>,
}

fn ok() -> u16 {
    200
}

/// An answer as it is sent.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) url: String,
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: Vec<u8>,
}

/// Files of a fixture, by name.
pub(super) type Parts = BTreeMap<String, Part>;

#[derive(Debug, Clone)]
pub(super) enum Part {
    Text(Vec<u8>),
    Archive(Archive),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[expect(dead_code, reason = "for people")]
    about: String,
    package: String,
    ends: String,
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
        "recipe" => Ends::Recipe(self::text(&dir.join("recipe.toml"))?),
        "absent" => Ends::Absent,
        kind => Ends::Failure(kind.parse().map_err(|_| {
            format!("ends = {kind:?} is neither \"recipe\", \"absent\" nor a failure kind")
        })?),
    };
    let name = dir.file_name().map(|name| name.to_string_lossy().into_owned());
    let (package, answers) = (document.package, document.answers);
    let mut known = KnownRecipes::default();
    for (recipe, satisfies) in &document.recipes {
        known.add_named(recipe, satisfies);
    }
    Ok(Case { name: name.unwrap_or_default(), package, known, ends, answers, parts })
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

/// `answers`, archives changed by `spoil` and packed, digests put in: these fit.
pub(super) fn packed(
    answers: &[Planned],
    parts: &Parts,
    spoil: impl Fn(&mut Archive),
) -> Result<Vec<Answer>, String> {
    let mut files = BTreeMap::new();
    for (name, part) in parts {
        let packed = match part {
            Part::Text(text) => text.clone(),
            Part::Archive(archive) => {
                let mut archive = archive.clone();
                spoil(&mut archive);
                archive.pack().map_err(|why| format!("{name}: {why}"))?
            }
        };
        files.insert(name.as_str(), packed);
    }
    answers.iter().map(|planned| planned.answer(parts, &files)).collect()
}

/// Whether `body` begins as JSON does.
pub(super) fn is_json(body: &[u8]) -> bool {
    let body = body.trim_ascii_start();
    body.starts_with(b"{") || body.starts_with(b"[")
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

    /// The same, with every archive changed by `spoil` before it is packed: digests fit.
    pub(super) fn packed_with(&self, spoil: impl Fn(&mut Archive)) -> Result<Vec<Answer>, String> {
        packed(&self.answers, &self.parts, spoil)
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

impl Planned {
    fn answer(&self, parts: &Parts, files: &BTreeMap<&str, Vec<u8>>) -> Result<Answer, String> {
        let body = match (&self.text, &self.file) {
            (Some(text), None) => filled(text, files)?.into_bytes(),
            (None, Some(name)) => match (parts.get(name), files.get(&**name)) {
                (Some(Part::Archive(_)), Some(packed)) => packed.clone(),
                (Some(Part::Text(_)), Some(text)) => {
                    filled(&String::from_utf8_lossy(text), files)?.into_bytes()
                }
                _ => return Err(format!("there is no file {name}")),
            },
            (None, None) => vec![],
            (Some(_), Some(_)) => return Err("an answer has text or file, not both".to_owned()),
        };
        let url = filled(&self.url, files)?;
        Ok(Answer { url, status: self.status, headers: self.headers.clone(), body })
    }
}

/// `text` with what `{sha256:NAME}` and `{size:NAME}` say of packed files.
fn filled(text: &str, files: &BTreeMap<&str, Vec<u8>>) -> Result<String, String> {
    let mut filled = text.to_owned();
    for (name, packed) in files {
        let digest = format!("{{sha256:{name}}}");
        if filled.contains(&digest) {
            filled = filled.replace(&digest, &hex(&Sha256::digest(packed)));
        }
        filled = filled.replace(&format!("{{size:{name}}}"), &packed.len().to_string());
    }
    match filled.split_once("{sha256:") {
        Some((_, rest)) => Err(format!("there is no file for {{sha256:{}", first_line(rest))),
        None => Ok(filled),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
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
