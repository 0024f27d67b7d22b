//! What a generation made: a recipe, or a package whose recipe follows from discovered commands.

use super::{batch_facts::BatchFacts, outcome};
use crate::model::{
    Executables, ExecutablesFrom, Failure, Generated, GeneratedRecipe, Generation, PackageFacts,
    PackageId, RecipeName, Stage,
};

/// The message for a validation that passed although the batch has no recipe.
const NO_RECIPE: &str = "a validation passed, and the recipe that it tested was not recorded";

/// What the validations of a package are about.
pub(super) struct Subject<'f> {
    pub(super) name: &'f RecipeName,
    pub(super) facts: &'f PackageFacts,
    recipe: Option<&'f GeneratedRecipe>,
}

impl<'f> Subject<'f> {
    /// The subject that was `generated`. The error is the failure of a generation that made none.
    pub(super) fn of(
        generated: &'f Generated,
        batch_facts: &BatchFacts<'f>,
    ) -> Result<Self, &'f Failure> {
        let (name, facts, recipe) = match &generated.made {
            Generation::Recipe(recipe) => (&recipe.name, &recipe.facts, Some(&**recipe)),
            Generation::Undiscovered(undiscovered) => {
                match discovered(&generated.package_id, batch_facts) {
                    Some(recipe) => (&recipe.name, &recipe.facts, Some(recipe)),
                    None => (&undiscovered.name, &undiscovered.facts, None),
                }
            }
            Generation::Nothing(nothing) => return Err(&nothing.failure),
        };
        Ok(Self { name, facts, recipe })
    }

    pub(super) fn has_recipe(&self) -> bool {
        self.recipe.is_some()
    }

    /// The recipe that was tested.
    pub(super) fn recipe(&self, package: &PackageId) -> Result<&'f GeneratedRecipe, Box<Failure>> {
        self.recipe
            .ok_or_else(|| Box::new(outcome::unrecorded(Stage::Validate, NO_RECIPE, package)))
    }
}

/// The recipe of `package` that was made from discovered commands: that of the first environment,
/// because the others test the same one.
fn discovered<'f>(
    package: &PackageId,
    batch_facts: &BatchFacts<'f>,
) -> Option<&'f GeneratedRecipe> {
    batch_facts.discovered(package).next()
}

/// What is known about the package that was `generated`, and whether there is a recipe.
pub(super) fn of_attempt<'f>(
    generated: &'f Generated,
    batch_facts: &BatchFacts<'f>,
) -> (Option<&'f PackageFacts>, bool) {
    match Subject::of(generated, batch_facts) {
        Ok(subject) => (Some(subject.facts), subject.has_recipe()),
        Err(_) => (generated.made.facts(), false),
    }
}

/// What was validated of the package that was `generated`: its recipe, or the package without one.
pub(super) fn validated(generated: &Generated, batch_facts: &BatchFacts<'_>) -> Option<Generation> {
    let subject = Subject::of(generated, batch_facts).ok()?;
    Some(match subject.recipe {
        Some(recipe) => Generation::Recipe(Box::new(recipe.clone())),
        None => generated.made.clone(),
    })
}

/// Who told the commands of `facts`; `None` if they are not known.
pub(super) fn executables_from(facts: &PackageFacts) -> Option<ExecutablesFrom> {
    match facts.executables {
        Executables::Known(_) => Some(facts.executables_from),
        Executables::Unknown(_) => None,
    }
}
