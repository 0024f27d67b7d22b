//! From answers to recipes: golden, the same in any order, strict, and never a guess.

use std::collections::BTreeSet;

use super::{
    Bench, Outcome,
    bench::{End, Run},
    fixture::{Case, Ends},
    guard,
};
use batch_core::{
    decide::recipe,
    model::{ActionShape, CommandName, Executables, PackageFacts, PackageKind, Recipe},
    plugin::RecipeBuilder,
};

const FEWEST_CASES: usize = 3;
/// Each in an order of its own.
const N_ORDERS: u64 = 12;
/// Parameters of steps that name commands, or paths of them.
const LISTS: [&str; 2] = ["executables", "binaries"];

pub(super) fn fixtures_are_enough(bench: &Bench) -> Outcome {
    let cases = match &bench.cases {
        Ok(cases) => cases,
        Err(why) => return vec![format!("a fixture cannot be read: {why}")].into(),
    };
    if bench.subject.plugin.recipe_builder.is_none() {
        return Outcome::no_builder();
    }
    let place = bench.subject.home.join("fixtures");
    let mut problems = vec![];
    if cases.len() < FEWEST_CASES {
        problems.push(format!(
            "{} cases in {}; write at least {FEWEST_CASES}, as core/conformance/README.md, Fixtures, says",
            cases.len(),
            place.display()
        ));
    }
    let ends = |wanted: fn(&Ends) -> bool| cases.iter().any(|case| wanted(&case.ends));
    if !ends(|ends| matches!(ends, Ends::Recipe(_))) {
        problems.push("no case ends in a recipe; write one of a tool".to_owned());
    }
    if !ends(|ends| matches!(ends, Ends::Absent)) {
        problems.push("no case is absent; write one of a package that is not there".to_owned());
    }
    if !ends(|ends| matches!(ends, Ends::Failure(_))) {
        problems.push("no case has no recipe; write one of a library".to_owned());
    }
    problems.into()
}

pub(super) fn are_golden(bench: &Bench) -> Outcome {
    if bench.runs.is_empty() {
        return Outcome::no_fixtures();
    }
    bench.runs.iter().filter_map(|(case, run)| difference(case, run)).collect::<Vec<_>>().into()
}

fn difference(case: &Case, run: &Run) -> Option<String> {
    let name = &case.name;
    let fits = match (&case.ends, &run.end) {
        (Ends::Recipe(golden), End::Recipe) => {
            let text = run.recipe.as_ref().map(Recipe::to_toml).unwrap_or_default();
            if text == *golden {
                return None;
            }
            let lines = text.lines().zip(golden.lines()).find(|(made, golden)| made != golden);
            let (made, golden) = lines.unwrap_or(("another end", "its end"));
            return Some(format!(
                "fixture {name}: the recipe says {made:?} where recipe.toml says {golden:?}; the \
                 whole of it:\n{text}"
            ));
        }
        (Ends::Absent, End::Absent) => true,
        (Ends::Failure(kind), End::Failure(found)) => kind == found,
        _ => false,
    };
    let asked: Vec<&str> = run.asked.iter().map(url::Url::as_str).collect();
    let because = if run.said.is_empty() { String::new() } else { format!(" ({})", run.said) };
    (!fits).then(|| {
        format!(
            "fixture {name} ends in {}{because} where case.toml says {}; asked were: {}",
            run.end,
            case.ends.word(),
            asked.join(" ")
        )
    })
}

pub(super) fn do_not_depend_on_order(bench: &Bench) -> Outcome {
    if bench.runs.is_empty() {
        return Outcome::no_fixtures();
    }
    let mut problems = vec![];
    for (case, run) in &bench.runs {
        let text = |run: &Run| (run.recipe.as_ref().map(Recipe::to_toml), run.facts.clone());
        for seed in 1..=N_ORDERS {
            let again = bench.subject.replay(case, Some(seed));
            if (&again.end, text(&again)) != (&run.end, text(run)) {
                problems.push(format!(
                    "fixture {}: the same answers with their keys in another order give other \
                     facts or another recipe; sort what comes from a map, or keep it in a BTreeMap",
                    case.name
                ));
                break;
            }
        }
    }
    problems.into()
}

pub(super) fn pass_the_strict_reader(bench: &Bench) -> Outcome {
    let own: &[ActionShape] = bench.subject.plugin.recipe_actions;
    let mut problems = vec![];
    let mut n_read = 0;
    for (case, _, recipe) in bench.recipes() {
        n_read += 1;
        let text = recipe.to_toml();
        match recipe::parse(&text, own) {
            Ok(read) if read == *recipe => {}
            Ok(_) => problems.push(format!("{}: it is read back as another recipe", case.name)),
            Err(error) => {
                let all: Vec<String> = error.problems.iter().map(ToString::to_string).collect();
                problems.push(format!("{}: {}", case.name, all.join("; ")));
            }
        }
    }
    if n_read == 0 { Outcome::no_recipe() } else { problems.into() }
}

pub(super) fn have_the_executables_of_the_facts(bench: &Bench) -> Outcome {
    let mut problems = vec![];
    let mut n_read = 0;
    for (case, facts, recipe) in bench.recipes() {
        n_read += 1;
        let known: BTreeSet<&str> = match &facts.executables {
            Executables::Known(names) => names.iter().map(CommandName::as_str).collect(),
            Executables::Unknown(_) => BTreeSet::new(),
        };
        if facts.kind == PackageKind::Library && !known.is_empty() {
            problems.push(format!(
                "{}: it is a library and has commands; what has one is PackageKind::Tool",
                case.name
            ));
        }
        let listed = listed(recipe);
        let in_recipe: BTreeSet<&str> = listed.iter().map(String::as_str).collect();
        if in_recipe != known {
            problems.push(format!(
                "{}: the recipe has the commands {in_recipe:?}, the facts have {known:?}; take \
                 them from the facts",
                case.name
            ));
        }
    }
    if n_read == 0 { Outcome::no_recipe() } else { problems.into() }
}

/// Commands that the steps of `recipe` install, without the folders that they lie in.
pub(super) fn listed(recipe: &Recipe) -> Vec<String> {
    listed_in(&recipe.to_toml())
}

/// Commands that the recipe of `case` must have.
pub(super) fn golden(case: &Case) -> Vec<String> {
    match &case.ends {
        Ends::Recipe(text) => listed_in(text),
        Ends::Absent | Ends::Failure(_) => vec![],
    }
}

fn listed_in(text: &str) -> Vec<String> {
    let recipe: toml::Table = toml::from_str(text).unwrap_or_default();
    let steps = recipe.get("steps").and_then(|steps| steps.as_array()).into_iter().flatten();
    let values = steps.flat_map(|step| LISTS.iter().filter_map(|key| step.get(*key)?.as_array()));
    let texts = values.flatten().filter_map(|value| value.as_str());
    texts.map(|path| path.rsplit('/').next().unwrap_or(path).to_owned()).collect()
}

pub(super) fn are_never_guessed(bench: &Bench) -> Outcome {
    let Some(builder) = bench.subject.plugin.recipe_builder else {
        return Outcome::no_builder();
    };
    let mut problems = vec![];
    let mut n_tried = 0;
    for (case, facts, _) in bench.recipes() {
        n_tried += 1;
        let why = "the suite says so".to_owned();
        let unknown = PackageFacts { executables: Executables::Unknown(why), ..facts.clone() };
        match built(builder, unknown) {
            Ok(None) => {}
            Ok(Some(made)) => problems.push(format!(
                "{}: facts whose executables are Unknown give a recipe with {made:?}; return \
                 Missing",
                case.name
            )),
            Err(stuck) => problems.push(format!("{}: with Unknown executables {stuck}", case.name)),
        }
    }
    for (case, facts) in bench.facts() {
        let is_guess = |name: &CommandName| !is_stated(case, facts, name);
        if let Executables::Known(names) = &facts.executables
            && let Some(guess) = names.iter().find(|name| is_guess(name))
        {
            problems.push(format!(
                "{}: no answer mentions a command {guess}, so it is a guess; say Unknown and why",
                case.name
            ));
        }
    }
    if n_tried == 0 { Outcome::no_recipe() } else { problems.into() }
}

/// The commands of the recipe that is made of `facts`; `None` where none is made.
fn built(
    builder: &'static dyn RecipeBuilder,
    facts: PackageFacts,
) -> Result<Option<Vec<String>>, guard::Stuck> {
    let limit = super::bench::PATIENCE;
    guard::within(limit, "build", move || builder.build(&facts).ok().map(|it| listed(&it)))
}

/// Whether the registry said the name of a command anywhere, be it as that of the package: then
/// the author of the fixture must have said so too.
fn is_stated(case: &Case, facts: &PackageFacts, name: &CommandName) -> bool {
    let last = facts.id.name.as_str().rsplit('/').find(|part| !is_major(part));
    let is_name = last == Some(name.as_str()) && golden(case).iter().any(|it| it == name.as_str());
    is_name || case.mentions(name.as_str())
}

/// `v2` of a path that has versions in it.
fn is_major(part: &str) -> bool {
    part.strip_prefix('v').is_some_and(|n| n.parse::<u32>().is_ok())
}

pub(super) fn have_a_stable_name(bench: &Bench) -> Outcome {
    let Some(builder) = bench.subject.plugin.recipe_builder else {
        return Outcome::no_builder();
    };
    let mut problems = vec![];
    let mut n_named = 0;
    for (case, facts) in bench.facts() {
        n_named += 1;
        let names: BTreeSet<String> =
            (0..8).map(|_| builder.recipe_name(facts).to_string()).collect();
        if names.len() > 1 {
            problems.push(format!("{}: one package is called {names:?}", case.name));
        }
        let other = PackageFacts { version: "0.0.1".to_owned(), ..facts.clone() };
        if builder.recipe_name(&other).to_string()
            != names.iter().next().cloned().unwrap_or_default()
        {
            problems.push(format!("{}: its name changes with its version", case.name));
        }
    }
    for (case, facts, recipe) in bench.recipes() {
        let (name, said) = (builder.recipe_name(facts).to_string(), &recipe.metadata.name);
        if name != *said {
            problems.push(format!(
                "{}: recipe_name says {name:?}, metadata.name {said:?}; use one for the other",
                case.name
            ));
        }
        if 100 < name.len() || name.ends_with('.') || name.contains("..") {
            problems.push(format!("{}: {name:?} is no name for a file everywhere", case.name));
        }
    }
    if n_named == 0 { Outcome::no_recipe() } else { problems.into() }
}
