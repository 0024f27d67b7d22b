//! A stream that ends in an error as soon as it is larger than an archive may become.

use std::{
    cell::Cell,
    io::{self, Read},
    rc::Rc,
};

use crate::io::archive::{ArchiveError, ArchiveLimits};

/// A small file that compresses well is no attack. The ratio is not checked for this many bytes.
const FREE_OF_RATIO: u64 = 16 << 20;

/// Counts the bytes that are read.
pub(crate) struct Counted<R> {
    inner: R,
    n_read: Rc<Cell<u64>>,
}

impl<R> Counted<R> {
    pub(crate) fn new(inner: R) -> (Self, Rc<Cell<u64>>) {
        let n_read = Rc::new(Cell::new(0));
        (Self { inner, n_read: Rc::clone(&n_read) }, n_read)
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.n_read.set(self.n_read.get() + n as u64);
        Ok(n)
    }
}

/// The decompressed content of an archive.
pub(crate) struct Bounded<R> {
    inner: R,
    limits: ArchiveLimits,
    n_packed: Rc<Cell<u64>>,
    n_unpacked: u64,
}

impl<R> Bounded<R> {
    /// `n_packed` counts the compressed bytes that `inner` has read.
    pub(crate) fn new(inner: R, limits: &ArchiveLimits, n_packed: Rc<Cell<u64>>) -> Self {
        Self { inner, limits: *limits, n_packed, n_unpacked: 0 }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.n_unpacked += n as u64;
        let ArchiveLimits { max_total_bytes, max_ratio, .. } = self.limits;
        if max_total_bytes < self.n_unpacked {
            return Err(ArchiveError::TooLarge { limit: max_total_bytes }.into());
        }
        let fair = self.n_packed.get().saturating_mul(max_ratio);
        if FREE_OF_RATIO < self.n_unpacked && fair < self.n_unpacked {
            return Err(ArchiveError::Bomb { limit: max_ratio }.into());
        }
        Ok(n)
    }
}
