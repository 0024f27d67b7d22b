//! The requests to the server, by the rules that GitHub documents.

use std::io::{Cursor, Write as _};

use axum::{
    body::Bytes,
    extract::State,
    http::{Method, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};
use url::form_urlencoded;
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::{
    FakeGithub, Uploaded,
    world::{Kept, Pull},
};

/// The answer to a request.
pub(crate) async fn answer_to(
    State(github): State<FakeGithub>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> Response {
    github.respond(method.as_str(), &uri, &body)
}

impl FakeGithub {
    fn respond(&self, method: &str, uri: &Uri, body: &[u8]) -> Response {
        let mut kept = self.kept();
        self.world.settle(&mut kept);
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let path = uri.path();
        let of_repository = format!("/repos/{}", self.world.name);
        let path = path.strip_prefix(&of_repository).unwrap_or(path);
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        match (method, &parts[..]) {
            ("GET", ["pulls"]) => self.list(&kept, uri),
            ("GET", ["commits", commit, "check-runs"]) => {
                let runs = kept.checks.get(*commit).cloned().unwrap_or_default();
                answer(200, &json!({ "total_count": runs.len(), "check_runs": runs }))
            }
            ("GET", ["commits", _, "status"]) => answer(200, &json!({ "statuses": [] })),
            ("GET", ["branches", "main"]) => protection(&kept.required),
            ("GET", ["rules", "branches", "main"]) => rules(&kept.required),
            ("GET", ["actions", "artifacts"]) => artifacts(&kept.uploaded),
            ("GET", ["actions", "artifacts", id, "zip"]) => archive(&kept.uploaded, id),
            ("POST", ["pulls"]) => self.open(&mut kept, &body),
            ("POST", ["labels"]) => make_label(&mut kept, &body),
            ("POST", ["graphql"]) => self.auto_merge(&mut kept, &body["variables"]["input"]),
            (method, [_, number, rest @ ..]) => match number.parse::<usize>() {
                Ok(number) if (1..=kept.pulls.len()).contains(&number) => {
                    self.one(&mut kept, number - 1, (method, rest), &body)
                }
                Ok(_) | Err(_) => refusal(404, "Not Found"),
            },
            _ => refusal(404, "Not Found"),
        }
    }
}

impl FakeGithub {
    fn one(&self, kept: &mut Kept, at: usize, asked: (&str, &[&str]), body: &Value) -> Response {
        match asked {
            ("GET", []) => answer(200, &self.described(kept, at)),
            ("PATCH", []) => {
                assert_eq!(body["state"], "closed", "nothing else is asked for");
                kept.pulls[at].is_open = false;
                answer(200, &self.described(kept, at))
            }
            ("POST", ["comments"]) => answer(201, &json!({ "id": 1, "body": body["body"] })),
            ("POST", ["labels"]) => {
                let new = body["labels"].as_array().into_iter().flatten().filter_map(Value::as_str);
                kept.pulls[at].labels.extend(new.map(str::to_owned));
                answer(200, &json!([]))
            }
            ("PUT", ["merge"]) => self.merge(kept, at, body),
            ("PUT", ["update-branch"]) => self.update_branch(kept, at, body),
            _ => refusal(404, "Not Found"),
        }
    }

    fn owner(&self) -> &str {
        self.world.name.split('/').next().unwrap_or_default()
    }

    fn list(&self, kept: &Kept, uri: &Uri) -> Response {
        let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        let query: Vec<(String, String)> = query.into_owned().collect();
        let asked =
            |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| &**value);
        let is_asked = |pull: &Pull| {
            (asked("state") == Some("all") || pull.is_open)
                && asked("head")
                    .is_none_or(|head| head == format!("{}:{}", self.owner(), pull.branch))
        };
        let found = (0..kept.pulls.len()).filter(|&at| is_asked(&kept.pulls[at]));
        let mut found: Vec<Value> = found.map(|at| self.described(kept, at)).collect();
        if asked("direction") == Some("desc") {
            found.reverse();
        }
        answer(200, &json!(found))
    }

    fn open(&self, kept: &mut Kept, body: &Value) -> Response {
        let text = |key: &str| text(body, key);
        let invalid = |message: String| {
            let error = json!({ "resource": "PullRequest", "code": "custom", "message": message });
            answer(422, &json!({ "message": "Validation Failed", "errors": [error] }))
        };
        let branch = text("head");
        let Some(head) = self.world.bare.tip(&branch) else {
            return invalid("head does not exist".to_owned());
        };
        let main = self.world.main();
        if self.world.bare.contains(&main, &head) {
            return invalid(format!("No commits between main and {branch}"));
        }
        kept.pulls.push(Pull {
            branch,
            head,
            title: text("title"),
            labels: vec![],
            is_open: true,
            opened_at: kept.now.clone(),
            merged: None,
            auto_merge: None,
        });
        answer(201, &self.described(kept, kept.pulls.len() - 1))
    }

    fn described(&self, kept: &Kept, at: usize) -> Value {
        let pull = &kept.pulls[at];
        let state = self.world.state(kept, at);
        let number = at + 1;
        let labels: Vec<Value> = pull.labels.iter().map(|name| json!({ "name": name })).collect();
        let end = |branch: &str, sha: &str| json!({ "ref": branch, "sha": sha, "repo": { "full_name": self.world.name } });
        json!({
            "number": number,
            "node_id": format!("PR_{number}"),
            "html_url": format!("https://github.com/{}/pull/{number}", self.world.name),
            "state": if pull.is_open { "open" } else { "closed" },
            "title": pull.title,
            "created_at": pull.opened_at,
            "merged_at": pull.merged.as_ref().map(|_| &kept.now),
            "merge_commit_sha": pull.merged,
            "labels": labels,
            "head": end(&pull.branch, &pull.head),
            "base": end("main", &"b".repeat(40)),
            "auto_merge": pull.auto_merge.as_ref().map(|_| json!({ "merge_method": "squash" })),
            "mergeable": state != "dirty",
            "mergeable_state": state,
        })
    }

    fn merge(&self, kept: &mut Kept, at: usize, body: &Value) -> Response {
        if kept.pulls[at].head != body["sha"] {
            return refusal(409, "Head branch was modified. Review and try the merge again.");
        }
        if !matches!(self.world.state(kept, at), "clean" | "unstable") {
            return refusal(405, "Pull Request is not mergeable");
        }
        let text = |key: &str| text(body, key);
        let message = format!("{}\n\n{}", text("commit_title"), text("commit_message"));
        let commit = self.world.merge(kept, at, &message);
        answer(200, &json!({ "sha": commit, "merged": true }))
    }

    fn update_branch(&self, kept: &mut Kept, at: usize, body: &Value) -> Response {
        let repository = &self.world.bare;
        let pull = &kept.pulls[at];
        let main = self.world.main();
        if pull.head != body["expected_head_sha"] {
            return refusal(422, "expected head sha didn’t match current head ref.");
        }
        if repository.contains(&pull.head, &main) {
            return refusal(422, "There are no new commits on the base branch.");
        }
        let Some(tree) = repository.merged_tree(&pull.head, &main) else {
            return refusal(422, "merge conflict between base and head");
        };
        repository.put(&pull.branch, &tree, &[&pull.head, &main], "Merge branch 'main'");
        answer(202, &json!({ "message": "Updating pull request branch." }))
    }

    fn auto_merge(&self, kept: &mut Kept, input: &Value) -> Response {
        let text = |key: &str| text(input, key);
        let id = text("pullRequestId");
        let number = id.trim_start_matches("PR_").parse::<usize>().unwrap_or_default();
        let Some(at) = number.checked_sub(1).filter(|&at| at < kept.pulls.len()) else {
            return refusal(404, "Not Found");
        };
        let unprocessable = |message: &str| {
            let error = json!({ "type": "UNPROCESSABLE", "message": message });
            answer(
                200,
                &json!({ "data": { "enablePullRequestAutoMerge": null }, "errors": [error] }),
            )
        };
        if !kept.may_auto_merge {
            return unprocessable("Pull request Auto merge is not allowed for this repository");
        }
        match self.world.state(kept, at) {
            "clean" => return unprocessable("Pull request Pull request is in clean status"),
            "unstable" => return unprocessable("Pull request Pull request is in unstable status"),
            _ => (),
        }
        kept.pulls[at].auto_merge = Some((text("commitHeadline"), text("commitBody")));
        answer(200, &json!({ "data": { "enablePullRequestAutoMerge": {} } }))
    }
}

/// The older kind of rules, which requires every other check.
fn protection(required: &[String]) -> Response {
    let contexts: Vec<&String> = required.iter().step_by(2).collect();
    let checks = json!({ "contexts": contexts });
    answer(200, &json!({ "protection": { "required_status_checks": checks } }))
}

/// The newer kind, which requires the rest.
fn rules(required: &[String]) -> Response {
    let rest = required.iter().skip(1).step_by(2);
    let checks: Vec<Value> = rest.map(|name| json!({ "context": name })).collect();
    let parameters = json!({ "required_status_checks": checks });
    let rule = json!({ "type": "required_status_checks", "parameters": parameters });
    answer(200, &json!([{ "type": "deletion" }, rule]))
}

fn make_label(kept: &mut Kept, body: &Value) -> Response {
    let name = text(body, "name");
    if kept.labels.contains(&name) {
        let error = json!({ "resource": "Label", "code": "already_exists", "field": "name" });
        return answer(422, &json!({ "message": "Validation Failed", "errors": [error] }));
    }
    kept.labels.push(name);
    answer(201, body)
}

fn answer(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn refusal(status: u16, message: &str) -> Response {
    answer(status, &json!({ "message": message }))
}

/// The text `key` of `value`; empty if there is none.
fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

/// The list of artifacts, the newest first.
fn artifacts(uploaded: &[Uploaded]) -> Response {
    let described = |(at, it): (usize, &Uploaded)| {
        json!({
            "id": at + 1, "name": it.name, "expired": false, "created_at": it.created_at,
            "workflow_run": {
                "id": at + 1, "repository_id": 1, "head_branch": it.branch,
                "head_repository_id": if it.is_of_fork { 2 } else { 1 },
            },
        })
    };
    let all: Vec<Value> = uploaded.iter().enumerate().rev().map(described).collect();
    answer(200, &json!({ "total_count": all.len(), "artifacts": all }))
}

/// The artifact `id` as an archive. GitHub redirects to it.
fn archive(uploaded: &[Uploaded], id: &str) -> Response {
    let at = id.parse::<usize>().unwrap_or_default().checked_sub(1);
    let Some(found) = at.and_then(|at| uploaded.get(at)) else { return refusal(404, "Not Found") };
    match zipped(found) {
        Ok(bytes) => ([(header::CONTENT_TYPE, "application/zip")], bytes).into_response(),
        Err(error) => refusal(410, &error.to_string()),
    }
}

#[expect(clippy::disallowed_methods, reason = "artifacts are no state")]
fn zipped(uploaded: &Uploaded) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut zip = ZipWriter::new(Cursor::new(vec![]));
    for entry in std::fs::read_dir(&uploaded.dir)? {
        let path = entry?.path();
        if let Some(name) =
            path.file_name().and_then(|name| name.to_str()).filter(|_| path.is_file())
        {
            zip.start_file(name, SimpleFileOptions::default())?;
            zip.write_all(&std::fs::read(&path)?)?;
        }
    }
    Ok(zip.finish()?.into_inner())
}
