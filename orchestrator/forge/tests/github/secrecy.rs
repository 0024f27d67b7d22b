//! The token appears nowhere.

use std::{
    io,
    sync::{Arc, Mutex},
};

use batch_forge::{Forge as _, NewPullRequest};
use tracing_subscriber::fmt::MakeWriter;
use wiremock::{Mock, ResponseTemplate, matchers::any};

use crate::server::{Hub, TOKEN, commit, known, squash};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Everything that the errors of all operations say.
async fn errors(hub: &Hub) -> String {
    let (github, pull) = (&hub.github, known(1, "batch/x"));
    let new = NewPullRequest {
        branch: pull.branch.clone(),
        title: "x".into(),
        body: "x".into(),
        labels: vec!["x".into()],
    };
    let mut said = vec![];
    let mut say = |error: Option<batch_forge::ForgeError>| {
        said.extend(error.map(|error| format!("{error} {error:?}")));
    };
    say(github.open_pull_requests("batch/").await.err());
    say(github.newest_pull_request(&pull.branch).await.err());
    say(github.pull_request(1).await.err());
    say(github.open(&new).await.err());
    say(github.enable_auto_merge(&pull, &squash()).await.err());
    say(github.update_branch(&pull).await.err());
    say(github.checks(&commit('a')).await.err());
    say(github.merge(&pull, &squash()).await.err());
    say(github.close(1, "x").await.err());
    say(github.comment(1, "x").await.err());
    said.join("\n")
}

#[tokio::test]
async fn no_error_and_no_log_contains_the_token() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    // A server that repeats what it got.
    for status in [200, 400, 401, 403, 404, 409, 418, 422, 429, 500, 503] {
        let hub = Hub::new().await;
        let message = format!("you sent Authorization: Bearer {TOKEN}");
        let body = serde_json::json!({ "message": message, "errors": [message] });
        let answer = ResponseTemplate::new(status).set_body_json(body);
        Mock::given(any()).respond_with(answer).mount(&hub.server).await;
        let said = errors(&hub).await;
        assert!(!said.is_empty() && !said.contains(TOKEN), "{status}: {said}");
        let asked = hub.server.received_requests().await.unwrap();
        let sent = format!("Bearer {TOKEN}");
        assert!(asked.iter().all(|request| request.headers["authorization"] == sent), "{status}");
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("asking api.github.com again"), "nothing was logged");
    assert!(!log.contains(TOKEN), "the log contains the token");
}
