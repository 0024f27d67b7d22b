//! The output of a job, without what comes before it.

use crate::{
    bounded_output::{BoundedOutput, HEAD_BYTES},
    streams::Push,
};

/// The output after the ready line. The text before that line is from the sandbox and says why a
/// job was not started.
#[derive(Debug)]
pub(in crate::linux) struct Capture {
    ready: Vec<u8>,
    preamble: Vec<u8>,
    is_ready: bool,
    output: BoundedOutput,
}

impl Capture {
    /// `ready` is the line, without its newline, that only the sandbox knows.
    pub(in crate::linux) fn new(ready: &str) -> Self {
        Self {
            ready: format!("{ready}\n").into_bytes(),
            preamble: Vec::new(),
            is_ready: false,
            output: BoundedOutput::new(HEAD_BYTES),
        }
    }

    /// Whether the job's program was started.
    pub(in crate::linux) fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// The output before the job's program was started.
    pub(in crate::linux) fn preamble(&self) -> String {
        String::from_utf8_lossy(&self.preamble).trim().to_owned()
    }

    /// Whether [`Capture::text`] is incomplete.
    pub(in crate::linux) fn truncated(&self) -> bool {
        self.output.left_out() > 0
    }

    /// As [`BoundedOutput::text`].
    pub(in crate::linux) fn text(&self) -> String {
        self.output.text()
    }
}

impl Push for Capture {
    fn push(&mut self, bytes: &[u8]) {
        if self.is_ready {
            self.output.push(bytes);
            return;
        }
        self.preamble.extend_from_slice(bytes);
        let found = self.preamble.windows(self.ready.len()).position(|line| line == self.ready);
        if let Some(at) = found {
            let rest = self.preamble.split_off(at + self.ready.len());
            self.is_ready = true;
            self.output.push(&rest);
        }
        self.preamble.truncate(HEAD_BYTES);
    }

    fn total(&self) -> u64 {
        self.output.total()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounded_output::TAIL_BYTES;

    fn captured(chunks: &[&[u8]]) -> Capture {
        let mut capture = Capture::new("ready");
        for chunk in chunks {
            capture.push(chunk);
        }
        capture
    }

    #[test]
    fn output_before_the_ready_line_is_not_of_the_job() {
        let capture = captured(&[b"warning\nrea", b"dy\nhel", b"lo"]);
        assert_eq!((capture.text().as_str(), capture.total()), ("hello", 5));
        assert!(capture.is_ready() && !capture.truncated());
    }

    #[test]
    fn without_a_ready_line_all_output_is_of_the_sandbox() {
        let capture = captured(&[b"bwrap: no permissions\n"]);
        assert_eq!(capture.preamble(), "bwrap: no permissions");
        assert!(!capture.is_ready() && capture.text().is_empty());
    }

    #[test]
    fn a_very_long_output_keeps_its_beginning_and_its_end() {
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
