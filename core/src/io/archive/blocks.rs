//! A remote file of which only parts are fetched, for readers that seek.
//!
//! The readers are synchronous and know nothing about requests. They work on the parts that were
//! fetched. If they need another part, this is noted, the part is fetched, and the work is
//! repeated. Blocks are large and archives have a regular structure, so that the work is repeated
//! only a few times.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rawzip::ReaderAt;

use crate::io::{
    CachedFile, Http, HttpError, Request,
    archive::{
        ArchiveError, DigestError, RemoteError, digest,
        part::{Received, part},
        verify_digest,
    },
};

const BLOCK: u64 = 64 << 10;
/// Maximal number of blocks in one request.
const MAX_RUN: u64 = 16;
/// Maximal number of bytes of one archive in memory.
const MAX_BYTES: u64 = 64 << 20;

/// A remote file, parts of which were fetched.
pub(crate) struct Blocks<'a> {
    source: Source<'a>,
    state: Arc<Mutex<State>>,
}

enum Source<'a> {
    Ranges {
        http: &'a dyn Http,
        request: Request,
    },
    /// The server sent the complete file. It stays on disk as long as it is read.
    File {
        file: CachedFile,
        request: Request,
    },
    /// The server sent the complete file, and it is in memory.
    Here,
}

struct State {
    /// Size of the complete file in bytes.
    total: u64,
    /// The fetched blocks by number. All are complete; the last block of the file may be shorter.
    blocks: BTreeMap<u64, Vec<u8>>,
    /// The server's tag for the version that is read.
    etag: Option<String>,
    /// The number of a block that a reader needed and that was not fetched.
    missed: Option<u64>,
}

impl<'a> Blocks<'a> {
    /// The file that `request` asks for, with its first block. `None` when there is no such file,
    /// or when it is empty. `max_bytes` limits the download from a server that does not send parts.
    pub(crate) async fn open(
        http: &'a dyn Http,
        request: Request,
    ) -> Result<Option<Self>, RemoteError> {
        let probe = part(&request, 0, BLOCK);
        let response = match http.send(probe).await {
            Ok(response) => response,
            // The server sent the complete file, which is more than was requested.
            Err(HttpError::TooLarge { .. }) => {
                return Self::download(http, request).await.map(Some);
            }
            Err(error) => return Err(error.into()),
        };
        // An empty file has no first byte (416). A store that copies a file has an empty file
        // first, so it is not an archive yet.
        if matches!(response.status, 404 | 410 | 416 | 451) {
            return Ok(None);
        }
        let received = Received::of(response)?;
        if received.total == 0 {
            return Ok(None);
        }
        let source =
            if received.is_whole { Source::Here } else { Source::Ranges { http, request } };
        let state = State::new(received.total, received.etag.clone());
        let blocks = Self { source, state: Arc::new(Mutex::new(state)) };
        blocks.state().keep(0, &received.body);
        Ok(Some(blocks))
    }

    async fn download(http: &'a dyn Http, request: Request) -> Result<Self, RemoteError> {
        let request = Request { range: None, ..request };
        let file = http.fetch_to_cache(request.clone()).await?;
        let total = file.metadata().map_err(|source| request.disk(source))?.len();
        let state = Arc::new(Mutex::new(State::new(total, None)));
        Ok(Self { source: Source::File { file, request }, state })
    }

    pub(crate) fn total_bytes(&self) -> u64 {
        self.state().total
    }

    /// Compares the file with the registry's digest, if the complete file was fetched. Returns
    /// whether it was compared. A registry without a digest gives nothing to compare.
    pub(crate) fn has_digest(&self, expected: &str) -> Result<bool, DigestError> {
        if expected.is_empty() {
            return Ok(false);
        }
        if let Source::File { file, .. } = &self.source {
            return verify_digest(file, expected).map(|()| true);
        }
        let state = self.state();
        if (state.blocks.len() as u64) < state.total.div_ceil(BLOCK) {
            return Ok(false);
        }
        let parts = state.blocks.values().map(Vec::as_slice);
        digest::compare(parts.collect::<Vec<_>>().concat().as_slice(), expected).map(|()| true)
    }

    /// Repeats `work` until everything that it needs was fetched, and returns its result.
    pub(crate) async fn work<T>(
        &self,
        mut work: impl FnMut(Reader) -> Result<T, ArchiveError>,
    ) -> Result<T, RemoteError> {
        let mut run = 1;
        loop {
            self.state().missed = None;
            let outcome = work(Reader { state: Arc::clone(&self.state), position: 0 });
            let missed = self.state().missed;
            let Some(missed) = missed else { return Ok(outcome?) };
            self.fetch(missed, run).await?;
            run = (run * 2).min(MAX_RUN);
        }
    }

    /// Fetches `n_bytes` from `start`, as far as the file goes.
    pub(crate) async fn ensure(&self, start: u64, n_bytes: u64) -> Result<(), RemoteError> {
        let (total, first) = (self.total_bytes(), start / BLOCK);
        let end = start.saturating_add(n_bytes).min(total).div_ceil(BLOCK);
        let mut next = first;
        while next < end {
            if self.state().blocks.contains_key(&next) {
                next += 1;
            } else {
                next += self.fetch(next, (end - next).min(MAX_RUN)).await?;
            }
        }
        Ok(())
    }

    /// Fetches up to `n` blocks from `first` on, fewer if one of them was fetched before. Returns
    /// how many.
    async fn fetch(&self, first: u64, n: u64) -> Result<u64, RemoteError> {
        let (start, n) = {
            let state = self.state();
            let is_missing = |number: &u64| !state.blocks.contains_key(number);
            let n_blocks = state.total.div_ceil(BLOCK);
            let n = (first..n_blocks.min(first + n)).take_while(is_missing).count() as u64;
            let n_here = state.blocks.len() as u64;
            if MAX_BYTES / BLOCK < n_here + n {
                return Err(ArchiveError::TooLarge { limit: MAX_BYTES }.into());
            }
            (first * BLOCK, n)
        };
        let body = match &self.source {
            Source::Here => return Err(ArchiveError::Truncated.into()),
            Source::File { file, request } => {
                let bytes = File::open(file).and_then(|file| read_part(file, start, n * BLOCK));
                bytes.map_err(|source| request.disk(source))?
            }
            Source::Ranges { http, request } => {
                let response = http.send(part(request, start, n * BLOCK)).await?;
                let received = Received::of(response)?;
                self.check_same(&received, start, request)?;
                received.body
            }
        };
        self.state().keep(first, &body);
        Ok(n.max(1))
    }

    /// Parts of two versions of a file do not form a valid file.
    fn check_same(
        &self,
        received: &Received,
        start: u64,
        request: &Request,
    ) -> Result<(), RemoteError> {
        let state = self.state();
        let is_other_version =
            matches!((&received.etag, &state.etag), (Some(one), Some(other)) if one != other);
        if received.start != start || received.total != state.total || is_other_version {
            return Err(RemoteError::Changed { host: host(request) });
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn new(total: u64, etag: Option<String>) -> Self {
        Self { total, blocks: BTreeMap::new(), etag, missed: None }
    }

    /// Keeps the complete blocks in `bytes`, the first of which is `first`, and the last block of
    /// the file.
    fn keep(&mut self, first: u64, bytes: &[u8]) {
        for (number, block) in (first..).zip(bytes.chunks(65_536)) {
            let n_bytes = (self.total - (number * BLOCK).min(self.total)).min(BLOCK);
            if block.len() as u64 == n_bytes {
                self.blocks.insert(number, block.to_vec());
            }
        }
    }
}

fn host(request: &Request) -> String {
    request.url.host_str().unwrap_or_default().to_owned()
}

fn read_part(mut file: File, start: u64, n_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![];
    file.seek(SeekFrom::Start(start))?;
    file.take(n_bytes).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads the parts that were fetched, and notes the ones that were not.
pub(crate) struct Reader {
    state: Arc<Mutex<State>>,
    position: u64,
}

impl ReaderAt for Reader {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.total <= at || buffer.is_empty() {
            return Ok(0);
        }
        let number = at / BLOCK;
        let Some(block) = state.blocks.get(&number) else {
            state.missed.get_or_insert(number);
            return Err(io::Error::other("a part that is not here yet"));
        };
        let offset = usize::try_from(at % BLOCK).map_err(io::Error::other)?;
        (&block[offset..]).read(buffer)
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.read_at(buffer, self.position)?;
        self.position += n as u64;
        Ok(n)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let total = self.state.lock().unwrap_or_else(PoisonError::into_inner).total;
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => total.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
