//! A server that answers like GitHub.

use std::{
    num::NonZeroU32,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use batch_core::{
    io::{
        Body, Headers, MirrorTransport, NetTransport, PoliteConfig, PoliteHttp, Reply, SystemClock,
        Transport, TransportError, Validators,
    },
    model::Quota,
};
use batch_forge::{
    PullRequest, PullRequestState, Secret, Squash,
    git::CommitId,
    github::{Github, GithubSettings, QUOTA, api_origins},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{method, path},
};

pub(crate) const TOKEN: &str = "ghs_0123456789abcdefghijklmnopqrstuvwxyz";

/// The pull requests of `joe/x`, and the server that answers for GitHub.
pub(crate) struct Hub {
    pub(crate) server: MockServer,
    pub(crate) github: Github,
    pub(crate) store: Arc<Store>,
    _cache: TempDir,
}

/// The store of artifacts: it answers every request with its archive, and notes the requests.
#[derive(Default)]
pub(crate) struct Store {
    pub(crate) archive: Mutex<Vec<u8>>,
    pub(crate) asked: Mutex<Vec<batch_core::io::Request>>,
}

struct Archive(Option<Vec<u8>>);

#[async_trait]
impl Body for Archive {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, TransportError> {
        Ok(self.0.take())
    }
}

#[async_trait]
impl Transport for Store {
    async fn send(
        &self,
        request: &batch_core::io::Request,
        _known: &Validators,
    ) -> Result<Reply, TransportError> {
        self.asked.lock().unwrap().push(request.clone());
        let archive = self.archive.lock().unwrap().clone();
        Ok(Reply { status: 200, headers: Headers::new(), body: Box::new(Archive(Some(archive))) })
    }
}

pub(crate) fn commit(digit: char) -> CommitId {
    digit.to_string().repeat(40).parse().unwrap()
}

pub(crate) fn squash() -> Squash {
    Squash { title: "feat: x".into(), body: "Text.\n\nBatch-Id: npm-1\nEcosystem: npm".into() }
}

/// The client of a process, as fast as a test needs it.
fn http(api: &str, cache: &Path) -> PoliteHttp {
    let net = Arc::new(NetTransport::new("batch-test/1 (+https://a.example)").unwrap());
    let transport = Arc::new(MirrorTransport::trusted(net, api_origins(api).unwrap()));
    let moment = Duration::from_millis(1);
    let burst = NonZeroU32::new(100).unwrap();
    let quota = Quota { period: moment, burst, retry_floor: moment, ..QUOTA };
    let clock = Arc::new(SystemClock::default());
    let mut config = PoliteConfig::new(clock, transport, [quota], cache);
    config.retries.base = moment;
    PoliteHttp::new(config)
}

impl Hub {
    pub(crate) async fn new() -> Self {
        let server = MockServer::start().await;
        let cache = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::default());
        let github = Github::new(GithubSettings {
            http: Arc::new(http(&server.uri(), cache.path())),
            clock: Arc::new(SystemClock::default()),
            cleaner: Arc::default(),
            token: Secret::new(TOKEN).unwrap(),
            repository: "joe/x".parse().unwrap(),
            base: "main".parse().unwrap(),
            store: Arc::clone(&store) as Arc<dyn Transport>,
        });
        Self { server, github, store, _cache: cache }
    }

    /// Answers each `verb` on `path` below the repository in the same way.
    pub(crate) async fn answer(&self, verb: &str, at: &str, answer: ResponseTemplate) {
        let at = if at == "/graphql" { at.to_owned() } else { format!("/repos/joe/x{at}") };
        Mock::given(method(verb)).and(path(at)).respond_with(answer).mount(&self.server).await;
    }

    /// Answers the first `n` of them in this way, before all other answers.
    pub(crate) async fn answer_first(
        &self,
        n: u64,
        verb: &str,
        at: &str,
        answer: ResponseTemplate,
    ) {
        let mock = Mock::given(method(verb)).and(path(format!("/repos/joe/x{at}")));
        let mock = mock.respond_with(answer).up_to_n_times(n).with_priority(1);
        mock.mount(&self.server).await;
    }

    /// The requests so far: method, path, body.
    pub(crate) async fn asked(&self) -> Vec<(String, String, Value)> {
        let read = |request: &Request| {
            let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
            let path = request.url.path().trim_start_matches("/repos/joe/x").to_owned();
            (request.method.to_string(), path, body)
        };
        self.server.received_requests().await.unwrap().iter().map(read).collect()
    }
}

/// What GitHub answers about the open pull request `number` of `branch`.
pub(crate) fn pull(number: u64, branch: &str) -> Value {
    json!({
        "id": 1_000 + number,
        "node_id": format!("PR_{number}"),
        "html_url": format!("https://github.com/joe/x/pull/{number}"),
        "number": number,
        "state": "open",
        "locked": false,
        "title": "feat(recipes): add batch",
        "user": { "login": "octocat", "id": 1 },
        "body": "Please pull these awesome changes in!",
        "labels": [{ "id": 208_045_946, "name": "batch:npm", "color": "f29513" }],
        "created_at": "2026-11-21T13:00:05Z",
        "closed_at": null,
        "merged_at": null,
        "merge_commit_sha": "e".repeat(40),
        "head": { "label": format!("joe:{branch}"), "ref": branch, "sha": "a".repeat(40),
                  "repo": { "id": 1, "full_name": "joe/x" } },
        "base": { "label": "joe:main", "ref": "main", "sha": "b".repeat(40),
                  "repo": { "id": 1, "full_name": "joe/x" } },
        "draft": false,
        "auto_merge": null,
    })
}

/// The same, when it is asked for alone.
pub(crate) fn tried(number: u64, branch: &str, state: &str) -> Value {
    with(pull(number, branch), json!({ "mergeable": state != "dirty", "mergeable_state": state }))
}

/// `value` with other fields.
pub(crate) fn with(mut value: Value, fields: Value) -> Value {
    let Value::Object(fields) = fields else { panic!("{fields}") };
    value.as_object_mut().unwrap().extend(fields);
    value
}

pub(crate) fn ok(body: impl serde::Serialize) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

pub(crate) fn refusal(status: u16, message: &str) -> ResponseTemplate {
    let body = json!({ "message": message, "documentation_url": "https://docs.github.com/rest" });
    ResponseTemplate::new(status).set_body_json(body)
}

/// As the callers got it before.
pub(crate) fn known(number: u64, branch: &str) -> PullRequest {
    PullRequest {
        number,
        url: format!("https://github.com/joe/x/pull/{number}"),
        branch: branch.parse().unwrap(),
        head: commit('a'),
        title: "feat(recipes): add batch".into(),
        labels: vec!["batch:npm".into()],
        state: PullRequestState::Open,
        created_at: "2026-11-21T13:00:05Z".parse().unwrap(),
        auto_merge: false,
    }
}

pub(crate) fn green() -> Value {
    json!({ "total_count": 1, "check_runs": [{
        "id": 4, "name": "test", "status": "completed", "conclusion": "success",
        "html_url": "https://github.com/joe/x/runs/4",
        "output": { "title": null, "summary": null, "text": null, "annotations_count": 0 },
    }]})
}

pub(crate) fn no_statuses() -> Value {
    json!({ "state": "pending", "statuses": [], "sha": "a".repeat(40), "total_count": 0 })
}
