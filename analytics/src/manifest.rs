//! The list of the files of a site, which each build leaves for the next one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use twox_hash::XxHash64;

use crate::{Map, Summary};

const SCHEMA_VERSION: u32 = 2;

/// With the files in order where it is written, and in no order where it is read.
#[derive(Serialize, Deserialize)]
pub(crate) struct Manifest<F> {
    schema_version: u32,
    #[serde(flatten)]
    pub(crate) summary: Summary,
    n_bytes: u64,
    pub(crate) files: F,
}

/// What a file contained when it was written. A file with the same size is not read again: nobody
/// else writes into the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Content {
    pub(crate) bytes: u64,
    digest: u64,
}

impl Content {
    pub(crate) fn of(body: &[u8]) -> Self {
        // It only has to notice changes, and is made in a fraction of the time that a page needs.
        // JSON numbers are exact up to 53 bits.
        Self { bytes: body.len() as u64, digest: XxHash64::oneshot(0, body) >> 11 }
    }
}

impl Manifest<BTreeMap<String, Content>> {
    /// The text of the manifest of `files`, which have `n_bytes` together.
    pub(crate) fn text(summary: Summary, n_bytes: u64, files: Vec<(String, Content)>) -> String {
        let files = files.into_iter().collect();
        let manifest = Self { schema_version: SCHEMA_VERSION, summary, n_bytes, files };
        serde_json::to_string(&manifest).expect("its keys are strings") + "\n"
    }
}

impl Manifest<Map<String, Content>> {
    /// `None` for any text but a manifest of this version.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let manifest: Self = serde_json::from_str(text).ok()?;
        (manifest.schema_version == SCHEMA_VERSION).then_some(manifest)
    }
}
