//! Writes files so that readers, also after a crash, see either the old or the new content and
//! never a part of it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, BufReader, BufWriter, Write as _},
    path::Path,
};

use crate::io::{StateError, regular};

/// The suffix of temporary files. Such a file stays only if its writer died.
const SUFFIX: &str = ".tsuku-batch-tmp";

/// Writes `content` to the file at `path`. Equal content is not written again, so that the time of
/// the last change of the file is meaningful.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), StateError> {
    write_by_way_of(folder_of(path), path, content)
}

/// Replaces the file at `path`, which is one that a person names, so that readers see the old or the new
/// content and never a part of it.
pub fn replace_file(path: &Path, content: &[u8]) -> Result<(), StateError> {
    write(path, content)
}

/// The same as [`write`], with the draft in the folder `drafts` of the same file system. This is for
/// files in so many folders that it would take too long to search each of them for drafts that a
/// writer left when it died.
pub(crate) fn write_by_way_of(
    drafts: &Path,
    path: &Path,
    content: &[u8],
) -> Result<(), StateError> {
    if holds(path, content)? {
        return Ok(());
    }
    fill_and_move(drafts, path, |draft| {
        draft.write_all(content).map_err(|error| StateError::io(path, error))
    })
}

/// The same as [`write`] for content that `fill` writes, because it is too large to be kept in memory.
pub(crate) fn write_by(
    path: &Path,
    fill: impl FnOnce(&mut dyn io::Write) -> Result<(), StateError>,
) -> Result<(), StateError> {
    fill_and_move(folder_of(path), path, fill)
}

/// The same as [`write`], but nothing is forced to the disk: after a crash of the machine the file may
/// be absent or empty. The draft lies in the folder `drafts`, as in [`write_by_way_of`]. Returns whether
/// the file was written.
pub(crate) fn write_unforced(
    drafts: &Path,
    path: &Path,
    content: &[u8],
) -> Result<bool, StateError> {
    if holds(path, content)? {
        return Ok(false);
    }
    let failed = |error| StateError::io(path, error);
    let dir = folder_of(path);
    if !dir.is_dir() {
        fs::create_dir_all(dir).map_err(failed)?;
    }
    let mut draft = draft(drafts, path)?;
    draft.write_all(content).map_err(failed)?;
    draft.persist(path).map_err(|error| failed(error.error))?;
    Ok(true)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

/// The same as [`write_by`], with the draft in the folder `drafts`, as in [`write_by_way_of`].
pub(crate) fn fill_and_move(
    drafts: &Path,
    path: &Path,
    fill: impl FnOnce(&mut dyn io::Write) -> Result<(), StateError>,
) -> Result<(), StateError> {
    let failed = |error| StateError::io(path, error);
    let dir = folder_of(path);
    make_dir(drafts)?;
    make_dir(dir)?;
    let mut draft = draft(drafts, path)?;
    let mut buffer = BufWriter::new(draft.as_file_mut());
    fill(&mut buffer)?;
    buffer.flush().map_err(failed)?;
    drop(buffer);
    if is_same(path, draft.path())? {
        return Ok(());
    }
    draft.as_file().sync_all().map_err(failed)?;
    draft.persist(path).map_err(|error| failed(error.error))?;
    sync_dir(dir)
}

/// An empty draft of the file at `path`, in the folder `drafts`.
fn draft(drafts: &Path, path: &Path) -> Result<tempfile::NamedTempFile, StateError> {
    let failed = |error| StateError::io(path, error);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .suffix(SUFFIX)
        .tempfile_in(drafts)
        .map_err(failed)?;
    readable_by_all(draft.as_file()).map_err(failed)?;
    Ok(draft)
}

/// Whether the file at `path` exists and has the content of `other`.
fn is_same(path: &Path, other: &Path) -> Result<bool, StateError> {
    let size = |path| fs::metadata(path).map(|found| found.len());
    let failed = |error| StateError::io(path, error);
    if regular::size(path)? != Some(size(other).map_err(failed)?) {
        return Ok(false);
    }
    let open = |path| File::open(path).map(BufReader::new);
    let (mut one, mut other) = (open(path).map_err(failed)?, open(other).map_err(failed)?);
    loop {
        let (left, right) = (one.fill_buf().map_err(failed)?, other.fill_buf().map_err(failed)?);
        let n = left.len().min(right.len());
        if left[..n] != right[..n] {
            return Ok(false);
        }
        if n == 0 {
            return Ok(left.len() == right.len());
        }
        one.consume(n);
        other.consume(n);
    }
}

fn holds(path: &Path, content: &[u8]) -> Result<bool, StateError> {
    let is_as_long =
        regular::size(path)?.is_some_and(|size| usize::try_from(size) == Ok(content.len()));
    Ok(is_as_long && regular::read(path)?.is_some_and(|found| found == content))
}

/// Adds `line` and a newline to the file at `path`. If a writer that died left text without a
/// newline, this text is completed if it is the beginning of `line`; otherwise it stays as a
/// separate line.
pub(crate) fn append_line(path: &Path, line: &str) -> Result<(), StateError> {
    let found = regular::read(path)?;
    let torn = found.as_deref().unwrap_or_default().rsplit(|&byte| byte == b'\n').next();
    let text = match line.as_bytes().strip_prefix(torn.unwrap_or_default()) {
        Some(rest) => [rest, b"\n"].concat(),
        None => [b"\n", line.as_bytes(), b"\n"].concat(),
    };
    append(path, &text)
}

/// Adds the newline that a writer which died has left out.
pub(crate) fn end_last_line(path: &Path) -> Result<(), StateError> {
    let is_torn =
        regular::read(path)?.is_some_and(|found| !matches!(found.last(), None | Some(b'\n')));
    if is_torn { append(path, b"\n") } else { Ok(()) }
}

fn append(path: &Path, text: &[u8]) -> Result<(), StateError> {
    let failed = |error| StateError::io(path, error);
    let mut file = open_log(path)?;
    file.write_all(text).and_then(|()| file.sync_all()).map_err(failed)
}

/// Opens the file at `path` to append to it. Creates it durably if it does not exist.
pub(crate) fn open_log(path: &Path) -> Result<File, StateError> {
    let failed = |error| StateError::io(path, error);
    let dir = path.parent().unwrap_or(Path::new("."));
    make_dir(dir)?;
    let is_new = regular::size(path)?.is_none();
    let file = OpenOptions::new().append(true).create(true).open(path).map_err(failed)?;
    if is_new {
        readable_by_all(&file).map_err(failed)?;
        sync_dir(dir)?;
    }
    Ok(file)
}

/// Independent of the umask, because in production the root is a checkout that other users serve.
fn readable_by_all(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.set_permissions(fs::Permissions::from_mode(0o644))
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        Ok(())
    }
}

/// Creates `dir` and its parents durably.
pub(crate) fn make_dir(dir: &Path) -> Result<(), StateError> {
    if dir.as_os_str().is_empty() || dir.is_dir() {
        return Ok(());
    }
    let parent = dir.parent().unwrap_or(Path::new("."));
    make_dir(parent)?;
    match fs::create_dir(dir) {
        Ok(()) => sync_dir(parent),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        Err(error) => Err(StateError::io(dir, error)),
    }
}

/// Names are stored in the folder. Without this a crash may remove a new name.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), StateError> {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    if cfg!(unix) {
        let synced = File::open(dir).and_then(|dir| dir.sync_all());
        synced.map_err(|error| StateError::io(dir, error))?;
    }
    Ok(())
}

/// Whether a file called `name` is a temporary one.
pub(crate) fn is_draft(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(SUFFIX)
}

/// Removes the temporary files of writers that died from `dir`. No writer may be at work.
pub(crate) fn sweep(dir: &Path) -> Result<(), StateError> {
    for (name, path) in regular::list(dir)? {
        if is_draft(&name) {
            remove(&path)?;
        }
    }
    Ok(())
}

/// Removes the file at `path` durably. A file that does not exist is no error.
pub(crate) fn remove(path: &Path) -> Result<(), StateError> {
    if remove_unforced(path)? { sync_dir(folder_of(path)) } else { Ok(()) }
}

/// The same, but after a crash of the machine the file may be there again. Returns whether there was
/// one.
pub(crate) fn remove_unforced(path: &Path) -> Result<bool, StateError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StateError::io(path, error)),
        Ok(()) => Ok(true),
    }
}
