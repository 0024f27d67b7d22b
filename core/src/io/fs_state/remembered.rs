//! Why packages are not queued: one file for each ecosystem.

use std::{borrow::Cow, collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    io::{StateError, fs_state::lines},
    model::{EcosystemId, PackageName, Remembered, SCHEMA_VERSION},
};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<'a> {
    schema_version: u32,
    ecosystem: Cow<'a, EcosystemId>,
    packages: Cow<'a, BTreeMap<PackageName, Remembered>>,
}

pub(super) fn parse(
    path: &Path,
    content: &[u8],
) -> Result<BTreeMap<PackageName, Remembered>, StateError> {
    lines::check_version(path, content)?;
    let document: Document =
        serde_json::from_slice(content).map_err(|error| StateError::json(path, &error))?;
    Ok(document.packages.into_owned())
}

pub(super) fn to_text(
    path: &Path,
    ecosystem: &EcosystemId,
    packages: &BTreeMap<PackageName, Remembered>,
) -> Result<String, StateError> {
    let (ecosystem, packages) = (Cow::Borrowed(ecosystem), Cow::Borrowed(packages));
    let document = Document { schema_version: SCHEMA_VERSION, ecosystem, packages };
    let text = serde_json::to_string_pretty(&document);
    Ok(text.map_err(|error| StateError::json(path, &error))? + "\n")
}
