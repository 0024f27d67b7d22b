//! Makes a recipe from facts. Pure: equal facts give equal bytes.

use std::collections::BTreeMap;

use batch_core::{
    decide::{dependencies, recipe::constrain},
    model::{
        Action, ActionShape, Cell, FailureKind, Metadata, Os, PackageFacts, PackageKind,
        PackageName, Parameter, Recipe, RecipeName, RecipeStep, Verify, Versions, When,
    },
    plugin::Missing,
};

use crate::bottle;

/// Parameters of facts. The first one concerns the recipe itself; the others become steps.
pub(crate) const FORMULA: &str = "formula";
pub(crate) const LINUX_PATHS: &str = "linux_paths";
pub(crate) const DARWIN_PATHS: &str = "darwin_paths";
pub(crate) const LINUX_NEEDS: &str = "linux_needs";
pub(crate) const DARWIN_NEEDS: &str = "darwin_needs";
/// The step that installs a bottle.
pub(crate) const STEP: ActionShape =
    ActionShape::new("homebrew", &[FORMULA]).naming(FORMULA).versioned(Versions::Derived {
        source: "homebrew",
        from: FORMULA,
        key: FORMULA,
        derive: str::to_owned,
    });
const LINK: &str = "install_binaries";

/// The installed paths on each system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Paths {
    pub(crate) linux: Vec<String>,
    pub(crate) darwin: Vec<String>,
}

/// The recipe for `facts`.
pub(crate) fn build(facts: &PackageFacts) -> Result<Recipe, Missing> {
    let name = &facts.id.name;
    let of_formula =
        |missing: Missing| Missing { reason: format!("{name} {}", missing.reason), ..missing };
    let first = facts.commands().map_err(of_formula)?.first();
    let verify = match (facts.kind, first) {
        (PackageKind::Library, _) => None,
        (PackageKind::Tool, Some(first)) => Some(Verify::of_version(first.as_str())),
        (PackageKind::Tool, None) => {
            let reason = format!("{name} {} has no command", facts.version);
            return Err(Missing::new(FailureKind::BinaryDiscoveryFailed, reason));
        }
    };
    let systems = systems(facts);
    if systems.is_empty() {
        let reason = format!("{name} {} is on no platform of ours", facts.version);
        return Err(Missing::new(FailureKind::NoBottle, reason));
    }
    let dependencies = Dependencies::new(facts, &systems);
    let steps = steps(facts, &systems, &dependencies);
    let metadata = metadata(facts, dependencies.shared);
    let recipe = Recipe { metadata, version: None, steps, verify };
    if dependencies.missing.is_empty() {
        return Ok(recipe);
    }
    Err(Missing::recipes(facts, dependencies.missing, recipe))
}

/// The name of the recipe: the name of the formula, with `-` for `@`.
pub(crate) fn recipe_name(facts: &PackageFacts) -> RecipeName {
    RecipeName::nearest(facts.id.name.as_str())
}

fn metadata(facts: &PackageFacts, runtime_dependencies: Vec<String>) -> Metadata {
    let name = recipe_name(facts);
    let formula = text(facts, FORMULA);
    let mut metadata = Metadata {
        description: facts.description.clone(),
        homepage: facts.homepage.clone().unwrap_or_default(),
        kind: if facts.kind == PackageKind::Library { "library" } else { "" }.to_owned(),
        // The package manager's mark for recipes that no language model has checked.
        llm_validation: "skipped".to_owned(),
        runtime_dependencies,
        ..Metadata::default()
    };
    // Recipes that depend on the formula name it as the registry does.
    if formula != name.as_str() {
        metadata.satisfies = BTreeMap::from([("homebrew".to_owned(), vec![formula])]);
    }
    metadata.name = name.to_string();
    constrain(&mut metadata, &facts.platforms);
    metadata
}

/// The installed paths on one system, and the formulae that it needs there.
struct System {
    os: Os,
    paths: Vec<String>,
    needs: Vec<String>,
}

/// The systems for which the formula has a bottle.
fn systems(facts: &PackageFacts) -> Vec<System> {
    let on = |os, paths, needs| {
        let is_there =
            facts.platforms.is_empty() || facts.platforms.iter().any(|cell: &Cell| cell.os() == os);
        let (paths, needs) = (list(facts, paths), list(facts, needs));
        (is_there && !paths.is_empty()).then_some(System { os, paths, needs })
    };
    let linux = on(Os::Linux, LINUX_PATHS, LINUX_NEEDS);
    linux.into_iter().chain(on(Os::Darwin, DARWIN_PATHS, DARWIN_NEEDS)).collect()
}

/// The recipes that a recipe depends on.
struct Dependencies {
    /// Dependencies on every system.
    shared: Vec<String>,
    /// The other dependencies of each system, in the order of the systems.
    special: Vec<Vec<String>>,
    /// Formulae that no recipe provides.
    missing: Vec<PackageName>,
}

impl Dependencies {
    fn new(facts: &PackageFacts, systems: &[System]) -> Self {
        let recipes = dependencies::resolved(facts);
        let own = recipe_name(facts);
        let needed = systems.iter().flat_map(|system| system.needs.clone());
        let missing: Vec<String> = needed.filter(|it| !recipes.contains_key(&**it)).collect();
        let named = |system: &System| -> Vec<String> {
            let name = |formula: &String| dependencies::recipe_name(&recipes, formula);
            let mut names: Vec<String> = vec![];
            for name in system.needs.iter().map(name).filter(|name| name != own.as_str()) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            names
        };
        let named: Vec<Vec<String>> = systems.iter().map(named).collect();
        let is_shared = |name: &&String| named.iter().all(|names| names.contains(*name));
        let shared = named.iter().flatten().filter(is_shared);
        let mut distinct: Vec<String> = vec![];
        for name in shared {
            if !distinct.contains(name) {
                distinct.push(name.clone());
            }
        }
        let rest = |names: &Vec<String>| -> Vec<String> {
            names.iter().filter(|name| !distinct.contains(name)).cloned().collect()
        };
        let special = named.iter().map(rest).collect();
        Self { special, missing: bottle::names(&missing), shared: distinct }
    }
}

/// One pair of steps if both systems install the same, otherwise a pair for each.
fn steps(facts: &PackageFacts, systems: &[System], dependencies: &Dependencies) -> Vec<RecipeStep> {
    if let [only] = systems {
        return pair(facts, &only.paths, &[], None);
    }
    let are_same = systems.windows(2).all(|pair| pair[0].paths == pair[1].paths)
        && dependencies.special.iter().all(Vec::is_empty);
    if let (true, Some(first)) = (are_same, systems.first()) {
        return pair(facts, &first.paths, &[], None);
    }
    let pairs = systems.iter().zip(&dependencies.special).map(|(system, special)| {
        pair(facts, &system.paths, special, Some(&when(system.os, facts)))
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
        pour.insert("dependencies".to_owned(), Parameter::List(dependencies.to_vec()));
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

/// The text parameter `key` of `facts`; empty if it is missing.
pub(crate) fn text(facts: &PackageFacts, key: &str) -> String {
    match facts.install.parameters.get(key) {
        Some(Parameter::Text(text)) => text.clone(),
        Some(Parameter::List(_) | Parameter::Flag(_)) | None => String::new(),
    }
}

/// The list parameter `key` of `facts`; empty if it is missing.
pub(crate) fn list(facts: &PackageFacts, key: &str) -> Vec<String> {
    match facts.install.parameters.get(key) {
        Some(Parameter::List(texts)) => texts.clone(),
        Some(Parameter::Text(_) | Parameter::Flag(_)) | None => vec![],
    }
}
