//! A document that was fetched once is not fetched again.

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

/// A registry with `version` of one document; it answers 304 to clients that have this version.
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

/// The number of requests, and how many of them stated a version.
async fn asked(server: &MockServer) -> (usize, usize) {
    let requests = server.received_requests().await.unwrap();
    let conditional = |request: &&wiremock::Request| {
        let headers = &request.headers;
        headers.contains_key("if-none-match") || headers.contains_key("if-modified-since")
    };
    (requests.len(), requests.iter().filter(conditional).count())
}

/// The body that a newly started program receives.
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
async fn a_later_run_does_not_fetch_an_unchanged_body() {
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
async fn a_cached_file_is_kept_after_its_first_name_was_removed() {
    let cache = tempfile::tempdir().unwrap();
    let server = registry("\"1\"", "{\"a\": 1}").await;
    assert_eq!(file(&server, cache.path()).await, "{\"a\": 1}");
    assert_eq!(body(&server, cache.path(), request("x")).await, "{\"a\": 1}");
    assert_eq!(asked(&server).await, (2, 1));
}

#[tokio::test]
async fn a_new_version_replaces_the_old_one() {
    let cache = tempfile::tempdir().unwrap();
    let first = registry("\"1\"", "{\"a\": 1}").await;
    body(&first, cache.path(), request("x")).await;
    // The key of the cache is the registry's own address, so another mirror makes no difference.
    let second = registry("\"2\"", "{\"a\": 22}").await;
    assert_eq!(body(&second, cache.path(), request("x")).await, "{\"a\": 22}");
    assert_eq!(body(&second, cache.path(), request("x")).await, "{\"a\": 22}");
    assert_eq!(asked(&second).await, (2, 2));
    assert_eq!(cache.path().read_dir().unwrap().count(), 2);
}

#[tokio::test]
async fn a_date_is_used_if_there_is_no_entity_tag() {
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

/// A file of all packages, as each of them asks for it.
fn shared() -> Request {
    Request { fresh_for: Duration::from_secs(3600), ..request("x") }
}

#[tokio::test]
async fn a_fresh_answer_is_used_again_without_asking_and_an_old_one_is_not() {
    let cache = tempfile::tempdir().unwrap();
    let server = registry("\"1\"", "{\"a\": 1}").await;
    for _ in 0..3 {
        assert_eq!(body(&server, cache.path(), shared()).await, "{\"a\": 1}");
    }
    assert_eq!(asked(&server).await, (1, 0), "a shared file is asked for by each package");
    body(&server, cache.path(), request("x")).await;
    assert_eq!(asked(&server).await, (2, 1), "who asks for no freshness gets a kept answer");

    let label = &files(cache.path(), "json")[0];
    let set_age = |hours: i64| {
        let at = chrono::Utc::now() - chrono::TimeDelta::hours(hours);
        fs::File::options().write(true).open(label).unwrap().set_modified(at.into()).unwrap();
    };
    set_age(2);
    body(&server, cache.path(), shared()).await;
    assert_eq!(asked(&server).await, (3, 2), "an old answer is used");
    body(&server, cache.path(), shared()).await;
    assert_eq!(asked(&server).await, (3, 2), "what the server confirmed is not fresh");
    set_age(-2);
    body(&server, cache.path(), shared()).await;
    assert_eq!(asked(&server).await, (4, 3), "an answer of the future is used");
}

#[tokio::test]
async fn those_who_ask_for_a_shared_file_at_once_send_one_request() {
    let cache = tempfile::tempdir().unwrap();
    let server = MockServer::start().await;
    // Without a name to ask for it by, which no request for a fresh answer needs.
    let whole = ResponseTemplate::new(200).set_body_raw("{}", "application/json");
    Mock::given(any()).respond_with(whole).mount(&server).await;
    let http = http(&server.uri(), cache.path());
    let all = futures_util::future::join_all((0..8).map(|_| http.send(shared()))).await;
    assert!(all.into_iter().all(|response| response.unwrap().body == b"{}"));
    assert_eq!(asked(&server).await, (1, 0));
}

#[tokio::test]
async fn an_absence_is_never_fresh() {
    let cache = tempfile::tempdir().unwrap();
    let gone = MockServer::start().await;
    let http = http(&gone.uri(), cache.path());
    for _ in 0..2 {
        assert_eq!(http.send(shared()).await.unwrap().status, 404);
    }
    assert_eq!(asked(&gone).await, (2, 0));
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
async fn a_damaged_entry_is_deleted_even_without_a_replacement() {
    let cache = tempfile::tempdir().unwrap();
    body(&registry("\"1\"", "{}").await, cache.path(), request("x")).await;
    fs::write(&files(cache.path(), "body")[0], "damage").unwrap();
    let gone = MockServer::start().await;
    let response = http(&gone.uri(), cache.path()).send(request("x")).await.unwrap();
    assert_eq!(response.status, 404);
    assert_eq!(cache.path().read_dir().unwrap().count(), 0);
}

#[tokio::test]
async fn the_cache_key_contains_the_accepted_type() {
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
async fn an_answer_to_a_request_with_a_secret_is_not_cached() {
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
async fn invalid_json_is_not_cached() {
    let cache = tempfile::tempdir().unwrap();
    let server = registry("\"1\"", "{\"a\": ").await;
    for _ in 0..2 {
        body(&server, cache.path(), request("x")).await;
    }
    assert_eq!(asked(&server).await, (2, 0));
}

#[tokio::test]
async fn an_unusable_cache_fails_no_request() {
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
