//! An npm registry on loopback with generated packages, for the real npm.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};
use tokio::sync::Semaphore;

/// The registry asks for an hour's pause when it is asked about a package of this name.
pub(crate) const PAUSING: &str = "pausing";

/// The package whose files [`Hold::Named`] keeps back.
pub(crate) const HELD: &str = "zebra";

/// Which files come only as soon as the test lets them.
#[derive(Clone, Copy)]
pub(crate) enum Hold {
    /// The files of [`HELD`].
    Named,
    /// The files of all packages but the one whose files are asked for first.
    AllButFirst,
}

/// A package of one version.
#[derive(Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The field in `package.json`; null for none.
    pub(crate) bin: Value,
    /// Files by path, beside `package.json`.
    pub(crate) files: BTreeMap<String, String>,
}

impl Package {
    /// A command `name` that prints `1.0.0` after `delay_ms`.
    pub(crate) fn tool(name: &str, delay_ms: u64) -> Self {
        let script =
            format!("#!/usr/bin/env node\nsetTimeout(() => console.log('1.0.0'), {delay_ms});\n");
        let bin = json!("cli.js");
        let (name, version) = (name.to_owned(), "1.0.0".to_owned());
        Self { name, version, bin, files: [("cli.js".to_owned(), script)].into() }
    }

    fn manifest(&self) -> Value {
        let mut manifest = json!({
            "name": self.name, "version": self.version, "description": "A package of the tests.",
        });
        if !self.bin.is_null() {
            manifest["bin"] = self.bin.clone();
        }
        manifest
    }

    fn tarball(&self) -> Vec<u8> {
        let gzip = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
        let mut archive = tar::Builder::new(gzip);
        let manifest = self.manifest().to_string();
        let files = self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()));
        for (path, text) in files.chain([("package.json", manifest.as_str())]) {
            let mut entry = tar::Header::new_gnu();
            entry.set_size(u64::try_from(text.len()).unwrap());
            entry.set_mode(0o755);
            entry.set_cksum();
            archive.append_data(&mut entry, format!("package/{path}"), text.as_bytes()).unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap()
    }
}

struct Served {
    origin: String,
    delay: Duration,
    packages: BTreeMap<String, (Package, Vec<u8>)>,
    hold: Hold,
    /// Closed as soon as the files that are held may come.
    held: Arc<Semaphore>,
    /// The package whose files were asked for first.
    first: OnceLock<String>,
}

impl Served {
    fn version(&self, name: &str) -> Option<Value> {
        let (package, tarball) = self.packages.get(name)?;
        let mut manifest = package.manifest();
        let integrity = format!("sha512-{}", BASE64_STANDARD.encode(Sha512::digest(tarball)));
        let file = format!("{}/{name}/-/file.tgz", self.origin);
        manifest["dist"] = json!({ "tarball": file, "integrity": integrity });
        Some(manifest)
    }
}

/// Serves `packages` on loopback until the process ends, each answer after `delay`.
pub(crate) fn serve(packages: impl IntoIterator<Item = Package>, delay: Duration) -> String {
    serve_held(packages, delay, Hold::Named).0
}

/// The same. The files that `which` names come as soon as the semaphore is closed.
pub(crate) fn serve_held(
    packages: impl IntoIterator<Item = Package>,
    delay: Duration,
    which: Hold,
) -> (String, Arc<Semaphore>) {
    let held = Arc::new(Semaphore::new(0));
    let listener = std::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    listener.set_nonblocking(true).unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let with_tarball = |package: Package| {
        let tarball = package.tarball();
        (package.name.clone(), (package, tarball))
    };
    let packages = packages.into_iter().map(with_tarball).collect();
    let served = Arc::new(Served {
        origin: origin.clone(),
        delay,
        packages,
        hold: which,
        held: Arc::clone(&held),
        first: OnceLock::new(),
    });
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let router = Router::new()
                .route("/{name}/latest", get(latest))
                .route("/{name}", get(packument))
                .route("/{name}/-/{file}", get(tarball))
                .with_state(served);
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await.unwrap();
        });
    });
    (origin, held)
}

fn answer(value: Option<Value>) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    match value {
        Some(value) => (json, value.to_string()).into_response(),
        None => (StatusCode::NOT_FOUND, json, r#"{"error":"Not found"}"#).into_response(),
    }
}

async fn latest(State(served): State<Arc<Served>>, Path(name): Path<String>) -> Response {
    tokio::time::sleep(served.delay).await;
    if name == PAUSING {
        return (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "3600")]).into_response();
    }
    answer(served.version(&name))
}

async fn packument(State(served): State<Arc<Served>>, Path(name): Path<String>) -> Response {
    tokio::time::sleep(served.delay).await;
    answer(served.version(&name).map(|version| {
        let number = version["version"].as_str().unwrap().to_owned();
        json!({ "name": name, "dist-tags": { "latest": number }, "versions": { number: version } })
    }))
}

async fn tarball(
    State(served): State<Arc<Served>>,
    Path((name, _)): Path<(String, String)>,
) -> Response {
    tokio::time::sleep(served.delay).await;
    let is_held = match served.hold {
        Hold::Named => name == HELD,
        Hold::AllButFirst => *served.first.get_or_init(|| name.clone()) != name,
    };
    if is_held {
        // The error says that it is closed.
        let _ = served.held.acquire().await;
    }
    match served.packages.get(&name) {
        Some((_, tarball)) => Body::from(tarball.clone()).into_response(),
        None => answer(None),
    }
}
