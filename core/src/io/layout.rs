//! The paths of all files below a root. A name becomes part of a path only through [`slug`], or
//! through a type that allows no separators.

use std::path::{Path, PathBuf};

use crate::{
    io::ArchiveKind,
    model::{BatchId, EcosystemId, Month, RecipeName, slug},
};

const QUEUE_PREFIX: &str = "priority-queue-";

/// The paths of all files below one root. It builds paths and touches no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The part of a run record's file name before the batch id.
    pub(crate) const RUN_PREFIX: &'static str = "batch-runs-";

    /// The layout of `root`, which need not exist.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The root itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `path` in messages: relative to the root, with `/`.
    pub fn label(&self, path: &Path) -> String {
        let relative = path.strip_prefix(&self.root).unwrap_or(path);
        let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
        parts.join("/")
    }

    /// The control file. A folder that contains it is a root.
    pub fn control(&self) -> PathBuf {
        self.root.join("batch-control.json")
    }

    /// The settings.
    pub fn config(&self) -> PathBuf {
        self.root.join("pipeline.toml")
    }

    /// The folder of the state.
    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// The folder of the queues.
    pub fn queues(&self) -> PathBuf {
        self.data().join("queues")
    }

    /// The queue of `ecosystem`.
    pub fn queue(&self, ecosystem: &EcosystemId) -> PathBuf {
        self.queues().join(format!("{QUEUE_PREFIX}{ecosystem}.json"))
    }

    /// The ecosystem of the queue file called `name`; `None` for a file that is not a queue.
    pub fn ecosystem_of_queue(name: &str) -> Option<EcosystemId> {
        name.strip_prefix(QUEUE_PREFIX)?.strip_suffix(".json")?.parse().ok()
    }

    /// The folder of the failures.
    pub fn failure_files(&self) -> PathBuf {
        self.data().join("failures")
    }

    /// The failures of one run.
    pub fn failures(&self, batch_id: &str) -> PathBuf {
        self.failure_files().join(Self::batch_file_name(batch_id))
    }

    /// The folder of the run records.
    pub fn metrics(&self) -> PathBuf {
        self.data().join("metrics")
    }

    /// The record of one run.
    pub fn run(&self, batch_id: &str) -> PathBuf {
        let (prefix, name) = (Self::RUN_PREFIX, Self::batch_file_name(batch_id));
        self.metrics().join(format!("{prefix}{name}"))
    }

    /// The name of the file with the failures of one run.
    pub(crate) fn batch_file_name(batch_id: &str) -> String {
        format!("{}.jsonl", batch_file(batch_id))
    }

    /// Whether the file called `name` contains records, one on each line. Temporary files of
    /// writers do not.
    pub fn is_lines(name: &str) -> bool {
        name.strip_suffix(".jsonl").is_some_and(|stem| !stem.starts_with('.'))
    }

    /// The records of seeding runs.
    pub fn seeding_runs(&self) -> PathBuf {
        self.metrics().join("seeding-runs.jsonl")
    }

    /// Why packages of `ecosystem` are not queued.
    pub fn remembered(&self, ecosystem: &EcosystemId) -> PathBuf {
        self.seeding().join(format!("{ecosystem}.json"))
    }

    /// Folder of what was found out about packages that are not queued.
    pub fn seeding(&self) -> PathBuf {
        self.data().join("seeding")
    }

    /// The changes of the breakers.
    pub fn breaker_log(&self) -> PathBuf {
        self.data().join("breaker-log.jsonl")
    }

    /// Curated overrides.
    pub fn overrides(&self) -> PathBuf {
        self.data().join("disambiguations").join("curated.jsonl")
    }

    /// Sources that the earlier pipeline selected.
    pub fn source_audits(&self) -> PathBuf {
        self.data().join("disambiguations").join("audits.jsonl")
    }

    /// The folder of the JSON schemas.
    pub fn schemas(&self) -> PathBuf {
        self.data().join("schemas")
    }

    /// The folder of the outputs.
    pub fn outputs(&self) -> PathBuf {
        self.data().join("outputs")
    }

    /// An output; `None` for a text that is not a SHA-256 of 64 lower-case hexadecimal digits.
    pub fn output(&self, sha256: &str) -> Option<PathBuf> {
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_digest = sha256.len() == 64 && sha256.bytes().all(is_hex);
        is_digest.then(|| self.outputs().join(&sha256[..2]).join(format!("{sha256}.txt")))
    }

    /// The folder of old records, with a folder for each month.
    pub fn archive(&self) -> PathBuf {
        self.data().join("archive")
    }

    /// The old records of one kind and one month.
    pub fn archived(&self, month: Month, kind: ArchiveKind) -> PathBuf {
        let name = format!("{}.jsonl.zst", kind.as_str());
        self.archive().join(month.to_string()).join(name)
    }

    /// The folder of the recipes.
    pub fn recipes(&self) -> PathBuf {
        self.root.join("recipes")
    }

    /// A recipe. Its file has its name, unless that is too long or a device name on some system.
    pub fn recipe(&self, name: &RecipeName) -> PathBuf {
        let file = slug(name.as_str());
        self.recipes().join(&file[..1]).join(format!("{file}.toml"))
    }

    /// The folder of the generated pages.
    pub fn site(&self) -> PathBuf {
        self.root.join("site")
    }

    /// The folder of files that belong to this machine and not to the state.
    pub fn machine(&self) -> PathBuf {
        self.root.join(".tsuku-batch")
    }

    /// The lock that is held during a run.
    pub fn lock(&self) -> PathBuf {
        self.machine().join("lock")
    }

    /// The lock that is held while the state is read, changed and written back.
    pub fn write_lock(&self) -> PathBuf {
        self.machine().join("write-lock")
    }

    /// The folder of the journals of runs that are not in the state yet.
    pub fn outbox(&self) -> PathBuf {
        self.machine().join("outbox")
    }

    /// The journal of one run.
    pub fn journal(&self, batch: &BatchId) -> PathBuf {
        self.outbox().join(Self::journal_name(batch))
    }

    /// The name of the journal of one run.
    pub(crate) fn journal_name(batch: &BatchId) -> String {
        Self::batch_file_name(&batch.to_string())
    }

    /// The folder of the journals of batches that are to be pushed.
    pub fn unpushed(&self) -> PathBuf {
        self.machine().join("unpushed")
    }

    /// The folder of files that could not be used and are kept for a person.
    pub fn set_aside(&self) -> PathBuf {
        self.machine().join("set-aside")
    }

    /// The journal of a seeding run of `ecosystem` that is not in the state yet.
    pub fn seed_journal(&self, ecosystem: &EcosystemId) -> PathBuf {
        self.machine().join("seeding").join(format!("{ecosystem}.jsonl"))
    }

    /// The lock that is held while `ecosystem` is seeded.
    pub fn seed_lock(&self, ecosystem: &EcosystemId) -> PathBuf {
        self.machine().join("seeding").join(format!("{ecosystem}.lock"))
    }

    /// The folder of downloads, which may be deleted.
    pub fn cache(&self) -> PathBuf {
        self.machine().join("cache")
    }

    /// The folder for the work folders of attempts.
    pub fn work(&self) -> PathBuf {
        self.machine().join("work")
    }

    /// The folder of the files that stages pass to each other.
    pub fn artifacts(&self) -> PathBuf {
        self.machine().join("artifacts")
    }
}

/// A batch id is its own file name. A text that only looks like a batch id is not.
fn batch_file(batch_id: &str) -> String {
    let is_one = batch_id.parse::<BatchId>().is_ok_and(|batch| batch.to_string() == batch_id);
    if is_one { batch_id.to_owned() } else { slug(batch_id).into_owned() }
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
    fn every_file_has_the_path_in_the_format_description() {
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
        check(
            &layout.archived("2026-03".parse().unwrap(), ArchiveKind::Breaker),
            "data/archive/2026-03/breaker.jsonl.zst",
        );
        check(&layout.recipe(&"7zip".parse().unwrap()), "recipes/7/7zip.toml");
        let digest = "ab".repeat(32);
        check(&layout.output(&digest).unwrap(), &format!("data/outputs/ab/{digest}.txt"));
    }

    #[test]
    fn an_invalid_digest_gives_no_path() {
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
        fn no_text_gives_a_path_outside_of_its_folder(batch_id: String, recipe: String) {
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
