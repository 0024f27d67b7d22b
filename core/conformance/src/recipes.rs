//! From answers to recipes: golden, the same in any order, and strict.

use std::collections::BTreeSet;

use super::{
    Harness, Outcome,
    fixture::{Case, ExpectedOutcome},
    guesses,
    harness::{End, Run},
};
use batch_core::{
    decide::recipe,
    model::{ActionShape, CommandName, Executables, PackageFacts, PackageKind, Recipe},
};

const MIN_CASES: usize = 3;
/// Each in an order of its own.
const N_ORDERS: u64 = 12;
/// Parameters of steps that name commands, or paths of them.
const LISTS: [&str; 2] = ["executables", "binaries"];

pub(super) fn fixtures_are_enough(harness: &Harness) -> Outcome {
    let cases = match &harness.cases {
        Ok(cases) => cases,
        Err(why) => return vec![format!("a fixture cannot be read: {why}")].into(),
    };
    if harness.subject.plugin.recipe_builder.is_none() {
        return Outcome::no_builder();
    }
    let place = harness.subject.home.join("fixtures");
    let mut problems = vec![];
    if cases.len() < MIN_CASES {
        problems.push(format!(
            "{} cases in {}; write at least {MIN_CASES}, as core/conformance/README.md, Fixtures, says",
            cases.len(),
            place.display()
        ));
    }
    let ends = |wanted: fn(&ExpectedOutcome) -> bool| cases.iter().any(|case| wanted(&case.ends));
    if !ends(|ends| matches!(ends, ExpectedOutcome::Recipe(_))) {
        problems.push("no case ends in a recipe; write one of a tool".to_owned());
    }
    if cases.iter().all(|case| guesses::only_command(case).is_none()) {
        problems.push(
            "no case ends in a recipe whose only command is called otherwise than the package; \
             write one, or a guess would not be seen"
                .to_owned(),
        );
    }
    if !ends(|ends| matches!(ends, ExpectedOutcome::Absent)) {
        problems.push("no case is absent; write one of a package that is not there".to_owned());
    }
    if !ends(|ends| matches!(ends, ExpectedOutcome::Failure(_))) {
        problems.push("no case has no recipe; write one of a library".to_owned());
    }
    problems.into()
}

pub(super) fn are_golden(harness: &Harness) -> Outcome {
    if harness.runs.is_empty() {
        return Outcome::no_fixtures();
    }
    harness.runs.iter().filter_map(|(case, run)| difference(case, run)).collect::<Vec<_>>().into()
}

fn difference(case: &Case, run: &Run) -> Option<String> {
    let name = &case.name;
    let fits = match (&case.ends, &run.end) {
        (ExpectedOutcome::Recipe(golden), End::Recipe) => {
            let text = run.recipe.as_ref().map(Recipe::to_toml).unwrap_or_default();
            if text == *golden {
                return None;
            }
            let difference = first_difference(&text, golden);
            return Some(format!("fixture {name}: {difference}; the whole recipe is:\n{text}"));
        }
        (ExpectedOutcome::Absent, End::Absent) => true,
        (ExpectedOutcome::Failure(kind), End::Failure(found)) => kind == found,
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

/// Where the recipe that was made, and is called `text`, is not the one that must come.
fn first_difference(text: &str, golden: &str) -> String {
    if golden.trim().is_empty() {
        return "recipe.toml is empty; read the recipe that was made, and keep it if it is right"
            .to_owned();
    }
    let (mut made, mut wanted) = (text.lines(), golden.lines());
    loop {
        return match (made.next(), wanted.next()) {
            (Some(made), Some(wanted)) if made == wanted => continue,
            (Some(made), Some(wanted)) => {
                format!("the recipe says {made:?} where recipe.toml says {wanted:?}")
            }
            (Some(made), None) => format!("recipe.toml ends where the recipe says {made:?}"),
            (None, Some(wanted)) => format!("the recipe ends where recipe.toml says {wanted:?}"),
            (None, None) => "the recipe and recipe.toml end their lines differently".to_owned(),
        };
    }
}

pub(super) fn do_not_depend_on_order(harness: &Harness) -> Outcome {
    if harness.runs.is_empty() {
        return Outcome::no_fixtures();
    }
    let mut problems = vec![];
    for (case, run) in &harness.runs {
        let text = |run: &Run| (run.recipe.as_ref().map(Recipe::to_toml), run.facts.clone());
        for seed in 1..=N_ORDERS {
            let again = harness.subject.replay(case, Some(seed));
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

pub(super) fn pass_the_strict_reader(harness: &Harness) -> Outcome {
    let own: &[ActionShape] = harness.subject.plugin.recipe_actions;
    let mut problems = vec![];
    let mut n_read = 0;
    for (case, _, recipe) in harness.recipes() {
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

pub(super) fn have_the_executables_of_the_facts(harness: &Harness) -> Outcome {
    let mut problems = vec![];
    let mut n_read = 0;
    for (case, facts, recipe) in harness.recipes() {
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
        ExpectedOutcome::Recipe(text) => listed_in(text),
        ExpectedOutcome::Absent | ExpectedOutcome::Failure(_) => vec![],
    }
}

fn listed_in(text: &str) -> Vec<String> {
    let recipe: toml::Table = toml::from_str(text).unwrap_or_default();
    let steps = recipe.get("steps").and_then(|steps| steps.as_array()).into_iter().flatten();
    let values = steps.flat_map(|step| LISTS.iter().filter_map(|key| step.get(*key)?.as_array()));
    let texts = values.flatten().filter_map(|value| value.as_str());
    texts.map(|path| path.rsplit('/').next().unwrap_or(path).to_owned()).collect()
}

pub(super) fn have_a_stable_name(harness: &Harness) -> Outcome {
    let Some(builder) = harness.subject.plugin.recipe_builder else {
        return Outcome::no_builder();
    };
    let mut problems = vec![];
    let mut n_named = 0;
    for (case, facts) in harness.facts() {
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
    for (case, facts, recipe) in harness.recipes() {
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
