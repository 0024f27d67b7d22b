//! A temporary root whose registries are folders that are served on loopback.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use axum::Router;
use serde_json::Value;
use tower_http::services::ServeDir;

/// A root of one ecosystem.
pub(crate) struct TestRoot {
    dir: tempfile::TempDir,
    ecosystem: &'static str,
    origin: String,
}

impl TestRoot {
    /// A root in which each of `registries` is mapped to the folder `served`.
    pub(crate) fn new(ecosystem: &'static str, registries: &[&str], served: &Path) -> Self {
        let (origin, dir) = (serve(served), tempfile::tempdir().unwrap());
        let root = Self { dir, ecosystem, origin };
        let init = root.run(&["init"]);
        assert!(init.status.success(), "{init:?}");
        let origins: Vec<String> = registries
            .iter()
            .map(|registry| format!("\"{registry}\" = \"{}\"\n", root.origin))
            .collect();
        let settings = format!("[origins]\n{}", origins.concat());
        std::fs::write(root.path("pipeline.toml"), settings).unwrap();
        root
    }

    /// The local address of the folder.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// Replaces the queue by pending entries.
    pub(crate) fn put_pending(&self, names: &[&str]) {
        let entry = |name: &&str| {
            format!(
                r#"{{"id":"{}:{name}","tier":1,"status":"pending","added_at":"2026-01-01T00:00:00Z"}}"#,
                self.ecosystem
            )
        };
        let entries: Vec<String> = names.iter().map(entry).collect();
        let text = format!(
            r#"{{"schema_version":2,"ecosystem":"{}","updated_at":"2026-01-01T00:00:00Z",
                "tiers":{{"1":"curated","2":"popular","3":"rest"}},"packages":[{}]}}"#,
            self.ecosystem,
            entries.join(",")
        );
        let file = format!("data/queues/priority-queue-{}.json", self.ecosystem);
        std::fs::write(self.path(&file), text).unwrap();
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.run_with(args, &[])
    }

    /// The same, with more variables.
    pub(crate) fn run_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = Command::new(program());
        command.envs(variables.iter().copied());
        command.arg("--root").arg(self.dir.path()).args(args);
        for proxy in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
            command.env_remove(proxy);
        }
        command.output().unwrap()
    }

    /// The standard output of a command that must succeed.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The report of `try` about a package that must be verified, in each sandbox that works here.
    pub(crate) fn tried(&self, name: &str) -> Value {
        let settings = std::fs::read_to_string(self.path("pipeline.toml")).unwrap();
        let mut tried = Value::Null;
        for backend in usable_backends() {
            let chosen = format!("{settings}[sandbox]\nbackend = \"{backend}\"\n");
            std::fs::write(self.path("pipeline.toml"), chosen).unwrap();
            tried = self.tried_once(name);
        }
        tried
    }

    fn tried_once(&self, name: &str) -> Value {
        let output = self.run(&["try", &format!("{}:{name}", self.ecosystem), "--json"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs a batch over the whole queue. Returns the category and subcategory for each name, or
    /// `verified`.
    pub(crate) fn outcomes(&self) -> BTreeMap<String, String> {
        let args = ["run", "--ecosystem", self.ecosystem, "--batch-size", "20", "-q", "--json"];
        let output = self.run(&args);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        let attempts = summary["batches"][0]["attempts"].as_array().unwrap().clone();
        let outcome = |attempt: &Value| {
            let id = attempt["package_id"].as_str().unwrap();
            let name = id.split_once(':').unwrap().1.to_owned();
            let failure = &attempt["failure"];
            let part = |key: &str| failure[key].as_str().unwrap().to_owned();
            let verified = attempt["recipe"].as_str().map(|_| "verified".to_owned());
            let failed = || format!("{}/{}", part("category"), part("subcategory"));
            (name, verified.unwrap_or_else(failed))
        };
        attempts.iter().map(outcome).collect()
    }
}

/// Serves the files in `folder`, also in parts, until this process ends.
pub(crate) fn serve(folder: &Path) -> String {
    let listener = std::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    listener.set_nonblocking(true).unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let files = ServeDir::new(folder);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, Router::new().fallback_service(files)).await.unwrap();
        });
    });
    origin
}

/// The program under test.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_tsuku-batch"))
}

/// Why packages cannot be installed here with `programs`; `None` if they can.
pub(crate) fn obstacle(programs: &[&str]) -> Option<String> {
    let is_there = |name: &&&str| {
        // Go knows only the word.
        ["--version", "version"].iter().any(|version| {
            let output = Command::new(**name).arg(version).output();
            output.is_ok_and(|output| output.status.success())
        })
    };
    if let Some(absent) = programs.iter().find(|name| !is_there(name)) {
        return Some(format!("{absent} is not installed"));
    }
    usable_backends().is_empty().then(|| "no sandbox works on this machine".to_owned())
}

fn usable_backends() -> Vec<String> {
    let check = Command::new(program()).args(["sandbox", "check", "--json"]).output().unwrap();
    let check: Value = serde_json::from_slice(&check.stdout).unwrap();
    let backends = check["walls"].as_array().unwrap().clone();
    let usable = backends.iter().filter(|backend| backend["usable"] == true);
    usable.map(|backend| backend["name"].as_str().unwrap().to_owned()).collect()
}

/// Writes `text` to `path` and creates the folders.
pub(crate) fn put(path: &Path, text: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}
