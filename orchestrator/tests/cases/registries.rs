//! Registries on loopback whose answers are files: `<host>/<path>`, where a query is part of the
//! file name. `<path>.status` and `<path>.headers` may add a status and headers, and
//! `{origin:<host>}` in an answer is replaced by the local address of another host.

use std::{
    collections::BTreeMap,
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

/// The hosts and their local addresses.
pub(crate) struct Registries(Arc<BTreeMap<String, String>>);

/// One host.
#[derive(Clone)]
struct Host {
    folder: PathBuf,
    origins: Arc<BTreeMap<String, String>>,
}

impl Registries {
    /// Serves every folder of `tree` until the process ends.
    pub(crate) fn serve(tree: &Path) -> Self {
        let hosts = fs::read_dir(tree).unwrap().map(|entry| entry.unwrap().path());
        let hosts: Vec<PathBuf> = hosts.filter(|path| path.is_dir()).collect();
        let bound = hosts.into_iter().map(|folder| {
            let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
            listener.set_nonblocking(true).unwrap();
            (folder, listener)
        });
        let bound: Vec<(PathBuf, TcpListener)> = bound.collect();
        let origins = bound.iter().map(|(folder, listener)| {
            let host = folder.file_name().unwrap().to_str().unwrap().to_owned();
            (host, format!("http://{}", listener.local_addr().unwrap()))
        });
        let origins: Arc<BTreeMap<String, String>> = Arc::new(origins.collect());
        let served = Arc::clone(&origins);
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let hosts = bound.into_iter().map(|(folder, listener)| {
                    let host = Host { folder, origins: Arc::clone(&served) };
                    let router = Router::new().fallback(answer).with_state(host);
                    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() })
                });
                futures_util::future::join_all(hosts.collect::<Vec<_>>()).await;
            });
        });
        Self(origins)
    }

    /// Each host with its address.
    pub(crate) fn origins(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(host, origin)| (&**host, &**origin)).collect()
    }
}

async fn answer(State(host): State<Host>, uri: Uri, headers: HeaderMap) -> Response {
    let asked = uri.path_and_query().map_or("", |it| it.as_str()).trim_start_matches('/');
    if asked.split('/').any(|part| part == "..") {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let mut file = host.folder.join(asked);
    if file.is_dir() {
        file.push("index");
    }
    let Ok(body) = fs::read(&file) else {
        let json = [(header::CONTENT_TYPE, "application/json")];
        return (StatusCode::NOT_FOUND, json, r#"{"error":"not found"}"#).into_response();
    };
    let beside = |ending: &str| fs::read_to_string(format!("{}.{ending}", file.display())).ok();
    let body = host.with_origins(body);
    let is_json = body.starts_with(b"{") || body.starts_with(b"[");
    let kind = if is_json { "application/json" } else { "application/octet-stream" };
    let mut summary = HeaderMap::new();
    summary.insert(header::CONTENT_TYPE, kind.parse().unwrap());
    for line in beside("headers").iter().flat_map(|text| text.lines()) {
        if let Some((name, value)) = line.split_once(": ") {
            let name: header::HeaderName = name.trim().parse().unwrap();
            summary.insert(name, value.trim().parse().unwrap());
        }
    }
    let status = beside("status").map_or(StatusCode::OK, |text| text.trim().parse().unwrap());
    match headers.get(header::RANGE).filter(|_| status == StatusCode::OK) {
        Some(range) => part(range.to_str().unwrap(), &body, summary),
        None => (status, summary, body).into_response(),
    }
}

/// The bytes of `body` that `range`, such as `bytes=0-99`, names.
fn part(range: &str, body: &[u8], mut headers: HeaderMap) -> Response {
    let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    let total = body.len();
    let last = last.parse().map_or(total, |last: usize| last.saturating_add(1)).min(total);
    let first: usize = first.parse().unwrap();
    let summary = if first < last {
        format!("bytes {first}-{}/{total}", last - 1)
    } else {
        format!("bytes */{total}")
    };
    headers.insert(header::CONTENT_RANGE, summary.parse().unwrap());
    if first < last {
        (StatusCode::PARTIAL_CONTENT, headers, body[first..last].to_vec()).into_response()
    } else {
        (StatusCode::RANGE_NOT_SATISFIABLE, headers).into_response()
    }
}

impl Host {
    /// `body` with the local addresses inserted.
    fn with_origins(&self, body: Vec<u8>) -> Vec<u8> {
        let Ok(mut text) = String::from_utf8(body.clone()) else { return body };
        if !text.contains("{origin:") {
            return body;
        }
        for (host, origin) in &*self.origins {
            text = text.replace(&format!("{{origin:{host}}}"), origin);
        }
        text.into_bytes()
    }
}
