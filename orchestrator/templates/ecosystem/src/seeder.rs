//! Which packages there are.

use async_trait::async_trait;
use batch_core::{
    io::Http,
    plugin::{Page, Seeder, Source, SourceError},
};

use crate::Ecosystem;

#[async_trait]
impl Seeder for Ecosystem {
    /// Not written yet: the lists that say which packages there are. Where there is none, set
    /// `seeder: None` in `lib.rs`, and remove this file.
    fn sources(&self) -> &'static [Source] {
        &[]
    }

    async fn discover(
        &self,
        _http: &dyn Http,
        _source: &Source,
        _cursor: Option<&str>,
        _limit: usize,
    ) -> Result<Page, SourceError> {
        Ok(Page::default())
    }
}
