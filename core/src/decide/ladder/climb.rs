//! Recipes on their way up the ladder.

use std::collections::BTreeMap;

use super::{Known, Step, steps};
use crate::{
    decide::fold::BatchFacts,
    model::{
        BatchPlan, Environment, Fact, GeneratedRecipe, Generation, PackageFacts, PackageId,
        PlannedPackage, Started, Undiscovered, Verdict,
    },
};

/// What is to be tested after a generation.
#[derive(Debug, Clone)]
pub enum ToTest {
    /// A recipe.
    Recipe(Box<GeneratedRecipe>),
    /// A package whose recipe is made after its commands were discovered, in the first environment in
    /// which it is tested. The other environments test the recipe that was made there.
    Undiscovered(Box<Undiscovered>),
}

impl ToTest {
    /// What is to be tested after `made`; `None` if there is nothing.
    pub fn of(made: &Generation) -> Option<Self> {
        match made {
            Generation::Recipe(recipe) => Some(Self::Recipe(recipe.clone())),
            Generation::Undiscovered(undiscovered) => {
                Some(Self::Undiscovered(undiscovered.clone()))
            }
            Generation::Nothing(_) => None,
        }
    }

    /// What is known about the package.
    pub fn facts(&self) -> &PackageFacts {
        match self {
            Self::Recipe(recipe) => &recipe.facts,
            Self::Undiscovered(undiscovered) => &undiscovered.facts,
        }
    }
}

/// A recipe on its way up the ladder.
#[derive(Debug, Clone)]
pub struct Climb {
    /// The package, with the environments of its ladder.
    pub planned: PlannedPackage,
    /// Its recipe, or the package whose commands are discovered before it is tested.
    pub to_test: ToTest,
    known: BTreeMap<Environment, Known>,
    /// The number of tries that were begun, by environment.
    begun: BTreeMap<Environment, u32>,
}

impl Climb {
    /// A recipe that was not tested yet.
    pub fn new(planned: PlannedPackage, to_test: ToTest) -> Self {
        Self { planned, to_test, known: BTreeMap::new(), begun: BTreeMap::new() }
    }

    /// The environments in which it has to be tested now, the cheapest first. While its commands are
    /// not known, it is one.
    pub fn due(&self, plan: &BatchPlan) -> Vec<Environment> {
        let steps = self.steps(plan);
        let is_due = |place: &Environment| steps.get(place) == Some(&Step::Due);
        let most = match self.to_test {
            ToTest::Recipe(_) => usize::MAX,
            ToTest::Undiscovered(_) => 1,
        };
        self.planned.environments.iter().copied().filter(is_due).take(most).collect()
    }

    /// Whether it depends on results that may still come whether it is tested in `environment`, or
    /// with which recipe.
    pub fn is_later(&self, environment: Environment, plan: &BatchPlan) -> bool {
        match self.steps(plan).get(&environment) {
            Some(Step::Later) => true,
            Some(Step::Due) => !self.due(plan).contains(&environment),
            Some(Step::Ended | Step::Closed | Step::Skipped(_)) | None => false,
        }
    }

    fn steps(&self, plan: &BatchPlan) -> BTreeMap<Environment, Step> {
        let known = |place| self.known.get(&place).copied().unwrap_or(Known::Open);
        steps(plan, &self.planned, &self.to_test.facts().platforms, known)
    }

    /// Its test in `environment` ended with this verdict, or without one.
    pub fn ended(&mut self, environment: Environment, verdict: Option<Verdict>) {
        self.known.insert(environment, verdict.map_or(Known::Closed, Known::Ended));
    }

    /// The number of the next try in `environment`, from 1.
    pub fn next_try(&self, environment: Environment) -> u32 {
        self.begun.get(&environment).copied().unwrap_or(0).saturating_add(1)
    }
}

/// The packages of the batch of `plan` whose generation has not ended according to `facts`, each
/// with the number of times that it was begun.
pub fn to_generate<'f>(
    facts: impl IntoIterator<Item = &'f Fact>,
    plan: &Started,
) -> Vec<(PlannedPackage, u32)> {
    let facts = BatchFacts::of(facts, plan);
    let is_open = |planned: &&PlannedPackage| {
        let package = &planned.package_id;
        facts.generated(package).is_none() && !facts.is_deferred(package, None)
    };
    let open = plan.plan.packages.iter().filter(is_open);
    open.map(|it| (it.clone(), facts.tries_begun(&it.package_id, None))).collect()
}

/// The recipes of the batch of `plan`, in its order, as far as `facts` tell.
pub fn climbs<'f>(facts: impl IntoIterator<Item = &'f Fact>, plan: &Started) -> Vec<Climb> {
    let facts = BatchFacts::of(facts, plan);
    let climb = |planned: &PlannedPackage| {
        let package = &planned.package_id;
        let made = ToTest::of(&facts.generated(package)?.made)?;
        let to_test = match (&made, facts.discovered(package).next()) {
            (ToTest::Undiscovered(_), Some(recipe)) => ToTest::Recipe(Box::new(recipe.clone())),
            (ToTest::Undiscovered(_), None) | (ToTest::Recipe(_), _) => made,
        };
        let mut climb = Climb::new(planned.clone(), to_test);
        for &environment in &planned.environments {
            climb.known.insert(environment, facts.known(package, environment));
            climb.begun.insert(environment, facts.tries_begun(package, Some(environment)));
        }
        Some(climb)
    };
    plan.plan.packages.iter().filter_map(climb).collect()
}

/// The tests that are due in the batch of `plan` according to `facts`: in the order of the plan, and
/// for each package the cheapest first.
pub fn due<'f>(
    facts: impl IntoIterator<Item = &'f Fact>,
    plan: &Started,
) -> Vec<(PackageId, Environment)> {
    let due = |climb: Climb| {
        let package = climb.planned.package_id.clone();
        climb.due(&plan.plan).into_iter().map(move |environment| (package.clone(), environment))
    };
    climbs(facts, plan).into_iter().flat_map(due).collect()
}
