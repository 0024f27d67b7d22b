//! Reads parts of a wheel at the registry, without downloading all of it.

use std::collections::{BTreeMap, BTreeSet};

use batch_core::{
    io::{
        Http, Request,
        archive::{ArchiveError, EntryKind, RemoteError, RemoteZip, ZipEntry},
    },
    model::PackageName,
};

use crate::{names::normalised, scripts};

/// The largest wheel that is downloaded from a server without range requests, in bytes.
const MAX_WHEEL: usize = 100 << 20;
/// The largest `entry_points.txt` and `RECORD` that are read, in bytes.
const MAX_TEXT: usize = 16 << 20;

/// The commands that a wheel installs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) commands: BTreeSet<String>,
    /// The commands that work only with an extra of the project, with that extra.
    pub(crate) with_extra: BTreeMap<String, String>,
    /// Files in the folder of commands without the permission to run.
    pub(crate) not_executable: BTreeSet<String>,
    /// Whether the whole wheel was compared with the registry's digest.
    pub(crate) is_verified: bool,
}

/// The commands of the wheel of `package` at `request`, whose digest must be `digest`; `None` if
/// the file does not exist.
pub(crate) async fn read(
    http: &dyn Http,
    request: Request,
    package: &PackageName,
    digest: &str,
) -> Result<Option<Contents>, RemoteError> {
    let request = Request { max_bytes: MAX_WHEEL, ..request };
    let Some(wheel) = RemoteZip::open(http, request).await? else { return Ok(None) };
    let mut contents = of_members(wheel.entries());
    let folder = info_folder(wheel.entries(), package)?;
    let member = |name: &str| {
        let path = format!("{folder}/{name}");
        wheel.entries().iter().find(|entry| entry.path == path)
    };
    if let Some(entry) = member("entry_points.txt") {
        let text = wheel.read(entry, MAX_TEXT).await?;
        for (name, extra) in scripts::of_entry_points(&String::from_utf8_lossy(&text)) {
            contents.with_extra.extend(extra.map(|extra| (name.clone(), extra)));
            contents.commands.insert(name);
        }
    }
    if contents.commands.is_empty()
        && let Some(entry) = member("RECORD")
    {
        let text = wheel.read(entry, MAX_TEXT).await?;
        contents.commands.extend(scripts::of_record(&String::from_utf8_lossy(&text)));
    }
    contents.is_verified = wheel.has_digest(digest)?;
    Ok(Some(contents))
}

/// Commands that are files of the wheel.
fn of_members(entries: &[ZipEntry]) -> Contents {
    let mut contents = Contents::default();
    for entry in entries.iter().filter(|entry| entry.kind == EntryKind::File) {
        let Some(name) = scripts::of_member(&entry.path) else { continue };
        // pip keeps the permission to run a file, and never adds it.
        let names = if entry.mode & 0o111 == 0 {
            &mut contents.not_executable
        } else {
            &mut contents.commands
        };
        names.insert(name.to_owned());
    }
    contents
}

/// The one folder with the metadata of the wheel. Unusual build tools keep hyphens in its name; pip
/// accepts that if there is no other such folder.
fn info_folder(entries: &[ZipEntry], package: &PackageName) -> Result<String, ArchiveError> {
    let folder = |entry: &ZipEntry| Some(entry.path.split_once('/')?.0.to_owned());
    let folders: BTreeSet<String> = entries.iter().filter_map(folder).collect();
    let stems = folders.iter().filter_map(|it| Some((it, it.strip_suffix(".dist-info")?)));
    let stems: Vec<(&String, &str)> = stems.collect();
    let is_named = |(_, stem): &&(&String, &str)| {
        stem.split_once('-').is_some_and(|(name, _)| normalised(name) == package.as_str())
    };
    let named: Vec<_> = stems.iter().filter(is_named).collect();
    match (&named[..], &stems[..]) {
        ([(folder, _)], _) => Ok((*folder).clone()),
        ([], [(folder, stem)]) if normalised(stem).starts_with(&format!("{package}-")) => {
            Ok((*folder).clone())
        }
        ([], _) => Err(damaged("it does not describe the project that it is a wheel of")),
        (_, _) => Err(damaged("it describes the project twice")),
    }
}

fn damaged(reason: &str) -> ArchiveError {
    ArchiveError::Damaged { reason: reason.to_owned() }
}
