//! Which files lie below a root, and whether they belong there.

use std::{fs, path::Path};

use chrono::{DateTime, Utc};

use crate::{
    io::{ArchiveKind, FsState, Layout, StateError, atomic, regular},
    model::Month,
};

/// A file below a root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// Its path, relative to the root.
    pub file: String,
    /// What it is.
    pub kind: FoundKind,
    /// When it was changed last, as the file system says.
    pub changed_at: Option<DateTime<Utc>>,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundKind {
    /// Of the layout.
    Known,
    /// A temporary file of a writer.
    Draft,
    /// A folder in which the work of one attempt was done.
    Work,
    /// A folder of artifacts.
    Artifacts,
    /// None of the layout, under the folder of the state.
    Unknown,
}

impl FsState {
    /// Calls `visit` for the files below the root, folder by folder, each in the order of the names.
    /// Outputs, which may be very many, and the folders of caches and of git are left out. No link is
    /// followed.
    pub fn survey(&self, visit: &mut dyn FnMut(FoundFile)) -> Result<(), StateError> {
        let root = self.layout.root();
        for (name, path) in regular::list(root)? {
            if atomic::is_draft(&name) {
                visit(self.found(&path, FoundKind::Draft));
            }
        }
        self.walk(&self.layout.data(), visit)?;
        for dir in [self.layout.outputs(), self.layout.recipes(), self.layout.machine()] {
            self.drafts_of(&dir, visit)?;
        }
        for (dir, kind) in
            [(self.layout.work(), FoundKind::Work), (self.layout.artifacts(), FoundKind::Artifacts)]
        {
            for (_, path) in regular::list(&dir)? {
                visit(self.found(&path, kind));
            }
        }
        Ok(())
    }

    fn walk(&self, dir: &Path, visit: &mut dyn FnMut(FoundFile)) -> Result<(), StateError> {
        for (name, path) in regular::list(dir)? {
            let is_folder = fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir());
            if is_folder && path == self.layout.outputs() {
                continue;
            }
            if is_folder && !is_known(&self.layout.label(&path)) {
                self.walk(&path, visit)?;
                continue;
            }
            let kind = match () {
                () if atomic::is_draft(&name) => FoundKind::Draft,
                () if is_known(&self.layout.label(&path)) => FoundKind::Known,
                () => FoundKind::Unknown,
            };
            visit(self.found(&path, kind));
        }
        Ok(())
    }

    fn drafts_of(&self, dir: &Path, visit: &mut dyn FnMut(FoundFile)) -> Result<(), StateError> {
        for (name, path) in regular::list(dir)? {
            if atomic::is_draft(&name) {
                visit(self.found(&path, FoundKind::Draft));
            }
        }
        Ok(())
    }

    fn found(&self, path: &Path, kind: FoundKind) -> FoundFile {
        FoundFile { file: self.layout.label(path), kind, changed_at: changed_at(path) }
    }
}

/// When the file at `path` was changed last, as the file system says.
pub(super) fn changed_at(path: &Path) -> Option<DateTime<Utc>> {
    fs::symlink_metadata(path).and_then(|found| found.modified()).ok().map(Into::into)
}

/// Whether `file`, relative to the root and not an output, is a file of the layout under the folder of
/// the state.
fn is_known(file: &str) -> bool {
    let Some((folder, name)) = file.rsplit_once('/') else { return false };
    // People and git keep folders, and say what is in them.
    if matches!(name, "README.md" | ".gitkeep" | ".gitignore" | ".gitattributes") {
        return true;
    }
    let is_json =
        |name: &str| name.strip_suffix(".json").is_some_and(|stem| !stem.starts_with('.'));
    match folder {
        "data" => name == "breaker-log.jsonl",
        "data/queues" => Layout::ecosystem_of_queue(name).is_some(),
        "data/failures" => Layout::is_lines(name),
        "data/metrics" => {
            name == "seeding-runs.jsonl"
                || name.starts_with(Layout::RUN_PREFIX) && Layout::is_lines(name)
        }
        "data/disambiguations" => matches!(name, "curated.jsonl" | "audits.jsonl"),
        "data/schemas" | "data/seeds" | "data/seeding" => is_json(name),
        folder => {
            let month = folder.strip_prefix("data/archive/").map(str::parse::<Month>);
            let stem = name.strip_suffix(".jsonl.zst");
            let is_kind = |stem| ArchiveKind::ALL.iter().any(|kind| kind.as_str() == stem);
            matches!(month, Some(Ok(_))) && stem.is_some_and(is_kind)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EcosystemId;

    #[test]
    fn every_file_of_the_layout_is_known_and_others_are_not() {
        let layout = Layout::new("root");
        let npm = EcosystemId::from_static("npm");
        let month: Month = "2026-01".parse().unwrap();
        let mut known = vec![
            layout.queue(&npm),
            layout.failures("npm-2026-01-01T00-00-00Z"),
            layout.run("npm-2026-01-01T00-00-00Z"),
            layout.seeding_runs(),
            layout.remembered(&npm),
            layout.breaker_log(),
            layout.overrides(),
            layout.source_audits(),
            layout.schemas().join("queue.schema.json"),
        ];
        known.extend(ArchiveKind::ALL.map(|kind| layout.archived(month, kind)));
        for path in known {
            assert!(is_known(&layout.label(&path)), "{}", path.display());
        }
        for odd in [
            "data/queues/priority-queue.json",
            "data/queues/priority-queue-npm.json~",
            "data/failures/npm.json",
            "data/archive/2026-13/runs.jsonl.zst",
            "data/dashboard.json",
            "batch-control.json",
        ] {
            assert!(!is_known(odd), "{odd}");
        }
    }
}
