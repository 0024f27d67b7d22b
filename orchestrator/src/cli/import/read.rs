//! Reads the files of an old tree. A file that cannot be read is refused as a whole, and the others
//! are read.

use std::path::Path;

use batch_core::{
    decide::import::{Import, Oddity, RecordKind},
    io::{OldTree, StateError, read_within},
    model::RunName,
    old_formats::{self, OldQueue, Refused},
};

use crate::cli::Refusal;

const QUEUES: &str = "data/queues";
const FAILURES: &str = "data/failures";
const METRICS: &str = "data/metrics";
const SEEDING_RUNS: &str = "data/metrics/seeding-runs.jsonl";
const SELECTIONS: &str = "data/disambiguations";
const AUDITS: &str = "data/disambiguations/audit";
/// Where the first queue was.
const FIRST_QUEUE: &str = "data/priority-queue.json";
const QUEUE_PREFIX: &str = "data/queues/priority-queue";
const RUN_PREFIX: &str = "data/metrics/batch-runs";
/// Maximal size of a queue in bytes.
const MAX_QUEUE: u64 = 64 << 20;

/// Puts the records of `tree` into `import`, the queue first. Returns the file of that queue.
pub(super) fn tree(
    tree: &OldTree,
    queue: Option<&Path>,
    import: &mut Import<'_>,
) -> anyhow::Result<Option<String>> {
    let queue = match queue {
        Some(path) => chosen_queue(path, import)?,
        None => newest_queue(tree, import)?,
    };
    for file in tree.files(FAILURES)? {
        failures(tree, &file, import)?;
    }
    for file in tree.files(METRICS)? {
        metrics(tree, &file, import)?;
    }
    for file in tree.files(SELECTIONS)? {
        selections(tree, &file, import)?;
    }
    for file in tree.files(AUDITS)? {
        audit(tree, &file, import)?;
    }
    import.note(Oddity::OtherFiles, n_other_files(tree)?);
    if let Some(content) = content(tree, OldTree::CONTROL, RecordKind::Control, import)? {
        match old_formats::control(&content) {
            Ok(control) => import.control(OldTree::CONTROL, control),
            Err(refused) => import.refuse_file(RecordKind::Control, OldTree::CONTROL, refused),
        }
    }
    Ok(queue)
}

/// The number of files of folders that are not read.
fn n_other_files(tree: &OldTree) -> Result<u64, StateError> {
    let mut files = tree.files(OldTree::DATA)?;
    files.retain(|file| file != FIRST_QUEUE);
    for folder in tree.folders(OldTree::DATA)? {
        if ![QUEUES, FAILURES, METRICS, SELECTIONS].contains(&&*folder) {
            files.extend(tree.files(&folder)?);
        }
    }
    Ok(count(files.len()))
}

/// The content of `file`; `None` if there is none, or if it is refused.
fn content(
    tree: &OldTree,
    file: &str,
    kind: RecordKind,
    import: &mut Import<'_>,
) -> Result<Option<Vec<u8>>, StateError> {
    match tree.read(file) {
        Err(error) if error.kind.is_about_the_file() => {
            let reason = error.kind.to_string();
            import.refuse_file(kind, file, Refused { line: 1, reason });
            Ok(None)
        }
        content => content,
    }
}

/// A queue that the operator names, which may lie anywhere.
fn chosen_queue(path: &Path, import: &mut Import<'_>) -> anyhow::Result<Option<String>> {
    let label = path.display().to_string();
    let missing = || Refusal::not_found(format!("there is no queue {label}"));
    let content = read_within(path, MAX_QUEUE)?.ok_or_else(missing)?;
    match old_formats::queue(&content) {
        Ok(queue) => import.queue(&label, &queue),
        Err(refused) => import.refuse_file(RecordKind::QueueEntry, &label, refused),
    }
    Ok(Some(label))
}

/// The queue in `tree` that changed last. Entries of the others are older states of the same
/// packages.
fn newest_queue(tree: &OldTree, import: &mut Import<'_>) -> Result<Option<String>, StateError> {
    let is_queue =
        |file: &String| file.starts_with(QUEUE_PREFIX) && file.strip_suffix(".json").is_some();
    let (queues, others): (Vec<String>, Vec<String>) =
        tree.files(QUEUES)?.into_iter().partition(is_queue);
    import.note(Oddity::OtherFiles, count(others.len()));
    let mut found: Vec<(String, OldQueue)> = vec![];
    for file in queues.into_iter().chain([FIRST_QUEUE.to_owned()]) {
        let Some(content) = content(tree, &file, RecordKind::QueueEntry, import)? else { continue };
        match old_formats::queue(&content) {
            Ok(queue) => found.push((file, queue)),
            Err(refused) => import.refuse_file(RecordKind::QueueEntry, &file, refused),
        }
    }
    found.sort_by_key(|(_, queue)| queue.updated_at);
    let newest = found.pop();
    for (_, older) in &found {
        import.note(Oddity::OlderQueues, 1);
        import.note(Oddity::EntriesOfOlderQueues, count(older.entries.len()));
    }
    Ok(newest.map(|(file, queue)| {
        import.queue(&file, &queue);
        file
    }))
}

fn failures(tree: &OldTree, file: &str, import: &mut Import<'_>) -> Result<(), StateError> {
    let Some(stem) = stem(file) else {
        import.note(Oddity::OtherFiles, 1);
        return Ok(());
    };
    let Some(content) = content(tree, file, RecordKind::Failure, import)? else { return Ok(()) };
    import.note(Oddity::EmptyFiles, u64::from(content.is_empty()));
    let started_at = RunName::parse(stem).and_then(RunName::started_at);
    import.failures(file, old_formats::failures(&content, started_at));
    Ok(())
}

fn metrics(tree: &OldTree, file: &str, import: &mut Import<'_>) -> Result<(), StateError> {
    if file == SEEDING_RUNS {
        if let Some(content) = content(tree, file, RecordKind::Seeding, import)? {
            import.seedings(file, old_formats::seedings(&content));
        }
        return Ok(());
    }
    if stem(file).is_none() || !file.starts_with(RUN_PREFIX) {
        import.note(Oddity::OtherFiles, 1);
        return Ok(());
    }
    let Some(content) = content(tree, file, RecordKind::Run, import)? else { return Ok(()) };
    import.note(Oddity::EmptyFiles, u64::from(content.is_empty()));
    import.runs(file, old_formats::runs(&content));
    Ok(())
}

fn selections(tree: &OldTree, file: &str, import: &mut Import<'_>) -> Result<(), StateError> {
    if stem(file).is_none() {
        import.note(Oddity::OtherFiles, 1);
        return Ok(());
    }
    let Some(content) = content(tree, file, RecordKind::Selection, import)? else { return Ok(()) };
    import.selections(file, old_formats::selections(&content));
    Ok(())
}

fn audit(tree: &OldTree, file: &str, import: &mut Import<'_>) -> Result<(), StateError> {
    let Some(content) = content(tree, file, RecordKind::Audit, import)? else { return Ok(()) };
    match old_formats::audit(&content) {
        Ok(audit) => import.audit(file, &audit),
        Err(refused) => import.refuse_file(RecordKind::Audit, file, refused),
    }
    Ok(())
}

/// The name of a file of records without folders and extension.
fn stem(file: &str) -> Option<&str> {
    file.rsplit('/').next()?.strip_suffix(".jsonl")
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
