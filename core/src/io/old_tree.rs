//! The folder of an earlier pipeline. It is only read.

use std::{collections::BTreeSet, path::PathBuf};

use crate::io::{Layout, StateError, StateErrorKind, regular};

/// Maximal size of an old file in bytes, some fifty times the largest known one.
const MAX_FILE: u64 = 64 << 20;

/// The folder of an earlier pipeline. Names of files are relative to it and have `/`.
#[derive(Debug, Clone)]
pub struct OldTree(Layout);

impl OldTree {
    /// The control file.
    pub const CONTROL: &'static str = "batch-control.json";
    /// The folder of all other data.
    pub const DATA: &'static str = "data";

    /// Opens the folder at `path`, in which there must be data or a control file.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StateError> {
        let tree = Self(Layout::new(path));
        let path = tree.0.root();
        if !tree.0.data().is_dir() && regular::size(&tree.0.control())?.is_none() {
            return Err(StateError::new(path, StateErrorKind::NotOldTree));
        }
        Ok(tree)
    }

    /// Everything that lies directly in `folder`, sorted; empty if there is no such folder.
    pub fn files(&self, folder: &str) -> Result<Vec<String>, StateError> {
        let found = regular::list(&self.path(folder))?;
        let is_file = |path: &PathBuf| !path.is_dir();
        let files = found.into_iter().filter(|(_, path)| is_file(path));
        Ok(files.map(|(_, path)| self.0.label(&path)).collect())
    }

    /// The folders that lie directly in `folder`, sorted.
    pub fn folders(&self, folder: &str) -> Result<Vec<String>, StateError> {
        let found = regular::list(&self.path(folder))?;
        let folders = found.into_iter().filter(|(_, path)| path.is_dir());
        Ok(folders.map(|(_, path)| self.0.label(&path)).collect())
    }

    /// The content of `file`; `None` if it does not exist.
    pub fn read(&self, file: &str) -> Result<Option<Vec<u8>>, StateError> {
        regular::read_within(&self.path(file), MAX_FILE)
    }

    /// The names of all recipes; `None` if there is no folder of recipes.
    pub fn recipe_names(&self) -> Result<Option<BTreeSet<String>>, StateError> {
        let recipes = self.0.recipes();
        if !recipes.is_dir() {
            return Ok(None);
        }
        let mut names = BTreeSet::new();
        for (_, folder) in regular::list(&recipes)?.into_iter().filter(|(_, path)| path.is_dir()) {
            let files = regular::list(&folder)?.into_iter();
            names
                .extend(files.filter_map(|(name, _)| Some(name.strip_suffix(".toml")?.to_owned())));
        }
        Ok(Some(names))
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.root().join(file)
    }
}
