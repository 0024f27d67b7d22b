//! Facts on disk: one reader and one writer for journals, for the outbox, and for the files that
//! stages pass to each other.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use crate::{
    io::{
        Layout, Quarantined, Records, StateError, atomic, fs_state::lines, regular,
        set_aside::set_aside,
    },
    model::{BatchId, Fact, Started},
};

/// Writes the facts of batches.
pub trait FactWriter: Send + Sync {
    /// Adds facts of `batch`. When this returns, they are stored. After an error some of them may
    /// be stored, which damages neither earlier nor later facts.
    fn append(&self, batch: &BatchId, facts: &[Fact]) -> Result<(), StateError>;
}

/// Keeps the facts of each batch until they are written into the state.
pub trait FactSink: FactWriter {
    /// Begins the journal of a batch with its first fact. There must be no journal of that batch
    /// yet.
    fn begin(&self, started: &Started) -> Result<(), StateError>;

    /// The journals of batches that are not in the state. Journals of one ecosystem are in the
    /// order of their start. The caller must hold the run lock; otherwise the journal of a batch
    /// that is in progress may be among them.
    fn pending(&self) -> Result<Vec<Journal>, StateError>;

    /// Moves the journal of a batch, which cannot be used as it is, to another folder, where it is
    /// kept. Returns its new path.
    fn set_aside(&self, batch: &BatchId) -> Result<PathBuf, StateError>;

    /// Removes the journal of a batch that is in the state or was never begun. A journal that does
    /// not exist is no error.
    fn discard(&self, batch: &BatchId) -> Result<(), StateError>;
}

/// The journal of a batch that is not in the state.
#[derive(Debug, Clone, PartialEq)]
pub struct Journal {
    /// The batch, according to the name of the journal.
    pub batch_id: BatchId,
    /// The facts that could be read, in their order.
    pub facts: Vec<Fact>,
    /// The lines that could not be read.
    pub unreadable: Vec<Quarantined>,
}

impl Journal {
    /// The first fact. `None` when it was lost or never written.
    pub fn started(&self) -> Option<&Started> {
        self.facts.iter().find_map(Fact::started)
    }

    /// Whether the journal contains only an unfinished beginning.
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty() && self.unreadable.is_empty()
    }
}

/// Journals below a root: one for each batch. Facts are on disk before the batch continues.
#[derive(Debug, Clone)]
pub struct Outbox {
    layout: Layout,
    dir: PathBuf,
}

impl Outbox {
    /// The journals of batches of the root at `layout` that are in progress, or died.
    pub fn new(layout: &Layout) -> Self {
        Self { layout: layout.clone(), dir: layout.outbox() }
    }

    /// The journals of batches that are to be pushed from the root at `layout`.
    pub fn unpushed(layout: &Layout) -> Self {
        Self { layout: layout.clone(), dir: layout.unpushed() }
    }

    /// The same in the folder `dir`.
    pub fn in_folder(layout: &Layout, dir: PathBuf) -> Self {
        Self { layout: layout.clone(), dir }
    }

    /// The journal of `batch`.
    fn journal(&self, batch: &BatchId) -> PathBuf {
        self.dir.join(Layout::journal_name(batch))
    }
}

impl FactWriter for Outbox {
    fn append(&self, batch: &BatchId, facts: &[Fact]) -> Result<(), StateError> {
        append_facts(&self.journal(batch), facts)
    }
}

impl FactSink for Outbox {
    fn begin(&self, started: &Started) -> Result<(), StateError> {
        let path = self.journal(&started.batch_id);
        atomic::make_dir(&self.dir)?;
        let file = OpenOptions::new().append(true).create_new(true).open(&path);
        file.map_err(|error| StateError::io(&path, error))?;
        atomic::sync_dir(&self.dir)?;
        append_facts(&path, &[Fact::Started(Box::new(started.clone()))])
    }

    fn pending(&self) -> Result<Vec<Journal>, StateError> {
        let mut journals = vec![];
        for (name, path) in regular::list(&self.dir)? {
            let stem = name.strip_suffix(".jsonl").filter(|_| Layout::is_lines(&name));
            let Some(Ok(batch_id)) = stem.map(str::parse) else { continue };
            let label = self.layout.label(&path);
            let Records { records, mut quarantined } =
                read_file(&path, &label).unwrap_or_else(|error| unreadable(&error, label));
            // The machine stopped while this line was written. It says nothing and is not damage.
            // Unless nothing stands before it: then it may be anything.
            let torn = torn_line(&path).unwrap_or(None).filter(|_| !records.is_empty());
            quarantined.retain(|line| Some(line.place) != torn);
            journals.push(Journal { batch_id, facts: records, unreadable: quarantined });
        }
        Ok(journals)
    }

    fn set_aside(&self, batch: &BatchId) -> Result<PathBuf, StateError> {
        let path = self.journal(batch);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        set_aside(&self.layout, &path, &name)
    }

    fn discard(&self, batch: &BatchId) -> Result<(), StateError> {
        atomic::remove(&self.journal(batch))
    }
}

/// A journal that cannot be read at all.
fn unreadable(error: &StateError, file: String) -> Records<Fact> {
    let (reason, raw) = (error.kind.to_string(), String::new());
    Records { records: vec![], quarantined: vec![Quarantined { file, place: 0, reason, raw }] }
}

/// Adds `facts` to the file at `path`, one on each line. Creates the file if it does not exist.
/// When this returns, they are on disk.
pub fn append_facts(path: &Path, facts: &[Fact]) -> Result<(), StateError> {
    let mut text = String::new();
    for fact in facts {
        text.push_str(&lines::to_line(path, fact)?);
        text.push('\n');
    }
    let failed = |error| StateError::io(path, error);
    let mut file = atomic::open_log(path)?;
    // Text without a newline, which a writer that died left, stays on a separate line.
    if !ends_a_line(path).map_err(failed)? {
        text.insert(0, '\n');
    }
    file.write_all(text.as_bytes()).and_then(|()| file.sync_data()).map_err(failed)
}

/// The facts in all files `*.jsonl` of `dir`, and of the folders in it that are called like a batch,
/// file by file in the order of their names. An unreadable line does not affect the others. Empty
/// when the folder does not exist.
pub fn read_facts(dir: &Path) -> Result<Records<Fact>, StateError> {
    let mut facts = Records::default();
    let mut files = vec![];
    for (name, path) in regular::list(dir)? {
        if path.is_dir() && name.parse::<BatchId>().is_ok() {
            let of_batch = regular::list(&path)?.into_iter();
            files.extend(of_batch.map(|(file, path)| (format!("{name}/{file}"), path)));
        } else {
            files.push((name, path));
        }
    }
    for (name, path) in files.into_iter().filter(|(name, _)| Layout::is_lines(name)) {
        let Records { records, quarantined } = read_file(&path, &name)?;
        facts.records.extend(records);
        facts.quarantined.extend(quarantined);
    }
    Ok(facts)
}

/// The facts in the file at `path`, which messages call `label`.
pub(in crate::io) fn read_file(path: &Path, label: &str) -> Result<Records<Fact>, StateError> {
    let mut facts = Records::default();
    lines::read(path, label, &mut facts)?;
    Ok(facts)
}

/// The number, from 1, of the last line of the file at `path`, if its newline is missing.
fn torn_line(path: &Path) -> Result<Option<u64>, StateError> {
    let content = regular::read(path)?.unwrap_or_default();
    if matches!(content.last(), None | Some(b'\n')) {
        return Ok(None);
    }
    Ok(Some(content.split(|&byte| byte == b'\n').map(|_| 1).sum()))
}

/// Whether the file at `path` is empty or ends with a newline.
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
