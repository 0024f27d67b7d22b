//! Requests to the proxy: a thin async layer over pure functions.

use async_trait::async_trait;
use batch_core::{
    decide::recipe::one_line,
    io::{Http, HttpError, Request, Response, archive::RemoteZip},
    model::{FailureKind, PackageFacts, PackageName, Recipe, RecipeName},
    plugin::{Missing, RecipeBuilder, SourceError, SourceErrorKind, Withheld},
};
use serde::Deserialize;

use crate::{
    Go, ID,
    facts::{self, Module},
    gomod::GoMod,
    main_packages::{self, MainPackages},
    majors, paths,
    quota::PROXY_HOST,
    recipe,
    versions::{self, Version},
};

/// The origin by which recipes, quotas and caches refer to the proxy.
pub(crate) const ORIGIN: &str = "https://proxy.golang.org";
const MAX_GO_MOD: usize = 16 << 20;
const MAX_REFUSAL: usize = 64 << 10;
/// The largest zip that is downloaded from a proxy without range requests, in bytes.
const MAX_ZIP: usize = 64 << 20;

#[async_trait]
impl RecipeBuilder for Go {
    async fn inspect(
        &self,
        http: &dyn Http,
        name: &PackageName,
    ) -> Result<Option<PackageFacts>, SourceError> {
        let (mut withdrawn, mut not_given) = (None, None);
        for module in paths::modules(name.as_str()) {
            match found(http, module, name).await {
                Ok(Found::Package(facts)) => return Ok(Some(*facts)),
                // In this case, only a shorter module can contain the package.
                Ok(Found::Withdrawn(facts)) => withdrawn = withdrawn.or(Some(*facts)),
                Ok(Found::Nothing) => {}
                Err(error) if is_withheld(&error) || is_unserved(&error) => {
                    not_given = Some((module, error));
                }
                Err(error) => return Err(error),
            }
        }
        match (withdrawn, not_given) {
            (Some(facts), _) => Ok(Some(facts)),
            (None, Some((module, error))) if is_withheld(&error) => {
                Err(majors::advised(http, module, error).await?)
            }
            (None, Some((_, error))) => Err(error),
            (None, None) => Ok(None),
        }
    }

    fn build(&self, facts: &PackageFacts) -> Result<Recipe, Missing> {
        recipe::build(facts)
    }

    fn recipe_name(&self, facts: &PackageFacts) -> RecipeName {
        recipe::recipe_name(facts)
    }
}

/// The result of the search for a package in one module.
enum Found {
    Package(Box<PackageFacts>),
    /// The module exists, but no version of it can be installed.
    Withdrawn(Box<PackageFacts>),
    Nothing,
}

async fn found(http: &dyn Http, module: &str, name: &PackageName) -> Result<Found, SourceError> {
    let Some(latest) = latest(http, module).await? else { return Ok(Found::Nothing) };
    let module = match latest {
        Latest::Withdrawn(module) => {
            return Ok(Found::Withdrawn(Box::new(facts::withdrawn(name, &module))));
        }
        Latest::NotRetracted(module) => module,
    };
    let main_packages =
        look(http, &module, name).await.map_err(|error| majors::declared(error, &module))?;
    let facts = facts::facts(name, &module, main_packages).map(Box::new);
    Ok(facts.map_or(Found::Nothing, Found::Package))
}

/// The newest version of a module, and what its go.mod says.
enum Latest {
    /// The version that the path without a version stands for.
    NotRetracted(Module),
    /// Its author retracted all versions.
    Withdrawn(Module),
}

async fn latest(http: &dyn Http, path: &str) -> Result<Option<Latest>, SourceError> {
    let Some(listed) = list(http, path).await? else { return Ok(None) };
    let all: Vec<&Version> = listed.iter().collect();
    let highest = match latest_version(http, path, &all).await? {
        Some(version) => Some(version.clone()),
        // No version is tagged; some proxies do not answer this request.
        None => untagged(http, path).await?,
    };
    let Some(highest) = highest else { return Ok(None) };
    let Some(newest) = go_mod(http, path, &highest).await? else { return Ok(None) };
    // The newest version states which versions are retracted; it may retract itself.
    let kept: Vec<&Version> = listed.iter().filter(|it| !newest.retracts(it)).collect();
    let chosen = match latest_version(http, path, &kept).await? {
        Some(kept) => Some(kept.clone()),
        None if listed.is_empty() => Some(highest.clone()),
        // As in the go command: a commit may exist where no tag exists.
        None => untagged(http, path).await?,
    };
    let chosen = chosen.filter(|version| !newest.retracts(version));
    let later = majors::later(http, path, &listed).await?;
    // The newest version also states whether the module is deprecated.
    let deprecated = newest.deprecated.clone();
    let path = path.to_owned();
    let Some(version) = chosen else {
        let (version, taken_back) = (highest, None);
        let module = Module { path, version, go_mod: newest, deprecated, taken_back, later };
        return Ok(Some(Latest::Withdrawn(module)));
    };
    let is_newest = version == highest;
    let go_mod = if is_newest { Some(newest) } else { go_mod(http, &path, &version).await? };
    let taken_back = (!is_newest).then_some(highest);
    Ok(go_mod.map(|go_mod| {
        Latest::NotRetracted(Module { path, version, go_mod, deprecated, taken_back, later })
    }))
}

/// The versions of `module` that the proxy lists; `None` if the module does not exist.
pub(crate) async fn list(
    http: &dyn Http,
    module: &str,
) -> Result<Option<Vec<Version>>, SourceError> {
    let Some(list) = ask(http, module, &["@v", "list"]).await? else { return Ok(None) };
    // An answer that is not a list must not count as a module without versions.
    if !list.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t')) {
        return Err(odd("its list of versions is not a list of versions".to_owned()));
    }
    Ok(Some(versions::listed(&String::from_utf8_lossy(&list))))
}

/// The version among `versions` that the go command takes for the latest.
async fn latest_version<'a>(
    http: &dyn Http,
    module: &str,
    versions: &[&'a Version],
) -> Result<Option<&'a Version>, SourceError> {
    let go_mod = match versions::decisive(versions) {
        Some(last) => go_mod(http, module, last).await?.map(|found| !found.is_made_up),
        None => Some(false),
    };
    // If the proxy does not say, versions of the time before modules count as usual.
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
    version.map(Some).ok_or_else(|| odd("its newest version is not a version".to_owned()))
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

/// Searches the module for the package or the command `name`.
async fn look(
    http: &dyn Http,
    module: &Module,
    name: &PackageName,
) -> Result<MainPackages, SourceError> {
    let file = format!("{}.zip", paths::escaped(module.version.as_str()));
    let request = request(&module.path, &["@v", &file]).map_err(source_error)?;
    let request = Request { max_bytes: MAX_ZIP, ..request };
    let url = request.url.clone();
    let zip = match RemoteZip::open(http, request.clone()).await {
        Ok(zip) => zip,
        // Only a second request shows the text, which tells who refused.
        Err(error) if error.finding().kind == FailureKind::AuthRequired => {
            let refusal = Request { range: Some(0..=0), max_bytes: MAX_REFUSAL, ..request };
            let response = http.send(refusal).await.map_err(source_error)?;
            return Err(withheld(&response).unwrap_or_else(|| source_error(error)));
        }
        Err(error) => return Err(source_error(error)),
    };
    // The version is listed and its go.mod exists, so the zip should exist too.
    let Some(zip) = zip else { return Err(source_error(SourceErrorKind::Unserved { url })) };
    let below = name.as_str().strip_prefix(&module.path).unwrap_or_default();
    let dir = below.trim_start_matches('/');
    main_packages::find(&zip, module, dir).await.map_err(source_error)
}

/// The proxy's answer; `None` if it does not have the file.
async fn ask(http: &dyn Http, module: &str, file: &[&str]) -> Result<Option<Vec<u8>>, SourceError> {
    let request = Request { max_bytes: MAX_GO_MOD, ..request(module, file).map_err(source_error)? };
    let response = http.send(request).await.map_err(source_error)?;
    match withheld(&response) {
        Some(error) => Err(error),
        None => response.found().map_err(source_error),
    }
}

fn request(module: &str, file: &[&str]) -> Result<Request, HttpError> {
    let escaped = paths::escaped(module);
    let segments: Vec<&str> = escaped.split('/').chain(file.iter().copied()).collect();
    Request::get(ORIGIN, &segments, &[])
}

/// The proxy's refusal of one module, which is a 403 with a reason in plain text. Any other 403
/// concerns our requests in general.
fn withheld(response: &Response) -> Option<SourceError> {
    let text = String::from_utf8_lossy(&response.body);
    let is_reason = |text: &str| {
        let text = text.to_lowercase();
        let words =
            ["not available", "unavailable", "not found", "disabled", "withheld", "removed"];
        words.iter().any(|it| text.contains(it))
    };
    if response.status != 403 || !is_reason(&text) || text.trim_start().starts_with('<') {
        return None;
    }
    let (url, reason) = (response.url.clone(), one_line(&text));
    let withheld = Withheld { url, reason, advice: String::new() };
    Some(source_error(SourceErrorKind::Withheld(Box::new(withheld))))
}

pub(crate) fn is_withheld(error: &SourceError) -> bool {
    matches!(error.kind, SourceErrorKind::Withheld(_))
}

fn is_unserved(error: &SourceError) -> bool {
    matches!(error.kind, SourceErrorKind::Unserved { .. })
}

pub(crate) fn source_error(kind: impl Into<SourceErrorKind>) -> SourceError {
    SourceError { ecosystem: ID, kind: kind.into() }
}

fn odd(reason: String) -> SourceError {
    source_error(SourceErrorKind::Schema { host: PROXY_HOST.to_owned(), reason })
}
