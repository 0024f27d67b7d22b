//! formulae.brew.sh and ghcr.io on loopback: formulae by name, and bottles from an OCI layout.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::{Path as UrlPath, State},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use crate::layout::{BottleFile, Layout, pack};

const TOKEN: &str = "a-token-for-anyone";

/// The served formulae and bottles.
pub(crate) struct LocalTap {
    formulae: BTreeMap<String, Value>,
    layout: Layout,
    refuses_tokens: bool,
    /// The images for which tokens were requested.
    scopes: Mutex<Vec<String>>,
    _dir: tempfile::TempDir,
}

impl LocalTap {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let (formulae, scopes) = (BTreeMap::new(), Mutex::default());
        Self { formulae, layout, refuses_tokens: false, scopes, _dir: dir }
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(crate) fn refuse_tokens(&mut self) {
        self.refuses_tokens = true;
    }

    /// Adds a formula with a bottle of `files` for this machine, and `more` fields. Returns the
    /// digest of the bottle.
    pub(crate) fn add(
        &mut self,
        name: &str,
        files: &[BottleFile<'_>],
        commands: Option<&str>,
        more: &Value,
    ) -> String {
        let tag =
            format!("{}_linux", if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" });
        self.add_tagged(&tag, name, (files, commands), more)
    }

    /// Adds a formula with a bottle of `files` for the platforms `tag`; its index has no list of
    /// commands.
    pub(crate) fn add_for(
        &mut self,
        tag: &str,
        name: &str,
        files: &[BottleFile<'_>],
        more: &Value,
    ) {
        self.add_tagged(tag, name, (files, None), more);
    }

    fn add_tagged(
        &mut self,
        tag: &str,
        name: &str,
        (files, commands): (&[BottleFile<'_>], Option<&str>),
        more: &Value,
    ) -> String {
        let revision = more["revision"].as_u64().unwrap_or(0);
        let version = if revision == 0 { "1.2.3".to_owned() } else { format!("1.2.3_{revision}") };
        let image = name.replace('@', "/").replace('+', "x");
        let bottle = pack(&format!("{name}/{version}"), files);
        let digest = self.layout.push(&image, &version, &bottle, commands);
        let url = format!("https://ghcr.io/v2/homebrew/core/{image}/blobs/sha256:{digest}");
        let mut formula = json!({
            "name": name, "full_name": name, "tap": "homebrew/core", "desc": "A formula of the tests",
            "homepage": "https://example.org/", "revision": 0, "dependencies": [],
            "versions": { "stable": "1.2.3", "head": null, "bottle": true },
            "bottle": { "stable": { "rebuild": 0, "root_url": "https://ghcr.io/v2/homebrew/core",
                "files": { tag: { "cellar": ":any", "url": url, "sha256": digest } } } },
            "variations": {},
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            formula[key] = value.clone();
        }
        self.formulae.insert(name.to_owned(), formula);
        digest
    }

    /// Serves on loopback until the process ends.
    pub(crate) fn serve(self) -> (String, Arc<Self>) {
        let listener = std::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        listener.set_nonblocking(true).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let served = Arc::new(self);
        let state = Arc::clone(&served);
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let router = Router::new()
                    .route("/brew/api/formula/{file}", get(formula))
                    .route("/brew/api/formula_tap_migrations.json", get(|| async { "{}" }))
                    .route("/ghcr/token", get(token))
                    .route("/ghcr/v2/homebrew/core/{*path}", get(image))
                    .with_state(state);
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, router).await.unwrap();
            });
        });
        (origin, served)
    }

    /// The scopes for which tokens were requested.
    pub(crate) fn scopes(&self) -> Vec<String> {
        self.scopes.lock().unwrap().clone()
    }
}

fn json_answer(status: StatusCode, value: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

async fn formula(State(served): State<Arc<LocalTap>>, UrlPath(file): UrlPath<String>) -> Response {
    let name = Path::new(&file).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    match served.formulae.get(name) {
        Some(formula) => json_answer(StatusCode::OK, formula),
        None => (StatusCode::NOT_FOUND, "<!DOCTYPE html><p>Not found").into_response(),
    }
}

async fn token(State(served): State<Arc<LocalTap>>, uri: Uri) -> Response {
    let query = uri.query().unwrap_or_default().replace("%3A", ":").replace("%2F", "/");
    let scope = query.strip_prefix("service=ghcr.io&scope=");
    let Some(scope) = scope.filter(|_| !served.refuses_tokens) else { return unauthorized() };
    served.scopes.lock().unwrap().push(scope.to_owned());
    json_answer(StatusCode::OK, &json!({ "token": TOKEN }))
}

fn unauthorized() -> Response {
    let errors =
        json!([{ "code": "UNAUTHORIZED", "message": "authentication token not provided" }]);
    json_answer(StatusCode::UNAUTHORIZED, &json!({ "errors": errors }))
}

async fn image(
    State(served): State<Arc<LocalTap>>,
    UrlPath(path): UrlPath<String>,
    headers: HeaderMap,
) -> Response {
    // A mirror gets no secrets, so the test need not check them.
    let shown = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    if shown.is_some_and(|shown| shown != format!("Bearer {TOKEN}")) {
        return unauthorized();
    }
    let found = if let Some((image, tag)) = path.split_once("/manifests/") {
        served
            .layout
            .index(image, tag)
            .map(|body| ("application/vnd.oci.image.index.v1+json", body))
    } else {
        let digest = path.split_once("/blobs/sha256:").map_or("", |(_, digest)| digest);
        served.layout.blob(digest).map(|body| ("application/octet-stream", body))
    };
    if let Some((kind, body)) = found {
        return ([(header::CONTENT_TYPE, kind)], body).into_response();
    }
    let errors = json!([{ "code": "MANIFEST_UNKNOWN", "message": "manifest unknown" }]);
    json_answer(StatusCode::NOT_FOUND, &json!({ "errors": errors }))
}
