//! Facts on disk: one reader and one writer for journals, for the outbox and for what stages hand
//! to each other.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
};

use crate::{
    io::{Layout, Quarantined, Records, StateError, atomic, fs_state::lines, regular},
    model::{BatchId, Fact, Started},
};

/// Keeps the facts of each batch until they are in the state.
pub trait FactSink: Send + Sync {
    /// Begins the journal of a batch with its first fact. There must be none of that batch.
    fn begin(&self, started: &Started) -> Result<(), StateError>;

    /// Adds facts of `batch`. They are kept when this returns; after an error some of them may be,
    /// which harms neither what stands before them nor what is added next.
    fn append(&self, batch: &BatchId, facts: &[Fact]) -> Result<(), StateError>;

    /// The journals of batches that are not in the state, those of one ecosystem in the order of
    /// their start. To be asked for under the lock of a run, or a batch that is under way may be
    /// among them.
    fn pending(&self) -> Result<Vec<Journal>, StateError>;

    /// Removes the journal of a batch: it is in the state, or was never begun. One that is gone
    /// already is no error.
    fn discard(&self, batch: &BatchId) -> Result<(), StateError>;
}

/// The journal of a batch that is not in the state.
#[derive(Debug, Clone, PartialEq)]
pub struct Journal {
    /// Whose, by the name of the journal.
    pub batch_id: BatchId,
    /// What could be read, in order.
    pub facts: Vec<Fact>,
    /// Lines that could not.
    pub unreadable: Vec<Quarantined>,
}

impl Journal {
    /// Its first fact; `None` where that was lost or never written.
    pub fn started(&self) -> Option<&Started> {
        self.facts.iter().find_map(Fact::started)
    }

    /// Whether there was nothing but a beginning that was never finished.
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty() && self.unreadable.is_empty()
    }
}

/// The outbox of a root: one journal a batch, on the disk before the batch goes on.
#[derive(Debug, Clone)]
pub struct Outbox {
    layout: Layout,
}

impl Outbox {
    /// The outbox of the root at `layout`.
    pub fn new(layout: &Layout) -> Self {
        Self { layout: layout.clone() }
    }
}

impl FactSink for Outbox {
    fn begin(&self, started: &Started) -> Result<(), StateError> {
        let path = self.layout.journal(&started.batch_id);
        atomic::make_dir(&self.layout.outbox())?;
        let file = OpenOptions::new().append(true).create_new(true).open(&path);
        file.map_err(|error| StateError::io(&path, error))?;
        atomic::sync_dir(&self.layout.outbox())?;
        append_facts(&path, &[Fact::Started(Box::new(started.clone()))])
    }

    fn append(&self, batch: &BatchId, facts: &[Fact]) -> Result<(), StateError> {
        append_facts(&self.layout.journal(batch), facts)
    }

    fn pending(&self) -> Result<Vec<Journal>, StateError> {
        let mut journals = vec![];
        for (name, path) in regular::list(&self.layout.outbox())? {
            let stem = name.strip_suffix(".jsonl").filter(|_| Layout::is_lines(&name));
            let Some(Ok(batch_id)) = stem.map(str::parse) else { continue };
            let Records { records, mut quarantined } = read(&path, &self.layout.label(&path))?;
            // The end of the machine cut that line off: it says nothing, and is no damage.
            let torn = torn_line(&path)?;
            quarantined.retain(|line| Some(line.place) != torn);
            journals.push(Journal { batch_id, facts: records, unreadable: quarantined });
        }
        Ok(journals)
    }

    fn discard(&self, batch: &BatchId) -> Result<(), StateError> {
        atomic::remove(&self.layout.journal(batch))
    }
}

/// Adds `facts` to the file at `path`, one a line, and makes it if it is not there. They are on the
/// disk when this returns.
pub fn append_facts(path: &Path, facts: &[Fact]) -> Result<(), StateError> {
    let mut text = String::new();
    for fact in facts {
        text.push_str(&lines::to_line(path, fact)?);
        text.push('\n');
    }
    let failed = |error| StateError::io(path, error);
    let mut file = atomic::open_log(path)?;
    // What a writer that died left without a newline stays a line of its own.
    if !ends_a_line(path).map_err(failed)? {
        text.insert(0, '\n');
    }
    file.write_all(text.as_bytes()).and_then(|()| file.sync_data()).map_err(failed)
}

/// The facts of every `*.jsonl` in `dir`, file by file in the order of their names. A line that
/// cannot be read costs itself only. Empty where there is no such folder.
pub fn read_facts(dir: &Path) -> Result<Records<Fact>, StateError> {
    let mut facts = Records::default();
    for (name, path) in regular::list(dir)?.into_iter().filter(|(name, _)| Layout::is_lines(name)) {
        let Records { records, quarantined } = read(&path, &name)?;
        facts.records.extend(records);
        facts.quarantined.extend(quarantined);
    }
    Ok(facts)
}

fn read(path: &Path, label: &str) -> Result<Records<Fact>, StateError> {
    let mut facts = Records::default();
    lines::read(path, label, &mut facts)?;
    Ok(facts)
}

/// Number of the last line of the file at `path`, from 1, if its newline is missing.
fn torn_line(path: &Path) -> Result<Option<u64>, StateError> {
    let content = regular::read(path)?.unwrap_or_default();
    if matches!(content.last(), None | Some(b'\n')) {
        return Ok(None);
    }
    Ok(Some(content.split(|&byte| byte == b'\n').map(|_| 1).sum()))
}

/// Whether the file at `path` is empty or ends in a newline.
fn ends_a_line(path: &Path) -> std::io::Result<bool> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}
