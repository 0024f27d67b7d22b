//! Requests to MetaCPAN and to a mirror: a thin async layer over pure functions.

use std::{collections::BTreeSet, fs::File};

use async_trait::async_trait;
use batch_core::{
    io::{
        Http, HttpError, Request,
        archive::{DigestError, verify_digest},
    },
    model::{CommandName, PackageFacts, PackageName, Recipe, RecipeName},
    plugin::{Missing, RecipeBuilder, SourceError, SourceErrorKind, ask_bytes, fetch_listed},
};

use crate::{
    Cpan, ID,
    contents::{self, Contents},
    facts, recipe,
    release::{self, Release},
    scripts,
};

/// The origin by which quotas and caches refer to the API.
const API: &str = "https://fastapi.metacpan.org";
const API_HOST: &str = "fastapi.metacpan.org";
/// The mirror from which archives are downloaded.
pub(crate) const MIRROR: &str = "https://cpan.metacpan.org";
/// The largest answer about a release that is read, in bytes; some releases list tens of thousands
/// of modules.
const MAX_RELEASE: usize = 16 << 20;
const MAX_ARCHIVE: usize = 128 << 20;
/// The archive formats that are read; nearly all archives have one of them.
const FORMS: [&str; 3] = [".tar.gz", ".tgz", ".tar"];

#[async_trait]
impl RecipeBuilder for Cpan {
    async fn inspect(
        &self,
        http: &dyn Http,
        name: &PackageName,
    ) -> Result<Option<PackageFacts>, SourceError> {
        let path = ["v1", "release", name.as_str()];
        let accept = Some("application/json");
        let request = Request::get(API, &path, &[]);
        let request = request.map(|it| Request { accept, max_bytes: MAX_RELEASE, ..it });
        let Some(body) = ask_bytes(http, &ID, request).await? else { return Ok(None) };
        let read = release::read(name, &body).map_err(odd_answer)?;
        let Some(release) = read else { return Ok(None) };
        let contents = contents(http, &release).await?;
        let contents = contents.as_ref().map_err(Clone::clone);
        Ok(Some(facts::of(name, release, contents)))
    }

    fn build(&self, facts: &PackageFacts) -> Result<Recipe, Missing> {
        recipe::build(facts)
    }

    fn discovered(&self, facts: PackageFacts, names: BTreeSet<CommandName>) -> PackageFacts {
        let is_own = |name: &CommandName| scripts::is_own(facts.id.name.as_str(), name.as_str());
        let (first, others): (Vec<_>, Vec<_>) = names.into_iter().partition(is_own);
        facts.discovered(first.into_iter().chain(others))
    }

    fn recipe_name(&self, facts: &PackageFacts) -> RecipeName {
        recipe::recipe_name(facts)
    }
}

/// The content of the archive of `release`, or why it cannot be used. A tar cannot be read in
/// parts, so the whole archive is downloaded and compared with the stated digest.
async fn contents(
    http: &dyn Http,
    release: &Release,
) -> Result<Result<Contents, String>, SourceError> {
    let file = release.path.last().map_or("", String::as_str);
    if !FORMS.iter().any(|form| file.ends_with(form)) {
        return Ok(Err(format!("{file} has a format that is not supported")));
    }
    let path = ["authors", "id"].into_iter().chain(release.path.iter().map(String::as_str));
    let request = Request::get(MIRROR, &path.collect::<Vec<_>>(), &[]).map_err(source_error)?;
    let request = Request { max_bytes: MAX_ARCHIVE, ..request };
    // The API knows releases that mirrors do not have yet, or no longer have.
    let archive = match fetch_listed(http, request).await {
        Ok(archive) => archive,
        Err(SourceErrorKind::Http(HttpError::TooLarge { max_bytes, .. })) => {
            return Ok(Err(format!("{file} has more than {max_bytes} bytes")));
        }
        Err(error) => return Err(source_error(error)),
    };
    if !release.sha256.is_empty() {
        match verify_digest(&archive, &format!("sha256-{}", release.sha256)) {
            Ok(()) => {}
            Err(error @ DigestError::Mismatch { .. }) => return Ok(Err(error.to_string())),
            Err(error) => return Err(odd_answer(error.to_string())),
        }
    }
    let archive = File::open(&archive).map_err(|error| odd_answer(error.to_string()))?;
    Ok(contents::read(archive).map_err(|error| error.to_string()))
}

pub(crate) fn source_error(kind: impl Into<SourceErrorKind>) -> SourceError {
    SourceError { ecosystem: ID, kind: kind.into() }
}

pub(crate) fn odd_answer(reason: String) -> SourceError {
    source_error(SourceErrorKind::Schema { host: API_HOST.to_owned(), reason })
}
