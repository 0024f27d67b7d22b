//! Which packages there are.

use async_trait::async_trait;
use batch_core::plugin::{Listing, PageRequest, Seeder, Source, SourceError};

use crate::Ecosystem;

#[async_trait]
impl Seeder for Ecosystem {
    /// Not written yet: the lists that say which packages there are. Where there is none, set
    /// `seeder: None` in `lib.rs`, and remove this file.
    fn sources(&self) -> &'static [Source] {
        &[]
    }

    async fn read<'a>(&self, _wanted: PageRequest<'a>) -> Result<Listing<'a>, SourceError> {
        Ok(Listing::whole([]))
    }
}
