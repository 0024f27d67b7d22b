//! Requests to the registry: a thin async layer over pure functions.

use async_trait::async_trait;
use batch_core::{
    io::{
        Http, HttpError, Request,
        archive::{ArchiveError, RemoteError, RemoteTar, gunzip},
    },
    model::{PackageFacts, PackageName, Recipe, RecipeName},
    plugin::{Missing, RecipeBuilder, SourceError, SourceErrorKind, ask_bytes},
};

use crate::{
    ID, RubyGems,
    facts::{self, InspectedFile},
    index,
    quota::HOSTS,
    recipe,
};

/// The origin by which recipes, quotas and caches refer to the registry.
pub(crate) const ORIGIN: &str = "https://rubygems.org";
const MAX_INDEX: usize = 8 << 20;
/// The largest gem that is downloaded from a server without range requests, in bytes.
const MAX_GEM: usize = 256 << 20;
/// The largest specification, compressed and uncompressed, in bytes; it lists all files of a gem.
const MAX_PACKED: usize = 2 << 20;
const MAX_METADATA: usize = 8 << 20;
/// How many versions are tried until one has its file.
const TRIES: usize = 3;

#[async_trait]
impl RecipeBuilder for RubyGems {
    async fn inspect(
        &self,
        http: &dyn Http,
        name: &PackageName,
    ) -> Result<Option<PackageFacts>, SourceError> {
        let request = Request::get(ORIGIN, &["info", name.as_str()], &[]);
        let request = request.map(|it| Request { max_bytes: MAX_INDEX, ..it });
        let Some(body) = ask_bytes(http, &ID, request).await? else { return Ok(None) };
        let (mut missing, mut unserved) = (vec![], None);
        for files in index::choices(&body).map_err(odd_answer)?.iter().take(TRIES) {
            let mut seen = vec![];
            for choice in files {
                let path = ["gems", &*choice.file.file_name(name.as_str())];
                let request = Request::get(ORIGIN, &path, &[]).map_err(source_error)?;
                let url = request.url.clone();
                if let Some(read) = metadata(http, request, &choice.file.digest()).await? {
                    seen.push(InspectedFile::new(name, choice, &read));
                } else {
                    let file = choice.file.shown();
                    missing.push(format!("version {file} is listed, but its file does not exist"));
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

/// The specification of a gem, as read.
pub(crate) struct Metadata {
    /// The specification.
    pub(crate) yaml: Vec<u8>,
    /// Whether the whole gem was read and its digest is the one in the index.
    pub(crate) is_verified: bool,
}

/// The specification in the gem at `request`, or why it cannot be read. `None` if the file does not
/// exist; for some missing files the store answers that access is denied.
async fn metadata(
    http: &dyn Http,
    request: Request,
    digest: &str,
) -> Result<Option<Result<Metadata, ArchiveError>>, SourceError> {
    let request = Request { max_bytes: MAX_GEM, ..request };
    match packed_metadata(http, request, digest).await {
        Ok(packed) => Ok(packed.map(|(packed, is_verified)| {
            Ok(Metadata { yaml: gunzip(&packed, MAX_METADATA)?, is_verified })
        })),
        Err(RemoteError::Archive(error)) => Ok(Some(Err(error))),
        Err(RemoteError::Http(HttpError::Status { status: 403, .. })) => Ok(None),
        Err(error) => Err(source_error(error)),
    }
}

/// Reads the headers one after the other, because old gems have their files before their
/// specification, so no fixed number of first bytes is enough. Also returns whether the whole gem
/// was read and has `digest`.
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
    let packed = tar.read(entry, MAX_PACKED).await?;
    Ok(Some((packed, tar.has_digest(digest)?)))
}

pub(crate) fn source_error(kind: impl Into<SourceErrorKind>) -> SourceError {
    SourceError { ecosystem: ID, kind: kind.into() }
}

pub(crate) fn odd_answer(reason: String) -> SourceError {
    let host = HOSTS.first().copied().unwrap_or_default().to_owned();
    source_error(SourceErrorKind::Schema { host, reason })
}
