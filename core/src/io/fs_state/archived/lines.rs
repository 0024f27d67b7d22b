//! The lines of a compressed file. What cannot be unpacked ends the file, and is reported.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _},
    path::Path,
};

use super::frames::{Frames, MAX_UNPACKED};
use crate::io::{Quarantined, StateError, StateErrorKind, http::one_line, regular};

/// Maximal length of a line in bytes. A text of 4 MiB, written with escapes, is not longer.
const MAX_LINE: u64 = 32 << 20;

/// A line of an archive.
#[derive(Debug)]
pub(super) struct ArchivedLine {
    /// Its number from 1.
    pub(super) place: u64,
    /// Without its newline.
    pub(super) text: Vec<u8>,
}

/// The lines of one compressed file that are not empty.
pub(super) struct ArchivedLines {
    label: String,
    unpacked: Option<BufReader<Frames<BufReader<File>>>>,
    /// The number of lines that were read.
    place: u64,
}

impl ArchivedLines {
    /// Opens the file at `path`; `None` when it does not exist. The error of a file that is not a
    /// regular one is about that file only.
    pub(super) fn open(path: &Path, label: String) -> Result<Option<Self>, StateError> {
        let Some(bytes) = regular::size(path)? else { return Ok(None) };
        let limit = regular::MAX_FILE;
        if limit < bytes {
            return Err(StateError::new(path, StateErrorKind::TooLarge { bytes, limit }));
        }
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(|error| StateError::io(path, error))?,
        };
        let packed = BufReader::new(file);
        let unpacked = Some(BufReader::new(Frames::new(packed, MAX_UNPACKED)));
        Ok(Some(Self { label, unpacked, place: 0 }))
    }

    /// The next line; `None` at the end. After damage nothing more comes.
    pub(super) fn next(&mut self) -> Option<Result<ArchivedLine, Quarantined>> {
        loop {
            let mut text = vec![];
            let unpacked = self.unpacked.as_mut()?;
            self.place += 1;
            let read = unpacked.by_ref().take(MAX_LINE + 1).read_until(b'\n', &mut text);
            let reason = match read {
                Ok(0) => {
                    self.unpacked = None;
                    return None;
                }
                Ok(n) if n as u64 <= MAX_LINE => {
                    if text.last() == Some(&b'\n') {
                        text.pop();
                    }
                    if text.trim_ascii().is_empty() {
                        continue;
                    }
                    return Some(Ok(ArchivedLine { place: self.place, text }));
                }
                Ok(_) => format!("the line has more than {MAX_LINE} bytes"),
                // The message of the decoder may quote the file.
                Err(error) => one_line(&error.to_string()),
            };
            self.unpacked = None;
            let reason = format!("{reason}; restore the file from version control");
            return Some(Err(self.quarantined(self.place, reason, &[])));
        }
    }

    /// A line of this file that is of no use.
    pub(super) fn quarantined(&self, place: u64, reason: String, raw: &[u8]) -> Quarantined {
        let raw = String::from_utf8_lossy(raw).into_owned();
        Quarantined { file: self.label.clone(), place, reason, raw }
    }
}
