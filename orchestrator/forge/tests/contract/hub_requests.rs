//! The requests to the server, by the rules that GitHub documents.

use std::sync::Arc;

use serde_json::{Value, json};
use wiremock::{Request, Respond, ResponseTemplate};

use crate::hub::{Kept, Pull, World};

#[derive(Clone)]
pub(crate) struct Server(pub(crate) Arc<World>);

impl Respond for Server {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut kept = self.0.kept();
        self.0.settle(&mut kept);
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let path = request.url.path().trim_start_matches("/repos/joe/x").to_owned();
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        match (request.method.as_str(), &parts[..]) {
            ("GET", ["pulls"]) => self.list(&kept, request),
            ("GET", ["commits", commit, "check-runs"]) => {
                let runs = kept.checks.get(&commit.parse().unwrap()).cloned().unwrap_or_default();
                answer(200, json!({ "total_count": runs.len(), "check_runs": runs }))
            }
            // One half is required by each of the two kinds of rules.
            ("GET", ["branches", "main"]) => {
                let contexts: Vec<&String> = kept.required.iter().step_by(2).collect();
                let checks = json!({ "contexts": contexts });
                answer(200, json!({ "protection": { "required_status_checks": checks } }))
            }
            ("GET", ["rules", "branches", "main"]) => {
                let checks = kept.required.iter().skip(1).step_by(2);
                let checks: Vec<Value> = checks.map(|name| json!({ "context": name })).collect();
                let parameters = json!({ "required_status_checks": checks });
                let rule = json!({ "type": "required_status_checks", "parameters": parameters });
                answer(200, json!([{ "type": "deletion" }, rule]))
            }
            ("GET", ["commits", _, "status"]) => answer(200, json!({ "statuses": [] })),
            ("POST", ["pulls"]) => self.open(&mut kept, &body),
            ("POST", ["labels"]) => make_label(&mut kept, &body),
            ("POST", ["graphql"]) => self.auto_merge(&mut kept, &body["variables"]["input"]),
            (method, [_, number, rest @ ..]) => {
                let at = number.parse::<usize>().unwrap() - 1;
                if kept.pulls.len() <= at {
                    return refusal(404, "Not Found");
                }
                self.one(&mut kept, at, (method, rest), &body)
            }
            other => panic!("{other:?}"),
        }
    }
}

impl Server {
    fn one(
        &self,
        kept: &mut Kept,
        at: usize,
        asked: (&str, &[&str]),
        body: &Value,
    ) -> ResponseTemplate {
        match asked {
            ("GET", []) => answer(200, self.described(kept, at)),
            ("PATCH", []) => {
                assert_eq!(body["state"], "closed");
                kept.pulls[at].is_open = false;
                answer(200, self.described(kept, at))
            }
            ("POST", ["comments"]) => answer(201, json!({ "id": 1, "body": body["body"] })),
            ("POST", ["labels"]) => {
                let new = body["labels"].as_array().unwrap().iter();
                let new = new.map(|label| label.as_str().unwrap().to_owned());
                kept.pulls[at].labels.extend(new);
                answer(200, json!([]))
            }
            ("PUT", ["merge"]) => self.merge(kept, at, body),
            ("PUT", ["update-branch"]) => self.update_branch(kept, at, body),
            other => panic!("{other:?}"),
        }
    }

    fn list(&self, kept: &Kept, request: &Request) -> ResponseTemplate {
        let query: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
        let asked =
            |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| &**value);
        let is_asked = |pull: &Pull| {
            (asked("state") == Some("all") || pull.is_open)
                && asked("head").is_none_or(|head| head == format!("joe:{}", pull.branch))
        };
        let found = (0..kept.pulls.len()).filter(|&at| is_asked(&kept.pulls[at]));
        let mut found: Vec<Value> = found.map(|at| self.described(kept, at)).collect();
        if asked("direction") == Some("desc") {
            found.reverse();
        }
        answer(200, json!(found))
    }

    fn open(&self, kept: &mut Kept, body: &Value) -> ResponseTemplate {
        let text = |key: &str| body[key].as_str().unwrap().to_owned();
        let invalid = |message: String| {
            let error = json!({ "resource": "PullRequest", "code": "custom", "message": message });
            answer(422, json!({ "message": "Validation Failed", "errors": [error] }))
        };
        let branch = text("head");
        let Some(head) = self.0.repository.tip(&branch) else {
            return invalid("head does not exist".to_owned());
        };
        let main = self.0.repository.tip("main").unwrap();
        if self.0.repository.contains(&main, &head) {
            return invalid(format!("No commits between main and {branch}"));
        }
        kept.pulls.push(Pull {
            branch,
            head,
            title: text("title"),
            labels: vec![],
            is_open: true,
            merged: None,
            auto_merge: None,
        });
        answer(201, self.described(kept, kept.pulls.len() - 1))
    }

    fn described(&self, kept: &Kept, at: usize) -> Value {
        let pull = &kept.pulls[at];
        let state = self.0.state(kept, at);
        let number = at + 1;
        let labels: Vec<Value> = pull.labels.iter().map(|name| json!({ "name": name })).collect();
        let end = |branch: &str, sha: &str| json!({ "ref": branch, "sha": sha, "repo": { "full_name": "joe/x" } });
        json!({
            "number": number,
            "node_id": format!("PR_{number}"),
            "html_url": format!("https://github.com/joe/x/pull/{number}"),
            "state": if pull.is_open { "open" } else { "closed" },
            "title": pull.title,
            "created_at": "2026-11-21T13:00:05Z",
            "merged_at": pull.merged.as_ref().map(|_| "2026-11-21T14:00:05Z"),
            "merge_commit_sha": pull.merged.as_ref().map(ToString::to_string),
            "labels": labels,
            "head": end(&pull.branch, pull.head.as_str()),
            "base": end("main", &"b".repeat(40)),
            "auto_merge": pull.auto_merge.as_ref().map(|_| json!({ "merge_method": "squash" })),
            "mergeable": state != "dirty",
            "mergeable_state": state,
        })
    }

    fn merge(&self, kept: &mut Kept, at: usize, body: &Value) -> ResponseTemplate {
        if kept.pulls[at].head.as_str() != body["sha"] {
            return refusal(409, "Head branch was modified. Review and try the merge again.");
        }
        if !matches!(self.0.state(kept, at), "clean" | "unstable") {
            return refusal(405, "Pull Request is not mergeable");
        }
        let text = |key: &str| body[key].as_str().unwrap().to_owned();
        let message = format!("{}\n\n{}", text("commit_title"), text("commit_message"));
        let commit = self.0.merge(kept, at, &message);
        answer(200, json!({ "sha": commit.to_string(), "merged": true }))
    }

    fn update_branch(&self, kept: &mut Kept, at: usize, body: &Value) -> ResponseTemplate {
        let repository = &self.0.repository;
        let pull = &kept.pulls[at];
        let main = repository.tip("main").unwrap();
        if pull.head.as_str() != body["expected_head_sha"] {
            return refusal(422, "expected head sha didn’t match current head ref.");
        }
        if repository.contains(&pull.head, &main) {
            return refusal(422, "There are no new commits on the base branch.");
        }
        let Some(tree) = repository.merged_tree(&pull.head, &main) else {
            return refusal(422, "merge conflict between base and head");
        };
        repository.put(&pull.branch, &tree, &[&pull.head, &main], "Merge branch 'main'");
        answer(202, json!({ "message": "Updating pull request branch." }))
    }

    fn auto_merge(&self, kept: &mut Kept, input: &Value) -> ResponseTemplate {
        let text = |key: &str| input[key].as_str().unwrap().to_owned();
        let id = text("pullRequestId");
        let at = id.trim_start_matches("PR_").parse::<usize>().unwrap() - 1;
        let unprocessable = |message: &str| {
            let error = json!({ "type": "UNPROCESSABLE", "message": message });
            answer(
                200,
                json!({ "data": { "enablePullRequestAutoMerge": null }, "errors": [error] }),
            )
        };
        if !kept.may_auto_merge {
            return unprocessable("Pull request Auto merge is not allowed for this repository");
        }
        match self.0.state(kept, at) {
            "clean" => return unprocessable("Pull request Pull request is in clean status"),
            "unstable" => return unprocessable("Pull request Pull request is in unstable status"),
            _ => (),
        }
        kept.pulls[at].auto_merge = Some((text("commitHeadline"), text("commitBody")));
        answer(200, json!({ "data": { "enablePullRequestAutoMerge": {} } }))
    }
}

fn make_label(kept: &mut Kept, body: &Value) -> ResponseTemplate {
    let name = body["name"].as_str().unwrap().to_owned();
    if kept.labels.contains(&name) {
        let error = json!({ "resource": "Label", "code": "already_exists", "field": "name" });
        return answer(422, json!({ "message": "Validation Failed", "errors": [error] }));
    }
    kept.labels.push(name);
    answer(201, body.clone())
}

fn answer(status: u16, body: Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

fn refusal(status: u16, message: &str) -> ResponseTemplate {
    answer(status, json!({ "message": message }))
}
