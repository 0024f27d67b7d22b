//! Reading the state.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use serde::de::DeserializeOwned;

use crate::{
    io::{
        FsState, HistoryFilter, Layout, QueueFile, Records, StateError, StateErrorKind,
        StateReader, Visited, Visitor,
        fs_state::{control, history::Scope, lines, queue, remembered},
        regular,
    },
    model::{
        BreakerTransition, Control, CuratedSource, EcosystemId, FailureRecord, FailureSummary,
        OutputRecord, PackageName, RecipeName, Remembered, RunRecord, SCHEMA_VERSION,
        SeedingRecord, SourceAudit,
    },
};

/// Maximal size of a recipe or an output in bytes. Outputs are shortened to 64 KiB before they are
/// stored.
pub(super) const MAX_TEXT: u64 = 4 << 20;

impl StateReader for FsState {
    fn digest(&self) -> Option<u64> {
        self.digest_of_files()
    }

    fn control(&self) -> Result<Control, StateError> {
        let path = self.layout.control();
        let not_root = || StateError::new(self.layout.root(), StateErrorKind::NotRoot);
        control::parse(&path, &control::read(&path)?.ok_or_else(not_root)?)
    }

    fn queued_ecosystems(&self) -> Result<Vec<EcosystemId>, StateError> {
        let files = regular::list(&self.layout.queues())?;
        let ids = files.iter().filter_map(|(name, _)| Layout::ecosystem_of_queue(name));
        let mut ids: Vec<EcosystemId> = ids.collect();
        ids.sort();
        Ok(ids)
    }

    fn queue(&self, ecosystem: &EcosystemId) -> Result<Option<Arc<QueueFile>>, StateError> {
        let path = self.layout.queue(ecosystem);
        let Some(content) = regular::read(&path)? else { return Ok(None) };
        let file = queue::parse(&path, &self.layout.label(&path), ecosystem, &content)?;
        Ok(Some(Arc::new(file)))
    }

    fn visit_runs(
        &self,
        filter: &HistoryFilter,
        visit: Visitor<'_, RunRecord>,
    ) -> Result<(), StateError> {
        self.visit(&Scope { filter, hidden: &BTreeSet::new() }, visit)
    }

    fn visit_failures(
        &self,
        filter: &HistoryFilter,
        visit: Visitor<'_, FailureRecord>,
    ) -> Result<(), StateError> {
        self.visit(&Scope { filter, hidden: &BTreeSet::new() }, visit)
    }

    fn visit_failure_summaries(
        &self,
        filter: &HistoryFilter,
        visit: Visitor<'_, FailureSummary>,
    ) -> Result<(), StateError> {
        self.visit(&Scope { filter, hidden: &BTreeSet::new() }, visit)
    }

    fn breaker_log(&self) -> Result<Records<BreakerTransition>, StateError> {
        let live = self.live_breaker_log()?;
        self.with_archived_transitions(live)
    }

    fn seeding_runs(&self) -> Result<Records<SeedingRecord>, StateError> {
        let mut runs: Records<SeedingRecord> = self.read_one(&self.layout.seeding_runs())?;
        runs.records.sort_by_key(|run| run.ended_at);
        Ok(runs)
    }

    fn remembered(
        &self,
        ecosystem: &EcosystemId,
    ) -> Result<BTreeMap<PackageName, Remembered>, StateError> {
        let path = self.layout.remembered(ecosystem);
        let Some(content) = regular::read(&path)? else { return Ok(BTreeMap::new()) };
        remembered::parse(&path, &content)
    }

    fn curated_sources(&self) -> Result<Records<CuratedSource>, StateError> {
        self.read_one(&self.layout.overrides())
    }

    fn source_audits(&self) -> Result<Records<SourceAudit>, StateError> {
        self.read_one(&self.layout.source_audits())
    }

    fn output(&self, sha256: &str) -> Result<Option<String>, StateError> {
        let Some(path) = self.layout.output(sha256) else { return Ok(None) };
        match regular::read_within(&path, MAX_TEXT)? {
            Some(text) => Ok(Some(to_text(text))),
            None => self.archived_output(sha256),
        }
    }

    fn visit_outputs(
        &self,
        wanted: &BTreeSet<String>,
        visit: Visitor<'_, OutputRecord>,
    ) -> Result<(), StateError> {
        let mut elsewhere = BTreeSet::new();
        for sha256 in wanted {
            let Some(path) = self.layout.output(sha256) else { continue };
            let seen = match regular::read_within(&path, MAX_TEXT) {
                Ok(Some(text)) => {
                    let (schema_version, sha256) = (SCHEMA_VERSION, sha256.clone());
                    Visited::Record(OutputRecord { schema_version, sha256, text: to_text(text) })
                }
                Ok(None) => {
                    elsewhere.insert(sha256.as_str());
                    continue;
                }
                Err(error) if error.kind.is_about_the_file() => {
                    Visited::Damaged(lines::damaged_file(&error, self.layout.label(&path)))
                }
                Err(error) => return Err(error),
            };
            if visit(seen).is_break() {
                return Ok(());
            }
        }
        self.visit_archived(elsewhere, visit)
    }

    fn recipe(&self, name: &RecipeName) -> Result<Option<String>, StateError> {
        Ok(regular::read_within(&self.layout.recipe(name), MAX_TEXT)?.map(to_text))
    }

    fn recipe_names(&self) -> Result<Vec<RecipeName>, StateError> {
        let mut names = vec![];
        for (_, dir) in regular::list(&self.layout.recipes())? {
            if !dir.is_dir() {
                continue;
            }
            for (file, path) in regular::list(&dir)? {
                let Some(stem) = file.strip_suffix(".toml") else { continue };
                names.extend(self.recipe_name(stem, &path)?);
            }
        }
        names.sort();
        Ok(names)
    }
}

impl FsState {
    /// The changes of breakers that are not archived, in the order of the file.
    pub(super) fn live_breaker_log(&self) -> Result<Records<BreakerTransition>, StateError> {
        self.read_one(&self.layout.breaker_log())
    }

    fn read_one<T: DeserializeOwned>(&self, path: &Path) -> Result<Records<T>, StateError> {
        let mut records = Records::default();
        lines::read(path, &self.layout.label(path), &mut records)?;
        Ok(records)
    }

    /// The name of the recipe at `path`; `None` when a recipe of that name belongs elsewhere. If
    /// the name is not possible as a file name, it is read from the recipe itself.
    fn recipe_name(&self, stem: &str, path: &Path) -> Result<Option<RecipeName>, StateError> {
        let name = match stem.parse().ok() {
            Some(name) => Some(name),
            None => match regular::read_within(path, MAX_TEXT) {
                Err(error) if error.kind.is_about_the_file() => None,
                recipe => recipe?.as_deref().and_then(stated_name),
            },
        };
        Ok(name.filter(|name| self.layout.recipe(name) == path))
    }
}

fn stated_name(recipe: &[u8]) -> Option<RecipeName> {
    let table: toml::Table = str::from_utf8(recipe).ok()?.parse().ok()?;
    table.get("metadata")?.get("name")?.as_str()?.parse().ok()
}

fn to_text(content: Vec<u8>) -> String {
    String::from_utf8(content)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
