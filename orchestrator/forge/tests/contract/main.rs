//! What callers may rely on, whatever the forge: one suite for GitHub and for a local forge.
//!
//! GitHub is a server on this machine that keeps pull requests over a real bare repository and
//! follows the documented rules.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests that start git themselves and write its files"
)]

mod hub;
mod local;
mod place;
mod suite;

/// One test for each promise and each forge.
macro_rules! promises {
    ($($promise:ident)*) => {
        mod on_github {
            $(#[tokio::test]
            async fn $promise() {
                crate::suite::$promise(&crate::hub::Hub::start()).await;
            })*
        }
        mod on_a_local_forge {
            $(#[tokio::test]
            async fn $promise() {
                crate::suite::$promise(&crate::local::Local::new().await).await;
            })*
        }
    };
}

promises! {
    opening_twice_opens_once
    only_branches_with_the_prefix_are_listed
    a_branch_without_commits_opens_nothing
    only_what_is_green_is_merged
    a_strict_branch_must_be_brought_up_to_date
    a_conflict_is_left_to_a_person
    commits_that_came_later_are_not_merged_unseen
    what_was_closed_stays_closed
    an_automatic_merge_waits_for_the_checks
    an_automatic_merge_is_not_always_possible
    what_was_done_by_hand_is_seen
    the_checks_that_are_required_are_known
}
