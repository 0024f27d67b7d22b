#![doc = include_str!("../README.md")]

mod archive;
mod checks;
mod error;
mod forge;
pub mod git;
pub mod github;
mod local;
mod lock;
mod process;
mod pull_request;
mod secret;

pub use checks::{CheckState, Checks, Conclusion, FailedCheck};
pub use error::ForgeError;
pub use forge::{AutoMerge, BranchUpdate, Forge, MergeOutcome, RequestQuota, Uploaded};
pub use local::LocalForge;
pub use pull_request::{
    MAX_BODY, MAX_TITLE, NewPullRequest, PullRequest, PullRequestState, Squash,
};
pub use secret::Secret;
