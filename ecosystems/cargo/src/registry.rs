//! Requests to the registry: a thin async layer over pure functions.

use async_trait::async_trait;
use batch_core::{
    io::{Http, Request, archive::verify_digest},
    model::{PackageFacts, PackageName, Recipe, RecipeName},
    plugin::{Missing, RecipeBuilder, SourceError, SourceErrorKind, ask_bytes, fetch_listed},
};

use crate::{Cargo, ID, contents, index, quota::INDEX_HOST, recipe};

/// The origin by which recipes, quotas and caches refer to the index.
pub(crate) const INDEX: &str = "https://index.crates.io";
/// The address below which the registry keeps the archives of releases.
pub(crate) const CRATES: &str = "https://static.crates.io/crates";
/// The largest `.crate` that is read, in bytes. The registry accepts 10 MiB unless an exception was
/// granted.
const MAX_CRATE: usize = 64 << 20;
/// The largest list of versions that is read, in bytes; the longest lists have two megabytes.
const MAX_LIST: usize = 32 << 20;

#[async_trait]
impl RecipeBuilder for Cargo {
    async fn inspect(
        &self,
        http: &dyn Http,
        name: &PackageName,
    ) -> Result<Option<PackageFacts>, SourceError> {
        let path = index::path(name.as_str());
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let request = Request::get(INDEX, &path, &[]);
        let request = request.map(|it| Request { max_bytes: MAX_LIST, ..it });
        let Some(body) = ask_bytes(http, &ID, request).await? else { return Ok(None) };
        let newest = index::newest(name.as_str(), &body);
        let Some(release) = newest.map_err(odd_answer)? else { return Ok(None) };
        let folder = format!("{}-{}", release.krate, release.version);
        let file = format!("{folder}.crate");
        let request = Request::get(CRATES, &[&release.krate, &file], &[]).map_err(source_error)?;
        let url = request.url.to_string();
        let request = Request { max_bytes: MAX_CRATE, ..request };
        let file = fetch_listed(http, request).await.map_err(source_error)?;
        let digest = format!("sha256-{}", release.checksum);
        verify_digest(&file, &digest).map_err(source_error)?;
        let contents = contents::read(&file, &folder).map_err(source_error)?;
        Ok(Some(recipe::facts(name, release, url, &contents)))
    }

    fn build(&self, facts: &PackageFacts) -> Result<Recipe, Missing> {
        recipe::build(facts)
    }

    fn recipe_name(&self, facts: &PackageFacts) -> RecipeName {
        recipe::recipe_name(facts)
    }
}

pub(crate) fn source_error(kind: impl Into<SourceErrorKind>) -> SourceError {
    SourceError { ecosystem: ID, kind: kind.into() }
}

/// The error for an answer that is not an index.
fn odd_answer(reason: String) -> SourceError {
    source_error(SourceErrorKind::Schema { host: INDEX_HOST.to_owned(), reason })
}
