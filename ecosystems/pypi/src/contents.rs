//! Looking into a wheel at the registry, without having all of it.

use std::collections::{BTreeMap, BTreeSet};

use batch_core::{
    io::{
        Http, Request,
        archive::{ArchiveError, EntryKind, RemoteError, RemoteZip, ZipEntry},
    },
    model::PackageName,
};

use crate::{names::normalised, scripts};

/// Of a wheel whose server does not give parts.
const LARGEST_WHEEL: usize = 100 << 20;
/// Of `entry_points.txt` and `RECORD`.
const LONGEST_TEXT: usize = 16 << 20;

/// What a wheel installs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) commands: BTreeSet<String>,
    /// Those of the commands that work only with an extra of the project, and with which.
    pub(crate) with_extra: BTreeMap<String, String>,
    /// Lie where commands do, without the right to be run.
    pub(crate) not_executable: BTreeSet<String>,
    /// Whether all of it was compared with the registry's digest.
    pub(crate) is_verified: bool,
}

/// What the wheel of `package` at `request` installs, which is to have `digest`; `None` where there
/// is no file.
pub(crate) async fn read(
    http: &dyn Http,
    request: Request,
    package: &PackageName,
    digest: &str,
) -> Result<Option<Contents>, RemoteError> {
    let request = Request { max_bytes: LARGEST_WHEEL, ..request };
    let Some(wheel) = RemoteZip::open(http, request).await? else { return Ok(None) };
    let mut contents = of_members(wheel.entries());
    let folder = info_folder(wheel.entries(), package)?;
    let member = |name: &str| {
        let path = format!("{folder}/{name}");
        wheel.entries().iter().find(|entry| entry.path == path)
    };
    if let Some(entry) = member("entry_points.txt") {
        let text = wheel.read(entry, LONGEST_TEXT).await?;
        for (name, extra) in scripts::of_entry_points(&String::from_utf8_lossy(&text)) {
            contents.with_extra.extend(extra.map(|extra| (name.clone(), extra)));
            contents.commands.insert(name);
        }
    }
    if contents.commands.is_empty()
        && let Some(entry) = member("RECORD")
    {
        let text = wheel.read(entry, LONGEST_TEXT).await?;
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
        // pip hands on the right to run a file, and gives none.
        let names = if entry.mode & 0o111 == 0 {
            &mut contents.not_executable
        } else {
            &mut contents.commands
        };
        names.insert(name.to_owned());
    }
    contents
}

/// The one folder in which the wheel describes itself. Other tools than the usual ones do not take
/// the hyphens out of its name, which pip forgives where there is no other folder.
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
