//! Complete answers that are not always what was requested.

use std::{io::Write as _, sync::Arc};

use batch_core::{
    io::{
        Http as _, HttpError, Method, MirrorTransport, NetTransport, Origins, Request,
        Traffic as _, Transport as _, Validators, json,
    },
    model::FailureKind,
};
use flate2::{Compression, write::GzEncoder};
use serde_json::Value;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{any, body_string, header, method, path},
};

use crate::real::{AGENT, JSON, REGISTRY, ask, http, request};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A registry that gives everyone the same answer.
async fn registry(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

async fn read_json(server: &MockServer) -> Result<Option<Value>, HttpError> {
    let cache = tempfile::tempdir().unwrap();
    json(&http(&server.uri(), cache.path()), request("x")).await
}

#[tokio::test]
async fn a_request_states_its_user_agent_and_the_accepted_type() {
    let server = MockServer::start().await;
    let asked = Mock::given(method("POST"))
        .and(path("/search"))
        .and(header("user-agent", AGENT))
        .and(header("accept", "application/json"))
        .and(header("authorization", "Bearer secret"))
        .and(body_string("query"));
    asked.respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let search = |origin: &str| {
        let (accept, auth) = (JSON, Some("secret".to_owned()));
        let get = Request::get(origin, &["search"], &[]).unwrap();
        Request { method: Method::Post, accept, auth, body: b"query".into(), ..get }
    };
    let transport = NetTransport::new(AGENT).unwrap();
    let reply = transport.send(&search(&server.uri()), &Validators::default()).await.unwrap();
    assert_eq!(reply.status, 200);

    // The secret is for the registry's host, and a mirror is another host.
    assert_eq!(ask(&server.uri(), search(REGISTRY)).await.unwrap().status, 404);
    let received = server.received_requests().await.unwrap();
    assert!(!received[1].headers.contains_key("authorization"));
}

#[tokio::test]
async fn a_trusted_mirror_gets_the_secret_and_the_body() {
    for (name, by) in [("POST", Method::Post), ("PUT", Method::Put), ("PATCH", Method::Patch)] {
        let server = MockServer::start().await;
        let asked = Mock::given(method(name))
            .and(path("/x"))
            .and(header("authorization", "Bearer secret"))
            .and(header("content-type", "application/json"))
            .and(body_string("{}"));
        asked.respond_with(ResponseTemplate::new(200)).mount(&server).await;
        let origins = Origins::new([(REGISTRY, &*server.uri())]).unwrap();
        let net = Arc::new(NetTransport::new(AGENT).unwrap());
        let transport = MirrorTransport::trusted(net, origins);
        let auth = Some("secret".to_owned());
        let request = Request { method: by, auth, body: b"{}".into(), ..request("x") };
        let reply = transport.send(&request, &Validators::default()).await.unwrap();
        assert_eq!(reply.status, 200, "{name}");
    }
}

#[tokio::test]
async fn an_html_page_instead_of_data_is_an_error() {
    for (page, kind) in [
        ("<!doctype html><title>Sign in to the hotel's network</title>", "unexpected_response"),
        ("<title>Just a moment...</title>", "rate_limited"),
        ("<title>Attention Required! | Cloudflare</title>", "rate_limited"),
        ("<p>error code: 1015</p>", "rate_limited"),
    ] {
        let server = registry(ResponseTemplate::new(200).set_body_raw(page, "text/html")).await;
        let error = read_json(&server).await.unwrap_err();
        let finding = error.finding();
        assert_eq!(finding.kind.row().subcategory, kind, "{page}");
        assert_eq!(finding.service.as_deref(), Some("a.example"));

        let cache = tempfile::tempdir().unwrap();
        let fetched = http(&server.uri(), cache.path()).fetch_to_cache(request("x")).await;
        let fetched_kind = fetched.unwrap_err().finding().kind;
        assert_eq!(fetched_kind.row().subcategory, kind, "{page}");
    }
}

#[tokio::test]
async fn a_limit_page_pauses_the_host() {
    let page = "<title>Too Many Requests</title>";
    let answer = ResponseTemplate::new(200)
        .set_body_raw(page, "text/html")
        .insert_header("retry-after", "1800");
    let server = registry(answer).await;
    let cache = tempfile::tempdir().unwrap();
    let http = http(&server.uri(), cache.path());
    let error = http.send(request("x")).await.unwrap_err();
    assert!(matches!(error, HttpError::Throttled { status: 200, .. }), "{error}");
    let error = http.send(request("y")).await.unwrap_err();
    assert!(matches!(error, HttpError::Paused { .. }), "{error}");
    assert_eq!(http.pauses().len(), 1);
}

#[tokio::test]
async fn a_wrong_content_type_does_not_decide() {
    for content_type in ["text/html", "image/png", "application/octet-stream"] {
        let answer = ResponseTemplate::new(200).set_body_raw("{\"a\": 1}", content_type);
        let value = read_json(&registry(answer).await).await.unwrap().unwrap();
        assert_eq!(value["a"], 1, "{content_type}");
        let answer = ResponseTemplate::new(200).set_body_raw("<html>", content_type);
        let error = read_json(&registry(answer).await).await.unwrap_err();
        assert!(matches!(error, HttpError::Html { .. }), "{content_type}: {error}");
    }
}

#[tokio::test]
async fn truncated_json_is_distinguished_from_json_of_another_shape() {
    let answer = ResponseTemplate::new(200).set_body_raw("{\"a\": [1, ", "application/json");
    let error = read_json(&registry(answer).await).await.unwrap_err();
    assert!(matches!(error, HttpError::Truncated { .. }), "{error}");
    assert_eq!(error.finding().kind, FailureKind::UpstreamUnavailable);

    let hostile = format!("{{\"a\": \u{1b}[2J{}", "x".repeat(9999));
    let answer = ResponseTemplate::new(200).set_body_raw(hostile, "application/json");
    let error = read_json(&registry(answer).await).await.unwrap_err();
    let HttpError::Malformed { reason, .. } = &error else { panic!("{error}") };
    assert!(reason.len() <= 200 && !reason.contains(char::is_control), "{reason:?}");
    assert_eq!(error.finding().kind, FailureKind::UnexpectedResponse);
}

#[tokio::test]
async fn a_missing_document_is_not_an_error() {
    for status in [404, 410, 451] {
        let answer = ResponseTemplate::new(status).set_body_string("<html>not found");
        assert_eq!(read_json(&registry(answer).await).await.unwrap(), None, "{status}");
    }
    let error = read_json(&registry(ResponseTemplate::new(401)).await).await.unwrap_err();
    assert_eq!(error.finding().kind, FailureKind::AuthRequired);
}

#[tokio::test]
async fn a_compressed_answer_is_decompressed() {
    let packed = gzip(b"{\"a\": 1}");
    let answer = ResponseTemplate::new(200)
        .set_body_raw(packed, "application/json")
        .insert_header("content-encoding", "gzip");
    assert_eq!(read_json(&registry(answer).await).await.unwrap().unwrap()["a"], 1);
}

#[tokio::test]
async fn the_limit_applies_to_the_decompressed_size() {
    let bomb = gzip(&vec![0; 10 << 20]);
    assert!(bomb.len() < 1 << 20, "the bomb itself is within the limit");
    let answer = ResponseTemplate::new(200)
        .set_body_raw(bomb, "application/octet-stream")
        .insert_header("content-encoding", "gzip");
    let server = registry(answer).await;
    let limited = || Request { max_bytes: 1 << 20, ..request("x") };
    let cache = tempfile::tempdir().unwrap();
    let http = http(&server.uri(), cache.path());
    let errors = [
        http.send(limited()).await.unwrap_err(),
        http.fetch_to_cache(limited()).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, HttpError::TooLarge { max_bytes: 1_048_576, .. }), "{error}");
    }
    assert_eq!(cache.path().read_dir().unwrap().count(), 0, "part of it is left");
}

#[tokio::test]
async fn a_range_of_a_compressed_file_is_not_decompressed() {
    let packed = gzip(b"a file that is stored packed");
    let server = MockServer::start().await;
    Mock::given(header("range", "bytes=0-9"))
        .and(header("accept-encoding", "identity"))
        .respond_with(
            ResponseTemplate::new(206)
                .set_body_raw(&packed[..10], "application/gzip")
                .insert_header("content-encoding", "gzip"),
        )
        .mount(&server)
        .await;
    let response = ask(&server.uri(), Request { range: Some(0..=9), ..request("x") }).await;
    let response = response.unwrap();
    assert_eq!((response.status, &*response.body), (206, &packed[..10]));
}

/// Half a file that passed for the whole would be stored, and every later run would use it.
#[tokio::test]
async fn a_part_that_was_not_asked_for_is_an_unexpected_response() {
    let there = registry(
        ResponseTemplate::new(206)
            .set_body_string("half of it")
            .insert_header("content-range", "bytes 0-9/20"),
    )
    .await;
    let error = ask(&there.uri(), request("x")).await.unwrap_err();
    assert_eq!(error.finding().kind, FailureKind::UnexpectedResponse, "{error}");
    assert!(error.to_string().contains("206"), "{error}");
}

#[tokio::test]
async fn a_redirect_loop_ends() {
    let there = registry(ResponseTemplate::new(302).insert_header("location", "/x")).await;
    let error = ask(&there.uri(), request("x")).await.unwrap_err();
    assert!(matches!(error, HttpError::Redirects { .. }), "{error}");
    assert_eq!(error.to_string(), format!("{REGISTRY}/x redirects in a circle or too often"));
    assert_eq!(error.finding().kind, FailureKind::UnexpectedResponse);
}
