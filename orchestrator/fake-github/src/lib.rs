#![doc = include_str!("../README.md")]

mod bare;
mod requests;
mod world;

use std::{net::TcpListener, path::PathBuf, sync::Arc, thread};

use axum::Router;
use serde_json::{Value, json};

pub use bare::{Bare, git, try_git};
use world::{Kept, World};

/// A check: its name, its conclusion if it has ended, what it says.
pub type Check<'a> = (&'a str, Option<&'a str>, &'a str);

/// A folder that a workflow run has uploaded.
#[derive(Debug, Clone)]
pub struct Uploaded {
    /// Its name.
    pub name: String,
    /// Its content.
    pub dir: PathBuf,
    /// The branch that the run was for.
    pub branch: String,
    /// Whether it was the run of a pull request from somebody else's fork.
    pub is_of_fork: bool,
    /// When, as GitHub writes it.
    pub created_at: String,
}

/// A server that answers as GitHub does.
#[derive(Clone)]
pub struct FakeGithub {
    world: Arc<World>,
}

impl FakeGithub {
    /// The repository `name`, such as `owner/name`, whose content is `bare`.
    pub fn new(bare: Bare, name: &str) -> Self {
        Self { world: Arc::new(World::new(bare, name)) }
    }

    /// Answers requests on this machine until the process ends. Returns the address.
    ///
    /// # Panics
    ///
    /// If this machine does not let it.
    pub fn serve(&self) -> String {
        let bound = TcpListener::bind("127.0.0.1:0").and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok((listener.local_addr()?, listener))
        });
        let (address, listener) = bound.unwrap_or_else(|error| panic!("no server: {error}"));
        let router = Router::new().fallback(requests::answer_to).with_state(self.clone());
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let served = runtime.and_then(|runtime| {
                runtime.block_on(async {
                    let listener = tokio::net::TcpListener::from_std(listener)?;
                    axum::serve(listener, router).await
                })
            });
            served.unwrap_or_else(|error| panic!("no server: {error}"));
        });
        format!("http://{address}")
    }

    /// Its repository.
    pub fn bare(&self) -> &Bare {
        &self.world.bare
    }

    /// The time of what is opened and merged from now on, as GitHub writes it.
    pub fn set_now(&self, now: &str) {
        now.clone_into(&mut self.kept().now);
    }

    /// Replaces the checks of `commit`.
    pub fn set_checks(&self, commit: &str, checks: &[Check<'_>]) {
        let run = |(name, conclusion, summary): &Check<'_>| {
            let status = if conclusion.is_some() { "completed" } else { "queued" };
            json!({ "id": 1, "name": name, "status": status, "conclusion": conclusion,
                    "html_url": "https://ci.example/1",
                    "output": { "title": null, "summary": summary, "text": null } })
        };
        let runs: Vec<Value> = checks.iter().map(run).collect();
        self.kept().checks.insert(commit.to_owned(), runs);
    }

    /// The rules of the main branch: the checks that it requires, whether branches must be up to date, and
    /// whether pull requests may be merged automatically.
    pub fn protect(&self, required: &[&str], is_strict: bool, may_auto_merge: bool) {
        let mut kept = self.kept();
        kept.required = required.iter().map(|&name| name.to_owned()).collect();
        (kept.is_strict, kept.may_auto_merge) = (is_strict, may_auto_merge);
    }

    /// The branches and commits of the open pull requests.
    pub fn open_pull_requests(&self) -> Vec<(String, String)> {
        let mut kept = self.kept();
        self.world.settle(&mut kept);
        let open = kept.pulls.iter().filter(|pull| pull.is_open);
        open.map(|pull| (pull.branch.clone(), pull.head.clone())).collect()
    }

    /// The number of pull requests that were ever opened, and of those that are merged.
    pub fn counts(&self) -> (usize, usize) {
        let mut kept = self.kept();
        self.world.settle(&mut kept);
        (kept.pulls.len(), kept.pulls.iter().filter(|pull| pull.merged.is_some()).count())
    }

    /// Adds an artifact of a workflow run.
    pub fn upload(&self, uploaded: Uploaded) {
        let mut kept = self.kept();
        kept.uploaded.retain(|it| it.name != uploaded.name);
        kept.uploaded.push(uploaded);
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.world.kept()
    }
}
