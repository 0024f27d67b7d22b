//! From what a project has to facts, and from facts to a recipe: pure, so that equal facts make
//! equal bytes.

use std::collections::BTreeSet;

use batch_core::{
    decide::recipe::{is_homepage, of_step, one_line, with_binaries},
    model::{
        Action, ActionShape, Artifact, Cell, Executables, FailureKind, PackageFacts, PackageId,
        PackageKind, PackageName, Recipe, RecipeName, Verify, Versions,
    },
    plugin::Missing,
};

use crate::{
    ID,
    contents::Contents,
    project::{Info, Release},
    scripts,
};

pub(crate) const PACKAGE: &str = "package";
pub(crate) const EXECUTABLES: &str = "executables";
/// The one step that installs a project with all its commands into an environment of its own.
pub(crate) const STEP: ActionShape = ActionShape::new("pipx_install", &[PACKAGE, EXECUTABLES])
    .bringing(&["python-standalone"])
    .versioned(Versions::Inferred("pypi"));

const WHEEL: &str = ".whl";
/// How the reason begins where pip finds no version to install.
const WITHDRAWN: &str = "every release is yanked";

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
    let extras = contents.map(|it| extras(it, &release.info)).unwrap_or_default();
    let package = match &*extras.join(",") {
        "" => name.to_string(),
        extras => format!("{name}[{extras}]"),
    };
    let addresses = release.info.addresses();
    let homepage = addresses.into_iter().find(|url| is_homepage(url)).map(str::to_owned);
    PackageFacts {
        id: PackageId { ecosystem: ID, name: name.clone() },
        notes: notes(&release, contents, &extras),
        description: one_line(release.info.summary()),
        homepage,
        kind: if is_library { PackageKind::Library } else { PackageKind::Tool },
        runtime_dependencies: vec![],
        platforms: platforms(&artifacts),
        install: Action::of_commands(STEP.name, PACKAGE, &package, &executables),
        version: release.version,
        artifacts,
        executables,
    }
}

/// What is known about `name`, of which the newest release is `version` and every one is yanked.
pub(crate) fn withdrawn(
    name: &PackageName,
    info: Info,
    version: String,
    why: &str,
) -> PackageFacts {
    let why = one_line(why);
    let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
    let reason = format!("{WITHDRAWN}{why}, and no prerelease counts beside one");
    let release = Release { info, version, is_prerelease: false, files: vec![] };
    PackageFacts { executables: Executables::Unknown(reason), ..facts(name, release, vec![], None) }
}

/// The extras to install with the project: those that its commands need, where it has no command
/// that needs none.
fn extras(contents: &Contents, info: &Info) -> Vec<String> {
    let Contents { commands, with_extra, .. } = contents;
    if !commands.iter().all(|name| with_extra.contains_key(name)) {
        return vec![];
    }
    let named = with_extra.values().flat_map(|extras| scripts::extras(extras));
    let all: BTreeSet<&str> = named.collect();
    all.into_iter().filter(|extra| info.has_extra(extra)).map(str::to_owned).collect()
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

fn notes(release: &Release, contents: Option<&Contents>, carried: &[String]) -> Vec<String> {
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
    for (name, wanted) in &contents.with_extra {
        let has = |is_so: &dyn Fn(&str) -> bool| scripts::extras(wanted).all(is_so);
        let where_from = if !has(&|extra| release.info.has_extra(extra)) {
            ", which the project does not have"
        } else if has(&|extra| carried.iter().any(|it| it == extra)) {
            ", which is installed with it"
        } else {
            ""
        };
        notes.push(one_line(&format!("{name} works only with the extra {wanted}{where_from}")));
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
    if let Executables::Unknown(why) = &facts.executables
        && why.starts_with(WITHDRAWN)
    {
        return missing(FailureKind::PackageNotFound, format!("{what}: {why}"));
    }
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
    Ok(with_binaries(of_step(facts, &recipe_name(facts), otherwise, verify), facts))
}

pub(crate) fn recipe_name(facts: &PackageFacts) -> RecipeName {
    RecipeName::nearest(facts.id.name.as_str())
}
