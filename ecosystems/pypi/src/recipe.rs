//! From what a project has to facts, and from facts to a recipe: pure, so that equal facts make
//! equal bytes.

use std::collections::BTreeMap;

use batch_core::{
    decide::recipe::{constrain, is_homepage, one_line},
    model::{
        Action, ActionShape, Artifact, Cell, Executables, FailureKind, Metadata, PackageFacts,
        PackageId, PackageKind, PackageName, Parameter, Recipe, RecipeName, RecipeStep, Verify,
    },
    plugin::Missing,
};

use crate::{ID, contents::Contents, project::Release, scripts};

const PACKAGE: &str = "package";
pub(crate) const EXECUTABLES: &str = "executables";
/// The one step that installs a project with all its commands into an environment of its own.
pub(crate) const STEP: ActionShape =
    ActionShape { name: "pipx_install", required: &[PACKAGE, EXECUTABLES] };

const WHEEL: &str = ".whl";

/// What `release` of `name` is. `contents` is what was found in a wheel; `None` where there is no
/// wheel to look into, and `artifacts` are then source distributions, if anything.
pub(crate) fn facts(
    name: &PackageName,
    release: Release,
    artifacts: Vec<Artifact>,
    contents: Option<&Contents>,
) -> PackageFacts {
    let executables = match contents {
        Some(contents) => scripts::in_order(name, &contents.commands, &contents.with_extra),
        None => Executables::Unknown("no wheel tells what it installs".to_owned()),
    };
    let is_library = matches!(&executables, Executables::Known(names) if names.is_empty());
    let addresses = release.info.addresses();
    let homepage = addresses.into_iter().find(|url| is_homepage(url)).map(str::to_owned);
    PackageFacts {
        id: PackageId { ecosystem: ID, name: name.clone() },
        notes: notes(&release, contents),
        description: one_line(release.info.summary()),
        homepage,
        kind: if is_library { PackageKind::Library } else { PackageKind::Tool },
        runtime_dependencies: vec![],
        platforms: platforms(&artifacts),
        install: install(name, &executables),
        version: release.version,
        artifacts,
        executables,
    }
}

/// The cells that there is something for; empty where that is all of them.
fn platforms(artifacts: &[Artifact]) -> Vec<Cell> {
    if artifacts.iter().any(|artifact| artifact.cells.is_empty()) {
        return vec![];
    }
    let has = |cell: &&Cell| artifacts.iter().any(|artifact| artifact.cells.contains(cell));
    let cells: Vec<Cell> = Cell::ALL.iter().filter(has).copied().collect();
    if cells.len() == Cell::ALL.len() { vec![] } else { cells }
}

fn notes(release: &Release, contents: Option<&Contents>) -> Vec<String> {
    let mut notes = vec![];
    if release.is_prerelease {
        notes.push(format!("every version is a prerelease, and {} the newest", release.version));
    }
    let mut wanted: Vec<&String> =
        release.files.iter().filter_map(|file| file.requires_python.as_ref()).collect();
    wanted.sort();
    if let Some(python) = wanted.first().filter(|it| !it.trim().is_empty()) {
        notes.push(one_line(&format!("needs Python {python}")));
    }
    if release.info.is_inactive() {
        notes.push("its authors call it inactive".to_owned());
    }
    let Some(contents) = contents else { return notes };
    for (name, extra) in &contents.with_extra {
        notes.push(one_line(&format!("{name} works only with the extra {extra}")));
    }
    for name in &contents.not_executable {
        notes.push(one_line(&format!("{name} is put beside its commands, but cannot be run")));
    }
    notes
}

fn install(name: &PackageName, executables: &Executables) -> Action {
    let names = match executables {
        Executables::Known(names) => names.iter().map(ToString::to_string).collect(),
        Executables::Unknown(_) => vec![],
    };
    let parameters = BTreeMap::from([
        (PACKAGE.to_owned(), Parameter::Text(name.to_string())),
        (EXECUTABLES.to_owned(), Parameter::List(names)),
    ]);
    Action { name: STEP.name.to_owned(), parameters }
}

/// The recipe that follows from `facts`.
pub(crate) fn build(facts: &PackageFacts) -> Result<Recipe, Missing> {
    let missing = |kind, reason: String| Err(Missing { reason, kind });
    let what = format!("{} {}", facts.id.name, facts.version);
    if facts.artifacts.is_empty() {
        let reason = format!("{what} has wheels for neither linux nor macOS here");
        return missing(FailureKind::NoBottle, reason);
    }
    if !facts.artifacts.iter().any(|artifact| artifact.url.ends_with(WHEEL)) {
        let reason = format!("{what} is published as source only, and running it would tell more");
        return missing(FailureKind::BuildFromSource, reason);
    }
    let first = match &facts.executables {
        Executables::Unknown(why) => return missing(FailureKind::UnsafeName, why.clone()),
        Executables::Known(names) => names.first(),
    };
    let Some(first) = first else {
        return missing(FailureKind::LibraryOnly, format!("{what} installs no command"));
    };
    let mut metadata = Metadata {
        name: recipe_name(facts).to_string(),
        description: description(facts),
        homepage: facts.homepage.clone().unwrap_or_default(),
        // The package manager's mark for recipes that no language model looked over.
        llm_validation: "skipped".to_owned(),
        ..Metadata::default()
    };
    constrain(&mut metadata, &facts.platforms);
    let verify = Verify {
        command: format!("{first} --version"),
        pattern: "{version}".to_owned(),
        ..Verify::default()
    };
    let steps = vec![RecipeStep::from(&facts.install)];
    Ok(Recipe { metadata, version: None, steps, verify: Some(verify) })
}

pub(crate) fn recipe_name(facts: &PackageFacts) -> RecipeName {
    RecipeName::nearest(facts.id.name.as_str())
}

/// Recipes must have one, and some projects have none.
fn description(facts: &PackageFacts) -> String {
    if facts.description.is_empty() {
        return format!("{} from PyPI", facts.id.name);
    }
    facts.description.clone()
}
