//! Asking the registry: a thin async layer over pure functions.

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

/// What recipes, quotas and caches know the registry by.
pub(crate) const ORIGIN: &str = "https://registry.npmjs.org";
const JSON: &str = "application/json";
/// The short form of all versions: some packages have ten megabytes of the long one.
const ALL_VERSIONS: &str = "application/vnd.npm.install-v1+json";
const LONGEST_LIST: usize = 32 << 20;

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
        // No such package, or none that is called latest: only the list of versions tells.
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

/// What a bare name installs where no version is tagged latest: the highest release, and one that
/// is not deprecated if there is any. `None` where there is no package, no version left of it, or
/// only prereleases.
async fn without_latest(
    http: &dyn Http,
    name: &PackageName,
) -> Result<Option<String>, SourceError> {
    let answer = ask(http, &[name.as_str()], ALL_VERSIONS).await?;
    let Some(body) = answer.body() else { return Ok(None) };
    let packument: Packument =
        serde_json::from_slice(body).map_err(|error| odd_answer(error.to_string()))?;
    let versions = packument.versions;
    let is_fit = |version: &&String| !manifest::is_deprecated(&versions[*version].deprecated);
    let fit = version::highest(versions.keys().filter(is_fit));
    Ok(fit.or_else(|| version::highest(versions.keys())).cloned())
}

#[derive(Deserialize)]
struct Packument {
    #[serde(default)]
    versions: BTreeMap<String, Listed>,
}

/// What is read of each version: some packages have thousands.
#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    deprecated: Value,
}

/// What the registry says about one address.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Body(Vec<u8>),
    Nothing,
    /// There, but not for us: private, paid, blocked, or withdrawn for legal reasons. Nobody
    /// could install it.
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
    let request = Request { accept: Some(accept), max_bytes: LONGEST_LIST, ..request };
    let response = http.send(request).await.map_err(source_error)?;
    if is_withheld(&response) {
        return Ok(Answer::Withheld);
    }
    let body = response.found().map_err(source_error)?;
    Ok(body.map_or(Answer::Nothing, Answer::Body))
}

/// Whether the registry itself refuses: what stands before it, such as a bot filter or a proxy,
/// answers pages, and is not to be believed about a package.
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
