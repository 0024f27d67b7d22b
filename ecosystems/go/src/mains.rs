//! Looking into a module's zip for main packages: its directory, and the beginnings of a few files.

use batch_core::io::archive::{EntryKind, RemoteError, RemoteZip, ZipEntry};

use crate::{
    facts::Module,
    folders::{self, Folders},
    source,
};

/// Enough for the licence and the documentation above most package clauses.
const BEGINNING: usize = 8 << 10;
const LONGEST_BEGINNING: usize = 256 << 10;
/// Files of one folder that are read for a package clause that counts.
const MOST_FILES: usize = 16;
/// Folders that are read. Each costs a request where the zip is large.
const MOST_FOLDERS: usize = 64;

/// What a module has to install.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mains {
    /// Folders of the main packages that are meant, and the first one's documentation.
    Found { dirs: Vec<String>, synopsis: String },
    /// Main packages, of which nothing tells that they are for users; folders, at least one.
    Doubtful(Vec<String>),
    /// Go code, and no main package for users in it.
    None,
    /// The folder that is asked for is not in this module.
    NoFolder,
    /// Too many folders to look into.
    TooMany(usize),
}

type Files<'a> = Folders<(String, &'a ZipEntry)>;

/// What `dir` of `module` means: "" is the module itself, or its command wherever that lies.
pub(crate) async fn find(
    zip: &RemoteZip<'_>,
    module: &Module,
    dir: &str,
) -> Result<Mains, RemoteError> {
    let root = format!("{}@{}/", module.path, module.version.as_str());
    let files = zip.entries().iter().filter(|entry| entry.kind == EntryKind::File);
    let files = files.filter_map(|entry| Some((entry.path.strip_prefix(&root)?.to_owned(), entry)));
    let folders = folders::sorted(files);
    if !dir.is_empty() {
        if !folders.contains_key(dir) {
            return Ok(Mains::NoFolder);
        }
        return among(zip, &folders, vec![dir.to_owned()]).await;
    }
    let mut n_folders = 0;
    for group in folders::groups(&module.path, &folders) {
        n_folders += group.len();
        if MOST_FOLDERS < n_folders {
            return Ok(Mains::TooMany(n_folders));
        }
        let mains = among(zip, &folders, group).await?;
        if mains != Mains::None {
            return Ok(mains);
        }
    }
    let workshops = folders::workshops(&folders);
    n_folders += workshops.len();
    if MOST_FOLDERS < n_folders {
        return Ok(Mains::TooMany(n_folders));
    }
    let mains = among(zip, &folders, workshops).await?;
    if let Mains::Found { dirs, .. } = mains {
        return Ok(Mains::Doubtful(dirs));
    }
    Ok(mains)
}

/// The main packages among `dirs`.
async fn among(
    zip: &RemoteZip<'_>,
    folders: &Files<'_>,
    dirs: Vec<String>,
) -> Result<Mains, RemoteError> {
    let mut found: Vec<(String, String)> = vec![];
    for dir in dirs {
        let files = folders.get(&dir).map_or(&[][..], Vec::as_slice);
        if let Some(synopsis) = main_package(zip, files).await? {
            found.push((dir, synopsis));
        }
    }
    let Some((_, synopsis)) = found.first() else { return Ok(Mains::None) };
    let synopsis = synopsis.clone();
    Ok(Mains::Found { dirs: found.into_iter().map(|(dir, _)| dir).collect(), synopsis })
}

/// The documentation of the folder's package if that is `main`; it may be in any of its files.
async fn main_package(
    zip: &RemoteZip<'_>,
    files: &[(String, &ZipEntry)],
) -> Result<Option<String>, RemoteError> {
    let mut is_main = false;
    for (name, entry) in files.iter().take(MOST_FILES) {
        let Some(source) = read(zip, name, entry).await? else { continue };
        // `documentation` is how files say that they belong to no package.
        if !source.is_built || source.package == "documentation" {
            continue;
        }
        if source.package != "main" {
            return Ok(None);
        }
        is_main = true;
        if !source.synopsis.is_empty() {
            return Ok(Some(source.synopsis));
        }
    }
    Ok(is_main.then(String::new))
}

async fn read(
    zip: &RemoteZip<'_>,
    name: &str,
    entry: &ZipEntry,
) -> Result<Option<source::Source>, RemoteError> {
    for max_bytes in [BEGINNING, LONGEST_BEGINNING] {
        let bytes = zip.read_beginning(entry, max_bytes).await?;
        let source = source::read(name, &String::from_utf8_lossy(&bytes));
        if source.is_some() || bytes.len() < max_bytes {
            return Ok(source);
        }
    }
    Ok(None)
}
