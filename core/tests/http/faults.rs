//! Connections that break, and answers that never end.

use std::time::Duration;

use batch_core::{
    io::{
        Http as _, HttpError, NetTransport, PoliteHttp, Request, Transport as _, TransportError,
        TransportErrorKind, Validators,
    },
    model::FailureKind,
};
use tokio::{io::AsyncWriteExt as _, net::TcpListener};

use crate::real::{AGENT, ask, config, http, raw_server, request, server_that_says};

/// Checks that the error is a broken connection of this kind and says so.
#[track_caller]
fn check_broken(error: &HttpError, kind: TransportErrorKind, failure: FailureKind) {
    let HttpError::Transport { source, .. } = error else { panic!("{error}") };
    assert_eq!(source.kind, kind, "{source:?}");
    let finding = error.finding();
    assert_eq!((finding.kind, finding.service.as_deref()), (failure, Some("a.example")));
}

async fn exchange(url: &str) -> TransportError {
    let transport = NetTransport::new(AGENT).unwrap();
    let request = Request::get(url, &[], &[]).unwrap();
    transport.send(&request, &Validators::default()).await.err().unwrap()
}

async fn unused_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn a_refused_connection_is_distinguished_from_a_broken_one() {
    let refused = ask(&format!("http://127.0.0.1:{}", unused_port().await), request("x")).await;
    let kind = (TransportErrorKind::Connect, FailureKind::ConnectionError);
    check_broken(&refused.unwrap_err(), kind.0, kind.1);

    let closed = ask(&server_that_says("").await, request("x")).await;
    let kind = (TransportErrorKind::Other, FailureKind::ConnectionError);
    check_broken(&closed.unwrap_err(), kind.0, kind.1);

    let no_http = ask(&server_that_says("220 mail.example ESMTP\r\n").await, request("x")).await;
    check_broken(&no_http.unwrap_err(), kind.0, kind.1);
}

#[tokio::test]
async fn a_server_without_tls_is_distinguished_from_a_refused_connection() {
    let server = server_that_says("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let error = exchange(&server.replace("http://", "https://")).await;
    assert_eq!(error.kind, TransportErrorKind::Tls, "{error:?}");
    let port = unused_port().await;
    let error = exchange(&format!("https://127.0.0.1:{port}/")).await;
    assert_eq!(error.kind, TransportErrorKind::Connect, "{error:?}");
}

#[tokio::test]
async fn nothing_leaves_this_machine_unencrypted() {
    let error = exchange("http://a.example/").await;
    assert_eq!(error.kind, TransportErrorKind::Tls, "{error:?}");
}

#[tokio::test]
async fn a_connection_closed_within_the_body_gives_no_partial_answer() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"half\":",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n{\"half\":",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\nzz\r\n",
    ] {
        let server = server_that_says(answer).await;
        let error = ask(&server, request("x")).await.unwrap_err();
        check_broken(&error, TransportErrorKind::Body, FailureKind::UpstreamUnavailable);

        let cache = tempfile::tempdir().unwrap();
        let fetched = http(&server, cache.path()).fetch_to_cache(request("x")).await;
        let kind = (TransportErrorKind::Body, FailureKind::UpstreamUnavailable);
        check_broken(&fetched.unwrap_err(), kind.0, kind.1);
        assert_eq!(cache.path().read_dir().unwrap().count(), 0, "half a file is left");
    }
}

#[tokio::test]
async fn a_broken_connection_is_retried() {
    let server = server_that_says("").await;
    let cache = tempfile::tempdir().unwrap();
    let mut config = config(&server, cache.path());
    config.retries.n_more = 2;
    config.retries.base = Duration::from_millis(1);
    let http = PoliteHttp::new(config);
    http.send(request("x")).await.unwrap_err();
    assert_eq!(http.usage()["a.example"].sent, 3);
}

#[tokio::test]
async fn waiting_for_headers_has_a_limit() {
    let server = raw_server(|stream| async move {
        let _open = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let cache = tempfile::tempdir().unwrap();
    let mut config = config(&server, cache.path());
    config.deadlines.headers = Duration::from_millis(300);
    let error = PoliteHttp::new(config).send(request("x")).await.unwrap_err();
    check_broken(&error, TransportErrorKind::Timeout, FailureKind::Timeout);
}

#[tokio::test]
async fn waiting_for_a_slow_body_has_a_limit() {
    let server = raw_server(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n").await;
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        while stream.write_all(b"x").await.is_ok() {
            ticks.tick().await; // never silent, never done
        }
    })
    .await;
    let cache = tempfile::tempdir().unwrap();
    let mut config = config(&server, cache.path());
    config.deadlines.metadata = Duration::from_millis(600);
    config.deadlines.artifact = Duration::from_millis(600);
    let http = PoliteHttp::new(config);
    let errors = [
        http.send(request("x")).await.unwrap_err(),
        http.fetch_to_cache(request("x")).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, HttpError::Timeout { .. }), "{error}");
        assert_eq!(error.finding().kind, FailureKind::Timeout);
    }
    assert_eq!(cache.path().read_dir().unwrap().count(), 0, "half a file is left");
}

#[tokio::test]
async fn a_body_without_end_is_cut_at_its_limit() {
    let server = raw_server(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'x'; 1 << 13]).await.is_ok() {}
    })
    .await;
    let endless = || Request { max_bytes: 1 << 20, ..request("x") };
    let error = ask(&server, endless()).await.unwrap_err();
    assert!(matches!(error, HttpError::TooLarge { max_bytes: 1_048_576, .. }), "{error}");
    assert_eq!(error.finding().kind, FailureKind::UnexpectedResponse);

    let cache = tempfile::tempdir().unwrap();
    let error = http(&server, cache.path()).fetch_to_cache(endless()).await.unwrap_err();
    assert!(matches!(error, HttpError::TooLarge { .. }), "{error}");
    assert_eq!(cache.path().read_dir().unwrap().count(), 0, "part of a file is left");
}

#[tokio::test]
async fn a_refusal_with_an_endless_body_is_still_a_refusal() {
    let server = raw_server(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\n\r\n").await;
        while stream.write_all(&[b'x'; 1 << 13]).await.is_ok() {}
    })
    .await;
    let response = ask(&server, request("x")).await.unwrap();
    assert_eq!((response.status, response.body.len()), (404, 64 << 10));
    assert_eq!(response.found().unwrap(), None);
}
