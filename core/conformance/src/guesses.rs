//! The rule that commands come from the registry and are never guessed from the name of the
//! package.

use super::{
    Harness, Outcome,
    fixture::Case,
    guard,
    harness::{self, Run},
    network::{NOTHING, ScriptedAnswer},
    recipes::{golden, listed},
};
use batch_core::{
    model::{CommandName, Executables, FailureKind, PackageFacts},
    plugin::RecipeBuilder,
};

pub(super) fn are_never_made(harness: &Harness) -> Outcome {
    let Some(builder) = harness.subject.plugin.recipe_builder else {
        return Outcome::no_builder();
    };
    let mut problems = vec![];
    let mut n_tried = 0;
    for (case, facts, _) in harness.recipes() {
        n_tried += 1;
        let executables =
            Executables::unknown(FailureKind::BinaryDiscoveryFailed, "the suite says so");
        let unknown = PackageFacts { executables, ..facts.clone() };
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
    for (case, facts) in harness.facts() {
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
    problems.extend(harness.runs.iter().filter_map(|(case, run)| without_word(harness, case, run)));
    if n_tried == 0 { Outcome::no_recipe() } else { problems.into() }
}

/// The commands of the recipe for `facts`; `None` if there is no recipe.
fn built(
    builder: &'static dyn RecipeBuilder,
    facts: PackageFacts,
) -> Result<Option<Vec<String>>, guard::GuardError> {
    let limit = harness::PATIENCE;
    guard::within(limit, "build", move || builder.build(&facts).ok().map(|it| listed(&it)))
}

/// Whether the registry states the name of a command anywhere, even as the name of the package.
/// Then the author of the fixture must have stated it too.
fn is_stated(case: &Case, facts: &PackageFacts, name: &CommandName) -> bool {
    let is_name = last_part(facts.id.name.as_str()) == name.as_str();
    let is_golden = || golden(case).iter().any(|it| it == name.as_str());
    is_name && is_golden() || case.mentions(name.as_str())
}

/// The name of a package without its scope, path and version.
pub(super) fn last_part(package: &str) -> &str {
    let is_major = |part: &str| part.strip_prefix('v').is_some_and(|n| n.parse::<u32>().is_ok());
    package.rsplit('/').find(|part| !is_major(part)).unwrap_or(package)
}

/// The only command of a case whose package has another name.
pub(super) fn only_command(case: &Case) -> Option<String> {
    let [command] = <[String; 1]>::try_from(golden(case)).ok()?;
    let name = last_part(&case.package);
    (!command.eq_ignore_ascii_case(name)).then_some(command)
}

/// The problem in the result of `case` when its only command is no longer stated anywhere.
fn without_word(harness: &Harness, case: &Case, run: &Run) -> Option<String> {
    let (command, facts) = (only_command(case)?, run.facts.as_ref()?);
    let scripted =
        case.without_lines_of(&command).ok()?.into_iter().map(ScriptedAnswer::from).collect();
    let left = harness.subject.ask(case.asked(), scripted, NOTHING);
    let name = last_part(facts.id.name.as_str());
    let guess = listed(left.recipe.as_ref()?).into_iter().find(|it| it == name)?;
    Some(format!(
        "{}: where no answer says {command:?} it ends in a recipe with the command {guess:?}, which \
         is only the name of the package; say Unknown and why",
        case.name
    ))
}
