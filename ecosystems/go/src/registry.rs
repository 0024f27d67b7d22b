//! Asking the proxy: a thin async layer over pure functions.

use async_trait::async_trait;
use batch_core::{
    io::{Http, HttpError, Request, Response, archive::RemoteZip},
    model::{FailureKind, PackageFacts, PackageName, Recipe, RecipeName},
    plugin::{Missing, RecipeBuilder, SourceError, SourceErrorKind},
};
use serde::Deserialize;

use crate::{
    Go, ID,
    facts::{self, Module},
    gomod::GoMod,
    mains::{self, Mains},
    paths,
    quota::PROXY_HOST,
    recipe,
    versions::{self, Version},
};

/// What recipes, quotas and caches know the proxy by.
pub(crate) const ORIGIN: &str = "https://proxy.golang.org";
const LONGEST_GO_MOD: usize = 16 << 20;
const LONGEST_REFUSAL: usize = 64 << 10;
/// As much of a module as is downloaded from a proxy that gives no parts.
const LARGEST_ZIP: usize = 64 << 20;

#[async_trait]
impl RecipeBuilder for Go {
    async fn inspect(
        &self,
        http: &dyn Http,
        name: &PackageName,
    ) -> Result<Option<PackageFacts>, SourceError> {
        for module in paths::modules(name.as_str()) {
            let Some(found) = latest(http, module).await? else { continue };
            let mains = look(http, &found, name).await?;
            // Only a shorter module can have the folder then.
            if !matches!(mains, Mains::NoFolder) {
                return Ok(facts::facts(name, &found, mains));
            }
        }
        Ok(None)
    }

    fn build(&self, facts: &PackageFacts) -> Result<Recipe, Missing> {
        recipe::build(facts)
    }

    fn recipe_name(&self, facts: &PackageFacts) -> RecipeName {
        recipe::recipe_name(facts)
    }
}

/// The version of `module` that its bare path means, and what its go.mod says.
async fn latest(http: &dyn Http, module: &str) -> Result<Option<Module>, SourceError> {
    let Some(list) = ask(http, module, &["@v", "list"]).await? else { return Ok(None) };
    // Garbage must not pass for a module without versions.
    if !list.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t')) {
        return Err(odd("its list of versions is no text of versions".to_owned()));
    }
    let listed = versions::listed(&String::from_utf8_lossy(&list));
    let all: Vec<&Version> = listed.iter().collect();
    let highest = match meant(http, module, &all).await? {
        Some(version) => Some(version.clone()),
        // Nothing is tagged; not every proxy answers this.
        None => untagged(http, module).await?,
    };
    let Some(highest) = highest else { return Ok(None) };
    let Some(go_mod) = go_mod(http, module, &highest).await? else { return Ok(None) };
    // What is taken back is written in the newest version, which may take itself back.
    let kept: Vec<&Version> = listed.iter().filter(|it| !go_mod.retracts(it)).collect();
    let chosen = meant(http, module, &kept).await?.unwrap_or(&highest).clone();
    let is_retracted = kept.is_empty() && !listed.is_empty();
    // Whether a module should still be used is written in its newest version too.
    let deprecated = go_mod.deprecated.clone();
    let go_mod =
        if chosen == highest { Some(go_mod) } else { self::go_mod(http, module, &chosen).await? };
    let path = module.to_owned();
    Ok(go_mod.map(|go_mod| Module { path, version: chosen, go_mod, deprecated, is_retracted }))
}

/// Which of `versions` the go command takes for the latest.
async fn meant<'a>(
    http: &dyn Http,
    module: &str,
    versions: &[&'a Version],
) -> Result<Option<&'a Version>, SourceError> {
    let go_mod = match versions::decisive(versions) {
        Some(last) => go_mod(http, module, last).await?.map(|found| !found.is_made_up),
        None => Some(false),
    };
    // Where the proxy does not say, what is listed as compatible goes before.
    Ok(versions::latest(versions, go_mod.unwrap_or(true)))
}

async fn untagged(http: &dyn Http, module: &str) -> Result<Option<Version>, SourceError> {
    #[derive(Deserialize)]
    struct Info {
        #[serde(rename = "Version")]
        version: String,
    }

    let Some(body) = ask(http, module, &["@latest"]).await? else { return Ok(None) };
    let info: Info = serde_json::from_slice(&body).map_err(|error| odd(error.to_string()))?;
    let version = Version::parse(&info.version);
    version.map(Some).ok_or_else(|| odd("its newest version is none".to_owned()))
}

async fn go_mod(
    http: &dyn Http,
    module: &str,
    version: &Version,
) -> Result<Option<GoMod>, SourceError> {
    let file = format!("{}.mod", paths::escaped(version.as_str()));
    let body = ask(http, module, &["@v", &file]).await?;
    Ok(body.map(|body| GoMod::parse(&String::from_utf8_lossy(&body))))
}

/// Looks into the module for what `name` means.
async fn look(http: &dyn Http, module: &Module, name: &PackageName) -> Result<Mains, SourceError> {
    let file = format!("{}.zip", paths::escaped(module.version.as_str()));
    let request = request(&module.path, &["@v", &file]).map_err(source_error)?;
    let request = Request { max_bytes: LARGEST_ZIP, ..request };
    let zip = match RemoteZip::open(http, request.clone()).await {
        Ok(zip) => zip,
        // The text, which only a second look shows, tells whose refusal it is.
        Err(error) if error.finding().kind == FailureKind::AuthRequired => {
            let refusal = Request { range: Some(0..=0), max_bytes: LONGEST_REFUSAL, ..request };
            let response = http.send(refusal).await.map_err(source_error)?;
            if !is_about_module(&response) {
                return Err(source_error(error));
            }
            None
        }
        Err(error) => return Err(source_error(error)),
    };
    let Some(zip) = zip else { return Ok(Mains::NoFolder) };
    let below = name.as_str().strip_prefix(&module.path).unwrap_or_default();
    let dir = below.trim_start_matches('/');
    mains::find(&zip, module, dir).await.map_err(source_error)
}

/// The proxy's answer; `None` where it has nothing, or nothing that it hands out.
async fn ask(http: &dyn Http, module: &str, file: &[&str]) -> Result<Option<Vec<u8>>, SourceError> {
    let request =
        Request { max_bytes: LONGEST_GO_MOD, ..request(module, file).map_err(source_error)? };
    let response = http.send(request).await.map_err(source_error)?;
    if is_about_module(&response) {
        return Ok(None);
    }
    response.found().map_err(source_error)
}

fn request(module: &str, file: &[&str]) -> Result<Request, HttpError> {
    let escaped = paths::escaped(module);
    let segments: Vec<&str> = escaped.split('/').chain(file.iter().copied()).collect();
    Request::get(ORIGIN, &segments, &[])
}

/// Whether a 403 is the proxy's word about one module, in plain text, rather than somebody's word
/// about us.
fn is_about_module(response: &Response) -> bool {
    let text = String::from_utf8_lossy(&response.body).to_lowercase();
    let is_reason = ["not available", "not found", "disabled"].iter().any(|it| text.contains(it));
    response.status == 403 && is_reason && !text.trim_start().starts_with('<')
}

pub(crate) fn source_error(kind: impl Into<SourceErrorKind>) -> SourceError {
    SourceError { ecosystem: ID, kind: kind.into() }
}

fn odd(reason: String) -> SourceError {
    source_error(SourceErrorKind::Schema { host: PROXY_HOST.to_owned(), reason })
}
