//! Reading the state.

use std::{collections::BTreeMap, path::Path};

use serde::de::DeserializeOwned;

use crate::{
    io::{
        FsState, HistoryFilter, Layout, QueueFile, Records, StateError, StateErrorKind,
        StateReader, Visitor,
        fs_state::{control, lines, queue, remembered},
        regular,
    },
    model::{
        BreakerTransition, Control, EcosystemId, FailureRecord, FailureSummary, PackageName,
        RecipeName, Remembered, RunRecord, SeedingRecord,
    },
};

/// Maximal size of a recipe or an output in bytes. Outputs are shortened to 64 KiB before they are
/// stored.
const MAX_TEXT: u64 = 4 << 20;

impl StateReader for FsState {
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

    fn queue(&self, ecosystem: &EcosystemId) -> Result<Option<QueueFile>, StateError> {
        let path = self.layout.queue(ecosystem);
        let Some(content) = regular::read(&path)? else { return Ok(None) };
        queue::parse(&path, &self.layout.label(&path), ecosystem, &content).map(Some)
    }

    fn visit_runs(
        &self,
        filter: &HistoryFilter,
        visit: Visitor<'_, RunRecord>,
    ) -> Result<(), StateError> {
        self.visit(&self.layout.metrics(), filter, visit)
    }

    fn visit_failures(
        &self,
        filter: &HistoryFilter,
        visit: Visitor<'_, FailureRecord>,
    ) -> Result<(), StateError> {
        self.visit(&self.layout.failure_files(), filter, visit)
    }

    fn visit_failure_summaries(
        &self,
        filter: &HistoryFilter,
        visit: Visitor<'_, FailureSummary>,
    ) -> Result<(), StateError> {
        self.visit(&self.layout.failure_files(), filter, visit)
    }

    fn breaker_log(&self) -> Result<Records<BreakerTransition>, StateError> {
        let mut log: Records<BreakerTransition> = self.read_one(&self.layout.breaker_log())?;
        log.records.sort_by_key(|transition| transition.at);
        Ok(log)
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

    fn output(&self, sha256: &str) -> Result<Option<String>, StateError> {
        let Some(path) = self.layout.output(sha256) else { return Ok(None) };
        Ok(regular::read_within(&path, MAX_TEXT)?.map(to_text))
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
