//! Makes a recipe from facts. Pure: equal facts give equal bytes. The checks that need no Mac come
//! first.

use std::collections::{BTreeMap, BTreeSet};

use batch_core::{
    decide::{dependencies, recipe::constrain},
    model::{
        ActionShape, Metadata, Os, PackageFacts, PackageName, Parameter, Recipe, RecipeName,
        UnknownCommands, Verify, VersionSource, Versions,
    },
    plugin::Missing,
};

use crate::refusal;

/// The ecosystem under which recipes declare that they satisfy formulae; casks depend on formulae.
pub(crate) const OF_FORMULAE: &str = "homebrew";
pub(crate) const APP_NAME: &str = "app_name";
pub(crate) const BINARIES: &str = "binaries";
/// The step that installs an app.
pub(crate) const STEP: ActionShape = ActionShape::new("app_bundle", &["url", "checksum", APP_NAME])
    .versioned(Versions::Named("cask"))
    .only_on(Os::Darwin);

/// The recipe for `facts`.
pub(crate) fn build(facts: &PackageFacts) -> Result<Recipe, Missing> {
    let name = &facts.id.name;
    let of_cask =
        |missing: Missing| Missing { reason: format!("{name} {}", missing.reason), ..missing };
    let commands = facts.commands().map_err(of_cask)?;
    let is_checked = |artifact: &batch_core::model::Artifact| {
        artifact.url.starts_with("https://") && artifact.digest.starts_with("sha256-")
    };
    if facts.artifacts.is_empty() || !facts.artifacts.iter().all(is_checked) {
        let UnknownCommands { kind, reason, .. } = refusal::unpinned();
        return Err(of_cask(Missing::new(kind, reason)));
    }
    let recipe_name = recipe_name(facts);
    let recipes = dependencies::resolved(facts);
    let needed = &facts.runtime_dependencies;
    let blocked_by: Vec<PackageName> =
        needed.iter().filter(|name| !recipes.contains_key(name.as_str())).cloned().collect();
    let named = |formula: &PackageName| dependencies::recipe_name(&recipes, formula.as_str());
    let distinct: BTreeSet<String> = needed.iter().map(named).collect();
    let mut metadata = Metadata {
        name: recipe_name.to_string(),
        description: facts.description.clone(),
        homepage: facts.homepage.clone().unwrap_or_default(),
        // The package manager's mark for recipes that no language model has checked.
        llm_validation: "skipped".to_owned(),
        runtime_dependencies: distinct.into_iter().collect(),
        ..Metadata::default()
    };
    constrain(&mut metadata, &facts.platforms);
    let source = [("source", "cask"), ("cask", name.as_str())];
    let source = source.map(|(key, value)| (key.to_owned(), value.into()));
    let recipe = Recipe {
        metadata,
        version: Some(VersionSource(BTreeMap::from(source))),
        steps: vec![dependencies::step(facts)],
        verify: Some(match commands.first() {
            Some(first) => command(first.as_str(), &facts.version),
            None => presence(&recipe_name),
        }),
    };
    if blocked_by.is_empty() {
        Ok(recipe)
    } else {
        Err(Missing::recipes(facts, blocked_by, recipe))
    }
}

/// The name of the recipe: the name of the cask, with `-` for `@`.
pub(crate) fn recipe_name(facts: &PackageFacts) -> RecipeName {
    RecipeName::nearest(facts.id.name.as_str())
}

/// The check of a command. After a comma, a version holds the vendor's build number, which no
/// program prints in this form.
fn command(first: &str, version: &str) -> Verify {
    let command = format!("{first} --version");
    if !version.contains(',') {
        return Verify { command, pattern: "{version}".to_owned(), ..Verify::default() };
    }
    let reason = "the cask's version holds a build number that the program does not print";
    Verify { command, mode: "output".to_owned(), reason: reason.to_owned(), ..Verify::default() }
}

/// The check of an app without commands: only its presence can be tested.
fn presence(name: &RecipeName) -> Verify {
    Verify {
        command: format!("test -d $TSUKU_HOME/apps/{name}-*.app"),
        mode: "output".to_owned(),
        reason: "macOS applications do not have version flags; \
                 verification checks that the .app bundle was installed"
            .to_owned(),
        ..Verify::default()
    }
}

/// The text parameter `key` of `facts`; empty if it is missing.
pub(crate) fn text<'f>(facts: &'f PackageFacts, key: &str) -> &'f str {
    match facts.install.parameters.get(key) {
        Some(Parameter::Text(text)) => text,
        Some(Parameter::List(_) | Parameter::Flag(_)) | None => "",
    }
}

/// The list parameter `key` of `facts`; empty if it is missing.
pub(crate) fn list<'f>(facts: &'f PackageFacts, key: &str) -> &'f [String] {
    match facts.install.parameters.get(key) {
        Some(Parameter::List(texts)) => texts,
        Some(Parameter::Text(_) | Parameter::Flag(_)) | None => &[],
    }
}
