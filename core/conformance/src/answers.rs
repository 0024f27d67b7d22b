//! Answers of a fixture: texts, and archives that are packed from a description.

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::pack::Archive;
use batch_core::io::Headers;

/// One answer, not yet packed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Planned {
    pub(super) url: String,
    #[serde(default = "ok")]
    pub(super) status: u16,
    #[serde(default)]
    pub(super) headers: Headers,
    /// The body; otherwise `file` names it.
    pub(super) text: Option<String>,
    /// The name of the file with the body, or of the archive that is packed.
    pub(super) file: Option<String>,
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

/// Packs the `answers`: archives are first changed by `corrupt`, and digests are inserted that
/// match.
pub(super) fn packed(
    answers: &[Planned],
    parts: &Parts,
    corrupt: impl Fn(&mut Archive),
) -> Result<Vec<Answer>, String> {
    let mut files = BTreeMap::new();
    for (name, part) in parts {
        let packed = match part {
            Part::Text(text) => text.clone(),
            Part::Archive(archive) => {
                let mut archive = archive.clone();
                corrupt(&mut archive);
                archive.pack().map_err(|why| format!("{name}: {why}"))?
            }
        };
        files.insert(name.as_str(), packed);
    }
    answers.iter().map(|planned| planned.answer(parts, &files)).collect()
}

/// Whether `body` begins like JSON.
pub(super) fn is_json(body: &[u8]) -> bool {
    let body = body.trim_ascii_start();
    body.starts_with(b"{") || body.starts_with(b"[")
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

/// `text` with the values of `{sha256:NAME}` and `{size:NAME}` for packed files.
fn filled(text: &str, files: &BTreeMap<&str, Vec<u8>>) -> Result<String, String> {
    let mut filled = text.to_owned();
    for (name, packed) in files {
        let digest = format!("{{sha256:{name}}}");
        if filled.contains(&digest) {
            filled = filled.replace(&digest, &hex::encode(Sha256::digest(packed)));
        }
        filled = filled.replace(&format!("{{size:{name}}}"), &packed.len().to_string());
    }
    match filled.split_once("{sha256:") {
        Some((_, rest)) => Err(format!("there is no file for {{sha256:{}", first_line(rest))),
        None => Ok(filled),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
