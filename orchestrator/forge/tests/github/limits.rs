//! Limits, servers in trouble, missing permissions.

use std::time::Duration;

use batch_core::io::{Clock as _, SystemClock};
use batch_forge::{Forge as _, ForgeError};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::server::{Hub, ok, pull, refusal};

async fn list(answer: ResponseTemplate) -> (Hub, ForgeError) {
    let hub = Hub::new().await;
    hub.answer("GET", "/pulls", answer).await;
    let error = hub.github.open_pull_requests("batch/").await.unwrap_err();
    (hub, error)
}

#[tokio::test]
async fn a_used_up_limit_ends_at_its_reset() {
    let reset = (SystemClock::default().now() + Duration::from_secs(1800)).timestamp();
    let answer = refusal(403, "API rate limit exceeded for installation ID 1.")
        .insert_header("x-ratelimit-limit", "5000")
        .insert_header("x-ratelimit-remaining", "0")
        .insert_header("x-ratelimit-reset", &*reset.to_string());
    let (hub, error) = list(answer).await;
    let ForgeError::RateLimited { until } = error else { panic!("{error}") };
    assert_eq!(until.timestamp(), reset);
    assert_eq!(hub.asked().await.len(), 1, "it was asked again at once");
}

#[tokio::test]
async fn a_secondary_limit_pauses_all_requests_of_the_process() {
    for status in [403, 429] {
        let now = SystemClock::default().now();
        let message = "You have exceeded a secondary rate limit. Please wait a few minutes before \
                       you try again.";
        let answer = refusal(status, message).insert_header("retry-after", "1800");
        let (hub, error) = list(answer).await;
        let ForgeError::SecondaryLimit { until } = error else { panic!("{error}") };
        assert!((1790..=1810).contains(&(until - now).num_seconds()), "{until}");
        // The next request is not even sent.
        let n_asked = hub.asked().await.len();
        let error = hub.github.comment(1, "x").await.unwrap_err();
        assert!(matches!(error, ForgeError::SecondaryLimit { .. }), "{error}");
        assert_eq!(hub.asked().await.len(), n_asked);
    }
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let answer = refusal(403, "Resource not accessible by integration")
        .insert_header("x-accepted-github-permissions", "pull_requests=write")
        .insert_header("x-ratelimit-remaining", "4999");
    let (hub, error) = list(answer).await;
    let text = "the forge refuses: Resource not accessible by integration; the token needs one of \
                these permissions: pull_requests=write";
    assert_eq!(error.to_string(), text);
    assert_eq!(hub.asked().await.len(), 1);
    let (_, error) = list(refusal(401, "Bad credentials")).await;
    assert!(error.to_string().contains("set GITHUB_TOKEN"), "{error}");
    let (_, error) = list(refusal(404, "Not Found")).await;
    assert!(error.to_string().contains("check the name of the repository"), "{error}");
}

#[tokio::test]
async fn a_server_in_trouble_is_asked_again() {
    let hub = Hub::new().await;
    hub.answer_first(2, "GET", "/pulls", ResponseTemplate::new(502)).await;
    hub.answer("GET", "/pulls", ok([pull(1, "batch/x")])).await;
    assert_eq!(hub.github.open_pull_requests("batch/").await.unwrap().len(), 1);
    let (hub, error) = list(ResponseTemplate::new(503)).await;
    assert!(matches!(error, ForgeError::Unreachable { .. }), "{error}");
    assert_eq!(hub.asked().await.len(), 4);
}

#[tokio::test]
async fn an_answer_that_is_none_is_an_error() {
    for body in ["", "[", "{}", "[{\"number\": \"one\"}]"] {
        let answer = ResponseTemplate::new(200).set_body_raw(body, "application/json");
        let (_, error) = list(answer).await;
        assert!(matches!(error, ForgeError::Unexpected { .. }), "{body}: {error}");
    }
    let (_, error) = list(ResponseTemplate::new(200).set_body_raw("<html>", "text/html")).await;
    assert!(matches!(error, ForgeError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn graphql_has_limits_and_permissions_of_its_own() {
    let hub = Hub::new().await;
    hub.answer("GET", "/pulls/1", ok(pull(1, "batch/x"))).await;
    let enable = async |kind: &str, message: &str| {
        hub.server.reset().await;
        hub.answer("GET", "/pulls/1", ok(pull(1, "batch/x"))).await;
        let body = json!({ "data": Value::Null, "errors": [{ "type": kind, "message": message }] });
        let answer = ok(body).insert_header("x-ratelimit-remaining", "0");
        hub.answer("POST", "/graphql", answer).await;
        let pull = crate::server::known(1, "batch/x");
        hub.github.enable_auto_merge(&pull, &crate::server::squash()).await.unwrap_err()
    };
    let error = enable("RATE_LIMITED", "API rate limit exceeded for user ID 1.").await;
    assert!(matches!(error, ForgeError::RateLimited { .. }), "{error}");
    let error = enable("FORBIDDEN", "Resource not accessible by integration").await;
    assert!(error.to_string().contains("pull_requests=write"), "{error}");
}
