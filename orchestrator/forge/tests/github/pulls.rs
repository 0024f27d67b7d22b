//! Pull requests are found, opened, closed.

use batch_forge::{Forge as _, ForgeError, NewPullRequest, PullRequestState};
use serde_json::{Value, json};
use wiremock::{
    Mock, ResponseTemplate,
    matchers::{method, path, query_param},
};

use crate::server::{Hub, known, ok, pull, refusal, with};

fn new() -> NewPullRequest {
    NewPullRequest {
        branch: "batch/npm-1".parse().unwrap(),
        title: "feat(recipes): add batch".into(),
        body: "Text.".into(),
        labels: vec!["batch:npm".into()],
    }
}

#[tokio::test]
async fn all_pages_are_read_and_forks_are_not() {
    let hub = Hub::new().await;
    let fork = json!({ "ref": "batch/evil", "sha": "a".repeat(40),
                       "repo": { "full_name": "evil/x" } });
    let gone = with(fork.clone(), json!({ "repo": null }));
    let first = json!([
        pull(1, "batch/npm-1"),
        pull(2, "my-work"),
        with(pull(3, "batch/evil"), json!({ "head": fork })),
        with(pull(4, "batch/evil"), json!({ "head": gone })),
    ]);
    let next = format!(
        "<{}/repositories/1/pulls?page=2>; rel=\"next\", <https://x>; rel=\"last\"",
        hub.server.uri()
    );
    let page = |n| {
        Mock::given(method("GET")).and(query_param("page", n)).and(path("/repositories/1/pulls"))
    };
    let second =
        ok([pull(5, "batch/go-1")]).insert_header("link", "<https://x/?page=1>; rel=\"prev\"");
    page("2").respond_with(second).mount(&hub.server).await;
    hub.answer("GET", "/pulls", ok(first).insert_header("link", &*next)).await;
    let found = hub.github.open_pull_requests("batch/").await.unwrap();
    assert_eq!(found, [known(1, "batch/npm-1"), known(5, "batch/go-1")]);
}

#[tokio::test]
async fn a_next_page_elsewhere_does_not_get_the_token() {
    let hub = Hub::new().await;
    let next = "<https://evil.example/pulls?page=2>; rel=\"next\"";
    hub.answer("GET", "/pulls", ok(Vec::<Value>::new()).insert_header("link", next)).await;
    let error = hub.github.open_pull_requests("batch/").await.unwrap_err();
    assert!(matches!(error, ForgeError::Unexpected { .. }), "{error}");
}

#[tokio::test]
async fn the_newest_pull_request_of_a_branch_is_found_whatever_became_of_it() {
    let hub = Hub::new().await;
    let merged = json!({ "state": "closed", "merged_at": "2026-11-21T14:00:00Z" });
    let pulls = json!([
        pull(9, "batch/npm-10"),
        with(pull(3, "batch/npm-1"), json!({ "state": "closed" })),
        with(pull(7, "batch/npm-1"), merged),
    ]);
    hub.answer("GET", "/pulls", ok(pulls)).await;
    let branch = "batch/npm-1".parse().unwrap();
    let found = hub.github.newest_pull_request(&branch).await.unwrap().unwrap();
    let commit = Some("e".repeat(40).parse().unwrap());
    assert_eq!((found.number, found.state), (7, PullRequestState::Merged { commit }));
    let asked = hub.server.received_requests().await.unwrap();
    let query = asked[0].url.query().unwrap();
    assert!(query.contains("head=joe%3Abatch%2Fnpm-1") && query.contains("state=all"), "{query}");
}

#[tokio::test]
async fn texts_of_github_are_cleaned() {
    let hub = Hub::new().await;
    let hostile =
        "::error::\u{1b}[31mred\u{202e}\nsecond ghp_0123456789abcdefghijklmnopqrstuvwxyzAB";
    let labels = json!([{ "name": hostile }]);
    let fields = json!({ "title": hostile, "labels": labels });
    hub.answer("GET", "/pulls/1", ok(with(pull(1, "batch/x"), fields))).await;
    let found = hub.github.pull_request(1).await.unwrap().unwrap();
    assert_eq!(found.title, ":\\:error::red second ***");
    assert_eq!(found.labels, [&*found.title]);
    hub.answer("GET", "/pulls/2", refusal(404, "Not Found")).await;
    assert_eq!(hub.github.pull_request(2).await.unwrap(), None);
}

#[tokio::test]
async fn a_pull_request_is_opened_with_its_label() {
    let hub = Hub::new().await;
    hub.answer("GET", "/pulls", ok(Vec::<Value>::new())).await;
    let opened = with(pull(1, "batch/npm-1"), json!({ "labels": [] }));
    hub.answer("POST", "/pulls", ResponseTemplate::new(201).set_body_json(opened)).await;
    let exists = json!({ "message": "Validation Failed", "errors": [
        { "resource": "Label", "code": "already_exists", "field": "name" }] });
    hub.answer("POST", "/labels", ResponseTemplate::new(422).set_body_json(exists)).await;
    hub.answer("POST", "/issues/1/labels", ok([json!({ "name": "batch:npm" })])).await;
    let found = hub.github.open(&new()).await.unwrap();
    assert_eq!(found, known(1, "batch/npm-1"));
    let asked = hub.asked().await;
    let bodies = [&asked[1].2, &asked[2].2, &asked[3].2];
    let expected = json!([
        { "title": "feat(recipes): add batch", "head": "batch/npm-1", "base": "main", "body": "Text." },
        { "name": "batch:npm", "color": "c5def5" },
        { "labels": ["batch:npm"] },
    ]);
    assert_eq!(json!(bodies), expected);
}

#[tokio::test]
async fn an_interrupted_run_finds_what_it_opened() {
    let hub = Hub::new().await;
    hub.answer("GET", "/pulls", ok([pull(1, "batch/npm-1")])).await;
    assert_eq!(hub.github.open(&new()).await.unwrap(), known(1, "batch/npm-1"));
    assert_eq!(hub.asked().await.len(), 1, "nothing was created");
}

#[tokio::test]
async fn a_closed_pull_request_is_not_opened_again() {
    let hub = Hub::new().await;
    let closed = with(pull(1, "batch/npm-1"), json!({ "state": "closed", "labels": [] }));
    hub.answer("GET", "/pulls", ok([closed])).await;
    let found = hub.github.open(&new()).await.unwrap();
    assert_eq!(found.state, PullRequestState::Closed);
    assert_eq!(hub.asked().await.len(), 1, "nothing was changed");
}

#[tokio::test]
async fn an_answer_that_was_lost_opens_nothing_twice() {
    // It was opened, and the answer was lost.
    let hub = Hub::new().await;
    hub.answer_first(1, "GET", "/pulls", ok(Vec::<Value>::new())).await;
    hub.answer("GET", "/pulls", ok([pull(1, "batch/npm-1")])).await;
    hub.answer("POST", "/pulls", ResponseTemplate::new(502)).await;
    assert_eq!(hub.github.open(&new()).await.unwrap().number, 1);
    assert_eq!(hub.asked().await.iter().filter(|(verb, ..)| verb == "POST").count(), 1);
    // It was not opened.
    let hub = Hub::new().await;
    hub.answer("GET", "/pulls", ok(Vec::<Value>::new())).await;
    hub.answer_first(1, "POST", "/pulls", ResponseTemplate::new(503)).await;
    let opened = pull(2, "batch/npm-1");
    hub.answer("POST", "/pulls", ResponseTemplate::new(201).set_body_json(opened)).await;
    assert_eq!(hub.github.open(&new()).await.unwrap().number, 2);
}

#[tokio::test]
async fn a_refused_pull_request_says_why() {
    let hub = Hub::new().await;
    hub.answer("GET", "/pulls", ok(Vec::<Value>::new())).await;
    let body = json!({ "message": "Validation Failed", "errors": [
        { "resource": "PullRequest", "code": "custom", "message": "No commits between main and batch/npm-1" },
        { "resource": "Issue", "code": "custom", "field": "body", "message": "body is too long (maximum is 65536 characters)" }] });
    hub.answer("POST", "/pulls", ResponseTemplate::new(422).set_body_json(body)).await;
    let error = hub.github.open(&new()).await.unwrap_err().to_string();
    assert!(error.contains("No commits between") && error.contains("maximum is 65536"), "{error}");
    let n_asked = hub.asked().await.len();
    let long = NewPullRequest { body: "x".repeat(60_001), ..new() };
    let error = hub.github.open(&long).await.unwrap_err();
    assert!(matches!(error, ForgeError::Invalid { .. }), "{error}");
    assert!(hub.github.comment(1, &long.body).await.is_err());
    assert_eq!(hub.asked().await.len(), n_asked, "it was sent");
}

#[tokio::test]
async fn a_reason_comes_before_the_end() {
    let hub = Hub::new().await;
    hub.answer("GET", "/pulls/1", ok(pull(1, "batch/x"))).await;
    hub.answer("GET", "/pulls/2", ok(with(pull(2, "batch/x"), json!({ "state": "closed" })))).await;
    hub.answer(
        "POST",
        "/issues/1/comments",
        ResponseTemplate::new(201).set_body_json(json!({ "id": 1 })),
    )
    .await;
    hub.answer("PATCH", "/pulls/1", ok(pull(1, "batch/x"))).await;
    hub.github.close(1, "Nobody needs it.").await.unwrap();
    hub.github.close(2, "Nobody needs it.").await.unwrap();
    let asked: Vec<_> = hub.asked().await.into_iter().filter(|(verb, ..)| verb != "GET").collect();
    let expected = [
        ("POST".to_owned(), "/issues/1/comments".to_owned(), json!({ "body": "Nobody needs it." })),
        ("PATCH".to_owned(), "/pulls/1".to_owned(), json!({ "state": "closed" })),
    ];
    assert_eq!(asked, expected);
    hub.answer("GET", "/pulls/3", refusal(404, "Not Found")).await;
    let error = hub.github.close(3, "x").await.unwrap_err().to_string();
    assert!(error.contains("pull request 3 of joe/x"), "{error}");
}
