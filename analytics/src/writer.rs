//! The only file that writes: pages into a folder of their own.

use std::{
    collections::BTreeSet,
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use batch_core::io::read_within;
use serde::{Deserialize, Serialize};

use crate::page::Page;

/// What was made, so that it can be removed again.
const MANIFEST: &str = "manifest.json";

/// What is being made: an interrupted build is known by it, and leaves nothing behind.
const JOURNAL: &str = "manifest.partial";

const SCHEMA_VERSION: u32 = 1;

/// Largest file of a site that is read: a manifest of ten million pages.
const LONGEST_FILE: u64 = 512 << 20;

/// Files of every site, as they are in `website/assets`.
const ASSETS: &[(&str, &str)] = &[
    ("assets/site.css", include_str!("../../website/assets/site.css")),
    ("assets/site.js", include_str!("../../website/assets/site.js")),
    // Without it GitHub Pages runs the folder through a templating engine of its own.
    (".nojekyll", ""),
];

/// What one build did. Assets count as pages; the manifest does not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Written {
    pub n_written: u64,
    pub n_unchanged: u64,
    pub n_removed: u64,
}

/// The site cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {kind}", .path.display())]
pub struct WriteError {
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong with it, and the remedy.
    pub kind: WriteErrorKind,
}

/// What is wrong with a file or folder of the site.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteErrorKind {
    /// The system refused.
    #[error("{0}")]
    Io(io::Error),
    /// Somebody else's files could be overwritten.
    #[error("not empty, and not made by this program; choose an empty folder")]
    NotOurs,
    /// The manifest says nothing that this version understands.
    #[error("not a manifest of this program; remove the folder and build again")]
    BadManifest,
    /// Two pages have one name, or names that differ in case only.
    #[error("two pages have this name")]
    SamePath,
    /// Would leave the folder.
    #[error("not a path of a page")]
    BadPath,
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    schema_version: u32,
    /// Sorted.
    files: BTreeSet<String>,
}

/// Writes one build of the site.
#[derive(Debug)]
pub struct SiteWriter {
    folder: PathBuf,
    journal: fs::File,
    /// Of this program, from earlier builds.
    before: BTreeSet<String>,
    now: BTreeSet<String>,
    now_in_lower_case: BTreeSet<String>,
    written: Written,
}

impl SiteWriter {
    /// Begins a build in `folder`, which is made, is empty, or holds an earlier build.
    pub fn begin(folder: &Path) -> Result<Self, WriteError> {
        fs::create_dir_all(folder).map_err(|e| io_error(folder, e))?;
        let mut before = made_before(folder)?;
        let journal_path = folder.join(JOURNAL);
        before.extend(read(&journal_path)?.unwrap_or_default().lines().map(str::to_owned));
        let journal = fs::File::options().create(true).append(true).open(&journal_path);
        let mut writer = Self {
            folder: folder.to_owned(),
            journal: journal.map_err(|e| io_error(&journal_path, e))?,
            before: before.into_iter().filter(|path| is_page_path(path)).collect(),
            now: BTreeSet::new(),
            now_in_lower_case: BTreeSet::new(),
            written: Written::default(),
        };
        for (path, body) in ASSETS {
            writer.put(Page { path: (*path).to_owned(), body: (*body).to_owned() })?;
        }
        Ok(writer)
    }

    /// Writes `page` unless it is there as it is.
    pub fn put(&mut self, page: Page) -> Result<(), WriteError> {
        let path = self.folder.join(&page.path);
        if !is_page_path(&page.path) {
            return Err(WriteError { path, kind: WriteErrorKind::BadPath });
        }
        if !self.now_in_lower_case.insert(page.path.to_ascii_lowercase()) {
            return Err(WriteError { path, kind: WriteErrorKind::SamePath });
        }
        if !self.before.contains(&page.path) {
            // Before the page itself, so that a crash between the two leaves no stray page.
            let line = format!("{}\n", page.path);
            let noted = self.journal.write_all(line.as_bytes());
            noted.map_err(|e| io_error(&self.folder.join(JOURNAL), e))?;
        }
        if holds(&path, page.body.as_bytes()) {
            self.written.n_unchanged += 1;
        } else {
            replace(&path, page.body.as_bytes()).map_err(|e| io_error(&path, e))?;
            self.written.n_written += 1;
        }
        self.now.insert(page.path);
        Ok(())
    }

    /// Removes the pages of earlier builds that were not put this time, and writes the manifest.
    pub fn finish(mut self) -> Result<Written, WriteError> {
        for gone in self.before.difference(&self.now) {
            let path = self.folder.join(gone);
            match fs::remove_file(&path) {
                Ok(()) => self.written.n_removed += 1,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(io_error(&path, error)),
            }
            // Fails, as it should, while something else is in the folder.
            for folder in Path::new(gone).ancestors().skip(1).filter(|f| !f.as_os_str().is_empty())
            {
                if fs::remove_dir(self.folder.join(folder)).is_err() {
                    break;
                }
            }
        }
        let manifest = Manifest { schema_version: SCHEMA_VERSION, files: self.now };
        let json = serde_json::to_string_pretty(&manifest).expect("it is a list of strings") + "\n";
        let path = self.folder.join(MANIFEST);
        if !holds(&path, json.as_bytes()) {
            replace(&path, json.as_bytes()).map_err(|e| io_error(&path, e))?;
        }
        let journal = self.folder.join(JOURNAL);
        fs::remove_file(&journal).map_err(|e| io_error(&journal, e))?;
        Ok(self.written)
    }
}

/// Paths in the manifest of `folder`; none for an empty folder.
fn made_before(folder: &Path) -> Result<BTreeSet<String>, WriteError> {
    let path = folder.join(MANIFEST);
    if let Some(json) = read(&path)? {
        let manifest = serde_json::from_str(&json)
            .ok()
            .filter(|manifest: &Manifest| manifest.schema_version == SCHEMA_VERSION);
        let bad = || WriteError { path, kind: WriteErrorKind::BadManifest };
        return manifest.map(|manifest| manifest.files).ok_or_else(bad);
    }
    #[expect(clippy::disallowed_methods, reason = "this file is the port to the site's folder")]
    let mut files = fs::read_dir(folder).map_err(|e| io_error(folder, e))?;
    let is_ours = folder.join(JOURNAL).exists() || files.next().is_none();
    let not_ours = || WriteError { path: folder.to_owned(), kind: WriteErrorKind::NotOurs };
    is_ours.then(BTreeSet::new).ok_or_else(not_ours)
}

fn read(path: &Path) -> Result<Option<String>, WriteError> {
    let content = read_within(path, LONGEST_FILE)
        .map_err(|error| io_error(path, io::Error::other(error.kind.to_string())))?;
    let text = content.map(String::from_utf8).transpose();
    text.map_err(|error| io_error(path, io::Error::other(error)))
}

/// Whether a regular file with that content is there. Anything else is replaced unread: opening a
/// pipe would wait for its other end.
fn holds(path: &Path, content: &[u8]) -> bool {
    read_within(path, LONGEST_FILE).is_ok_and(|old| old.is_some_and(|old| old == content))
}

/// A manifest is a file that anyone may have edited: what it names is removed only inside.
fn is_page_path(path: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty()
            && name.chars().any(|c| c != '.')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+~-".contains(&b))
    };
    path.split('/').all(is_name) && path != MANIFEST && path != JOURNAL
}

/// Readers see the old file or the new one, never half of one.
fn replace(path: &Path, body: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(body)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // A web server reads it as somebody else.
        file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn io_error(path: &Path, error: io::Error) -> WriteError {
    WriteError { path: path.to_owned(), kind: WriteErrorKind::Io(error) }
}
