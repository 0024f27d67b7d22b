//! A cache of answers on disk, so that a server can answer "not modified".
//!
//! An entry consists of two files, `<key>.body` and `<key>.json`, each of which is put in place by
//! one rename. The second contains the digest of the first, so two files that do not belong
//! together are not an entry. An error of the cache never fails a request; it only costs a
//! transfer.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use crate::io::{
    Clock, Headers, Method, Request, Validators, page,
    payload::{BodyStorage, PARTIAL, Payload, partial_file},
};

/// Answers to earlier requests.
pub(crate) struct DiskCache {
    dir: PathBuf,
    clock: Arc<dyn Clock>,
    has_warned: AtomicBool,
}

/// An answer to an earlier request, complete and undamaged.
pub(crate) struct Stored {
    pub(crate) headers: Headers,
    pub(crate) payload: Payload,
}

/// The content of `<key>.json`.
#[derive(Serialize, Deserialize)]
struct Label {
    /// For a person who looks into the folder.
    url: String,
    headers: Headers,
    bytes: u64,
    sha256: String,
}

impl DiskCache {
    pub(crate) fn new(dir: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self { dir, clock, has_warned: AtomicBool::new(false) }
    }

    /// The cached answer to `request`. A damaged entry is removed.
    pub(crate) fn load(&self, request: &Request, storage: BodyStorage) -> Option<Stored> {
        if !may_be_kept(request) {
            return None;
        }
        let entry = self.entry(request);
        match entry.read(request.max_bytes, storage) {
            Ok(stored) => Some(stored),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            // Too large for this request, but not damaged.
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => None,
            Err(error) => {
                self.warn_once(&error);
                entry.discard();
                None
            }
        }
    }

    /// The stored answer to `request`, if it is fresh enough for the request to be used without
    /// asking the server.
    pub(crate) fn load_fresh(&self, request: &Request, storage: BodyStorage) -> Option<Stored> {
        let label = fs::metadata(&self.entry(request).label).ok()?;
        let now = SystemTime::from(self.clock.now());
        // A time in the future comes from a wrong clock and proves nothing.
        let age = now.duration_since(label.modified().ok()?).ok()?;
        if age < request.fresh_for { self.load(request, storage) } else { None }
    }

    /// Stores the answer to `request`, if the server gave it a tag or a date for conditional
    /// requests, or if it may be used again without a request.
    pub(crate) fn store(&self, request: &Request, headers: &Headers, payload: &Payload) {
        let is_of_use = !Validators::of(headers).is_empty() || !request.fresh_for.is_zero();
        if !may_be_kept(request) || !is_of_use {
            return;
        }
        if !payload.is_plausible(&page::content_type(headers)) {
            return;
        }
        let entry = self.entry(request);
        if let Err(error) = entry.write(&self.dir, request, headers, payload) {
            self.warn_once(&error);
        }
        self.touch(&entry);
    }

    /// Notes that the entry was used.
    pub(crate) fn confirm(&self, request: &Request) {
        self.touch(&self.entry(request));
    }

    fn touch(&self, entry: &Entry) {
        let now = SystemTime::from(self.clock.now());
        let opened = File::options().write(true).open(&entry.label);
        // This only decides which entries are removed first.
        let _ = opened.and_then(|label| label.set_modified(now));
    }

    fn entry(&self, request: &Request) -> Entry {
        let key = key(request);
        Entry {
            label: self.dir.join(format!("{key}.json")),
            body: self.dir.join(format!("{key}.body")),
        }
    }

    fn warn_once(&self, error: &io::Error) {
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            let dir = self.dir.display();
            let error: &dyn std::error::Error = error;
            tracing::warn!(
                error,
                "the cache in {dir} cannot be used; everything is downloaded again"
            );
        }
    }
}

/// An answer to a request with a secret must not be stored.
fn may_be_kept(request: &Request) -> bool {
    request.method == Method::Get && request.auth.is_none()
}

/// Everything that an answer may depend on.
pub(crate) fn key(request: &Request) -> String {
    let range = request.range.as_ref().map(|range| format!("{}-{}", range.start(), range.end()));
    let parts =
        ["GET", request.url.as_str(), request.accept.unwrap_or(""), &range.unwrap_or_default()];
    hex::encode(Sha256::digest(parts.join("\n")))
}

struct Entry {
    label: PathBuf,
    body: PathBuf,
}

impl Entry {
    fn read(&self, max_bytes: usize, storage: BodyStorage) -> io::Result<Stored> {
        let mut text = vec![];
        File::open(&self.label)?.read_to_end(&mut text)?;
        let label: Label = serde_json::from_slice(&text)?;
        if u64::try_from(max_bytes).is_ok_and(|max| max < label.bytes) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let (payload, sha256) = match storage {
            BodyStorage::InMemory => {
                let mut body = vec![];
                // Reading one byte more than allowed detects a longer file without reading all of
                // it.
                File::open(&self.body)?.take(label.bytes + 1).read_to_end(&mut body)?;
                let sha256 = hex::encode(Sha256::digest(&body));
                (Payload::Memory(body), sha256)
            }
            BodyStorage::OnDisk => {
                let linked = linked(&self.body, self.body.parent().unwrap_or(Path::new("")))?;
                let sha256 = digest_of_file(linked.path())?;
                (Payload::File(linked), sha256)
            }
        };
        if sha256 != label.sha256 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a cached answer is damaged"));
        }
        Ok(Stored { headers: label.headers, payload })
    }

    /// The body is written first, so that a label never names a body that does not exist.
    fn write(
        &self,
        dir: &Path,
        request: &Request,
        headers: &Headers,
        payload: &Payload,
    ) -> io::Result<()> {
        fs::create_dir_all(dir)?;
        let (body, bytes, sha256) = match payload {
            Payload::Memory(bytes) => {
                (written(bytes, dir)?, bytes.len() as u64, hex::encode(Sha256::digest(bytes)))
            }
            Payload::File(file) => {
                let bytes = file.path().metadata()?.len();
                (linked(file.path(), dir)?, bytes, digest_of_file(file.path())?)
            }
        };
        let url = request.url.to_string();
        let label = Label { url, headers: headers.clone(), bytes, sha256 };
        body.persist(&self.body)?;
        written(&serde_json::to_vec(&label)?, dir)?.persist(&self.label)?;
        Ok(())
    }

    fn discard(&self) {
        // A file that cannot be removed is detected as damaged again.
        let _ = fs::remove_file(&self.label);
        let _ = fs::remove_file(&self.body);
    }
}

fn written(bytes: &[u8], dir: &Path) -> io::Result<NamedTempFile> {
    let mut file = partial_file(dir)?;
    io::Write::write_all(&mut file, bytes)?;
    Ok(file)
}

/// The same content under a second, temporary name. It is a copy where the file system does not
/// support links.
fn linked(path: &Path, dir: &Path) -> io::Result<NamedTempFile> {
    let link = |to: &Path| fs::hard_link(path, to).and_then(|()| File::open(to));
    match tempfile::Builder::new().prefix(PARTIAL).make_in(dir, link) {
        Ok(linked) => Ok(linked),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(error),
        Err(_) => {
            let copy = partial_file(dir)?;
            fs::copy(path, copy.path())?;
            Ok(copy)
        }
    }
}

fn digest_of_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut sha256 = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex::encode(sha256.finalize())),
            n => sha256.update(&buffer[..n]),
        }
    }
}
