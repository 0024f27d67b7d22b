//! Digests of files. They notice changes and protect from nobody: a digest of 64 bits can be forged.

use std::{
    fs::File,
    hash::Hasher as _,
    io::{self, Read as _},
    path::Path,
};

use twox_hash::XxHash64;

use crate::io::{StateError, regular};

/// How much of a file is in memory at the same time, in bytes.
const PIECE: usize = 64 << 10;

/// Makes digests of files, one after the other, with the same memory.
pub(crate) struct Digester {
    piece: Vec<u8>,
}

impl Digester {
    pub(crate) fn new() -> Self {
        Self { piece: vec![0; PIECE] }
    }

    /// The digest of the content of the regular file at `path`; `None` when it does not exist.
    pub(crate) fn of(&mut self, path: &Path) -> Result<Option<u64>, StateError> {
        let Some((file, _)) = regular::open(path)? else { return Ok(None) };
        self.read(file).map(Some).map_err(|error| StateError::io(path, error))
    }

    fn read(&mut self, mut file: File) -> io::Result<u64> {
        let mut digest = XxHash64::default();
        loop {
            match file.read(&mut self.piece) {
                Ok(0) => return Ok(digest.finish()),
                Ok(n) => digest.write(&self.piece[..n]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) => return Err(error),
            }
        }
    }
}
