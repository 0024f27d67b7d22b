//! From facts to a recipe: pure, so that equal facts make equal bytes.

use std::collections::BTreeMap;

use batch_core::{
    decide::recipe::constrain,
    model::{
        Action, ActionShape, Cell, Executables, FailureKind, Metadata, Os, PackageFacts,
        PackageKind, Parameter, Recipe, RecipeName, RecipeStep, Verify, When,
    },
    plugin::Missing,
};

use crate::refusal;

/// Parameters of facts. The first is the recipe's own; the others become steps.
pub(crate) const FORMULA: &str = "formula";
pub(crate) const LINUX_PATHS: &str = "linux_paths";
pub(crate) const DARWIN_PATHS: &str = "darwin_paths";
pub(crate) const LINUX_DEPENDENCIES: &str = "linux_dependencies";
pub(crate) const DARWIN_DEPENDENCIES: &str = "darwin_dependencies";
/// The step that pours a bottle.
pub(crate) const STEP: ActionShape = ActionShape { name: "homebrew", required: &[FORMULA] };
const LINK: &str = "install_binaries";

/// What is installed on each system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Paths {
    pub(crate) linux: Vec<String>,
    pub(crate) darwin: Vec<String>,
}

/// The recipe that follows from `facts`.
pub(crate) fn build(facts: &PackageFacts) -> Result<Recipe, Missing> {
    let name = &facts.id.name;
    let first = match &facts.executables {
        Executables::Unknown(why) => {
            return Err(Missing { reason: format!("{name} {why}"), kind: refusal::kind(why) });
        }
        Executables::Known(names) => names.first(),
    };
    let verify = match (facts.kind, first) {
        (PackageKind::Library, _) => None,
        (PackageKind::Tool, Some(first)) => Some(Verify {
            command: format!("{first} --version"),
            pattern: "{version}".to_owned(),
            ..Verify::default()
        }),
        (PackageKind::Tool, None) => {
            let reason = format!("{name} {} has no command", facts.version);
            return Err(Missing { reason, kind: FailureKind::BinaryDiscoveryFailed });
        }
    };
    let steps = steps(facts);
    if steps.is_empty() {
        let reason = format!("{name} {} is on no platform of ours", facts.version);
        return Err(Missing { reason, kind: FailureKind::NoBottle });
    }
    Ok(Recipe { metadata: metadata(facts), version: None, steps, verify })
}

/// `@` becomes `-`.
pub(crate) fn recipe_name(facts: &PackageFacts) -> RecipeName {
    RecipeName::nearest(facts.id.name.as_str())
}

fn metadata(facts: &PackageFacts) -> Metadata {
    let name = recipe_name(facts);
    let special = [list(facts, LINUX_DEPENDENCIES), list(facts, DARWIN_DEPENDENCIES)].concat();
    let shared = facts.runtime_dependencies.iter().map(ToString::to_string);
    let shared: Vec<String> = shared.filter(|name| !special.contains(name)).collect();
    let formula = text(facts, FORMULA);
    let mut metadata = Metadata {
        description: facts.description.clone(),
        homepage: facts.homepage.clone().unwrap_or_default(),
        kind: if facts.kind == PackageKind::Library { "library" } else { "" }.to_owned(),
        // The package manager's mark for recipes that no language model looked over.
        llm_validation: "skipped".to_owned(),
        runtime_dependencies: recipe_names(&shared),
        ..Metadata::default()
    };
    // What depends on the formula names it as the registry does.
    if formula != name.as_str() {
        metadata.satisfies = BTreeMap::from([("homebrew".to_owned(), vec![formula])]);
    }
    metadata.name = name.to_string();
    constrain(&mut metadata, &facts.platforms);
    metadata
}

/// One pair of steps where both systems get the same, else a pair for each.
fn steps(facts: &PackageFacts) -> Vec<RecipeStep> {
    let on = |os, paths, dependencies| {
        let is_there =
            facts.platforms.is_empty() || facts.platforms.iter().any(|cell: &Cell| cell.os() == os);
        let (paths, dependencies) = (list(facts, paths), list(facts, dependencies));
        (is_there && !paths.is_empty()).then_some((os, paths, dependencies))
    };
    let systems: Vec<(Os, Vec<String>, Vec<String>)> = [
        on(Os::Linux, LINUX_PATHS, LINUX_DEPENDENCIES),
        on(Os::Darwin, DARWIN_PATHS, DARWIN_DEPENDENCIES),
    ]
    .into_iter()
    .flatten()
    .collect();
    if let [(_, paths, dependencies), (_, other_paths, other_dependencies)] = &*systems
        && (paths, dependencies) == (other_paths, other_dependencies)
    {
        return pair(facts, paths, dependencies, None);
    }
    let is_split = systems.len() > 1;
    let pairs = systems.iter().map(|(os, paths, dependencies)| {
        let when = is_split.then(|| when(*os, facts));
        pair(facts, paths, dependencies, when.as_ref())
    });
    pairs.flatten().collect()
}

fn when(os: Os, facts: &PackageFacts) -> When {
    let runs_on_musl = facts.platforms.is_empty() || facts.platforms.contains(&Cell::LinuxMuslX86);
    let libc = if os == Os::Linux && !runs_on_musl { vec!["glibc".to_owned()] } else { vec![] };
    When { os: vec![os.as_str().to_owned()], libc, ..When::default() }
}

fn pair(
    facts: &PackageFacts,
    paths: &[String],
    dependencies: &[String],
    when: Option<&When>,
) -> Vec<RecipeStep> {
    let mut pour = BTreeMap::from([(FORMULA.to_owned(), Parameter::Text(text(facts, FORMULA)))]);
    if !dependencies.is_empty() {
        let names = Parameter::List(recipe_names(dependencies));
        pour.insert("dependencies".to_owned(), names);
    }
    let paths = Parameter::List(paths.to_vec());
    let link = match facts.kind {
        PackageKind::Tool => BTreeMap::from([("binaries".to_owned(), paths)]),
        PackageKind::Library => BTreeMap::from([
            ("install_mode".to_owned(), Parameter::Text("directory".to_owned())),
            ("outputs".to_owned(), paths),
        ]),
    };
    let step = |name: &str, parameters| {
        let action = Action { name: name.to_owned(), parameters };
        RecipeStep { when: when.cloned(), ..RecipeStep::from(&action) }
    };
    vec![step(STEP.name, pour), step(LINK, link)]
}

fn recipe_names(formulae: &[String]) -> Vec<String> {
    let mut names: Vec<String> = vec![];
    for name in formulae.iter().map(|name| RecipeName::nearest(name).to_string()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn text(facts: &PackageFacts, key: &str) -> String {
    match facts.install.parameters.get(key) {
        Some(Parameter::Text(text)) => text.clone(),
        Some(Parameter::List(_) | Parameter::Flag(_)) | None => String::new(),
    }
}

/// A list among the parameters of `facts`; empty where there is none.
pub(crate) fn list(facts: &PackageFacts, key: &str) -> Vec<String> {
    match facts.install.parameters.get(key) {
        Some(Parameter::List(texts)) => texts.clone(),
        Some(Parameter::Text(_) | Parameter::Flag(_)) | None => vec![],
    }
}
