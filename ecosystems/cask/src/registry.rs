//! Requests to formulae.brew.sh, and facts from their answers.

use std::collections::BTreeMap;

use async_trait::async_trait;
use batch_core::{
    decide::dependencies,
    io::{Http, Request},
    model::{
        Action, Artifact, Cell, Executables, ExecutablesFrom, KnownRecipes, PackageFacts,
        PackageId, PackageKind, PackageName, Parameter, Recipe, RecipeName, UnknownCommands,
    },
    plugin::{Missing, RecipeBuilder, SourceError, SourceErrorKind, ask_bytes},
};

use crate::{
    Cask, ID,
    artifacts::{self, App},
    cask::{self, Manifest, Views, plain},
    recipe, refusal,
};

const CASKS: &str = "https://formulae.brew.sh";

#[async_trait]
impl RecipeBuilder for Cask {
    async fn inspect(
        &self,
        http: &dyn Http,
        name: &PackageName,
    ) -> Result<Option<PackageFacts>, SourceError> {
        let request = Request::get(CASKS, &["api", "cask", &format!("{name}.json")], &[]);
        let request = request.map(|it| Request { accept: Some("application/json"), ..it });
        let Some(body) = ask_bytes(http, &ID, request).await? else { return Ok(None) };
        facts(name, &body).map(Some).map_err(odd_answer)
    }

    fn resolve(&self, mut facts: PackageFacts, known: &KnownRecipes) -> PackageFacts {
        let needed = facts.runtime_dependencies.clone();
        let needed = needed.iter().map(PackageName::as_str).collect();
        dependencies::resolve(&mut facts, recipe::OF_FORMULAE, &needed, known);
        facts
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

/// The facts about `name` in `body`. The error says what is wrong with the answer.
pub(crate) fn facts(name: &PackageName, body: &[u8]) -> Result<PackageFacts, String> {
    let views = cask::read(body)?;
    if !views.base.is_called(name.as_str()) {
        return Err(format!("it is about {:?}", plain(&views.base.token)));
    }
    let newest = views.arm.as_ref().or(views.intel.as_ref());
    let Some(newest) = newest else {
        return Ok(refused(name, &views.base, refusal::not_for_macos()));
    };
    if let Some(why) = obstacle(name, newest) {
        return Ok(refused(name, newest, why));
    }
    Ok(match app(newest) {
        Ok(app) => found(name, newest, app, &views),
        Err(why) => refused(name, newest, why),
    })
}

/// A reason why the cask cannot be installed that does not depend on its artifacts.
fn obstacle(name: &PackageName, cask: &Manifest) -> Option<UnknownCommands> {
    if cask.token != name.as_str() {
        return Some(refusal::renamed(&plain(&cask.token)));
    }
    if cask.disabled {
        return Some(refusal::disabled(&cask.disabled_because()));
    }
    let url = cask.url.as_deref().unwrap_or_default();
    if !url.starts_with("https://") {
        return Some(refusal::insecure(&plain(url)));
    }
    pinned(cask).is_none().then(refusal::unpinned)
}

/// The app that `cask` installs. The error is the reason why it cannot be installed.
fn app(cask: &Manifest) -> Result<App, UnknownCommands> {
    let app = artifacts::app(cask)?;
    match cask.not_unpacked() {
        Some(why) => Err(refusal::not_unpacked(&why)),
        None => Ok(app),
    }
}

/// The version and the checksum, if the download can be pinned.
fn pinned(cask: &Manifest) -> Option<(&str, &str)> {
    let (version, sha256) = (cask.version.as_deref()?, cask.sha256.as_deref()?);
    let is_digest = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_version = version != "latest" && !version.is_empty() && version == plain(version);
    (is_digest && is_version).then_some((version, sha256))
}

/// The facts of a cask that cannot be built, and why.
fn refused(name: &PackageName, cask: &Manifest, why: UnknownCommands) -> PackageFacts {
    of(name, cask, Executables::Unknown(why))
}

/// What a cask says about itself.
fn of(name: &PackageName, cask: &Manifest, executables: Executables) -> PackageFacts {
    PackageFacts {
        id: PackageId { ecosystem: ID, name: name.clone() },
        version: cask.version.as_deref().map(plain).unwrap_or_default(),
        printed_version: None,
        executables_from: ExecutablesFrom::Registry,
        executables,
        description: cask.description(),
        homepage: cask.homepage(),
        kind: PackageKind::Tool,
        runtime_dependencies: vec![],
        platforms: vec![],
        artifacts: vec![],
        install: Action { name: recipe::STEP.name.to_owned(), parameters: BTreeMap::new() },
        plugin_data: BTreeMap::new(),
        notes: vec![],
    }
}

fn found(name: &PackageName, newest: &Manifest, app: App, views: &Views) -> PackageFacts {
    let mut notes = notes(newest);
    notes.extend(app.notes.clone());
    let mut artifacts = vec![];
    for (cell, view) in [(Cell::DarwinArm, &views.arm), (Cell::DarwinX86, &views.intel)] {
        let Some(view) = view else { continue };
        match artifact(cell, view, &app) {
            Ok(artifact) => artifacts.push(artifact),
            Err(why) => notes.push(format!("not for {cell}: {why}")),
        }
    }
    let executables = Executables::Known(app.commands.clone());
    PackageFacts {
        runtime_dependencies: newest.formulae().iter().filter_map(|it| it.parse().ok()).collect(),
        platforms: artifacts.iter().flat_map(|it: &Artifact| it.cells.clone()).collect(),
        artifacts,
        install: install(app),
        notes,
        ..of(name, newest, executables)
    }
}

/// The download for one processor. A recipe has one app and one list of binaries; if the processors
/// differ in them, the recipe covers only the first view.
fn artifact(cell: Cell, view: &Manifest, app: &App) -> Result<Artifact, String> {
    let url = view.url.clone().filter(|url| url.starts_with("https://"));
    let (Some(url), Some((_, sha256))) = (url, pinned(view)) else {
        return Err(refusal::unpinned().reason);
    };
    if view.disabled {
        return Err(refusal::disabled(&view.disabled_because()).reason);
    }
    let own = self::app(view).map_err(|why| why.reason)?;
    if (&own.name, &own.binaries) != (&app.name, &app.binaries) {
        return Err("it installs something else there".to_owned());
    }
    let digest = format!("sha256-{}", sha256.to_ascii_lowercase());
    Ok(Artifact::unread(vec![cell], url, digest))
}

fn install(app: App) -> Action {
    let mut parameters = BTreeMap::from([
        ("url".to_owned(), Parameter::Text("{version.url}".to_owned())),
        ("checksum".to_owned(), Parameter::Text("{version.checksum}".to_owned())),
        (recipe::APP_NAME.to_owned(), Parameter::Text(app.name)),
    ]);
    if !app.binaries.is_empty() {
        parameters.insert(recipe::BINARIES.to_owned(), Parameter::List(app.binaries));
    }
    Action { name: recipe::STEP.name.to_owned(), parameters }
}

fn notes(cask: &Manifest) -> Vec<String> {
    let mut notes = vec![];
    if cask.deprecated {
        notes.push(format!("deprecated: {}", cask.deprecated_because()));
    }
    if cask.caveats_rosetta == Some(true) {
        notes.push("needs Rosetta on Apple's processors".to_owned());
    }
    notes.extend(cask.casks().iter().map(|it| format!("needs the cask {}", plain(it))));
    notes
}

pub(crate) fn source_error(kind: impl Into<SourceErrorKind>) -> SourceError {
    SourceError { ecosystem: ID, kind: kind.into() }
}

pub(crate) fn odd_answer(reason: String) -> SourceError {
    source_error(SourceErrorKind::Schema { host: "formulae.brew.sh".to_owned(), reason })
}
