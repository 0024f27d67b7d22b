//! Records of slots in which nothing could be attempted, until they are pushed.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use batch_core::{
    io::{Layout, read_within},
    model::RunRecord,
};

/// The largest file, in bytes: many thousands of records.
const MAX_FILE: u64 = 16 << 20;

/// The records of a root that are not pushed yet, one on each line.
pub struct KeptSlots {
    path: PathBuf,
}

impl KeptSlots {
    /// Those of the root at `layout`.
    pub fn new(layout: &Layout) -> Self {
        Self::in_folder(&layout.unpushed())
    }

    /// Those in the folder `dir`.
    pub(super) fn in_folder(dir: &Path) -> Self {
        Self { path: dir.join("slots.jsonl") }
    }

    /// Keeps `record`.
    pub fn keep(&self, record: &RunRecord) -> anyhow::Result<()> {
        // A line that was torn by a process that died stays on a line of its own.
        let line = format!("\n{}\n", serde_json::to_string(record)?);
        let append = || -> io::Result<()> {
            if let Some(folder) = self.path.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut file = OpenOptions::new().append(true).create(true).open(&self.path)?;
            file.write_all(line.as_bytes())?;
            file.sync_data()
        };
        append().with_context(|| format!("cannot write to {}", self.path.display()))
    }

    /// All of them. A line that cannot be read is passed over.
    pub(super) fn all(&self) -> anyhow::Result<Vec<RunRecord>> {
        let bytes = read_within(&self.path, MAX_FILE)?.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// Forgets all of them, because they are pushed.
    pub(super) fn clear(&self) -> anyhow::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.path.display()))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use batch_core::decide::record;
    use chrono::DateTime;

    use super::*;

    #[test]
    fn records_are_kept_in_their_order_until_they_are_pushed_and_a_torn_line_costs_one() {
        let dir = tempfile::tempdir().unwrap();
        let slots = KeptSlots::new(&Layout::new(dir.path()));
        assert_eq!(slots.all().unwrap(), []);
        slots.clear().unwrap();
        let slot = |second| {
            let at = DateTime::from_timestamp(second, 0).unwrap();
            record::empty_slot(None, at, "nothing is due".to_owned())
        };
        slots.keep(&slot(1)).unwrap();
        let torn = OpenOptions::new().append(true).open(&slots.path);
        torn.unwrap().write_all(b"{\"schema_ver").unwrap();
        slots.keep(&slot(2)).unwrap();
        assert_eq!(slots.all().unwrap(), [slot(1), slot(2)]);
        slots.clear().unwrap();
        assert_eq!(slots.all().unwrap(), []);
    }
}
