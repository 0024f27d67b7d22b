//! What only the forge knows.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
};

use serde_json::{Value, json};

use super::{codes, doctor, healthy};
use crate::{push::remote::git, root::TestRoot};

/// The kinds of findings that are about the forge.
pub(super) const CODES: [&str; 3] = ["branch_unprotected", "quota_low", "pull_request_old"];

/// A forge with the API of GitHub that answers each request with what `answer` says about its path.
fn serve(answer: fn(&str) -> Value) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let first = lines.next().unwrap().unwrap();
            let _ = lines.find(|line| line.as_ref().is_ok_and(String::is_empty));
            let body = answer(first.split(' ').nth(1).unwrap()).to_string();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n", body.len());
            let head = head + "content-type: application/json\r\nconnection: close\r\n\r\n";
            stream.write_all((head + &body).as_bytes()).unwrap();
        }
    });
    address
}

fn bad(path: &str) -> Value {
    let id = "0123456789012345678901234567890123456789";
    let end = |branch: &str| json!({"ref": branch, "sha": id, "repo": {"full_name": "owner/name"}});
    match path {
        "/rate_limit" => {
            json!({"resources": {"core": {"limit": 5000, "remaining": 499, "reset": 1_767_484_800}}})
        }
        path if path.contains("/rules/") => json!([]),
        path if path.contains("/branches/") => json!({}),
        _ => json!([{"number": 7, "node_id": "x", "html_url": "https://x.example/7",
            "state": "open", "title": "x", "created_at": "2026-01-01T00:00:00Z", "merged_at": null,
            "merge_commit_sha": null, "labels": [], "head": end("batch/npm-1"), "base": end("main"), "auto_merge": null}]),
    }
}

fn good(path: &str) -> Value {
    match path {
        "/rate_limit" => {
            json!({"resources": {"core": {"limit": 5000, "remaining": 500, "reset": 1_767_484_800}}})
        }
        path if path.contains("/rules/") => json!([]),
        path if path.contains("/branches/") => {
            json!({"protection": {"required_status_checks": {"contexts": ["validate"]}}})
        }
        _ => json!([]),
    }
}

fn at_github(root: &TestRoot, answer: fn(&str) -> Value) -> (Option<i32>, Value) {
    let mut command = root.command(&["doctor", "--json", "--forge", "github"]);
    command.args(["--repository", "owner/name", "--remote", "https://github.com/owner/name"]);
    command.env("TSUKU_BATCH_NOW", healthy::NOW).env("GITHUB_TOKEN", "ghs_0123456789abcdef");
    let output = command.env("TSUKU_BATCH_FORGE_API", serve(answer)).output().unwrap();
    let report = serde_json::from_slice(&output.stdout);
    (output.status.code(), report.unwrap_or_else(|error| panic!("{error}: {output:?}")))
}

pub(super) fn asked() {
    let root = healthy::root();
    assert_eq!(doctor(&root, &[]).1["not_examined"].as_array().unwrap().len(), 1);
    git(root.dir.path(), &["init", "-q"]);
    git(root.dir.path(), &["add", "-A"]);
    git(root.dir.path(), &["commit", "-q", "-m", "x"]);
    let (code, report) = at_github(&root, bad);
    assert_eq!((code, codes(&report)), (Some(1), CODES.into()), "{report:#}");
    assert_eq!(report["not_examined"], json!([]));
    let (code, report) = at_github(&root, good);
    assert_eq!((code, codes(&report)), (Some(0), [].into()), "{report:#}");
}
