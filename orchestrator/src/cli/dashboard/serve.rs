//! A web server for the pages on this machine.

use std::{
    collections::BTreeMap,
    future::IntoFuture as _,
    io::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use anyhow::Context as _;
use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::{Next, from_fn},
    response::{Html, IntoResponse, Response},
    routing::any,
};
use batch_core::io::Layout;
use flate2::{Compression, write::GzEncoder};
use tower_http::{services::ServeDir, set_header::SetResponseHeaderLayer};

/// How often the state is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// After so many looks the pages are made again although no file changed: they depend on the time.
const LOOKS_PER_BUILD: u32 = 150;

/// The largest file that is compressed, in bytes.
const MAX_BODY: usize = 64 << 20;

/// The server of `site`; it answers requests from this machine only.
pub(super) async fn bind(port: u16) -> anyhow::Result<tokio::net::TcpListener> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let listener = tokio::net::TcpListener::bind(address).await;
    listener.with_context(|| format!("cannot listen on {address}; try --port 0"))
}

/// Answers requests until `cancel`.
pub(super) fn start(
    listener: tokio::net::TcpListener,
    site: PathBuf,
    cancel: tokio_util::sync::CancellationToken,
) -> tokio::task::JoinHandle<std::io::Result<()>> {
    let header = |name: &'static str, value: &'static str| {
        let (name, value) = (HeaderName::from_static(name), HeaderValue::from_static(value));
        SetResponseHeaderLayer::overriding(name, value)
    };
    let router = axum::Router::new()
        .fallback_service(ServeDir::new(site).fallback(any(missing)))
        .layer(from_fn(compressed))
        .layer(header("x-content-type-options", "nosniff"))
        .layer(header("content-security-policy", "frame-ancestors 'none'"))
        .layer(header("cache-control", "no-cache"));
    let server = axum::serve(listener, router).with_graceful_shutdown(cancel.cancelled_owned());
    tokio::spawn(server.into_future())
}

async fn missing(request: Request) -> Response {
    let page = analytics::missing(request.uri().path());
    (StatusCode::NOT_FOUND, Html(page)).into_response()
}

/// Compresses pages for browsers that accept it.
async fn compressed(request: Request, next: Next) -> Response {
    let is_accepted = has(request.headers(), &header::ACCEPT_ENCODING, "gzip");
    let response = next.run(request).await;
    let is_text = ["text/", "json", "javascript"]
        .iter()
        .any(|kind| has(response.headers(), &header::CONTENT_TYPE, kind));
    if !is_accepted || !is_text || response.status() == StatusCode::PARTIAL_CONTENT {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(plain) = to_bytes(body, MAX_BODY).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    if plain.is_empty() {
        return Response::from_parts(parts, Body::empty());
    }
    let mut encoder = GzEncoder::new(vec![], Compression::fast());
    let written = encoder.write_all(&plain).and_then(|()| encoder.finish());
    let Ok(body) = written else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    parts.headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    Response::from_parts(parts, Body::from(body))
}

fn has(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.contains(word))
}

/// Sees whether the state has changed.
pub(super) struct Watch<'a> {
    layout: &'a Layout,
    seen: Files,
    n_looks: u32,
}

/// Size and time of every file that pages are made of.
type Files = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

impl<'a> Watch<'a> {
    pub(super) fn new(layout: &'a Layout) -> Self {
        Self { layout, seen: files(layout), n_looks: 0 }
    }

    /// Waits until the pages should be made again.
    pub(super) async fn changed(&mut self, clock: &dyn batch_core::io::Clock) {
        loop {
            clock.sleep(LOOK).await;
            self.n_looks += 1;
            let now = files(self.layout);
            if now != self.seen || LOOKS_PER_BUILD <= self.n_looks {
                self.seen = now;
                self.n_looks = 0;
                return;
            }
        }
    }
}

fn files(layout: &Layout) -> Files {
    let mut files = Files::new();
    // Outputs are written before the failures that refer to them.
    let folders = [
        layout.queues(),
        layout.failure_files(),
        layout.metrics(),
        layout.seeding(),
        layout.archive(),
        layout.recipes(),
        layout.outbox(),
    ];
    for folder in &folders {
        add(folder, &mut files);
    }
    for file in [layout.control(), layout.breaker_log(), layout.overrides(), layout.source_audits()]
    {
        add_file(file, &mut files);
    }
    files
}

fn add(folder: &Path, files: &mut Files) {
    #[expect(clippy::disallowed_methods, reason = "looks at names and times, and reads no state")]
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => add(&entry.path(), files),
            Ok(_) => add_file(entry.path(), files),
            Err(_) => {}
        }
    }
}

fn add_file(path: PathBuf, files: &mut Files) {
    if let Ok(metadata) = std::fs::symlink_metadata(&path) {
        files.insert(path, (metadata.len(), metadata.modified().ok()));
    }
}
