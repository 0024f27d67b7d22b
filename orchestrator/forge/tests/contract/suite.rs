//! The promises.

use batch_forge::{
    AutoMerge, BranchUpdate, CheckState, Conclusion, Forge, ForgeError, MergeOutcome,
    NewPullRequest, PullRequest, PullRequestState, Squash, git::CommitId,
};

use crate::place::Place;

const MESSAGE: &str = "feat: x\n\nText.\n\nBatch-Id: npm-1\nEcosystem: npm";

fn new(branch: &str) -> NewPullRequest {
    NewPullRequest {
        branch: branch.parse().unwrap(),
        title: "feat(recipes): add batch".into(),
        body: "Text.".into(),
        labels: vec!["batch:npm".into()],
    }
}

fn squash() -> Squash {
    Squash { title: "feat: x".into(), body: "Text.\n\nBatch-Id: npm-1\nEcosystem: npm".into() }
}

/// A pull request with one commit.
async fn opened(place: &dyn Place, branch: &str) -> PullRequest {
    place.repository().commit(branch, "recipe", "x\n");
    place.forge().open(&new(branch)).await.unwrap()
}

async fn now(forge: &dyn Forge, pull: &PullRequest) -> PullRequest {
    forge.settle().await.unwrap();
    forge.pull_request(pull.number).await.unwrap().unwrap()
}

async fn merge(place: &dyn Place, pull: &PullRequest) -> MergeOutcome {
    place.forge().merge(pull, &squash()).await.unwrap()
}

fn pass(place: &dyn Place, commit: &CommitId) {
    place.set_checks(commit, &[("validate", Some("success"), "")]);
}

pub(crate) async fn opening_twice_opens_once(place: &dyn Place) {
    let forge = place.forge();
    let pull = opened(place, "batch/npm-1").await;
    assert_eq!(pull.head, place.repository().tip("batch/npm-1").unwrap());
    assert_eq!(
        (&*pull.labels, &pull.state),
        (&["batch:npm".to_owned()][..], &PullRequestState::Open)
    );
    assert_eq!(forge.open(&new("batch/npm-1")).await.unwrap(), pull);
    let labelled = NewPullRequest { labels: vec!["more".into()], ..new("batch/npm-1") };
    let labelled = forge.open(&labelled).await.unwrap();
    assert_eq!(labelled.labels, ["batch:npm", "more"]);
    assert_eq!(forge.open_pull_requests("").await.unwrap(), std::slice::from_ref(&labelled));
    let branch = "batch/npm-1".parse().unwrap();
    assert_eq!(forge.newest_pull_request(&branch).await.unwrap(), Some(labelled));
    assert_eq!(forge.newest_pull_request(&"batch/npm".parse().unwrap()).await.unwrap(), None);
    assert_eq!(forge.pull_request(99).await.unwrap(), None);
}

pub(crate) async fn only_branches_with_the_prefix_are_listed(place: &dyn Place) {
    for branch in ["batch/b", "batched", "my/batch/x", "batch/a"] {
        opened(place, branch).await;
    }
    let found = place.forge().open_pull_requests("batch/").await.unwrap();
    let branches: Vec<&str> = found.iter().map(|pull| pull.branch.as_str()).collect();
    assert_eq!(branches, ["batch/b", "batch/a"]);
}

pub(crate) async fn a_branch_without_commits_opens_nothing(place: &dyn Place) {
    place.repository().commit("batch/x", "x", "x\n");
    place.repository().merge_by_hand("batch/x");
    let error = place.forge().open(&new("batch/x")).await.unwrap_err();
    assert!(matches!(error, ForgeError::Invalid { .. }), "{error}");
    assert!(error.to_string().contains("No commits between main and batch/x"), "{error}");
    let error = place.forge().open(&new("batch/nothing")).await.unwrap_err();
    assert!(matches!(error, ForgeError::Invalid { .. }), "{error}");
}

pub(crate) async fn only_what_is_green_is_merged(place: &dyn Place) {
    place.protect(&["validate"], false, true);
    let pull = opened(place, "batch/x").await;
    let main = place.repository().tip("main");
    let refused = async |expected| {
        let MergeOutcome::NotGreen(checks) = merge(place, &pull).await else { panic!("merged") };
        assert_eq!(checks.state(), expected);
        assert_eq!(place.repository().tip("main"), main);
        checks
    };
    place.set_checks(&pull.head, &[("validate", None, "")]);
    assert_eq!(refused(CheckState::Pending).await.pending, ["validate"]);
    let checks = [("validate", Some("failure"), "no such file"), ("lint", Some("success"), "")];
    place.set_checks(&pull.head, &checks);
    let checks = refused(CheckState::Red).await;
    assert_eq!(checks, place.forge().checks(&pull.head).await.unwrap());
    let [failed] = &checks.failed[..] else { panic!("{checks:?}") };
    assert_eq!((&*failed.name, failed.conclusion), ("validate", Conclusion::Failure));
    assert_eq!(failed.summary, "no such file");
    pass(place, &pull.head);
    let merged = merge(place, &pull).await;
    let commit = place.repository().tip("main").unwrap();
    assert_eq!(merged, MergeOutcome::Merged { commit: Some(commit.clone()) });
    assert_eq!(place.repository().message(&commit), MESSAGE);
    assert_eq!(place.repository().show(&commit, "recipe"), "x");
    let after = now(place.forge(), &pull).await;
    assert_eq!(after.state, PullRequestState::Merged { commit: Some(commit) });
    assert!(place.forge().open_pull_requests("").await.unwrap().is_empty());
    // Once more, because a process may have been killed before it noted the first one.
    assert_eq!(merge(place, &after).await, merged);
    assert_eq!(place.forge().open(&new("batch/x")).await.unwrap(), after);
}

pub(crate) async fn a_strict_branch_must_be_brought_up_to_date(place: &dyn Place) {
    place.protect(&["validate"], true, true);
    let forge = place.forge();
    let old = opened(place, "batch/x").await;
    pass(place, &old.head);
    assert_eq!(forge.update_branch(&old).await.unwrap(), BranchUpdate::UpToDate);
    let main = place.repository().commit("main", "other", "2\n");
    assert_eq!(merge(place, &old).await, MergeOutcome::Behind);
    assert_eq!(forge.update_branch(&old).await.unwrap(), BranchUpdate::Updated);
    let new = now(forge, &old).await;
    assert!(place.repository().contains(&new.head, &main));
    assert!(place.repository().contains(&new.head, &old.head), "a commit was removed");
    assert_eq!(forge.update_branch(&old).await.unwrap(), BranchUpdate::Moved);
    assert_eq!(forge.update_branch(&new).await.unwrap(), BranchUpdate::UpToDate);
    // The checks are those of another commit.
    assert!(matches!(merge(place, &new).await, MergeOutcome::NotGreen(_)));
    pass(place, &new.head);
    assert!(matches!(merge(place, &new).await, MergeOutcome::Merged { .. }));
    let commit = place.repository().tip("main").unwrap();
    assert_eq!(place.repository().show(&commit, "other"), "2");
    assert_eq!(place.repository().show(&commit, "recipe"), "x");
}

pub(crate) async fn a_conflict_is_left_to_a_person(place: &dyn Place) {
    let pull = opened(place, "batch/x").await;
    pass(place, &pull.head);
    let main = place.repository().commit("main", "recipe", "other\n");
    assert_eq!(merge(place, &pull).await, MergeOutcome::Conflict);
    let update = place.forge().update_branch(&pull).await.unwrap();
    assert_eq!(update, BranchUpdate::Conflict);
    assert_eq!(place.repository().tip("main"), Some(main));
    assert_eq!(place.repository().tip("batch/x"), Some(pull.head));
}

pub(crate) async fn commits_that_came_later_are_not_merged_unseen(place: &dyn Place) {
    let pull = opened(place, "batch/x").await;
    pass(place, &pull.head);
    let later = place.repository().commit("batch/x", "more", "y\n");
    pass(place, &later);
    assert_eq!(merge(place, &pull).await, MergeOutcome::Moved);
    let pull = now(place.forge(), &pull).await;
    assert_eq!(pull.head, later);
    assert!(matches!(merge(place, &pull).await, MergeOutcome::Merged { .. }));
}

pub(crate) async fn what_was_closed_stays_closed(place: &dyn Place) {
    let forge = place.forge();
    let pull = opened(place, "batch/x").await;
    pass(place, &pull.head);
    forge.comment(pull.number, "Wait.").await.unwrap();
    forge.close(pull.number, "Nobody needs it.").await.unwrap();
    forge.close(pull.number, "Nobody needs it.").await.unwrap();
    let closed = now(forge, &pull).await;
    assert_eq!(closed.state, PullRequestState::Closed);
    assert_eq!(forge.open(&new("batch/x")).await.unwrap(), closed);
    assert!(matches!(merge(place, &closed).await, MergeOutcome::Refused { .. }));
    let outcome = forge.enable_auto_merge(&closed, &squash()).await.unwrap();
    assert!(matches!(outcome, AutoMerge::NotAllowed { .. }), "{outcome:?}");
    let error = forge.close(99, "x").await.unwrap_err();
    assert!(matches!(error, ForgeError::NotFound { .. }), "{error}");
}

pub(crate) async fn an_automatic_merge_waits_for_the_checks(place: &dyn Place) {
    place.protect(&["validate"], true, true);
    let forge = place.forge();
    let pull = opened(place, "batch/x").await;
    for _ in 0..2 {
        let outcome = forge.enable_auto_merge(&pull, &squash()).await.unwrap();
        assert_eq!(outcome, AutoMerge::Enabled);
    }
    let waiting = now(forge, &pull).await;
    assert!(waiting.auto_merge && waiting.state == PullRequestState::Open);
    place.repository().commit("main", "other", "2\n");
    pass(place, &pull.head);
    assert_eq!(now(forge, &pull).await.state, PullRequestState::Open, "it is behind");
    assert_eq!(forge.update_branch(&pull).await.unwrap(), BranchUpdate::Updated);
    let updated = now(forge, &pull).await;
    assert_eq!(updated.state, PullRequestState::Open, "its checks have not run");
    pass(place, &updated.head);
    let PullRequestState::Merged { commit: Some(commit) } = now(forge, &pull).await.state else {
        panic!("not merged")
    };
    assert_eq!(place.repository().tip("main"), Some(commit.clone()));
    assert_eq!(place.repository().message(&commit), MESSAGE);
}

pub(crate) async fn an_automatic_merge_is_not_always_possible(place: &dyn Place) {
    place.protect(&["validate"], false, false);
    let pull = opened(place, "batch/x").await;
    let outcome = place.forge().enable_auto_merge(&pull, &squash()).await.unwrap();
    let AutoMerge::NotAllowed { reason } = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("not allowed for this repository; allow"), "{reason}");
    place.protect(&["validate"], false, true);
    pass(place, &pull.head);
    let outcome = place.forge().enable_auto_merge(&pull, &squash()).await.unwrap();
    assert_eq!(outcome, AutoMerge::AlreadyMergeable);
    assert_eq!(now(place.forge(), &pull).await.state, PullRequestState::Open);
}

pub(crate) async fn what_was_done_by_hand_is_seen(place: &dyn Place) {
    let merged = opened(place, "batch/merged").await;
    place.repository().merge_by_hand("batch/merged");
    let commit = Some(merged.head.clone());
    let state = now(place.forge(), &merged).await.state;
    assert_eq!(state, PullRequestState::Merged { commit });
    place.repository().commit("batch/deleted", "more", "y\n");
    let deleted = place.forge().open(&new("batch/deleted")).await.unwrap();
    place.repository().delete("batch/deleted");
    let after = now(place.forge(), &deleted).await;
    assert_eq!((after.state, after.head), (PullRequestState::Closed, deleted.head));
}

pub(crate) async fn the_checks_that_are_required_are_known(place: &dyn Place) {
    let required = async || place.forge().required_checks().await.unwrap();
    place.protect(&[], false, true);
    assert!(required().await.is_empty());
    place.protect(&["lint", "validate"], false, true);
    assert_eq!(required().await, ["lint", "validate"]);
}
