//! Searches a module's zip for main packages: reads its directory and the beginnings of some files.

use batch_core::io::archive::{EntryKind, RemoteError, RemoteZip, ZipEntry};

use crate::{
    facts::Module,
    folders::{self, Folders},
    source,
};

/// Long enough for the licence and the documentation above most package clauses, in bytes.
const BEGINNING: usize = 8 << 10;
const MAX_BEGINNING: usize = 256 << 10;
/// How many files of one folder are read to find a package clause.
const MAX_FILES: usize = 16;
/// How many folders are read. Each costs a request if the zip is large.
const MAX_FOLDERS: usize = 64;

/// The main packages of a module.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum MainPackages {
    /// The folders of the main packages for users, and the documentation of the first one.
    Found { dirs: Vec<String>, synopsis: String },
    /// Main packages that may not be for users; at least one folder.
    Doubtful(Vec<String>),
    /// There is Go code, but no main package for users.
    None,
    /// The requested folder is not in this module.
    NoFolder,
    /// There are too many folders to read.
    TooMany(usize),
}

type Files<'a> = Folders<(String, &'a ZipEntry)>;

/// The main packages that `dir` of `module` stands for: "" is the module itself, or its command in
/// any folder.
pub(crate) async fn find(
    zip: &RemoteZip<'_>,
    module: &Module,
    dir: &str,
) -> Result<MainPackages, RemoteError> {
    let root = format!("{}@{}/", module.path, module.version.as_str());
    let files = zip.entries().iter().filter(|entry| entry.kind == EntryKind::File);
    let files = files.filter_map(|entry| Some((entry.path.strip_prefix(&root)?.to_owned(), entry)));
    let folders = folders::sorted(files);
    if !dir.is_empty() {
        if !folders.contains_key(dir) {
            return Ok(MainPackages::NoFolder);
        }
        return main_packages_in(zip, &folders, vec![dir.to_owned()]).await;
    }
    let mut n_folders = 0;
    for group in folders::groups(&module.path, &folders) {
        n_folders += group.len();
        if MAX_FOLDERS < n_folders {
            return Ok(MainPackages::TooMany(n_folders));
        }
        let main_packages = main_packages_in(zip, &folders, group).await?;
        if main_packages != MainPackages::None {
            return Ok(main_packages);
        }
    }
    let undecided_folders = folders::undecided_folders(&folders);
    n_folders += undecided_folders.len();
    if MAX_FOLDERS < n_folders {
        return Ok(MainPackages::TooMany(n_folders));
    }
    let main_packages = main_packages_in(zip, &folders, undecided_folders).await?;
    if let MainPackages::Found { dirs, .. } = main_packages {
        return Ok(MainPackages::Doubtful(dirs));
    }
    Ok(main_packages)
}

/// The main packages among `dirs`.
async fn main_packages_in(
    zip: &RemoteZip<'_>,
    folders: &Files<'_>,
    dirs: Vec<String>,
) -> Result<MainPackages, RemoteError> {
    let mut found: Vec<(String, String)> = vec![];
    for dir in dirs {
        let files = folders.get(&dir).map_or(&[][..], Vec::as_slice);
        if let Some(synopsis) = main_package(zip, files).await? {
            found.push((dir, synopsis));
        }
    }
    let Some((_, synopsis)) = found.first() else { return Ok(MainPackages::None) };
    let synopsis = synopsis.clone();
    Ok(MainPackages::Found { dirs: found.into_iter().map(|(dir, _)| dir).collect(), synopsis })
}

/// The documentation of the folder's package if that is `main`; any of its files may have it.
async fn main_package(
    zip: &RemoteZip<'_>,
    files: &[(String, &ZipEntry)],
) -> Result<Option<String>, RemoteError> {
    let mut is_main = false;
    for (name, entry) in files.iter().take(MAX_FILES) {
        let Some(source) = read(zip, name, entry).await? else { continue };
        // Files with the package name `documentation` belong to no package.
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
    for max_bytes in [BEGINNING, MAX_BEGINNING] {
        let bytes = zip.read_beginning(entry, max_bytes).await?;
        let source = source::read(name, &String::from_utf8_lossy(&bytes));
        if source.is_some() || bytes.len() < max_bytes {
            return Ok(source);
        }
    }
    Ok(None)
}
