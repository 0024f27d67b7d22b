//! Folders that workflow runs have uploaded.

use std::io::{Cursor, Write as _};

use batch_forge::{Forge as _, ForgeError};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::server::Hub;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn artifact(id: u64, name: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut artifact = json!({
        "id": id, "node_id": "x", "name": name, "size_in_bytes": 9, "expired": false,
        "created_at": "2026-11-20T10:00:00Z", "expires_at": "2026-12-04T10:00:00Z",
        "workflow_run": {
            "id": 7, "repository_id": 1, "head_repository_id": 1, "head_branch": "main",
            "head_sha": "0",
        },
    });
    change(&mut artifact);
    artifact
}

async fn hub(artifacts: Vec<Value>) -> Hub {
    let hub = Hub::new().await;
    let listed = json!({ "total_count": artifacts.len(), "artifacts": artifacts });
    let listed = ResponseTemplate::new(200).set_body_json(listed);
    hub.answer("GET", "/actions/artifacts", listed).await;
    let address = "https://results7.blob.example/x.zip?sig=secret";
    let moved = ResponseTemplate::new(302).insert_header("location", address);
    for id in 1..=6 {
        hub.answer("GET", &format!("/actions/artifacts/{id}/zip"), moved.clone()).await;
    }
    let mut zip = ZipWriter::new(Cursor::new(vec![]));
    zip.start_file("a.jsonl", SimpleFileOptions::default()).unwrap();
    zip.write_all(b"{}\n").unwrap();
    *hub.store.archive.lock().unwrap() = zip.finish().unwrap().into_inner();
    hub
}

/// Anybody can open a pull request whose checks upload an artifact of any name.
#[tokio::test]
async fn only_folders_of_the_main_branch_are_read_and_the_store_gets_no_token() {
    let hub = hub(vec![
        artifact(1, "run-1-outbox", |_| ()),
        artifact(2, "run-2-outbox", |it| it["workflow_run"]["head_repository_id"] = 2.into()),
        artifact(3, "run-3-outbox", |it| it["workflow_run"]["head_branch"] = "other".into()),
        artifact(4, "run-4-outbox", |it| it["expired"] = true.into()),
        artifact(5, "run-5-outbox", |it| it["created_at"] = "2026-11-01T10:00:00Z".into()),
        artifact(6, "run-6-preflight", |_| ()),
        artifact(7, "run-7-outbox", |it| it["workflow_run"] = Value::Null),
    ])
    .await;
    let since = at("2026-11-10T00:00:00Z");
    let found = hub.github.uploaded(since).await.unwrap();
    let names: Vec<&str> = found.iter().map(|uploaded| &*uploaded.name).collect();
    assert_eq!(names, ["run-1-outbox", "run-6-preflight"]);
    let files = hub.github.download(&found[0]).await.unwrap();
    assert_eq!(files, [("a.jsonl".to_owned(), b"{}\n".to_vec())]);
    let asked = hub.store.asked.lock().unwrap();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].auth.is_none(), "the store is another host");
    assert_eq!(asked[0].url.host_str(), Some("results7.blob.example"));
}

#[tokio::test]
async fn a_damaged_archive_is_an_error_that_names_it() {
    let hub = hub(vec![artifact(1, "run-1-outbox", |_| ())]).await;
    *hub.store.archive.lock().unwrap() = b"no archive".to_vec();
    let since = at("2026-11-10T00:00:00Z");
    let found = hub.github.uploaded(since).await.unwrap();
    let error = hub.github.download(&found[0]).await.unwrap_err();
    assert!(matches!(error, ForgeError::Unexpected { .. }), "{error}");
    assert!(error.to_string().contains("artifact 1"), "{error}");
}
