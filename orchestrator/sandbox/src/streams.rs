//! The output streams of a program.

use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::bounded_output::{ANSWER_BYTES, BoundedOutput};

const CHUNK_BYTES: usize = 64 << 10;

/// One stream of a program.
pub(crate) struct Stream<R> {
    source: Option<R>,
    buffer: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Stream<R> {
    /// `None` means a stream that has already ended.
    pub(crate) fn new(source: Option<R>) -> Self {
        let buffer = vec![0; if source.is_some() { CHUNK_BYTES } else { 0 }];
        Self { source, buffer }
    }

    fn is_open(&self) -> bool {
        self.source.is_some()
    }

    /// The next bytes, none at the end of the stream. After that, this never completes. Dropping the future
    /// loses no bytes.
    async fn next(&mut self) -> &[u8] {
        let Some(source) = &mut self.source else { return std::future::pending().await };
        let n = source.read(&mut self.buffer).await.unwrap_or(0);
        if n == 0 {
            self.source = None;
        }
        &self.buffer[..n]
    }
}

/// A buffer for output.
pub(crate) trait Push {
    fn push(&mut self, bytes: &[u8]);
    /// The number of all bytes that were added.
    fn total(&self) -> u64;
}

/// Both streams of a program and the kept parts of them. The first stream is standard output if it is
/// separate. The second one is standard error, or both.
pub(crate) struct Streams<R, S, C> {
    first: Stream<R>,
    second: Stream<S>,
    pub(crate) stdout: BoundedOutput,
    pub(crate) output: C,
}

impl<R: AsyncRead + Unpin, S: AsyncRead + Unpin, C: Push> Streams<R, S, C> {
    pub(crate) fn new(first: Option<R>, second: Option<S>, output: C) -> Self {
        let stdout = BoundedOutput::new(ANSWER_BYTES);
        Self { first: Stream::new(first), second: Stream::new(second), stdout, output }
    }

    /// The number of all bytes.
    pub(crate) fn total(&self) -> u64 {
        self.stdout.total() + self.output.total()
    }

    /// Reads the next bytes of either stream. Never completes after both have ended.
    pub(crate) async fn read(&mut self) {
        tokio::select! {
            bytes = self.first.next() => self.stdout.push(bytes),
            bytes = self.second.next() => self.output.push(bytes),
        }
    }

    /// Reads both to their ends.
    pub(crate) async fn read_to_end(&mut self) {
        while self.first.is_open() || self.second.is_open() {
            self.read().await;
        }
    }
}
