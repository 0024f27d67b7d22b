//! Pull requests of batches: what they say, what becomes of their packages, and when the state waits for
//! them.

mod body;
mod fate;
mod hold;
mod markdown;

pub use body::{
    BRANCHES, FOR_A_PERSON, MAX_BODY, Proposal, ProposedRecipe, body, branch, commit_message,
    label, title,
};
pub use fate::{FateChanges, fates};
pub use hold::{Hold, HoldPolicy, WaitingPullRequest, hold};
pub use markdown::code;
