//! Requests to formulae.brew.sh and ghcr.io: a thin async layer over pure functions.

use std::{
    collections::{BTreeMap, VecDeque},
    path::Path,
    time::Duration,
};

use async_trait::async_trait;
use batch_core::{
    io::{CachedFile, Http, HttpError, Request, archive, json},
    model::{
        FailureKind, KnownRecipes, Os, PackageFacts, PackageName, Recipe, RecipeName,
        UnknownCommands,
    },
    plugin::{Missing, RecipeBuilder, SourceError, SourceErrorKind, ask_bytes, ask_listed},
};
use serde::Deserialize;

use crate::{
    Homebrew, ID,
    bottle::{self, Bottle, IMAGES},
    contents::{self, Contents},
    facts::{self, Found, Needed},
    formula::{self, Formula, Views},
    recipe, refusal, resolution,
};

const FORMULAE: &str = "https://formulae.brew.sh";
/// How long the list of formulae that have moved is used again: as long as a run may take.
const FRESH: Duration = Duration::from_secs(60 * 60);
const TOKENS: &str = "https://ghcr.io/token";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The largest image index that is read, in bytes: a description of about thirty bottles.
const MAX_INDEX: usize = 4 << 20;
/// The largest bottle that is downloaded to read its content, in bytes.
const MAX_LOOK: usize = 256 << 20;
/// How many formulae are requested for the dependencies of one formula.
const MAX_DEPENDENCIES: usize = 60;

#[async_trait]
impl RecipeBuilder for Homebrew {
    async fn inspect(
        &self,
        http: &dyn Http,
        name: &PackageName,
    ) -> Result<Option<PackageFacts>, SourceError> {
        let Some(views) = ask(http, name.as_str()).await? else {
            return moved(http, name).await;
        };
        if let Some(why) = obstacle(name.as_str(), &views).map_err(odd_answer)? {
            return Ok(Some(facts::refused(name, Some(&views), why)));
        }
        let bottles = bottle::bottles(&views);
        let store = Store { http, token: token(http, &bottle::image(&views.linux.name)).await? };
        let mut found = Found::default();
        for (os, slot) in [(Os::Linux, &mut found.linux), (Os::Darwin, &mut found.darwin)] {
            let Some(bottle) = bottles.iter().find(|bottle| bottle.is_for(os)) else { continue };
            match store.contents(bottle, &views).await? {
                Ok(contents) => *slot = Some(contents),
                Err(why) => return Ok(Some(facts::refused(name, Some(&views), why))),
            }
        }
        let needed = needed(http, &views, &bottles).await?;
        Ok(Some(facts::facts(name, &views, &bottles, &found, needed)))
    }

    fn resolve(&self, facts: PackageFacts, known: &KnownRecipes) -> PackageFacts {
        resolution::resolve(facts, known)
    }

    fn build(&self, facts: &PackageFacts) -> Result<Recipe, Missing> {
        recipe::build(facts)
    }

    fn is_reviewed(&self) -> bool {
        true
    }

    fn recipe_name(&self, facts: &PackageFacts) -> RecipeName {
        recipe::recipe_name(facts)
    }
}

/// A reason why a formula cannot be installed on Linux that is known without its bottle. The error
/// says what is wrong with the answer.
fn obstacle(name: &str, views: &Views) -> Result<Option<UnknownCommands>, String> {
    let formula = &views.linux;
    if !formula.is_called(name) {
        return Err(format!("it is about {:?}", formula.name));
    }
    let bottles = bottle::bottles(views);
    let tags = bottle::tags(formula);
    let requirements = formula.requirements();
    Ok(Some(if formula.name != name {
        refusal::renamed(&formula.name)
    } else if formula.disabled {
        refusal::disabled(&formula.disabled_because())
    } else if formula.versions.stable.is_none() {
        refusal::without_stable_version()
    } else if tags.is_empty() && !requirements.is_empty() {
        refusal::requires(&requirements)
    } else if tags.is_empty() {
        refusal::without_bottle()
    } else if bottles.is_empty() && bottle::is_in_place(formula) {
        refusal::requires(&requirements)
    } else if bottles.is_empty() {
        refusal::stored_elsewhere()
    } else if !bottle::is_for_all(formula) && !bottles.iter().any(|bottle| bottle.is_for(Os::Linux))
    {
        refusal::not_for_linux(&tags)
    } else {
        return Ok(None);
    }))
}

/// The formula `name` for each system; `None` if it does not exist.
async fn ask(http: &dyn Http, name: &str) -> Result<Option<Views>, SourceError> {
    let file = format!("{name}.json");
    let request = Request::get(FORMULAE, &["api", "formula", &file], &[]);
    let request = request.map(|it| Request { accept: Some("application/json"), ..it });
    let Some(body) = ask_bytes(http, &ID, request).await? else { return Ok(None) };
    formula::read(&body).map(Some).map_err(odd_answer)
}

/// Finds out whether a missing formula was moved to another tap.
async fn moved(http: &dyn Http, name: &PackageName) -> Result<Option<PackageFacts>, SourceError> {
    let request = Request::get(FORMULAE, &["api", "formula_tap_migrations.json"], &[]);
    // One file for all formulae.
    let request = request.map(|it| Request { fresh_for: FRESH, ..it });
    let mut migrations: BTreeMap<String, String> = ask_listed(http, &ID, request).await?;
    let target = migrations.remove(name.as_str());
    Ok(target.map(|tap| facts::refused(name, None, refusal::moved(&tap))))
}

/// The direct and indirect dependencies of the formula on Linux, in a fixed order; empty if it has
/// no bottle for Linux.
async fn needed(http: &dyn Http, views: &Views, bottles: &[Bottle]) -> Result<Needed, SourceError> {
    let mut needed = Needed::default();
    if !bottles.iter().any(|bottle| bottle.is_for(Os::Linux)) {
        return Ok(needed);
    }
    let own = views.linux.linux_dependencies();
    let mut waiting: VecDeque<String> = own.clone().into();
    needed.graph.insert(views.linux.name.clone(), own);
    while let Some(name) = waiting.pop_front() {
        if needed.graph.contains_key(&name) || MAX_DEPENDENCIES <= needed.graph.len() {
            continue;
        }
        // A missing one is noticed when the formula is verified.
        let found = ask(http, &name).await?;
        let names = found.as_ref().map(|views| views.linux.linux_dependencies());
        let names = names.unwrap_or_default();
        waiting.extend(names.iter().cloned());
        needed.graph.insert(name, names);
        let bottles = found.map(|views| bottle::bottles(&views)).unwrap_or_default();
        let for_linux = bottles.iter().filter(|it| it.is_for(Os::Linux));
        needed.bottles.extend(for_linux.map(Bottle::artifact));
    }
    Ok(needed)
}

#[derive(Deserialize)]
struct Token {
    token: String,
}

/// The token with which ghcr.io lets anybody read `image`.
async fn token(http: &dyn Http, image: &str) -> Result<String, SourceError> {
    let request = Request::get(
        TOKENS,
        &[],
        &token_query(image).each_ref().map(|(key, value)| (*key, value.as_str())),
    )
    .map_err(source_error)?;
    let answer: Option<Token> = json(http, request).await.map_err(source_error)?;
    let none = || odd_answer("it returned no token".to_owned());
    answer.map(|answer| answer.token).ok_or_else(none)
}

fn token_query(image: &str) -> [(&'static str, String); 2] {
    [("service", "ghcr.io".to_owned()), ("scope", format!("repository:homebrew/core/{image}:pull"))]
}

/// The address from which an installer gets a token for `image`.
pub(crate) fn token_address(image: &str) -> String {
    let query = token_query(image);
    let query = query.each_ref().map(|(key, value)| (*key, value.as_str()));
    Request::get(TOKENS, &[], &query).map_or_else(|_| TOKENS.to_owned(), |it| it.url.to_string())
}

/// The images of one formula.
struct Store<'a> {
    http: &'a dyn Http,
    token: String,
}

impl Store<'_> {
    /// The content of `bottle`, or why it is not known.
    async fn contents(
        &self,
        bottle: &Bottle,
        views: &Views,
    ) -> Result<Result<Contents, UnknownCommands>, SourceError> {
        if let Some(commands) = self.announced(bottle).await?
            && !commands.is_empty()
            && agrees(&commands, &views.linux)
        {
            return Ok(Ok(Contents { commands, ..Contents::default() }));
        }
        let file = match self.download(bottle).await {
            Ok(file) => file,
            Err(error) if error.finding().kind == FailureKind::PackageNotFound => {
                return Ok(Err(refusal::gone(&bottle.url())));
            }
            // This one bottle is too large for us; the registry works.
            Err(HttpError::TooLarge { max_bytes, .. }) => {
                let why = format!("it has more than {max_bytes} bytes");
                return Ok(Err(refusal::unreadable(&why)));
            }
            Err(error) => return Err(source_error(error)),
        };
        Ok(looked_into(&file, bottle).map_err(|why| refusal::unreadable(&why)))
    }

    /// The commands that the image's index lists; `None` if it has no list.
    async fn announced(&self, bottle: &Bottle) -> Result<Option<Vec<String>>, SourceError> {
        let segments: Vec<&str> =
            bottle.image.split('/').chain(["manifests", bottle.tag.as_str()]).collect();
        let request = Request::get(IMAGES, &segments, &[]).map_err(source_error)?;
        let (accept, auth) = (Some(INDEX), Some(self.token.clone()));
        let request = Request { accept, auth, max_bytes: MAX_INDEX, ..request };
        let response = self.http.send(request).await.map_err(source_error)?;
        // The bottle may exist without an index.
        let Some(body) = response.found().map_err(source_error)? else { return Ok(None) };
        contents::announced(&body, &bottle.sha256).map_err(odd_answer)
    }

    async fn download(&self, bottle: &Bottle) -> Result<CachedFile, HttpError> {
        let request = Request::get(&bottle.url(), &[], &[])?;
        let auth = Some(self.token.clone());
        self.http.fetch_to_cache(Request { auth, max_bytes: MAX_LOOK, ..request }).await
    }
}

/// The content of a downloaded bottle, if its digest is the announced one.
fn looked_into(file: &Path, bottle: &Bottle) -> Result<Contents, String> {
    let digest = format!("sha256-{}", bottle.sha256);
    archive::verify_digest(file, &digest).map_err(|error| error.to_string())?;
    let listed = contents::listed(file, &bottle.keg).map_err(|error| error.to_string())?;
    Ok(Contents { sha256: Some(bottle.sha256.clone()), ..listed })
}

/// Whether the formula's own list, which covers all platforms, contains everything in the index. If
/// not, the archive decides.
fn agrees(commands: &[String], formula: &Formula) -> bool {
    let Some(executables) = &formula.executables else { return true };
    let name = |path: &String| path.rsplit('/').next().unwrap_or(path).to_owned();
    commands.iter().map(name).all(|name| executables.contains(&name))
}

pub(crate) fn source_error(kind: impl Into<SourceErrorKind>) -> SourceError {
    SourceError { ecosystem: ID, kind: kind.into() }
}

pub(crate) fn odd_answer(reason: String) -> SourceError {
    let host = "formulae.brew.sh".to_owned();
    source_error(SourceErrorKind::Schema { host, reason })
}
