//! Asking MetaCPAN and a mirror: a thin async layer over pure functions.

use std::fs::File;

use async_trait::async_trait;
use batch_core::{
    io::{
        Http, HttpError, Request,
        archive::{DigestError, verify_digest},
    },
    model::{PackageFacts, PackageName, Recipe, RecipeName},
    plugin::{Missing, RecipeBuilder, SourceError, SourceErrorKind, fetch_listed},
};

use crate::{
    Cpan, ID,
    contents::{self, Contents},
    facts, recipe,
    release::{self, Release},
};

/// What quotas and caches know the API by.
const API: &str = "https://fastapi.metacpan.org";
const API_HOST: &str = "fastapi.metacpan.org";
/// Where archives are asked for.
pub(crate) const MIRROR: &str = "https://cpan.metacpan.org";
/// Some releases list tens of thousands of modules.
const LONGEST_RELEASE: usize = 16 << 20;
const LONGEST_ARCHIVE: usize = 128 << 20;
/// What is read of archives: nearly all are of these forms.
const FORMS: [&str; 3] = [".tar.gz", ".tgz", ".tar"];

#[async_trait]
impl RecipeBuilder for Cpan {
    async fn inspect(
        &self,
        http: &dyn Http,
        name: &PackageName,
    ) -> Result<Option<PackageFacts>, SourceError> {
        let path = ["v1", "release", name.as_str()];
        let request = Request::get(API, &path, &[]).map_err(source_error)?;
        let accept = Some("application/json");
        let request = Request { accept, max_bytes: LONGEST_RELEASE, ..request };
        let response = http.send(request).await.map_err(source_error)?;
        let Some(body) = response.found().map_err(source_error)? else { return Ok(None) };
        let read = release::read(name, &body).map_err(odd_answer)?;
        let Some(release) = read else { return Ok(None) };
        let contents = contents(http, &release).await?;
        let contents = contents.as_ref().map_err(Clone::clone);
        Ok(Some(facts::of(name, release, contents)))
    }

    fn build(&self, facts: &PackageFacts) -> Result<Recipe, Missing> {
        recipe::build(facts)
    }

    fn recipe_name(&self, facts: &PackageFacts) -> RecipeName {
        recipe::recipe_name(facts)
    }
}

/// What lies in the archive of `release`, or why it cannot be used. It is packed as a whole, so
/// all of it is fetched, and compared with the digest that is stated.
async fn contents(
    http: &dyn Http,
    release: &Release,
) -> Result<Result<Contents, String>, SourceError> {
    let file = release.path.last().map_or("", String::as_str);
    if !FORMS.iter().any(|form| file.ends_with(form)) {
        return Ok(Err(format!("{file} is of a form that is not read")));
    }
    let path = ["authors", "id"].into_iter().chain(release.path.iter().map(String::as_str));
    let request = Request::get(MIRROR, &path.collect::<Vec<_>>(), &[]).map_err(source_error)?;
    let request = Request { max_bytes: LONGEST_ARCHIVE, ..request };
    // The API tells of releases that mirrors do not have yet, or no more.
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
