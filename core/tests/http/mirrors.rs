//! Mirrors use their own addresses in their answers.

use batch_core::io::{Http as _, Request};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

use crate::real::{JSON, REGISTRY, ask, http, request};

/// A mirror that answers `body`, with `MIRROR` replaced by its own address.
async fn mirror(body: &str, content_type: &str) -> MockServer {
    let server = MockServer::start().await;
    let body = body.replace("MIRROR", &server.uri());
    let answer = ResponseTemplate::new(200).set_body_raw(body, content_type);
    Mock::given(path("/x")).respond_with(answer).mount(&server).await;
    server
}

#[tokio::test]
async fn a_mirrors_own_address_never_appears_in_answers() {
    let body = r#"{"tarball": "MIRROR/x/-/x-1.tgz", "escaped": "MIRROR\/y", "port": "MIRROR0/"}"#;
    let expected = |server: &MockServer| {
        let moved = body.replace("MIRROR/", &format!("{REGISTRY}/"));
        let moved = moved.replace(r"MIRROR\/", &format!(r"{REGISTRY}\/"));
        moved.replace("MIRROR", &server.uri())
    };
    for (accept, content_type) in [
        (None, "application/json"),
        (None, "application/vnd.registry.install-v1+json"),
        (None, "text/plain; charset=utf-8"),
        (JSON, "application/octet-stream"),
    ] {
        let server = mirror(body, content_type).await;
        let response = ask(&server.uri(), Request { accept, ..request("x") }).await.unwrap();
        let text = String::from_utf8(response.body).unwrap();
        assert_eq!(text, expected(&server), "{content_type}");
        assert!(!response.headers.contains_key("content-length"), "it has another length now");

        let cache = tempfile::tempdir().unwrap();
        let http = http(&server.uri(), cache.path());
        let file = http.fetch_to_cache(Request { accept, ..request("x") }).await.unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), text.as_bytes(), "{content_type}");
    }
}

#[tokio::test]
async fn links_to_other_pages_of_a_mirror_lead_to_the_registry() {
    let server = MockServer::start().await;
    let link =
        format!("<{}/x?page=2>; rel=\"next\", <https://b.example/y>; rel=\"last\"", server.uri());
    let answer = ResponseTemplate::new(200).insert_header("link", &*link);
    Mock::given(path("/x")).respond_with(answer).mount(&server).await;
    let response = ask(&server.uri(), request("x")).await.unwrap();
    let expected =
        format!("<{REGISTRY}/x?page=2>; rel=\"next\", <https://b.example/y>; rel=\"last\"");
    assert_eq!(response.headers["link"], expected);
}

#[tokio::test]
async fn files_and_ranges_are_not_rewritten() {
    let server = mirror("MIRROR/y", "application/octet-stream").await;
    let own = format!("{}/y", server.uri());
    let response = ask(&server.uri(), request("x")).await.unwrap();
    assert_eq!(String::from_utf8(response.body).unwrap(), own);

    let server = mirror("MIRROR/y", "application/json").await;
    let own = format!("{}/y", server.uri());
    let range = Some(0..=999);
    let response = ask(&server.uri(), Request { range, ..request("x") }).await.unwrap();
    assert_eq!(String::from_utf8(response.body).unwrap(), own);
}

#[tokio::test]
async fn a_redirect_within_a_mirror_stays_within_the_registry() {
    let server = mirror("{}", "application/json").await;
    for location in ["/x".to_owned(), format!("{}/x", server.uri())] {
        let moved = ResponseTemplate::new(301).insert_header("location", location);
        Mock::given(path("/old")).respond_with(moved).mount(&server).await;
        let response = ask(&server.uri(), request("old")).await.unwrap();
        assert_eq!(response.url.as_str(), format!("{REGISTRY}/x"));
    }
}
