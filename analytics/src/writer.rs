//! Writes pages into a folder. No other file of this crate writes.

use std::{
    collections::HashSet,
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use batch_core::io::read_within;

use crate::{
    Map, Summary,
    manifest::{Content, Manifest},
    page::Page,
    threads,
};

/// The list of the files of the last build, so that a later build can remove them.
const MANIFEST: &str = "manifest.json";

/// The list of the files of the running build. If a build is interrupted, the next build finds its
/// files here and removes those that are no longer needed.
const JOURNAL: &str = "manifest.partial";

/// From this size of a site on, in bytes, its operator is warned: hosts of pages accept 1 GB.
pub const WARN_SITE: u64 = 300 << 20;

/// The largest site that is written, in bytes.
pub const MAX_SITE: u64 = 500 << 20;

/// The largest file of a site that is read, in bytes: a manifest of ten million pages.
const MAX_FILE: u64 = 512 << 20;

/// Files of every site, as they are in `website/assets`.
const ASSETS: &[(&str, &str)] = &[
    ("assets/site.css", include_str!("../../website/assets/site.css")),
    ("assets/site.js", include_str!("../../website/assets/site.js")),
    // Without this file GitHub Pages would run its template engine Jekyll on the folder.
    (".nojekyll", ""),
];

/// What one build wrote. Assets count as pages; the manifest does not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Written {
    pub n_written: u64,
    pub n_unchanged: u64,
    pub n_removed: u64,
    /// The size of all files together.
    pub n_bytes: u64,
}

/// Why the site could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {kind}", .path.display())]
pub struct WriteError {
    /// The file or folder.
    pub path: PathBuf,
    /// The problem and its remedy.
    pub kind: WriteErrorKind,
}

/// The kinds of problems with a file or folder of the site.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteErrorKind {
    /// The operating system reported an error.
    #[error("{0}")]
    Io(io::Error),
    /// There is a file in place of the folder.
    #[error("this is a file; choose a folder for the pages")]
    NotAFolder,
    /// The folder holds files that this program did not write.
    #[error("the folder is not empty and was not made by this program; choose an empty folder")]
    NotOurs,
    /// The manifest cannot be read by this version.
    #[error("not a manifest of this program; remove the folder and build again")]
    BadManifest,
    /// Two pages have the same name, or names that differ only in case.
    #[error("two pages have this name")]
    SamePath,
    /// The path leads outside of the folder.
    #[error("not a path of a page")]
    BadPath,
    /// The site is larger than hosts of pages accept.
    #[error("the site is larger than {} MB; `tsuku-batch archive` moves old records out of the way", MAX_SITE >> 20)]
    TooLarge,
}

/// Writes one build of the site.
#[derive(Debug)]
pub struct SiteWriter {
    folder: PathBuf,
    journal: fs::File,
    /// What the files in the folder were made of, if all of them are as that build left them.
    made_of: Option<String>,
    /// The files of earlier builds. Those of an interrupted one may contain anything, and so may those
    /// whose size has changed since. Those that are put again are taken out.
    before: Map<String, Option<Content>>,
    /// The files of this build, in the order in which they came.
    now: Vec<(String, Content)>,
    now_in_lower_case: HashSet<String>,
    written: Written,
}

impl SiteWriter {
    /// Begins a build in `folder`. The folder is created if it is missing; otherwise it must be
    /// empty or hold an earlier build.
    pub fn begin(folder: &Path) -> Result<Self, WriteError> {
        if folder.exists() && !folder.is_dir() {
            let kind = WriteErrorKind::NotAFolder;
            return Err(WriteError { path: folder.to_owned(), kind });
        }
        fs::create_dir_all(folder).map_err(|e| io_error(folder, e))?;
        let (files, summary) = made_before(folder)?;
        let mut before = as_they_are(folder, files);
        let journal_path = folder.join(JOURNAL);
        if let Some(interrupted) = read(&journal_path)? {
            // It may have replaced any page by another one of the same size.
            for content in before.values_mut() {
                *content = None;
            }
            before.extend(interrupted.lines().map(|path| (path.to_owned(), None)));
        }
        before.retain(|path, _| is_page_path(path));
        let is_whole = before.values().all(Option::is_some);
        let journal = fs::File::options().create(true).append(true).open(&journal_path);
        let mut writer = Self {
            folder: folder.to_owned(),
            journal: journal.map_err(|e| io_error(&journal_path, e))?,
            made_of: summary.made_of.filter(|_| is_whole),
            before,
            now: vec![],
            now_in_lower_case: HashSet::new(),
            written: Written::default(),
        };
        for (path, body) in ASSETS {
            writer.put(Page { path: (*path).to_owned(), body: body.as_bytes().to_vec() })?;
        }
        Ok(writer)
    }

    /// What the files in the folder were made of; `None` if that is not known, or not true of all.
    pub(crate) fn made_of(&self) -> Option<&str> {
        self.made_of.as_deref()
    }

    /// Ends the build and leaves all files of the build before as they are.
    pub(crate) fn keep(mut self) -> Result<Written, WriteError> {
        for content in self.before.values().flatten() {
            self.written.n_unchanged += 1;
            self.written.n_bytes += content.bytes;
        }
        self.end()
    }

    /// Writes `page`, unless the file exists with the same content.
    pub fn put(&mut self, page: Page) -> Result<(), WriteError> {
        let refused = |kind| WriteError { path: self.folder.join(&page.path), kind };
        if !is_page_path(&page.path) {
            return Err(refused(WriteErrorKind::BadPath));
        }
        if !self.now_in_lower_case.insert(page.path.to_ascii_lowercase()) {
            return Err(refused(WriteErrorKind::SamePath));
        }
        let content = Content::of(&page.body);
        self.written.n_bytes += content.bytes;
        if MAX_SITE < self.written.n_bytes {
            return Err(WriteError { path: self.folder.clone(), kind: WriteErrorKind::TooLarge });
        }
        let before = self.before.remove(&page.path);
        if before.is_none() {
            // The name is written before the page, so that a crash between the two leaves no file
            // that no list names.
            let line = format!("{}\n", page.path);
            let noted = self.journal.write_all(line.as_bytes());
            noted.map_err(|e| io_error(&self.folder.join(JOURNAL), e))?;
        }
        let path = || self.folder.join(&page.path);
        if before == Some(Some(content)) || holds(&path(), &page.body) {
            self.written.n_unchanged += 1;
        } else {
            replace(&path(), &page.body).map_err(|e| io_error(&path(), e))?;
            self.written.n_written += 1;
        }
        self.now.push((page.path, content));
        Ok(())
    }

    /// Removes the pages of earlier builds that were not put this time, and writes the manifest.
    pub fn finish(mut self, summary: Summary) -> Result<Written, WriteError> {
        for gone in self.before.keys() {
            let path = self.folder.join(gone);
            match fs::remove_file(&path) {
                Ok(()) => self.written.n_removed += 1,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(io_error(&path, error)),
            }
            // Fails, as intended, if the folder still holds something else.
            for folder in Path::new(gone).ancestors().skip(1).filter(|f| !f.as_os_str().is_empty())
            {
                if fs::remove_dir(self.folder.join(folder)).is_err() {
                    break;
                }
            }
        }
        let files = std::mem::take(&mut self.now);
        let json = Manifest::text(summary, self.written.n_bytes, files);
        let path = self.folder.join(MANIFEST);
        if !holds(&path, json.as_bytes()) {
            replace(&path, json.as_bytes()).map_err(|e| io_error(&path, e))?;
        }
        self.end()
    }

    fn end(self) -> Result<Written, WriteError> {
        let journal = self.folder.join(JOURNAL);
        fs::remove_file(&journal).map_err(|e| io_error(&journal, e))?;
        Ok(self.written)
    }
}

/// The files of an earlier build with their contents, if they still have their sizes.
fn as_they_are(folder: &Path, files: Map<String, Content>) -> Map<String, Option<Content>> {
    let files: Vec<(String, Content)> = files.into_iter().collect();
    let is_same = threads::map(&files, |(path, content)| {
        is_page_path(path) && has_size(&folder.join(path), content.bytes)
    });
    let content = |((path, content), is_same): (_, bool)| (path, is_same.then_some(content));
    files.into_iter().zip(is_same).map(content).collect()
}

/// The files in the manifest of `folder`, and what it says about them; none for an empty folder.
fn made_before(folder: &Path) -> Result<(Map<String, Content>, Summary), WriteError> {
    let path = folder.join(MANIFEST);
    if let Some(json) = read(&path)? {
        let bad = || WriteError { path, kind: WriteErrorKind::BadManifest };
        return Manifest::parse(&json).map(|it| (it.files, it.summary)).ok_or_else(bad);
    }
    #[expect(clippy::disallowed_methods, reason = "this file is the port to the site's folder")]
    let mut files = fs::read_dir(folder).map_err(|e| io_error(folder, e))?;
    let is_ours = folder.join(JOURNAL).exists() || files.next().is_none();
    let not_ours = || WriteError { path: folder.to_owned(), kind: WriteErrorKind::NotOurs };
    is_ours.then(Default::default).ok_or_else(not_ours)
}

fn read(path: &Path) -> Result<Option<String>, WriteError> {
    let content = read_within(path, MAX_FILE)
        .map_err(|error| io_error(path, io::Error::other(error.kind.to_string())))?;
    let text = content.map(String::from_utf8).transpose();
    text.map_err(|error| io_error(path, io::Error::other(error)))
}

/// Whether a regular file with that content exists. Anything else is replaced without being read:
/// opening a named pipe would wait forever.
fn holds(path: &Path, content: &[u8]) -> bool {
    read_within(path, MAX_FILE).is_ok_and(|old| old.is_some_and(|old| old == content))
}

/// Whether a regular file of that size exists.
fn has_size(path: &Path, bytes: u64) -> bool {
    fs::symlink_metadata(path).is_ok_and(|it| it.is_file() && it.len() == bytes)
}

/// Whether `path` lies within the site. Anyone may have edited the manifest, so only files inside
/// the folder are removed.
fn is_page_path(path: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty()
            && name.chars().any(|c| c != '.')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+~-".contains(&b))
    };
    path.split('/').all(is_name) && path != MANIFEST && path != JOURNAL
}

/// Replaces the file in one step, so that readers see the old content or the new content, never a
/// part.
fn replace(path: &Path, body: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(body)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // The web server reads the file as another user.
        file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn io_error(path: &Path, error: io::Error) -> WriteError {
    WriteError { path: path.to_owned(), kind: WriteErrorKind::Io(error) }
}
