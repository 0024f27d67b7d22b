//! A server that keeps pull requests like GitHub.

use std::{
    collections::BTreeMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use batch_core::{
    io::{MirrorTransport, NetTransport, PoliteConfig, PoliteHttp, SystemClock},
    model::Quota,
};
use batch_forge::{
    Forge, Secret,
    git::CommitId,
    github::{Github, GithubSettings, QUOTA, api_origins},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use wiremock::{Mock, MockServer, matchers::any};

use crate::{
    hub_requests::Server,
    place::{Check, Place, Repository},
};

pub(crate) struct Hub {
    server: Server,
    github: Github,
    _http: MockServer,
    _cache: TempDir,
}

/// What the server keeps.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) pulls: Vec<Pull>,
    pub(crate) checks: BTreeMap<CommitId, Vec<Value>>,
    pub(crate) required: Vec<String>,
    pub(crate) is_strict: bool,
    pub(crate) may_auto_merge: bool,
    pub(crate) labels: Vec<String>,
}

pub(crate) struct Pull {
    pub(crate) branch: String,
    pub(crate) head: CommitId,
    pub(crate) title: String,
    pub(crate) labels: Vec<String>,
    pub(crate) is_open: bool,
    pub(crate) merged: Option<CommitId>,
    pub(crate) auto_merge: Option<(String, String)>,
}

/// The repository and what the server keeps about it.
pub(crate) struct World {
    pub(crate) repository: Repository,
    kept: Mutex<Kept>,
}

impl Hub {
    pub(crate) async fn start() -> Self {
        let kept = Mutex::new(Kept { may_auto_merge: true, ..Kept::default() });
        let world = World { repository: Repository::new(), kept };
        let server = Server(Arc::new(world));
        let http = MockServer::start().await;
        Mock::given(any()).respond_with(server.clone()).mount(&http).await;
        let cache = tempfile::tempdir().unwrap();
        let net = Arc::new(NetTransport::new("batch-test/1 (+https://a.example)").unwrap());
        let origins = api_origins(&http.uri()).unwrap();
        let transport = Arc::new(MirrorTransport::trusted(net, origins));
        let burst = NonZeroU32::new(100).unwrap();
        let quota = Quota { period: Duration::from_millis(1), burst, ..QUOTA };
        let clock = Arc::new(SystemClock::default());
        let config = PoliteConfig::new(clock.clone(), transport, [quota], cache.path());
        let github = Github::new(GithubSettings {
            http: Arc::new(PoliteHttp::new(config)),
            clock,
            cleaner: Arc::default(),
            token: Secret::new("ghs_x").unwrap(),
            repository: "joe/x".parse().unwrap(),
            base: "main".parse().unwrap(),
        });
        Self { server, github, _http: http, _cache: cache }
    }
}

impl Place for Hub {
    fn forge(&self) -> &dyn Forge {
        &self.github
    }

    fn repository(&self) -> &Repository {
        &self.server.0.repository
    }

    fn set_checks(&self, commit: &CommitId, checks: &[Check<'_>]) {
        let run = |(name, conclusion, summary): &Check<'_>| {
            let status = if conclusion.is_some() { "completed" } else { "queued" };
            json!({ "id": 1, "name": name, "status": status, "conclusion": conclusion,
                    "html_url": "https://ci.example/1",
                    "output": { "title": null, "summary": summary, "text": null } })
        };
        let runs = checks.iter().map(run).collect();
        self.server.0.kept().checks.insert(commit.clone(), runs);
    }

    fn protect(&self, required: &[&str], is_strict: bool, may_auto_merge: bool) {
        let mut kept = self.server.0.kept();
        kept.required = required.iter().map(|&name| name.to_owned()).collect();
        (kept.is_strict, kept.may_auto_merge) = (is_strict, may_auto_merge);
    }
}

impl World {
    pub(crate) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }

    /// What GitHub does by itself: pull requests follow their branches, and wait for their checks.
    pub(crate) fn settle(&self, kept: &mut Kept) {
        for at in 0..kept.pulls.len() {
            let pull = &mut kept.pulls[at];
            if !pull.is_open {
                continue;
            }
            let main = self.repository.tip("main").unwrap();
            match self.repository.tip(&pull.branch) {
                None => pull.is_open = false,
                Some(head) => {
                    pull.head = head;
                    if self.repository.contains(&main, &pull.head) {
                        pull.merged = Some(pull.head.clone());
                        pull.is_open = false;
                    }
                }
            }
            let state = self.state(kept, at);
            let pull = &kept.pulls[at];
            if let (true, Some((title, body)), "clean" | "unstable") =
                (pull.is_open, pull.auto_merge.clone(), state)
            {
                self.merge(kept, at, &format!("{title}\n\n{body}"));
            }
        }
    }

    /// The `mergeable_state` of a pull request.
    pub(crate) fn state(&self, kept: &Kept, at: usize) -> &'static str {
        let pull = &kept.pulls[at];
        if !pull.is_open {
            return "unknown";
        }
        let main = self.repository.tip("main").unwrap();
        let runs = kept.checks.get(&pull.head).map_or(&[][..], |runs| runs);
        let has_passed = |run: &Value| run["conclusion"] == "success";
        let is_met =
            |name: &String| runs.iter().any(|run| run["name"] == **name && has_passed(run));
        if self.repository.merged_tree(&main, &pull.head).is_none() {
            "dirty"
        } else if kept.is_strict && !self.repository.contains(&pull.head, &main) {
            "behind"
        } else if !kept.required.iter().all(is_met) {
            "blocked"
        } else if !runs.iter().all(has_passed) {
            "unstable"
        } else {
            "clean"
        }
    }

    /// Merges a pull request as one commit.
    pub(crate) fn merge(&self, kept: &mut Kept, at: usize, message: &str) -> CommitId {
        let pull = &mut kept.pulls[at];
        let main = self.repository.tip("main").unwrap();
        let tree = self.repository.merged_tree(&main, &pull.head).unwrap();
        let commit = self.repository.put("main", &tree, &[&main], message);
        pull.merged = Some(commit.clone());
        pull.is_open = false;
        commit
    }
}
