//! Requests to the registry: a thin async layer over pure functions.

use std::collections::BTreeMap;

use async_trait::async_trait;
use batch_core::{
    io::{Http, Request, Response},
    model::{PackageFacts, PackageName, Recipe, RecipeName},
    plugin::{Missing, RecipeBuilder, SourceError, SourceErrorKind},
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use crate::{ID, Npm, manifest, quota::HOST, recipe, version};

/// The origin by which recipes, quotas and caches refer to the registry.
pub(crate) const ORIGIN: &str = "https://registry.npmjs.org";
const JSON: &str = "application/json";
/// The short format of all versions; some packages have ten megabytes in the long format.
const ALL_VERSIONS: &str = "application/vnd.npm.install-v1+json";
const MAX_LIST: usize = 32 << 20;

#[async_trait]
impl RecipeBuilder for Npm {
    async fn inspect(
        &self,
        http: &dyn Http,
        name: &PackageName,
    ) -> Result<Option<PackageFacts>, SourceError> {
        let latest = ask(http, &[name.as_str(), "latest"], JSON).await?;
        if let Some(body) = latest.body() {
            return manifest::facts(name, body).map_err(odd_answer);
        }
        if latest == Answer::Withheld {
            return Ok(None);
        }
        // The package does not exist, or has no version with the tag `latest`; only the list of
        // versions tells.
        let Some(chosen) = without_latest(http, name).await? else { return Ok(None) };
        let answer = ask(http, &[name.as_str(), &chosen], JSON).await?;
        let Some(body) = answer.body() else { return Ok(None) };
        let note = format!("no version is tagged latest, and {chosen} is the highest");
        let noted = |facts: PackageFacts| PackageFacts {
            notes: facts.notes.iter().cloned().chain([note]).collect(),
            ..facts
        };
        Ok(manifest::facts(name, body).map_err(odd_answer)?.map(noted))
    }

    fn build(&self, facts: &PackageFacts) -> Result<Recipe, Missing> {
        recipe::build(facts)
    }

    fn recipe_name(&self, facts: &PackageFacts) -> RecipeName {
        recipe::recipe_name(facts)
    }
}

/// The version that a bare name installs if no version has the tag `latest`: the highest release,
/// preferably one that is not deprecated. `None` if the package does not exist, has no versions, or
/// has only prereleases.
async fn without_latest(
    http: &dyn Http,
    name: &PackageName,
) -> Result<Option<String>, SourceError> {
    let answer = ask(http, &[name.as_str()], ALL_VERSIONS).await?;
    let Some(body) = answer.body() else { return Ok(None) };
    let packument: Packument =
        serde_json::from_slice(body).map_err(|error| odd_answer(error.to_string()))?;
    if packument.name != name.as_str() {
        return Err(odd_answer(format!("it is about {:?}", manifest::shortened(&packument.name))));
    }
    let versions = packument.versions;
    let is_fit = |version: &&String| !manifest::is_deprecated(&versions[*version].deprecated);
    let fit = version::highest(versions.keys().filter(is_fit));
    Ok(fit.or_else(|| version::highest(versions.keys())).cloned())
}

#[derive(Deserialize)]
struct Packument {
    name: String,
    #[serde(default)]
    versions: BTreeMap<String, Listed>,
}

/// The fields that are read of each version; some packages have thousands of versions.
#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    deprecated: Value,
}

/// The registry's answer for one address.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Body(Vec<u8>),
    Nothing,
    /// It exists, but nobody can download it: private, paid, blocked, or withdrawn for legal
    /// reasons.
    Withheld,
}

impl Answer {
    fn body(&self) -> Option<&[u8]> {
        match self {
            Self::Body(body) => Some(body),
            Self::Nothing | Self::Withheld => None,
        }
    }
}

async fn ask(http: &dyn Http, path: &[&str], accept: &'static str) -> Result<Answer, SourceError> {
    let request = Request::get(ORIGIN, path, &[]).map_err(source_error)?;
    let request = Request { accept: Some(accept), max_bytes: MAX_LIST, ..request };
    let response = http.send(request).await.map_err(source_error)?;
    if is_withheld(&response) {
        return Ok(Answer::Withheld);
    }
    let body = response.found().map_err(source_error)?;
    Ok(body.map_or(Answer::Nothing, Answer::Body))
}

/// Whether the registry itself refuses. A bot filter or a proxy in front of it answers with HTML
/// pages, which say nothing about the package.
fn is_withheld(response: &Response) -> bool {
    let is_refusal = matches!(response.status, 401 | 402 | 403 | 451);
    is_refusal && serde_json::from_slice::<IgnoredAny>(&response.body).is_ok()
}

pub(crate) fn source_error(kind: impl Into<SourceErrorKind>) -> SourceError {
    SourceError { ecosystem: ID, kind: kind.into() }
}

pub(crate) fn odd_answer(reason: String) -> SourceError {
    source_error(SourceErrorKind::Schema { host: HOST.to_owned(), reason })
}
