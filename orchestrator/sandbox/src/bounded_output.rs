//! What a program says: the beginning, the end, and how much in all.

use std::collections::VecDeque;

use crate::streams::Push;

/// How many bytes of the beginning of an output are kept.
pub(crate) const HEAD_BYTES: usize = 16 << 10;
/// How many bytes of the end of an output are kept, because the cause is usually there.
pub(crate) const TAIL_BYTES: usize = 48 << 10;
/// First bytes that are kept of a standard output that is read apart: it holds an answer for a
/// program, which is of no use in parts.
pub(crate) const ANSWER_BYTES: usize = 1 << 20;

/// The two ends of an output.
#[derive(Debug)]
pub(crate) struct BoundedOutput {
    head_bytes: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
}

impl BoundedOutput {
    /// Keeps the first `head_bytes`, and the last [`TAIL_BYTES`] of what follows.
    pub(crate) fn new(head_bytes: usize) -> Self {
        Self { head_bytes, head: Vec::new(), tail: VecDeque::new(), total: 0 }
    }

    /// How many bytes between the two ends are not kept.
    pub(crate) fn left_out(&self) -> u64 {
        self.total - (self.head.len() + self.tail.len()) as u64
    }

    /// The beginning and the end, separated by a line that says how much is missing.
    pub(crate) fn text(&self) -> String {
        let mut bytes = self.head.clone();
        let left_out = self.left_out();
        if left_out > 0 {
            bytes.extend(format!("\n[… {left_out} bytes left out …]\n").bytes());
        }
        bytes.extend(&self.tail);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Push for BoundedOutput {
    fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let (head, rest) = bytes.split_at(bytes.len().min(self.head_bytes - self.head.len()));
        self.head.extend_from_slice(head);
        let rest = &rest[rest.len().saturating_sub(TAIL_BYTES)..];
        self.tail.extend(rest);
        let excess = self.tail.len().saturating_sub(TAIL_BYTES);
        self.tail.drain(..excess);
    }

    fn total(&self) -> u64 {
        self.total
    }
}
