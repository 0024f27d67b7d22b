//! What was fetched once is not fetched again.

#![expect(clippy::disallowed_methods, reason = "a test that damages files")]

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use batch_core::io::{CacheLimits, Http as _, Request};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{any, header},
};

use crate::real::{JSON, http, request};

/// A registry that knows `version` of one document, and says 304 to those who know it too.
async fn registry(version: &str, body: &str) -> MockServer {
    let server = MockServer::start().await;
    let same = ResponseTemplate::new(304).insert_header("etag", version);
    Mock::given(header("if-none-match", version))
        .respond_with(same)
        .with_priority(1)
        .mount(&server)
        .await;
    let whole = ResponseTemplate::new(200)
        .set_body_raw(body, "application/json")
        .insert_header("etag", version);
    Mock::given(any()).respond_with(whole).mount(&server).await;
    server
}

/// How many requests came, and how many of them knew a version.
async fn asked(server: &MockServer) -> (usize, usize) {
    let requests = server.received_requests().await.unwrap();
    let conditional = |request: &&wiremock::Request| {
        let headers = &request.headers;
        headers.contains_key("if-none-match") || headers.contains_key("if-modified-since")
    };
    (requests.len(), requests.iter().filter(conditional).count())
}

/// The body, by a program that has just started.
async fn body(server: &MockServer, cache: &Path, request: Request) -> String {
    let response = http(&server.uri(), cache).send(request).await.unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(response.headers["content-type"], "application/json");
    String::from_utf8(response.body).unwrap()
}

async fn file(server: &MockServer, cache: &Path) -> String {
    let file = http(&server.uri(), cache).fetch_to_cache(request("x")).await.unwrap();
    String::from_utf8(fs::read(&file).unwrap()).unwrap()
}

fn files(cache: &Path, extension: &str) -> Vec<PathBuf> {
    let paths = cache.read_dir().unwrap().map(|file| file.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|is| is == extension)).collect()
}

#[tokio::test]
async fn a_later_run_fetches_no_body_that_is_the_same() {
    let cache = tempfile::tempdir().unwrap();
    let server = registry("\"1\"", "{\"a\": 1}").await;
    assert_eq!(body(&server, cache.path(), request("x")).await, "{\"a\": 1}");
    assert_eq!(body(&server, cache.path(), request("x")).await, "{\"a\": 1}");
    assert_eq!(asked(&server).await, (2, 1));
    assert_eq!(file(&server, cache.path()).await, "{\"a\": 1}");
    assert_eq!(file(&server, cache.path()).await, "{\"a\": 1}");
    assert_eq!(asked(&server).await, (4, 3));
    assert_eq!(cache.path().read_dir().unwrap().count(), 2, "a temporary file is left");
}

#[tokio::test]
async fn a_file_is_kept_although_its_first_name_is_gone() {
    let cache = tempfile::tempdir().unwrap();
    let server = registry("\"1\"", "{\"a\": 1}").await;
    assert_eq!(file(&server, cache.path()).await, "{\"a\": 1}");
    assert_eq!(body(&server, cache.path(), request("x")).await, "{\"a\": 1}");
    assert_eq!(asked(&server).await, (2, 1));
}

#[tokio::test]
async fn a_new_version_takes_the_place_of_the_old() {
    let cache = tempfile::tempdir().unwrap();
    let first = registry("\"1\"", "{\"a\": 1}").await;
    body(&first, cache.path(), request("x")).await;
    // The registry's own address is the key: another mirror makes no difference.
    let second = registry("\"2\"", "{\"a\": 22}").await;
    assert_eq!(body(&second, cache.path(), request("x")).await, "{\"a\": 22}");
    assert_eq!(body(&second, cache.path(), request("x")).await, "{\"a\": 22}");
    assert_eq!(asked(&second).await, (2, 2));
    assert_eq!(cache.path().read_dir().unwrap().count(), 2);
}

#[tokio::test]
async fn a_date_serves_where_there_is_no_entity_tag() {
    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    let cache = tempfile::tempdir().unwrap();
    let server = MockServer::start().await;
    Mock::given(header("if-modified-since", DATE))
        .respond_with(ResponseTemplate::new(304))
        .with_priority(1)
        .mount(&server)
        .await;
    let whole = ResponseTemplate::new(200)
        .set_body_raw("{}", "application/json")
        .insert_header("last-modified", DATE);
    Mock::given(any()).respond_with(whole).mount(&server).await;
    for _ in 0..2 {
        assert_eq!(body(&server, cache.path(), request("x")).await, "{}");
    }
    assert_eq!(asked(&server).await, (2, 1));
}

#[tokio::test]
async fn a_damaged_entry_is_fetched_anew() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 6] = [
        ("body", |path| fs::write(path, "{\"a\": 2}").unwrap()),
        ("body", |path| fs::write(path, "{\"a\"").unwrap()),
        ("body", |path| fs::write(path, "{\"a\": 1} and more").unwrap()),
        ("body", |path| fs::remove_file(path).unwrap()),
        ("json", |path| fs::write(path, "{").unwrap()),
        ("json", |path| fs::write(path, "").unwrap()),
    ];
    for (extension, damage) in damages {
        let cache = tempfile::tempdir().unwrap();
        let server = registry("\"1\"", "{\"a\": 1}").await;
        body(&server, cache.path(), request("x")).await;
        damage(&files(cache.path(), extension)[0]);
        assert_eq!(body(&server, cache.path(), request("x")).await, "{\"a\": 1}");
        assert_eq!(asked(&server).await, (2, 0), "a damaged {extension} was trusted");
        assert_eq!(body(&server, cache.path(), request("x")).await, "{\"a\": 1}");
        assert_eq!(asked(&server).await, (3, 1), "the damage to {extension} stayed");

        damage(&files(cache.path(), extension)[0]);
        assert_eq!(file(&server, cache.path()).await, "{\"a\": 1}");
        assert_eq!(asked(&server).await, (4, 1), "a damaged {extension} was trusted");
    }
}

#[tokio::test]
async fn a_damaged_entry_is_thrown_away_although_nothing_takes_its_place() {
    let cache = tempfile::tempdir().unwrap();
    body(&registry("\"1\"", "{}").await, cache.path(), request("x")).await;
    fs::write(&files(cache.path(), "body")[0], "damage").unwrap();
    let gone = MockServer::start().await;
    let response = http(&gone.uri(), cache.path()).send(request("x")).await.unwrap();
    assert_eq!(response.status, 404);
    assert_eq!(cache.path().read_dir().unwrap().count(), 0);
}

#[tokio::test]
async fn an_answer_depends_on_what_was_asked_for() {
    let cache = tempfile::tempdir().unwrap();
    let server = registry("\"1\"", "{}").await;
    let accepting = Request { accept: JSON, ..request("x") };
    let ranged = Request { range: Some(0..=9), ..request("x") };
    for other in [request("x"), request("y"), accepting, ranged] {
        body(&server, cache.path(), other).await;
    }
    assert_eq!(asked(&server).await, (4, 0));
}

#[tokio::test]
async fn an_answer_to_a_secret_is_not_kept() {
    let cache = tempfile::tempdir().unwrap();
    let server = registry("\"1\"", "{}").await;
    let secret = Request { auth: Some("secret".to_owned()), ..request("x") };
    for _ in 0..2 {
        body(&server, cache.path(), secret.clone()).await;
    }
    assert_eq!(asked(&server).await, (2, 0));
    body(&server, cache.path(), request("x")).await;
    body(&server, cache.path(), secret).await;
    assert_eq!(asked(&server).await, (4, 0), "a kept answer was used for a secret");
}

#[tokio::test]
async fn json_that_is_none_is_not_kept() {
    let cache = tempfile::tempdir().unwrap();
    let server = registry("\"1\"", "{\"a\": ").await;
    for _ in 0..2 {
        body(&server, cache.path(), request("x")).await;
    }
    assert_eq!(asked(&server).await, (2, 0));
}

#[tokio::test]
async fn a_cache_of_no_use_fails_no_request() {
    let dir = tempfile::tempdir().unwrap();
    let not_a_folder = dir.path().join("file");
    fs::write(&not_a_folder, "").unwrap();
    let server = registry("\"1\"", "{}").await;
    assert_eq!(body(&server, &not_a_folder, request("x")).await, "{}");
    assert_eq!(file(&server, &not_a_folder).await, "{}");
    assert_eq!(asked(&server).await, (2, 0));
}

#[tokio::test]
async fn a_cache_can_be_emptied_while_the_program_goes_on() {
    let cache = tempfile::tempdir().unwrap();
    let server = registry("\"1\"", "{}").await;
    let http = http(&server.uri(), cache.path());
    let kept = http.fetch_to_cache(request("x")).await.unwrap();
    let limits = CacheLimits { max_bytes: 0, max_age: Duration::from_secs(60) };
    assert_eq!(http.prune_cache(limits).unwrap().n_removed, 1);
    assert_eq!(fs::read(&kept).unwrap(), b"{}", "somebody's file was removed");
    assert_eq!(http.send(request("x")).await.unwrap().body, b"{}");
    assert_eq!(asked(&server).await, (2, 0));
}
