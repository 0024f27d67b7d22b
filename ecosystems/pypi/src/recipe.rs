//! From what a project has to facts, and from facts to a recipe: pure, so that equal facts make
//! equal bytes.

use batch_core::{
    decide::recipe::{is_homepage, of_step, one_line},
    model::{
        Action, ActionShape, Artifact, Cell, Executables, FailureKind, PackageFacts, PackageId,
        PackageKind, PackageName, Recipe, RecipeName, Verify, Versions,
    },
    plugin::Missing,
};

use crate::{ID, contents::Contents, project::Release, scripts};

const PACKAGE: &str = "package";
pub(crate) const EXECUTABLES: &str = "executables";
/// The one step that installs a project with all its commands into an environment of its own.
pub(crate) const STEP: ActionShape = ActionShape::new("pipx_install", &[PACKAGE, EXECUTABLES])
    .bringing(&["python-standalone"])
    .versioned(Versions::Inferred("pypi"));

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
        install: Action::of_commands(STEP.name, PACKAGE, name.as_str(), &executables),
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

/// The recipe that follows from `facts`.
pub(crate) fn build(facts: &PackageFacts) -> Result<Recipe, Missing> {
    let missing = |kind, reason: String| Err(Missing::new(kind, reason));
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
    let (otherwise, verify) =
        (format!("{} from PyPI", facts.id.name), Verify::of_version(first.as_str()));
    Ok(of_step(facts, &recipe_name(facts), otherwise, verify))
}

pub(crate) fn recipe_name(facts: &PackageFacts) -> RecipeName {
    RecipeName::nearest(facts.id.name.as_str())
}
