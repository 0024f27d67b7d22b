//! Every path under the root. A name becomes part of a path through [`slug`] or through a type
//! whose grammar knows no separator.

use std::path::{Path, PathBuf};

use crate::model::{BatchId, EcosystemId, RecipeName, slug};

const QUEUE_PREFIX: &str = "priority-queue-";

/// Where everything under one root lies. Makes paths; touches no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// Before the batch id in the name of a run's record.
    pub(crate) const RUN_PREFIX: &'static str = "batch-runs-";

    /// The layout of `root`, which need not exist.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The root itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `path` as a person names it: relative to the root, with `/`.
    pub fn label(&self, path: &Path) -> String {
        let relative = path.strip_prefix(&self.root).unwrap_or(path);
        let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
        parts.join("/")
    }

    /// The control plane. A folder that has it is a root.
    pub fn control(&self) -> PathBuf {
        self.root.join("batch-control.json")
    }

    /// The settings.
    pub fn config(&self) -> PathBuf {
        self.root.join("pipeline.toml")
    }

    /// Folder of the state.
    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// Folder of the queues.
    pub fn queues(&self) -> PathBuf {
        self.data().join("queues")
    }

    /// The queue of `ecosystem`.
    pub fn queue(&self, ecosystem: &EcosystemId) -> PathBuf {
        self.queues().join(format!("{QUEUE_PREFIX}{ecosystem}.json"))
    }

    /// Whose queue the file called `name` is; `None` for a file that is no queue.
    pub fn ecosystem_of_queue(name: &str) -> Option<EcosystemId> {
        name.strip_prefix(QUEUE_PREFIX)?.strip_suffix(".json")?.parse().ok()
    }

    /// Folder of the failures.
    pub fn failure_files(&self) -> PathBuf {
        self.data().join("failures")
    }

    /// The failures of one run.
    pub fn failures(&self, batch_id: &str) -> PathBuf {
        self.failure_files().join(Self::batch_file_name(batch_id))
    }

    /// Folder of the run records.
    pub fn metrics(&self) -> PathBuf {
        self.data().join("metrics")
    }

    /// The record of one run.
    pub fn run(&self, batch_id: &str) -> PathBuf {
        let (prefix, name) = (Self::RUN_PREFIX, Self::batch_file_name(batch_id));
        self.metrics().join(format!("{prefix}{name}"))
    }

    /// Name of the file with the failures of one run.
    pub(crate) fn batch_file_name(batch_id: &str) -> String {
        format!("{}.jsonl", batch_file(batch_id))
    }

    /// Whether the file called `name` holds one record a line; drafts of writers do not.
    pub fn is_lines(name: &str) -> bool {
        name.strip_suffix(".jsonl").is_some_and(|stem| !stem.starts_with('.'))
    }

    /// Runs of the seeder.
    pub fn seeding_runs(&self) -> PathBuf {
        self.metrics().join("seeding-runs.jsonl")
    }

    /// What was found out about packages of `ecosystem` that are not queued.
    pub fn remembered(&self, ecosystem: &EcosystemId) -> PathBuf {
        self.data().join("seeding").join(format!("{ecosystem}.json"))
    }

    /// Transitions of the breakers.
    pub fn breaker_log(&self) -> PathBuf {
        self.data().join("breaker-log.jsonl")
    }

    /// Curated overrides.
    pub fn overrides(&self) -> PathBuf {
        self.data().join("disambiguations").join("curated.jsonl")
    }

    /// Folder of the JSON Schemas.
    pub fn schemas(&self) -> PathBuf {
        self.data().join("schemas")
    }

    /// Folder of the outputs.
    pub fn outputs(&self) -> PathBuf {
        self.data().join("outputs")
    }

    /// An output; `None` for what is no SHA-256 in 64 lower-case hex digits.
    pub fn output(&self, sha256: &str) -> Option<PathBuf> {
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_digest = sha256.len() == 64 && sha256.bytes().all(is_hex);
        is_digest.then(|| self.outputs().join(&sha256[..2]).join(format!("{sha256}.txt")))
    }

    /// Folder of the recipes.
    pub fn recipes(&self) -> PathBuf {
        self.root.join("recipes")
    }

    /// A recipe. Its name is its file's, unless that is too long or a device somewhere.
    pub fn recipe(&self, name: &RecipeName) -> PathBuf {
        let file = slug(name.as_str());
        self.recipes().join(&file[..1]).join(format!("{file}.toml"))
    }

    /// Folder of the generated pages.
    pub fn site(&self) -> PathBuf {
        self.root.join("site")
    }

    /// Folder of what belongs to this machine, not to the state.
    pub fn machine(&self) -> PathBuf {
        self.root.join(".tsuku-batch")
    }

    /// Held while a run is under way.
    pub fn lock(&self) -> PathBuf {
        self.machine().join("lock")
    }

    /// Held while the state is read, changed and written back.
    pub fn write_lock(&self) -> PathBuf {
        self.machine().join("write-lock")
    }

    /// Folder of the journals of runs that are not in the state yet.
    pub fn outbox(&self) -> PathBuf {
        self.machine().join("outbox")
    }

    /// The journal of one run.
    pub fn journal(&self, batch: &BatchId) -> PathBuf {
        self.outbox().join(Self::batch_file_name(&batch.to_string()))
    }

    /// The journal of a seeding of `ecosystem` that is not in the state yet.
    pub fn seed_journal(&self, ecosystem: &EcosystemId) -> PathBuf {
        self.machine().join("seeding").join(format!("{ecosystem}.jsonl"))
    }

    /// Held while `ecosystem` is seeded.
    pub fn seed_lock(&self, ecosystem: &EcosystemId) -> PathBuf {
        self.machine().join("seeding").join(format!("{ecosystem}.lock"))
    }

    /// Folder of what was downloaded and may be lost.
    pub fn cache(&self) -> PathBuf {
        self.machine().join("cache")
    }

    /// Folder in which attempts are made.
    pub fn work(&self) -> PathBuf {
        self.machine().join("work")
    }

    /// Folder of what stages hand to each other.
    pub fn artifacts(&self) -> PathBuf {
        self.machine().join("artifacts")
    }
}

/// A batch id is its own file name; what only claims to be one is not.
fn batch_file(batch_id: &str) -> String {
    let is_one = batch_id.parse::<BatchId>().is_ok_and(|batch| batch.to_string() == batch_id);
    if is_one { batch_id.to_owned() } else { slug(batch_id) }
}

#[cfg(test)]
mod tests {
    use std::path::Component;

    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(path: &Path, expected: &str) {
        assert_eq!(Layout::new("root").label(path), expected);
    }

    #[test]
    fn every_file_lies_where_the_formats_say() {
        let layout = Layout::new("root");
        let batch: BatchId = "npm-2026-11-21T13-00-05Z".parse().unwrap();
        check(
            &layout.queue(&EcosystemId::from_static("npm")),
            "data/queues/priority-queue-npm.json",
        );
        check(&layout.failures(&batch.to_string()), "data/failures/npm-2026-11-21T13-00-05Z.jsonl");
        check(
            &layout.run("slot-2026-11-21T13-00-05Z"),
            "data/metrics/batch-runs-slot-2026-11-21T13-00-05Z.jsonl",
        );
        check(&layout.journal(&batch), ".tsuku-batch/outbox/npm-2026-11-21T13-00-05Z.jsonl");
        check(&layout.recipe(&"7zip".parse().unwrap()), "recipes/7/7zip.toml");
        let digest = "ab".repeat(32);
        check(&layout.output(&digest).unwrap(), &format!("data/outputs/ab/{digest}.txt"));
    }

    #[test]
    fn what_is_no_digest_is_no_path() {
        for text in ["", "../../etc/passwd", &"AB".repeat(32), &"é".repeat(32)] {
            assert_eq!(Layout::new("root").output(text), None, "{text}");
        }
    }

    #[test]
    fn a_queue_file_names_its_ecosystem() {
        let name = |text| Layout::ecosystem_of_queue(text).map(|id| id.to_string());
        assert_eq!(name("priority-queue-npm.json").as_deref(), Some("npm"));
        for other in ["priority-queue.json", "priority-queue-a.b.json", "priority-queue-npm.json~"]
        {
            assert_eq!(name(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_text_leads_out_of_its_folder(batch_id: String, recipe: String) {
            let layout = Layout::new("root");
            let recipe = RecipeName::nearest(&recipe);
            for (path, n_parts) in [
                (layout.failures(&batch_id), 4),
                (layout.run(&batch_id), 4),
                (layout.recipe(&recipe), 4),
            ] {
                prop_assert!(path.components().all(|part| matches!(part, Component::Normal(_))));
                prop_assert_eq!(path.components().count(), n_parts);
            }
        }
    }
}
