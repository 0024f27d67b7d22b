//! The checkout to which a new crate is added. Either all changes are made or none.
#![expect(clippy::disallowed_methods, reason = "sources of the program are no state of a root")]

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use batch_core::plugin::Registry;
use tempfile::NamedTempFile;

use super::{NewEcosystem, ScaffoldError, template};

const MANIFEST: &str = "orchestrator/Cargo.toml";
const PLUGINS: &str = "orchestrator/src/plugins.rs";
const ECOSYSTEMS: &str = "ecosystems";
/// How a checkout of this workspace is recognised: a file, and text in it.
const MARKERS: &[(&str, &str)] =
    &[("Cargo.toml", "\"ecosystems/*\""), (MANIFEST, "\neco-"), (PLUGINS, "\nuse eco_")];

/// A checkout of this workspace.
#[derive(Debug)]
pub struct Checkout {
    dir: PathBuf,
}

/// The changes for a new ecosystem. Nothing is written yet.
#[derive(Debug)]
pub struct Changes {
    checkout: PathBuf,
    /// The folder of the crate, relative to the top of the checkout.
    pub folder: PathBuf,
    /// The path in the folder and the text of every file.
    pub files: Vec<(&'static str, String)>,
    /// One line in each of two files.
    pub lines: [AddedLine; 2],
}

/// A line to add to a file of the checkout.
#[derive(Debug)]
pub struct AddedLine {
    /// Path relative to the top of the checkout.
    pub file: &'static str,
    /// Its number, counted from 1.
    pub number: usize,
    /// The line without its newline.
    pub line: String,
    before: String,
    after: String,
}

impl Checkout {
    /// Opens the checkout at `dir`, to which the program of `registry` belongs.
    pub fn open(dir: &Path, registry: &Registry) -> Result<Self, ScaffoldError> {
        let no_checkout = |why| ScaffoldError::NotCheckout { dir: dir.to_owned(), why };
        for (file, words) in MARKERS {
            let text = fs::read_to_string(dir.join(file));
            let text = text.map_err(|error| no_checkout(format!("{file}: {error}")))?;
            if !text.contains(words) {
                return Err(no_checkout(format!("{file} does not say {:?}", words.trim())));
            }
        }
        let linked: BTreeSet<String> = registry.iter().map(|it| it.id.to_string()).collect();
        let found = crates(&dir.join(ECOSYSTEMS))?;
        let differ: Vec<&str> = found.symmetric_difference(&linked).map(String::as_str).collect();
        if !differ.is_empty() {
            return Err(ScaffoldError::OtherProgram { differ: differ.join(", ") });
        }
        Ok(Self { dir: dir.to_owned() })
    }

    /// The changes for `new`. The error says that a part of it exists already.
    pub fn changes(&self, new: &NewEcosystem) -> Result<Changes, ScaffoldError> {
        let id = &new.id;
        let folder = Path::new(ECOSYSTEMS).join(id.as_str());
        // A link to nothing prevents the creation of the folder too.
        if self.dir.join(&folder).symlink_metadata().is_ok() {
            return Err(ScaffoldError::Exists { what: folder.display().to_string() });
        }
        let dependency = format!("eco-{id} = {{ path = \"../{ECOSYSTEMS}/{id}\" }}");
        let lines = [
            self.line(MANIFEST, "eco-", dependency)?,
            self.line(PLUGINS, "use eco_", format!("use eco_{id} as _;"))?,
        ];
        Ok(Changes { checkout: self.dir.clone(), folder, files: template::rendered(new), lines })
    }

    fn line(
        &self,
        file: &'static str,
        prefix: &str,
        line: String,
    ) -> Result<AddedLine, ScaffoldError> {
        let path = self.dir.join(file);
        let before = fs::read_to_string(&path).map_err(failed(&path))?;
        let (number, after) = with_line(&before, prefix, &line)
            .ok_or_else(|| ScaffoldError::Exists { what: format!("{line:?} of {file}") })?;
        Ok(AddedLine { file, number, line, before, after })
    }
}

/// `text` with `line` added to the sorted lines that begin with `prefix`, and its number; `None`
/// when there is a line for the same ecosystem.
fn with_line(text: &str, prefix: &str, line: &str) -> Option<(usize, String)> {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let of_kind = lines.iter().enumerate().filter(|(_, it)| it.starts_with(prefix));
    let of_kind: Vec<(usize, &str)> = of_kind.map(|(i, it)| (i, *it)).collect();
    if of_kind.iter().any(|(_, it)| subject(it, prefix) == subject(line, prefix)) {
        return None;
    }
    let later = of_kind.iter().find(|(_, it)| line < *it).map(|(i, _)| *i);
    let at = later.or_else(|| of_kind.last().map(|(i, _)| i + 1)).unwrap_or(lines.len());
    let ended = format!("{line}\n");
    lines.insert(at, &ended);
    Some((at + 1, lines.concat()))
}

/// The name in a line: the word after `prefix`.
fn subject<'a>(line: &'a str, prefix: &str) -> &'a str {
    let rest = line.strip_prefix(prefix).unwrap_or(line);
    rest.split([' ', ';', '=']).next().unwrap_or(rest)
}

/// The names of the folders in `dir` that contain a crate.
fn crates(dir: &Path) -> Result<BTreeSet<String>, ScaffoldError> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(dir).map_err(failed(dir))? {
        let path = entry.map_err(failed(dir))?.path();
        if path.join("Cargo.toml").exists() {
            found.extend(path.file_name().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    Ok(found)
}

impl Changes {
    /// Makes the changes. After an error, everything is as it was before.
    pub fn write(&self) -> Result<(), ScaffoldError> {
        let checkout = &self.checkout;
        let staged = tempfile::Builder::new().prefix(".new-ecosystem-").tempdir_in(checkout);
        let staged = staged.map_err(failed(checkout))?;
        let made = staged.path().join("crate");
        for (path, text) in &self.files {
            let path = made.join(path);
            let dir = path.parent().unwrap_or(&made);
            fs::create_dir_all(dir).map_err(failed(dir))?;
            fs::write(&path, text).map_err(failed(&path))?;
        }
        let drafts = [self.draft(&self.lines[0])?, self.draft(&self.lines[1])?];
        // From here on, files are only renamed.
        let folder = checkout.join(&self.folder);
        fs::rename(&made, &folder).map_err(failed(&checkout.join(ECOSYSTEMS)))?;
        for (i, (draft, line)) in drafts.into_iter().zip(&self.lines).enumerate() {
            let path = checkout.join(line.file);
            if let Err(error) = draft.persist(&path) {
                self.undo(&self.lines[..i]);
                return Err(failed(&path)(error.error));
            }
        }
        Ok(())
    }

    /// A new file with `line`, beside the file that it replaces.
    fn draft(&self, line: &AddedLine) -> Result<NamedTempFile, ScaffoldError> {
        let path = self.checkout.join(line.file);
        let write = || {
            let mut draft = NamedTempFile::new_in(path.parent().unwrap_or(&self.checkout))?;
            draft.write_all(line.after.as_bytes())?;
            draft.as_file().set_permissions(fs::metadata(&path)?.permissions())?;
            draft.as_file().sync_all()?;
            Ok(draft)
        };
        // Usually the folder cannot be written, because the new file is beside the old one.
        write().map_err(failed(path.parent().unwrap_or(&self.checkout)))
    }

    /// Reverses changes as far as possible, because there is an error to report already.
    fn undo(&self, written: &[AddedLine]) {
        for line in written {
            let _ = fs::write(self.checkout.join(line.file), &line.before);
        }
        let _ = fs::remove_dir_all(self.checkout.join(&self.folder));
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> ScaffoldError {
    let path = path.to_owned();
    move |source| ScaffoldError::Io { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins;

    /// An ecosystem that no checkout has, not even one with experiments.
    const NOBODYS: &str = "nobodys";

    /// A copy of the parts of the real checkout that `Checkout` reads.
    fn checkout() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let house = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let ids = plugins::registry().unwrap();
        let crates = ids.iter().map(|it| format!("{ECOSYSTEMS}/{}/Cargo.toml", it.id));
        for file in MARKERS.iter().map(|(file, _)| (*file).to_owned()).chain(crates) {
            let path = dir.path().join(&file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::copy(house.join(&file), &path).unwrap();
        }
        dir
    }

    fn new(id: &str) -> NewEcosystem {
        NewEcosystem::new(id, None, &plugins::registry().unwrap()).unwrap()
    }

    fn changes(dir: &Path, id: &str) -> Result<Changes, ScaffoldError> {
        Checkout::open(dir, &plugins::registry().unwrap())?.changes(&new(id))
    }

    /// Path and text of every file below `dir`.
    fn contents(dir: &Path) -> Vec<(PathBuf, String)> {
        let mut found = vec![];
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(contents(&path));
            } else {
                found.push((path.clone(), fs::read_to_string(&path).unwrap()));
            }
        }
        found.sort();
        found
    }

    #[test]
    fn a_line_is_inserted_in_sorted_order() {
        let check = |text: &str, line: &str, expected: Option<(usize, &str)>| {
            let found = with_line(text, "use eco_", line);
            assert_eq!(found, expected.map(|(n, text)| (n, text.to_owned())), "{line}");
        };
        let text = "use x;\nuse eco_b as _;\nuse eco_d as _;\n\nfn f() {}\n";
        let a = "use x;\nuse eco_a as _;\nuse eco_b as _;\nuse eco_d as _;\n\nfn f() {}\n";
        check(text, "use eco_a as _;", Some((2, a)));
        let c = "use x;\nuse eco_b as _;\nuse eco_c as _;\nuse eco_d as _;\n\nfn f() {}\n";
        check(text, "use eco_c as _;", Some((3, c)));
        let e = "use x;\nuse eco_b as _;\nuse eco_d as _;\nuse eco_e as _;\n\nfn f() {}\n";
        check(text, "use eco_e as _;", Some((4, e)));
        check(text, "use eco_d as _;", None);
        check("use eco_d as other;\n", "use eco_d as _;", None);
    }

    #[test]
    fn only_the_crate_and_one_line_in_each_of_two_files_are_written() {
        let dir = checkout();
        let before = contents(dir.path());
        let changes = changes(dir.path(), NOBODYS).unwrap();
        assert_eq!(contents(dir.path()), before, "nothing is written before it is asked for");
        changes.write().unwrap();
        let mut expected = before;
        for (path, text) in &mut expected {
            let line = changes.lines.iter().find(|line| dir.path().join(line.file) == *path);
            if let Some(AddedLine { number, line, .. }) = line {
                let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
                let line = format!("{line}\n");
                lines.insert(number - 1, &line);
                *text = lines.concat();
            }
        }
        let folder = dir.path().join(&changes.folder);
        expected.extend(changes.files.iter().map(|(path, text)| (folder.join(path), text.clone())));
        expected.sort();
        assert_eq!(contents(dir.path()), expected);
    }

    #[test]
    fn existing_crates_and_other_folders_than_checkouts_are_refused() {
        let refusal = |dir: &Path| changes(dir, NOBODYS).unwrap_err().to_string();
        let dir = checkout();
        let with = |file: &str, more: &str| {
            let path = dir.path().join(file);
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, text.clone() + more).unwrap();
            let refusal = refusal(dir.path());
            fs::write(&path, text).unwrap();
            refusal
        };
        assert!(
            with(MANIFEST, "eco-nobodys = { path = \"elsewhere\" }\n").contains("exists already")
        );
        assert!(with(PLUGINS, "use eco_nobodys as _;\n").contains("exists already"));
        let folder = dir.path().join("ecosystems/nobodys");
        fs::create_dir(&folder).unwrap();
        assert!(refusal(dir.path()).contains("ecosystems/nobodys exists already"));
        fs::write(folder.join("Cargo.toml"), "").unwrap();
        assert!(refusal(dir.path()).contains("differ (nobodys)"));
        fs::remove_dir_all(&folder).unwrap();
        fs::remove_dir_all(dir.path().join("ecosystems/npm")).unwrap();
        assert!(refusal(dir.path()).contains("differ (npm)"));
        fs::write(dir.path().join("Cargo.toml"), "[workspace]\nmembers = []\n").unwrap();
        assert!(refusal(dir.path()).contains("Cargo.toml does not say"));
        assert!(refusal(Path::new("/nowhere")).contains("/nowhere is not a checkout"));
    }

    #[test]
    fn a_write_that_fails_half_way_leaves_everything_as_it_was() {
        for file in [MANIFEST, PLUGINS] {
            let dir = checkout();
            let changes = changes(dir.path(), NOBODYS).unwrap();
            // A folder cannot be replaced by a file.
            let (path, aside) = (dir.path().join(file), dir.path().join("aside"));
            fs::rename(&path, &aside).unwrap();
            fs::create_dir(&path).unwrap();
            let before = contents(dir.path());
            assert!(matches!(changes.write(), Err(ScaffoldError::Io { .. })));
            assert_eq!(contents(dir.path()), before, "{file}");
            assert!(!dir.path().join("ecosystems/nobodys").exists(), "{file}");
        }
    }
}
