//! What only a real connection can get wrong: each ends in the right kind of failure, and soon. What
//! plugins make of broken answers is in `batch-conformance`.

use std::io::Write as _;

use batch_core::{
    io::{HttpError, json},
    model::FailureKind::{
        self, ConnectionError, RateLimited, Timeout, UnexpectedResponse, UpstreamUnavailable,
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

/// What comes of asking `server` for JSON.
async fn kind(server: &str) -> Result<Option<Value>, FailureKind> {
    let cache = tempfile::tempdir().unwrap();
    let asked = json(&http(server, cache.path()), request("x")).await;
    asked.map_err(|error: HttpError| error.finding().kind)
}

/// What comes of a server that sends exactly `bytes` and closes the connection.
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
async fn bytes_that_are_no_whole_answer_end_in_a_kind_of_their_own() {
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

/// What comes of a server that gives `template` to everyone.
async fn of(template: ResponseTemplate) -> Result<Option<Value>, FailureKind> {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(template).mount(&server).await;
    kind(&server.uri()).await
}

#[tokio::test]
async fn nobody_is_asked_whom_a_redirect_names_beyond_the_declared() {
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
async fn every_form_of_retry_after_is_a_limit_and_none_hangs() {
    for after in ["", "0", "-5", "soon", "99999999999999999999", "Thu, 01 Jan 2099 00:10:00 GMT"] {
        let ended = of(ResponseTemplate::new(429).insert_header("retry-after", after)).await;
        assert_eq!(ended, Err(RateLimited), "{after:?}");
    }
    let slow = ResponseTemplate::new(200).set_delay(std::time::Duration::from_secs(5));
    assert_eq!(of(slow).await, Err(Timeout));
}
