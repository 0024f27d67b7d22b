//! Makes facts from the content of a project, and a recipe from facts. Pure: equal facts give equal
//! bytes.

use std::collections::{BTreeMap, BTreeSet};

use batch_core::{
    decide::recipe::{is_homepage, of_step, one_line, with_binaries},
    model::{
        Action, ActionShape, Artifact, Cell, Executables, ExecutablesFrom, FailureKind,
        PackageFacts, PackageId, PackageKind, PackageName, Recipe, RecipeName, Verify, Versions,
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
/// The step that installs a project with all its commands into a separate environment.
pub(crate) const STEP: ActionShape = ActionShape::new("pipx_install", &[PACKAGE, EXECUTABLES])
    .over_network()
    .naming(PACKAGE)
    .with_implied_dependencies(&["python-standalone"])
    .versioned(Versions::Inferred("pypi"));

/// Pip finds no version to install.
const WITHDRAWN: &str = "every release is yanked";

/// The facts about `release` of `name`. `contents` was found in a wheel; it is `None` if there is
/// no wheel to read, and then `artifacts` are source distributions, or empty.
pub(crate) fn facts(
    name: &PackageName,
    release: Release,
    artifacts: Vec<Artifact>,
    contents: Option<&Contents>,
) -> PackageFacts {
    let executables = match contents {
        Some(contents) => scripts::in_order(name, &contents.commands, &contents.with_extra),
        None if artifacts.is_empty() => {
            let reason = "it has wheels for neither linux nor macOS here";
            Executables::unknown(FailureKind::NoBottle, reason)
        }
        None => {
            let reason = "it is published as source only, and only running it tells its commands";
            Executables::undiscovered(FailureKind::BuildFromSource, reason)
        }
    };
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
        kind: PackageKind::of(&executables),
        runtime_dependencies: vec![],
        platforms: platforms(&artifacts),
        install: Action::of_commands(STEP.name, PACKAGE, &package, &executables),
        plugin_data: BTreeMap::new(),
        printed_version: None,
        executables_from: ExecutablesFrom::Registry,
        version: release.version,
        artifacts,
        executables,
    }
}

/// The facts about `name` when every release is yanked and the newest is `version`.
pub(crate) fn withdrawn(
    name: &PackageName,
    info: Info,
    version: String,
    why: &str,
) -> PackageFacts {
    let why = one_line(why);
    let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
    let reason = format!("{WITHDRAWN}{why}, and no prerelease counts beside one");
    let executables = Executables::unknown(FailureKind::PackageNotFound, reason);
    let release = Release { info, version, is_prerelease: false, files: vec![] };
    PackageFacts { executables, ..facts(name, release, vec![], None) }
}

/// The extras to install with the project: those that its commands need, if every command needs
/// one.
fn extras(contents: &Contents, info: &Info) -> Vec<String> {
    let Contents { commands, with_extra, .. } = contents;
    if !commands.iter().all(|name| with_extra.contains_key(name)) {
        return vec![];
    }
    let named = with_extra.values().flat_map(|extras| scripts::extras(extras));
    let all: BTreeSet<&str> = named.collect();
    all.into_iter().filter(|extra| info.has_extra(extra)).map(str::to_owned).collect()
}

/// The cells for which there is an artifact; empty if these are all cells.
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
        notes.push(one_line(&format!(
            "{name} is installed beside its commands, but is not executable"
        )));
    }
    notes
}

/// The recipe for `facts`.
pub(crate) fn build(facts: &PackageFacts) -> Result<Recipe, Missing> {
    let what = format!("{} {}", facts.id.name, facts.version);
    let missing = |kind, why: &str| Missing::new(kind, format!("{what}: {why}"));
    let commands = facts.commands().map_err(|it| missing(it.kind, &it.reason))?;
    let Some(first) = commands.first() else {
        return Err(missing(FailureKind::LibraryOnly, "it installs no command"));
    };
    let (otherwise, verify) =
        (format!("{} from PyPI", facts.id.name), Verify::of_version(first.as_str()));
    Ok(with_binaries(of_step(facts, &recipe_name(facts), otherwise, verify), facts))
}

pub(crate) fn recipe_name(facts: &PackageFacts) -> RecipeName {
    RecipeName::nearest(facts.id.name.as_str())
}
