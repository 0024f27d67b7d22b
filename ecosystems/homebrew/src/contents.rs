//! The content of a bottle, from the annotations of its image or from its archive.

use std::{collections::BTreeMap, fs::File, io, path::Path};

use batch_core::io::archive::{ArchiveError, ArchiveLimits, Entry, EntryKind, Flow, read_tar};
use serde::Deserialize;

/// Folders whose programs are commands.
const COMMANDS: &[&str] = &["bin", "sbin"];
const ANY_EXECUTE: u32 = 0o111;

/// Paths relative to a keg, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Files in `bin` and `sbin`.
    pub(crate) commands: Vec<String>,
    /// Files that other software links or includes.
    pub(crate) outputs: Vec<String>,
    /// The digest of the bottle, if the archive was read and matches.
    pub(crate) sha256: Option<String>,
}

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Manifest>,
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// The commands that the image index `body` lists for the bottle with this digest; `None` if it has
/// no list, as in indexes from before 2024. The error says what is wrong with the answer.
pub(crate) fn announced(body: &[u8], sha256: &str) -> Result<Option<Vec<String>>, String> {
    let index: Index = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let is_of = |manifest: &&Manifest| {
        manifest.annotations.get("sh.brew.bottle.digest").is_some_and(|digest| digest == sha256)
    };
    // Bottles of several platforms may be the same file.
    let mut lists = index
        .manifests
        .iter()
        .filter(is_of)
        .filter_map(|manifest| manifest.annotations.get("sh.brew.path_exec_files"));
    let Some(list) = lists.next() else { return Ok(None) };
    let paths = list.split(',').map(str::trim).filter(|path| is_command(path));
    let mut paths: Vec<String> = paths.map(str::to_owned).collect();
    paths.sort();
    paths.dedup();
    Ok(Some(paths))
}

/// The content of the bottle in `file` below `keg`.
pub(crate) fn listed(file: &Path, keg: &str) -> Result<Contents, ArchiveError> {
    let mut contents = Contents::default();
    read_tar(File::open(file)?, &ArchiveLimits::default(), &mut |entry, _| {
        contents.note(entry, keg);
        Ok::<_, io::Error>(Flow::Continue)
    })?;
    contents.commands.sort();
    // Libraries come first, as in the registry's recipes.
    contents.outputs.sort_by_key(|path| (path.starts_with("include/"), path.clone()));
    Ok(contents)
}

impl Contents {
    fn note(&mut self, entry: &Entry, keg: &str) {
        let below = entry.path.strip_prefix(keg).and_then(|rest| rest.strip_prefix('/'));
        let Some(path) = below else { return };
        let (is_file, is_link) = match &entry.kind {
            EntryKind::File | EntryKind::HardLink(_) => (true, false),
            EntryKind::Symlink(_) => (false, true),
            EntryKind::Dir | EntryKind::Other => return,
        };
        let is_program = is_link || is_file && entry.mode & ANY_EXECUTE != 0;
        if is_command(path) && is_program {
            self.commands.push(path.to_owned());
        } else if is_output(path) {
            self.outputs.push(path.to_owned());
        }
    }
}

fn is_command(path: &str) -> bool {
    path.split_once('/').is_some_and(|(dir, name)| {
        COMMANDS.contains(&dir) && !name.is_empty() && !name.contains('/')
    })
}

/// Whether the path is a library, data for compilers about a library, or a header.
fn is_output(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_library = [".a", ".so", ".dylib", ".pc"].iter().any(|end| name.ends_with(end))
        || name.contains(".so.");
    path.starts_with("lib/") && is_library || path.starts_with("include/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_directly_in_bin_or_sbin() {
        for path in ["bin/x", "sbin/x"] {
            assert!(is_command(path), "{path}");
        }
        for path in ["libexec/bin/x", "bin/sub/x", "bin/", "bin", "share/x", ""] {
            assert!(!is_command(path), "{path}");
        }
    }

    #[test]
    fn outputs_are_files_that_others_link_or_include() {
        for path in [
            "lib/libx.so",
            "lib/libx.so.1.2",
            "lib/libx.a",
            "lib/libx.1.dylib",
            "lib/pkgconfig/x.pc",
            "include/x/y.h",
            "include/x",
        ] {
            assert!(is_output(path), "{path}");
        }
        for path in ["lib/cmake/x.cmake", "share/lib/libx.so", "lib/python3/x.py", "README"] {
            assert!(!is_output(path), "{path}");
        }
    }
}
