//! Errors that only a real connection can cause: each gives the right kind of failure without a
//! long wait. `batch-conformance` tests how plugins handle broken answers.

use std::io::Write as _;

use batch_core::{
    io::{HttpError, json},
    model::FailureKind::{
        self, ConnectionError, RateLimited, UnexpectedResponse, UpstreamUnavailable,
    },
};
use flate2::{Compression, write::GzEncoder};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use crate::real::{http, raw_server, request};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The result of a request for JSON from `server`.
async fn kind(server: &str) -> Result<Option<Value>, FailureKind> {
    let cache = tempfile::tempdir().unwrap();
    let asked = json(&http(server, cache.path()), request("x")).await;
    asked.map_err(|error: HttpError| error.finding().kind)
}

/// The result for a server that sends exactly `bytes` and closes the connection.
async fn of_bytes(bytes: Vec<u8>) -> Result<Option<Value>, FailureKind> {
    let server = raw_server(move |mut stream| {
        let bytes = bytes.clone();
        async move {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
    });
    kind(&server.await).await
}

fn answer(headers: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\n{headers}\r\n").as_bytes(), body].concat()
}

const GOOD: &[u8] = b"{\"a\":1}";

#[tokio::test]
async fn incomplete_answers_have_their_own_kind_of_failure() {
    let many = "x: 1\r\n".repeat(5_000);
    let long = format!("x: {}\r\n", "y".repeat(2 << 20));
    for (what, bytes, expected) in [
        ("nothing", vec![], &[ConnectionError][..]),
        ("no HTTP", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), &[ConnectionError]),
        ("half of the headers", b"HTTP/1.1 200 OK\r\ncontent-ty".to_vec(), &[ConnectionError]),
        ("thousands of headers", answer(&many, GOOD), &[ConnectionError]),
        ("a header of megabytes", answer(&long, GOOD), &[ConnectionError]),
        (
            "two lengths",
            answer("content-length: 7\r\ncontent-length: 9\r\n", GOOD),
            &[ConnectionError],
        ),
        ("a negative length", answer("content-length: -7\r\n", GOOD), &[ConnectionError]),
        ("a longer length", answer("content-length: 99\r\n", GOOD), &[UpstreamUnavailable]),
        ("a shorter length", answer("content-length: 3\r\n", GOOD), &[UpstreamUnavailable]),
        ("no chunks", answer("transfer-encoding: chunked\r\n", b"zz\r\n"), &[UpstreamUnavailable]),
        (
            "half of a chunk",
            answer("transfer-encoding: chunked\r\n", b"7\r\n{\"a"),
            &[UpstreamUnavailable],
        ),
        ("no gzip", answer("content-encoding: gzip\r\n", GOOD), &[UpstreamUnavailable]),
        (
            "half of a gzip",
            answer("content-encoding: gzip\r\n", &gzip(GOOD)[..12]),
            &[UpstreamUnavailable],
        ),
        (
            "gzip inside gzip",
            answer("content-encoding: gzip\r\n", &gzip(&gzip(GOOD))),
            &[UnexpectedResponse],
        ),
        ("gzip that nobody announces", answer("", &gzip(GOOD)), &[UnexpectedResponse]),
        (
            "an encoding of its own",
            answer("content-encoding: rot13\r\n", b"x"),
            &[UnexpectedResponse],
        ),
        ("a byte order mark", answer("", b"\xEF\xBB\xBF{}"), &[UnexpectedResponse]),
        ("bytes that are no text", answer("", b"{\"a\":\"\xFF\xFE\"}"), &[UnexpectedResponse]),
        ("trailing garbage", answer("", b"{\"a\":1}\n<!-- 3 ms -->"), &[UnexpectedResponse]),
        ("half of a JSON", answer("", b"{\"a\":"), &[UpstreamUnavailable]),
        ("deep nesting", answer("", "[".repeat(100_000).as_bytes()), &[UnexpectedResponse]),
    ] {
        let ended = of_bytes(bytes).await;
        let kind = ended.expect_err(what);
        assert!(expected.contains(&kind), "{what}: {kind}");
    }
    assert_eq!(of_bytes(answer("", GOOD)).await.unwrap().unwrap()["a"], 1);
}

/// The result for a server that answers everyone with `template`.
async fn of(template: ResponseTemplate) -> Result<Option<Value>, FailureKind> {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(template).mount(&server).await;
    kind(&server.uri()).await
}

#[tokio::test]
async fn redirects_to_undeclared_hosts_are_not_followed() {
    for target in [
        "https://b.example/x",
        "http://a.example/x",
        "https://127.0.0.1/x",
        "https://10.0.0.1/x",
        "https://[::1]/x",
        "https://169.254.169.254/latest",
        "file:///etc/passwd",
        "//b.example/x",
    ] {
        let ended = of(ResponseTemplate::new(302).insert_header("location", target)).await;
        assert_eq!(ended, Err(UnexpectedResponse), "{target}");
    }
}

#[tokio::test]
async fn every_form_of_retry_after_is_a_rate_limit_without_a_long_wait() {
    for after in ["", "0", "-5", "soon", "99999999999999999999", "Thu, 01 Jan 2099 00:10:00 GMT"] {
        let ended = of(ResponseTemplate::new(429).insert_header("retry-after", after)).await;
        assert_eq!(ended, Err(RateLimited), "{after:?}");
    }
}
