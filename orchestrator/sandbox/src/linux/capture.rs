//! What a job says: the beginning, the end, and how much in all.

use std::collections::VecDeque;

/// First bytes of an output that are kept.
pub(crate) const HEAD_BYTES: usize = 16 << 10;
/// Last bytes of an output that are kept: the cause stands at the end.
pub(crate) const TAIL_BYTES: usize = 48 << 10;

/// Output, from the ready line on. What comes before is the sandbox's own, and says why a job was
/// not started.
#[derive(Debug)]
pub(super) struct Capture {
    ready: Vec<u8>,
    preamble: Vec<u8>,
    is_ready: bool,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
}

impl Capture {
    /// `ready` is the line, without its end, that nobody but the sandbox knows.
    pub(super) fn new(ready: &str) -> Self {
        Self {
            ready: format!("{ready}\n").into_bytes(),
            preamble: Vec::new(),
            is_ready: false,
            head: Vec::new(),
            tail: VecDeque::new(),
            total: 0,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.is_ready {
            self.keep(bytes);
            return;
        }
        self.preamble.extend_from_slice(bytes);
        let found = self.preamble.windows(self.ready.len()).position(|line| line == self.ready);
        if let Some(at) = found {
            let rest = self.preamble.split_off(at + self.ready.len());
            self.is_ready = true;
            self.keep(&rest);
        }
        self.preamble.truncate(HEAD_BYTES);
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let (head, rest) = bytes.split_at(bytes.len().min(HEAD_BYTES - self.head.len()));
        self.head.extend_from_slice(head);
        let rest = &rest[rest.len().saturating_sub(TAIL_BYTES)..];
        self.tail.extend(rest);
        let excess = self.tail.len().saturating_sub(TAIL_BYTES);
        self.tail.drain(..excess);
    }

    /// Whether the job's program was started.
    pub(super) fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// What was said before the job's program was started.
    pub(super) fn preamble(&self) -> String {
        String::from_utf8_lossy(&self.preamble).trim().to_owned()
    }

    /// Bytes written in all.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Whether [`Capture::text`] leaves something out.
    pub(super) fn truncated(&self) -> bool {
        self.left_out() > 0
    }

    fn left_out(&self) -> u64 {
        self.total - (self.head.len() + self.tail.len()) as u64
    }

    /// Beginning and end, with a line between them that says how much is missing.
    pub(super) fn text(&self) -> String {
        let mut bytes = self.head.clone();
        if self.truncated() {
            let left_out = self.left_out();
            bytes.extend(format!("\n[… {left_out} bytes left out …]\n").bytes());
        }
        bytes.extend(&self.tail);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(chunks: &[&[u8]]) -> Capture {
        let mut capture = Capture::new("ready");
        for chunk in chunks {
            capture.push(chunk);
        }
        capture
    }

    #[test]
    fn what_comes_before_the_ready_line_is_not_the_jobs() {
        let capture = captured(&[b"warning\nrea", b"dy\nhel", b"lo"]);
        assert_eq!((capture.text().as_str(), capture.total()), ("hello", 5));
        assert!(capture.is_ready() && !capture.truncated());
    }

    #[test]
    fn without_the_ready_line_all_is_the_sandboxs() {
        let capture = captured(&[b"bwrap: no permissions\n"]);
        assert_eq!(capture.preamble(), "bwrap: no permissions");
        assert!(!capture.is_ready() && capture.text().is_empty());
    }

    #[test]
    fn a_flood_keeps_its_beginning_and_its_end() {
        let flood = vec![b'x'; 1 << 20];
        let capture = captured(&[b"ready\nfirst ", &flood, &flood, b" last"]);
        let text = capture.text();
        assert!(text.starts_with("first ") && text.ends_with(" last"));
        assert!(text.len() < HEAD_BYTES + TAIL_BYTES + 100);
        assert_eq!(capture.total(), 6 + (2 << 20) + 5);
        assert!(capture.truncated());
    }

    #[test]
    fn output_that_just_fits_is_whole() {
        let capture = captured(&[b"ready\n", &vec![b'y'; HEAD_BYTES + TAIL_BYTES]]);
        assert_eq!(capture.text().len(), HEAD_BYTES + TAIL_BYTES);
        assert!(!capture.truncated());
    }
}
