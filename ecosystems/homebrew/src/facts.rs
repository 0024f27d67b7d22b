//! Makes facts from what was found out. Pure.

use std::collections::BTreeMap;

use batch_core::model::{
    Action, Artifact, Cell, Executables, ExecutablesFrom, Os, PackageFacts, PackageId, PackageKind,
    PackageName, Parameter, UnknownCommands,
};

use crate::{
    ID,
    bottle::{self, Bottle},
    contents::Contents,
    formula::{Formula, Views},
    recipe::{self, Paths},
    refusal,
    resolution::{self, Graph},
};

/// The contents of the bottles for each system.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    pub(crate) linux: Option<Contents>,
    pub(crate) darwin: Option<Contents>,
}

/// The dependencies of a formula on Linux.
#[derive(Debug, Clone, Default)]
pub(crate) struct Needed {
    /// The bottles for Linux of all its direct and indirect dependencies.
    pub(crate) bottles: Vec<Artifact>,
    /// The direct dependencies of each formula, including the formula itself.
    pub(crate) graph: Graph,
}

/// The facts of a formula that cannot be built, and why.
pub(crate) fn refused(
    name: &PackageName,
    views: Option<&Views>,
    why: UnknownCommands,
) -> PackageFacts {
    described(name, views, Executables::Unknown(why))
}

/// What a formula says about itself.
fn described(name: &PackageName, views: Option<&Views>, executables: Executables) -> PackageFacts {
    let formula = views.map(|views| &views.linux);
    PackageFacts {
        id: PackageId { ecosystem: ID, name: name.clone() },
        version: formula.and_then(|it| it.versions.stable.clone()).unwrap_or_default(),
        printed_version: None,
        executables_from: ExecutablesFrom::Registry,
        executables,
        description: formula.map(Formula::description).unwrap_or_default(),
        homepage: formula.and_then(Formula::homepage),
        kind: PackageKind::Tool,
        runtime_dependencies: vec![],
        platforms: vec![],
        artifacts: vec![],
        install: Action { name: recipe::STEP.name.to_owned(), parameters: BTreeMap::new() },
        plugin_data: BTreeMap::new(),
        notes: vec![],
    }
}

/// The facts of a formula with bottles.
pub(crate) fn facts(
    name: &PackageName,
    views: &Views,
    bottles: &[Bottle],
    found: &Found,
    needed: Needed,
) -> PackageFacts {
    let has_commands = |it: &Option<Contents>| it.as_ref().is_some_and(|c| !c.commands.is_empty());
    let kind = if has_commands(&found.linux) || has_commands(&found.darwin) {
        PackageKind::Tool
    } else {
        PackageKind::Library
    };
    let of = |contents: &Option<Contents>| -> Vec<String> {
        let contents = contents.clone().unwrap_or_default();
        match kind {
            PackageKind::Tool => contents.commands,
            PackageKind::Library => contents.outputs,
        }
    };
    let paths = Paths { linux: of(&found.linux), darwin: of(&found.darwin) };
    if paths.linux.is_empty() && paths.darwin.is_empty() {
        let facts = refused(name, Some(views), refusal::empty());
        return PackageFacts { kind: PackageKind::Library, ..facts };
    }
    let executables = match kind {
        PackageKind::Tool => commands(name.as_str(), &paths.linux, &paths.darwin),
        PackageKind::Library => Executables::Known(vec![]),
    };
    let needs = Needs::new(views, bottles);
    PackageFacts {
        kind,
        runtime_dependencies: bottle::names(&[&*needs.linux, &*needs.darwin].concat()),
        platforms: platforms(bottles),
        artifacts: bottles.iter().map(|it| artifact(it, found)).chain(needed.bottles).collect(),
        install: Action {
            name: recipe::STEP.name.to_owned(),
            parameters: parameters(&views.linux.name, paths, needs, &needed.graph),
        },
        notes: notes(views, bottles),
        ..described(name, Some(views), executables)
    }
}

fn artifact(bottle: &Bottle, found: &Found) -> Artifact {
    let looked_into = [&found.linux, &found.darwin].into_iter().flatten();
    let mut looked_into = looked_into.filter_map(|contents| contents.sha256.as_ref());
    let was_compared = looked_into.any(|sha256| *sha256 == bottle.sha256);
    Artifact { digest_verified: was_compared.then_some(true), ..bottle.artifact() }
}

/// The dependencies of a formula on each system for which it has a bottle.
struct Needs {
    linux: Vec<String>,
    darwin: Vec<String>,
}

impl Needs {
    fn new(views: &Views, bottles: &[Bottle]) -> Self {
        let is_on = |os| bottles.iter().any(|bottle| bottle.is_for(os));
        let linux = is_on(Os::Linux).then(|| views.linux.linux_dependencies());
        let darwin = is_on(Os::Darwin).then(|| views.darwin.dependencies.clone());
        Self { linux: linux.unwrap_or_default(), darwin: darwin.unwrap_or_default() }
    }
}

/// The command with the formula's name first, the others sorted.
pub(crate) fn commands(name: &str, linux: &[String], darwin: &[String]) -> Executables {
    let base = |path: &String| path.rsplit('/').next().unwrap_or(path).to_owned();
    // The verification on Linux needs a command that exists on Linux.
    let on = if linux.is_empty() { darwin } else { linux };
    let mut names: Vec<String> = on.iter().map(base).collect();
    let own = own_commands(name);
    let place = |command: &String| own.iter().position(|own| own == command);
    names.sort_by_key(|command| (place(command).unwrap_or(own.len()), command.clone()));
    names.dedup();
    match Executables::named(names) {
        Executables::Unknown(unknown) => {
            Executables::Unknown(refusal::unsafe_command(&unknown.reason))
        }
        known @ Executables::Known(_) => known,
    }
}

/// Commands with the name of the formula `name`, the best one first. Versioned formulae use several
/// spellings: `python3.13`, `gcc-14`, `autoconf269`, `node`.
fn own_commands(name: &str) -> Vec<String> {
    let Some((plain, version)) = name.split_once('@') else { return vec![name.to_owned()] };
    let major = version.split('.').next().unwrap_or(version);
    let without_dots = version.replace('.', "");
    let suffixes = [version, &format!("-{version}"), &without_dots, "", major];
    let exact = suffixes.iter().map(|suffix| format!("{plain}{suffix}"));
    exact.chain([format!("{plain}-{major}")]).collect()
}

fn platforms(bottles: &[Bottle]) -> Vec<Cell> {
    if bottles.iter().any(|bottle| bottle.cells.is_empty()) {
        return vec![];
    }
    bottles.iter().flat_map(|bottle| bottle.cells.iter().copied()).collect()
}

fn parameters(
    formula: &str,
    paths: Paths,
    needs: Needs,
    graph: &Graph,
) -> BTreeMap<String, Parameter> {
    let mut parameters = BTreeMap::from([
        (recipe::FORMULA.to_owned(), Parameter::Text(formula.to_owned())),
        (recipe::LINUX_PATHS.to_owned(), Parameter::List(paths.linux)),
        (recipe::DARWIN_PATHS.to_owned(), Parameter::List(paths.darwin)),
    ]);
    for (key, needs) in [(recipe::LINUX_NEEDS, needs.linux), (recipe::DARWIN_NEEDS, needs.darwin)] {
        if !needs.is_empty() {
            parameters.insert(key.to_owned(), Parameter::List(needs));
        }
    }
    parameters.extend(resolution::of_graph(graph));
    parameters
}

fn notes(views: &Views, bottles: &[Bottle]) -> Vec<String> {
    let formula = &views.linux;
    let is_fixed = bottles.iter().any(|bottle| bottle.is_fixed && bottle.is_for(Os::Linux));
    let mut notes = vec![];
    if formula.deprecated {
        notes.push(format!("deprecated: {}", formula.deprecated_because()));
    }
    for (holds, text) in [
        (formula.keg_only, "keg-only: brew links none of its files"),
        (formula.post_install_defined, "runs code after brew installs it, which we do not"),
        (formula.service.is_some(), "brings a service, which is not set up"),
        (is_fixed, "has paths of brew's own prefix in its programs"),
    ] {
        if holds {
            notes.push(text.to_owned());
        }
    }
    notes
}
