//! The checks of a commit.

use batch_forge::{CheckState, Conclusion, Forge as _};
use serde_json::{Value, json};
use wiremock::{
    Mock,
    matchers::{method, path},
};

use crate::server::{Hub, commit, green, no_statuses, ok};

fn run(id: u64, name: &str, status: &str, conclusion: Option<&str>, output: &Value) -> Value {
    json!({ "id": id, "name": name, "status": status, "conclusion": conclusion,
            "html_url": format!("https://github.com/joe/x/runs/{id}"), "output": output })
}

fn silent(annotations_count: u64) -> Value {
    json!({ "title": null, "summary": null, "text": null, "annotations_count": annotations_count })
}

#[tokio::test]
async fn both_kinds_of_checks_are_read_with_what_the_failed_ones_say() {
    let hub = Hub::new().await;
    let at = format!("/commits/{}", commit('a'));
    let output = json!({ "title": "2 errors", "summary": "\u{1b}[31mit failed", "text": null,
                         "annotations_count": 0 });
    let first = json!({ "total_count": 5, "check_runs": [
        run(1, "lint", "completed", Some("success"), &silent(0)),
        run(2, "docs", "completed", Some("skipped"), &silent(0)),
        run(3, "test", "completed", Some("failure"), &output),
        run(4, "slow", "in_progress", None, &silent(0)),
    ]});
    let second = json!({ "total_count": 5, "check_runs": [
        run(5, "build", "completed", Some("cancelled"), &silent(1)) ] });
    let next = format!("<{}/page2>; rel=\"next\"", hub.server.uri());
    Mock::given(method("GET"))
        .and(path("/page2"))
        .respond_with(ok(second))
        .mount(&hub.server)
        .await;
    hub.answer("GET", &format!("{at}/check-runs"), ok(first).insert_header("link", &*next)).await;
    let annotations = json!([
        { "path": ".github", "start_line": 12, "annotation_level": "failure", "message": "The run was cancelled." },
        { "path": "x", "start_line": 1, "annotation_level": "notice", "message": null }]);
    hub.answer("GET", "/check-runs/5/annotations", ok(annotations)).await;
    let statuses = json!({ "state": "failure", "statuses": [
        { "context": "ci/old", "state": "error", "description": "no machine", "target_url": "https://ci.example/1" },
        { "context": "ci/slow", "state": "pending", "description": null, "target_url": null },
        { "context": "ci/good", "state": "success", "description": null, "target_url": null }] });
    hub.answer("GET", &format!("{at}/status"), ok(statuses)).await;

    let checks = hub.github.checks(&commit('a')).await.unwrap();
    assert_eq!(checks.state(), CheckState::Red);
    assert_eq!((checks.n_passed, &checks.pending[..]), (3, &["slow".into(), "ci/slow".into()][..]));
    let failed: Vec<_> = checks
        .failed
        .iter()
        .map(|it| (&*it.name, it.conclusion, &*it.summary, it.url.as_ref().unwrap().as_str()))
        .collect();
    let expected = [
        ("test", Conclusion::Failure, "2 errors\nit failed", "https://github.com/joe/x/runs/3"),
        (
            "build",
            Conclusion::Cancelled,
            ".github:12: The run was cancelled.",
            "https://github.com/joe/x/runs/5",
        ),
        ("ci/old", Conclusion::Failure, "no machine", "https://ci.example/1"),
    ];
    assert_eq!(failed, expected);
}

#[tokio::test]
async fn a_commit_without_checks_is_not_green() {
    let hub = Hub::new().await;
    for (digit, runs, expected) in [
        ('a', json!({ "total_count": 0, "check_runs": [] }), CheckState::None),
        ('b', green(), CheckState::Green),
    ] {
        let at = format!("/commits/{}", commit(digit));
        hub.answer("GET", &format!("{at}/check-runs"), ok(runs)).await;
        hub.answer("GET", &format!("{at}/status"), ok(no_statuses())).await;
        assert_eq!(hub.github.checks(&commit(digit)).await.unwrap().state(), expected);
    }
}
