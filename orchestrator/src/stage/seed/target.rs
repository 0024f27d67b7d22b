//! The state that a seeding is written into.

use async_trait::async_trait;
use batch_core::{io::FsState, model::SeedingRecord};

/// Writes the result of a seeding into a state.
pub type Write<'a> = &'a dyn Fn(&FsState) -> anyhow::Result<SeedingRecord>;

/// The state that seedings are written into.
#[async_trait(?Send)]
pub trait SeedTarget {
    /// Calls `write` with the newest state. Where somebody else may write at the same time, it is called
    /// again with what is newest then.
    async fn write(&self, write: Write<'_>) -> anyhow::Result<SeedingRecord>;
}

/// The state of a root on this machine.
#[async_trait(?Send)]
impl SeedTarget for FsState {
    async fn write(&self, write: Write<'_>) -> anyhow::Result<SeedingRecord> {
        tokio::task::block_in_place(|| write(self))
    }
}
