//! Finds the recipes for the formulae that a formula needs, and the bottles to install beside it.
//! Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use batch_core::{
    decide::dependencies,
    model::{KnownRecipes, Os, PackageFacts, Parameter, Recipe, RecipeStep},
};

use crate::{ID, recipe};

/// Parameter of facts: `formula=formula formula` states the dependencies of each formula on Linux,
/// for the formula itself and for all its dependencies.
const NEEDS: &str = "needs";
/// This character cannot occur in a name.
const IS: char = '=';

/// The direct dependencies of each formula on Linux.
pub(crate) type Graph = BTreeMap<String, Vec<String>>;

/// The key and the value of the parameter that holds `graph`; formulae without dependencies are
/// left out.
pub(crate) fn of_graph(graph: &Graph) -> Option<(String, Parameter)> {
    let line = |(formula, needed): (&String, &Vec<String>)| {
        (!needed.is_empty()).then(|| format!("{formula}{IS}{}", needed.join(" ")))
    };
    let lines: Vec<String> = graph.iter().filter_map(line).collect();
    (!lines.is_empty()).then(|| (NEEDS.to_owned(), Parameter::List(lines)))
}

fn graph(facts: &PackageFacts) -> Graph {
    let words = |needed: &str| needed.split(' ').map(str::to_owned).collect();
    let edge = |line: &String| {
        line.split_once(IS).map(|(formula, needed)| (formula.to_owned(), words(needed)))
    };
    recipe::list(facts, NEEDS).iter().filter_map(edge).collect()
}

/// `facts` with the recipe that provides each formula, and without dependencies that those recipes
/// do not declare, because the package manager would not install them.
pub(crate) fn resolve(mut facts: PackageFacts, known: &KnownRecipes) -> PackageFacts {
    let provider = |formula: &str| known.provider(ID.as_str(), formula);
    let mut graph = graph(&facts);
    let own = recipe::text(&facts, recipe::FORMULA);
    for (formula, needed) in graph.iter_mut().filter(|(formula, _)| **formula != own) {
        let Some(said) = provider(formula).and_then(|name| known.needs(name)) else { continue };
        needed.retain(|other| provider(other).is_some_and(|name| said.contains(name.as_str())));
    }
    facts.install.parameters.remove(NEEDS);
    facts.install.parameters.extend(of_graph(&graph));
    let direct: Vec<String> = facts.runtime_dependencies.iter().map(ToString::to_string).collect();
    let all = direct.iter().chain(graph.values().flatten()).map(String::as_str).collect();
    dependencies::resolve(&mut facts, ID.as_str(), &all, known);
    facts
}

/// The formulae that are installed beside the formula when `recipe` is installed on Linux: the ones
/// that it declares, and the ones that their recipes declare. On macOS there are none.
pub(crate) fn poured(facts: &PackageFacts, recipe: &Recipe, os: Os) -> BTreeSet<String> {
    if os != Os::Linux {
        return BTreeSet::new();
    }
    let declared = declared(recipe, os);
    let (graph, recipes) = (graph(facts), dependencies::resolved(facts));
    let own = recipe::text(facts, recipe::FORMULA);
    let is_declared =
        |formula: &&String| recipes.get(&***formula).is_some_and(|name| declared.contains(name));
    let first = graph.get(&own).into_iter().flatten().filter(is_declared);
    let mut waiting: VecDeque<&String> = first.collect();
    let mut poured = BTreeSet::new();
    while let Some(formula) = waiting.pop_front() {
        if *formula != own && poured.insert(formula.clone()) {
            waiting.extend(graph.get(formula).into_iter().flatten());
        }
    }
    poured
}

/// The dependencies that `recipe` declares for `os`.
fn declared(recipe: &Recipe, os: Os) -> BTreeSet<&str> {
    let is_here = |step: &&RecipeStep| {
        let systems = step.when.as_ref().map(|when| &*when.os).unwrap_or_default();
        systems.is_empty() || systems.iter().any(|system| system == os.as_str())
    };
    let metadata = &recipe.metadata;
    let whole = metadata.dependencies.iter().chain(&metadata.runtime_dependencies);
    let of_steps = recipe.steps.iter().filter(is_here).flat_map(RecipeStep::dependencies);
    whole.map(String::as_str).chain(of_steps).collect()
}
