//! Branches are brought up to date, and merged.

use batch_forge::{AutoMerge, BranchUpdate, CheckState, Forge as _, MergeOutcome};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::server::{
    Hub, commit, green, known, no_statuses, ok, pull, refusal, squash, tried, with,
};

/// Where the pull request 1 has the state `state` and its checks are `runs`.
async fn hub(state: &str, runs: Value) -> Hub {
    let hub = Hub::new().await;
    hub.answer("GET", "/pulls/1", ok(tried(1, "batch/x", state))).await;
    let at = format!("/commits/{}", commit('a'));
    hub.answer("GET", &format!("{at}/check-runs"), ok(runs)).await;
    hub.answer("GET", &format!("{at}/status"), ok(no_statuses())).await;
    hub
}

async fn merge(hub: &Hub) -> MergeOutcome {
    hub.github.merge(&known(1, "batch/x"), &squash()).await.unwrap()
}

async fn n_writes(hub: &Hub) -> usize {
    hub.asked().await.iter().filter(|(verb, ..)| verb != "GET").count()
}

#[tokio::test]
async fn a_green_pull_request_is_merged_with_its_trailers() {
    let hub = hub("clean", green()).await;
    let merged = json!({ "sha": "c".repeat(40), "merged": true, "message": "Pull Request successfully merged" });
    hub.answer("PUT", "/pulls/1/merge", ok(merged)).await;
    assert_eq!(merge(&hub).await, MergeOutcome::Merged { commit: Some(commit('c')) });
    let asked = hub.asked().await;
    let expected = json!({ "merge_method": "squash", "commit_title": "feat: x", "sha": "a".repeat(40),
                           "commit_message": "Text.\n\nBatch-Id: npm-1\nEcosystem: npm" });
    assert_eq!(asked.last().unwrap().2, expected);
}

#[tokio::test]
async fn what_is_not_green_is_not_merged() {
    let red = |status: &str, conclusion: Option<&str>| {
        let mut runs = green();
        let run = runs["check_runs"][0].as_object_mut().unwrap();
        run.insert("status".into(), json!(status));
        run.insert("conclusion".into(), json!(conclusion));
        runs
    };
    for (runs, expected) in [
        (json!({ "check_runs": [] }), CheckState::None),
        (red("queued", None), CheckState::Pending),
        (red("completed", Some("failure")), CheckState::Red),
        (red("completed", None), CheckState::Red),
    ] {
        let hub = hub("clean", runs).await;
        let MergeOutcome::NotGreen(checks) = merge(&hub).await else { panic!("{expected:?}") };
        assert_eq!(checks.state(), expected);
        assert_eq!(n_writes(&hub).await, 0);
    }
    for (state, expected) in [("behind", MergeOutcome::Behind), ("dirty", MergeOutcome::Conflict)] {
        let hub = hub(state, green()).await;
        assert_eq!(merge(&hub).await, expected);
        assert_eq!(n_writes(&hub).await, 0);
    }
}

#[tokio::test]
async fn a_refused_merge_says_why() {
    let required = "Required status check \"validate\" is expected.";
    for (status, message, expected) in [
        (405, required, MergeOutcome::Refused { reason: required.into() }),
        (405, "Base branch was modified. Review and try the merge again.", MergeOutcome::Behind),
        (409, "Head branch was modified. Review and try the merge again.", MergeOutcome::Moved),
    ] {
        let hub = hub("blocked", green()).await;
        hub.answer("PUT", "/pulls/1/merge", refusal(status, message)).await;
        assert_eq!(merge(&hub).await, expected);
    }
}

#[tokio::test]
async fn a_merge_whose_answer_was_lost_is_found() {
    let merged = json!({ "state": "closed", "merged_at": "2026-11-21T14:00:00Z" });
    let merged = with(tried(1, "batch/x", "unknown"), merged);
    let after = MergeOutcome::Merged { commit: Some(commit('e')) };
    for lost in [ResponseTemplate::new(502), refusal(405, "Pull Request is not mergeable")] {
        let hub = Hub::new().await;
        let at = format!("/commits/{}", commit('a'));
        hub.answer("GET", &format!("{at}/check-runs"), ok(green())).await;
        hub.answer("GET", &format!("{at}/status"), ok(no_statuses())).await;
        hub.answer_first(1, "GET", "/pulls/1", ok(tried(1, "batch/x", "clean"))).await;
        hub.answer("GET", "/pulls/1", ok(&merged)).await;
        hub.answer("PUT", "/pulls/1/merge", lost).await;
        assert_eq!(merge(&hub).await, after);
    }
    let hub = Hub::new().await;
    hub.answer("GET", "/pulls/1", ok(&merged)).await;
    assert_eq!(merge(&hub).await, after, "merged before");
    let hub = Hub::new().await;
    hub.answer("GET", "/pulls/1", ok(with(pull(1, "batch/x"), json!({ "state": "closed" })))).await;
    assert_eq!(merge(&hub).await, MergeOutcome::Refused { reason: "it is closed".into() });
}

#[tokio::test]
async fn commits_that_came_later_are_not_merged_unseen() {
    let hub = Hub::new().await;
    let mut later = tried(1, "batch/x", "clean");
    later["head"]["sha"] = json!("d".repeat(40));
    hub.answer("GET", "/pulls/1", ok(later)).await;
    assert_eq!(merge(&hub).await, MergeOutcome::Moved);
}

#[tokio::test]
async fn a_branch_is_brought_up_to_date_if_it_did_not_move() {
    let hub = Hub::new().await;
    let accepted = ResponseTemplate::new(202)
        .set_body_json(json!({ "message": "Updating pull request branch.", "url": "https://x" }));
    hub.answer("PUT", "/pulls/1/update-branch", accepted).await;
    let update = hub.github.update_branch(&known(1, "batch/x")).await.unwrap();
    assert_eq!(update, BranchUpdate::Updated);
    assert_eq!(hub.asked().await[0].2, json!({ "expected_head_sha": "a".repeat(40) }));
    for (message, expected) in [
        ("There are no new commits on the base branch.", BranchUpdate::UpToDate),
        ("merge conflict between base and head", BranchUpdate::Conflict),
        ("expected head sha didn’t match current head ref.", BranchUpdate::Moved),
    ] {
        let hub = Hub::new().await;
        hub.answer("PUT", "/pulls/1/update-branch", refusal(422, message)).await;
        let update = hub.github.update_branch(&known(1, "batch/x")).await.unwrap();
        assert_eq!(update, expected, "{message}");
    }
}

async fn enable(pull: Value, errors: Value) -> (Hub, AutoMerge) {
    let hub = Hub::new().await;
    hub.answer("GET", "/pulls/1", ok(pull)).await;
    let data = json!({ "enablePullRequestAutoMerge": { "clientMutationId": null } });
    hub.answer("POST", "/graphql", ok(with(json!({ "data": data }), errors))).await;
    let outcome = hub.github.enable_auto_merge(&known(1, "batch/x"), &squash()).await.unwrap();
    (hub, outcome)
}

#[tokio::test]
async fn an_automatic_merge_is_asked_for_once() {
    let (hub, outcome) = enable(pull(1, "batch/x"), json!({})).await;
    assert_eq!(outcome, AutoMerge::Enabled);
    let input = &hub.asked().await[1].2["variables"]["input"];
    let expected = json!({ "pullRequestId": "PR_1", "mergeMethod": "SQUASH", "commitHeadline": "feat: x",
        "commitBody": "Text.\n\nBatch-Id: npm-1\nEcosystem: npm", "expectedHeadOid": "a".repeat(40) });
    assert_eq!(*input, expected);
    let enabled = with(pull(1, "batch/x"), json!({ "auto_merge": { "merge_method": "squash" } }));
    let (hub, outcome) = enable(enabled, json!({})).await;
    assert_eq!((outcome, hub.asked().await.len()), (AutoMerge::Enabled, 1));
}

#[tokio::test]
async fn an_automatic_merge_that_is_not_possible_is_told_from_one_that_is_not_needed() {
    let error = |message: &str| json!({ "errors": [{ "type": "UNPROCESSABLE", "path": ["enablePullRequestAutoMerge"], "message": message }] });
    for message in
        ["Pull request Pull request is in clean status", "Pull request is in unstable status"]
    {
        let (_, outcome) = enable(pull(1, "batch/x"), error(message)).await;
        assert_eq!(outcome, AutoMerge::AlreadyMergeable, "{message}");
    }
    for (message, remedy) in [
        ("Pull request Auto merge is not allowed for this repository", "settings (General"),
        (
            "Pull request Protected branch rules not configured for this branch",
            "protect the main branch",
        ),
        ("Can't enable auto-merge for this pull request.", "Can't enable"),
    ] {
        let (_, outcome) = enable(pull(1, "batch/x"), error(message)).await;
        let AutoMerge::NotAllowed { reason } = outcome else { panic!("{outcome:?}") };
        assert!(reason.starts_with(message) && reason.contains(remedy), "{reason}");
    }
    let closed = with(pull(1, "batch/x"), json!({ "state": "closed" }));
    let (_, outcome) = enable(closed, json!({})).await;
    assert_eq!(outcome, AutoMerge::NotAllowed { reason: "it is not open".into() });
}
