//! Git, against real repositories.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests that start git themselves and read its files"
)]

mod history;
mod killed;
mod merging;
mod pushing;
mod repositories;
mod worktree;
