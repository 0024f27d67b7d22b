//! Asking the registry: a thin async layer over pure functions.

use async_trait::async_trait;
use batch_core::{
    io::{
        Http, HttpError, Request,
        archive::{ArchiveError, RemoteError, RemoteTar, gunzip},
    },
    model::{PackageFacts, PackageName, Recipe, RecipeName},
    plugin::{Missing, RecipeBuilder, SourceError, SourceErrorKind},
};

use crate::{
    ID, RubyGems,
    facts::{self, Seen},
    index,
    quota::HOSTS,
    recipe,
};

/// What recipes, quotas and caches know the registry by.
pub(crate) const ORIGIN: &str = "https://rubygems.org";
const LONGEST_INDEX: usize = 8 << 20;
/// Of a whole gem, from a server that gives no parts.
const LONGEST_GEM: usize = 256 << 20;
/// Of the specification, packed and unpacked; it lists all files of a gem.
const LONGEST_PACKED: usize = 2 << 20;
const LONGEST_METADATA: usize = 8 << 20;
/// How many versions are tried for one that has its file.
const TRIES: usize = 3;

#[async_trait]
impl RecipeBuilder for RubyGems {
    async fn inspect(
        &self,
        http: &dyn Http,
        name: &PackageName,
    ) -> Result<Option<PackageFacts>, SourceError> {
        let request = Request::get(ORIGIN, &["info", name.as_str()], &[]).map_err(source_error)?;
        let request = Request { max_bytes: LONGEST_INDEX, ..request };
        let response = http.send(request).await.map_err(source_error)?;
        let Some(body) = response.found().map_err(source_error)? else { return Ok(None) };
        let (mut missing, mut unserved) = (vec![], None);
        for files in index::choices(&body).map_err(odd_answer)?.iter().take(TRIES) {
            let mut seen = vec![];
            for choice in files {
                let path = ["gems", &*choice.file.file_name(name.as_str())];
                let request = Request::get(ORIGIN, &path, &[]).map_err(source_error)?;
                let url = request.url.clone();
                if let Some(read) = metadata(http, request, &choice.file.digest()).await? {
                    seen.push(Seen::new(name, choice, &read));
                } else {
                    let file = choice.file.shown();
                    missing.push(format!("version {file} is listed, and its file is not there"));
                    unserved.get_or_insert(url);
                }
            }
            if let Some(mut facts) = facts::of(name, seen) {
                facts.notes.splice(0..0, missing);
                return Ok(Some(facts));
            }
        }
        match unserved {
            Some(url) => Err(source_error(SourceErrorKind::Unserved { url })),
            None => Ok(None),
        }
    }

    fn build(&self, facts: &PackageFacts) -> Result<Recipe, Missing> {
        recipe::build(facts)
    }

    fn recipe_name(&self, facts: &PackageFacts) -> RecipeName {
        recipe::recipe_name(facts)
    }
}

/// What was read of a gem.
pub(crate) struct Metadata {
    /// The specification.
    pub(crate) yaml: Vec<u8>,
    /// Whether all of the gem was read, and is the one that the index lists.
    pub(crate) is_verified: bool,
}

/// The specification in the gem that `request` asks for, or why it cannot be read. `None` where
/// there is no such file: the store says so of some files, and of others that nobody may have them.
async fn metadata(
    http: &dyn Http,
    request: Request,
    digest: &str,
) -> Result<Option<Result<Metadata, ArchiveError>>, SourceError> {
    let request = Request { max_bytes: LONGEST_GEM, ..request };
    match packed_metadata(http, request, digest).await {
        Ok(packed) => Ok(packed.map(|(packed, is_verified)| {
            Ok(Metadata { yaml: gunzip(&packed, LONGEST_METADATA)?, is_verified })
        })),
        Err(RemoteError::Archive(error)) => Ok(Some(Err(error))),
        Err(RemoteError::Http(HttpError::Status { status: 403, .. })) => Ok(None),
        Err(error) => Err(source_error(error)),
    }
}

/// Old gems have their files before their specification, so the headers are walked: no fixed
/// number of first bytes would do. With it comes whether all of the gem has `digest`.
async fn packed_metadata(
    http: &dyn Http,
    request: Request,
    digest: &str,
) -> Result<Option<(Vec<u8>, bool)>, RemoteError> {
    let Some(tar) = RemoteTar::open(http, request).await? else { return Ok(None) };
    let entries = tar.entries().await?;
    let Some(entry) = entries.iter().find(|entry| entry.path == "metadata.gz") else {
        let reason = "it has no metadata.gz".to_owned();
        return Err(ArchiveError::Damaged { reason }.into());
    };
    let packed = tar.read(entry, LONGEST_PACKED).await?;
    Ok(Some((packed, tar.has_digest(digest)?)))
}

pub(crate) fn source_error(kind: impl Into<SourceErrorKind>) -> SourceError {
    SourceError { ecosystem: ID, kind: kind.into() }
}

pub(crate) fn odd_answer(reason: String) -> SourceError {
    let host = HOSTS.first().copied().unwrap_or_default().to_owned();
    source_error(SourceErrorKind::Schema { host, reason })
}
