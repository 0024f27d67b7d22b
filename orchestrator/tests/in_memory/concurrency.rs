//! Who waits for whom, on virtual time.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use batch_core::{
    decide::preflight::Choice,
    io::{Clock as _, StateReader as _},
    model::{Environment, FailureKind, GeneratedRecipe, Status},
    plugin::EcosystemPlugin,
};
use orchestrator::validator::{Onlookers, Validation, Validator};

use crate::world::{SECOND, World, id, not_passed, packages, passed, recipe};

fn one(ecosystem: &str) -> Choice {
    Choice::One(ecosystem.parse().unwrap())
}

/// How long a run takes, with so many jobs.
fn lasts(world: &World, choice: Choice, jobs: usize) -> Duration {
    let before = world.clock.monotonic();
    world.clock.run(world.run(choice, jobs)).unwrap();
    world.clock.monotonic().saturating_sub(before)
}

#[test]
fn a_slow_first_package_keeps_no_other_waiting() {
    let mut world = World::new(&packages(&["npm"], 10));
    world.generator.script = Box::new(|plugin, id| {
        let takes = if id.name.as_str() == "p00" { 1000 * SECOND } else { SECOND };
        (takes, Ok(recipe(plugin, id, id.name.as_str())))
    });
    // The others are generated and validated meanwhile; then the slow one is validated.
    assert_eq!(lasts(&world, one("npm"), 2), 1002 * SECOND);
    let mut slow = World::new(&packages(&["npm"], 10));
    slow.validator.script = Box::new(|recipe| {
        let takes = if recipe.name.as_str() == "npm-p00" { 1000 * SECOND } else { 2 * SECOND };
        (takes, passed())
    });
    assert_eq!(lasts(&slow, one("npm"), 2), 1001 * SECOND);
}

#[test]
fn the_next_package_is_generated_while_the_last_is_installed() {
    let mut world = World::new(&packages(&["npm"], 5));
    world.generator.script =
        Box::new(|plugin, id| (10 * SECOND, Ok(recipe(plugin, id, id.name.as_str()))));
    world.validator.script = Box::new(|_| (10 * SECOND, passed()));
    assert_eq!(lasts(&world, one("npm"), 1), 60 * SECOND);
}

/// Counts how many recipes are validated at once.
struct Counting<'a> {
    inner: &'a World,
    now: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait::async_trait]
impl Validator for Counting<'_> {
    async fn clean_up(&self) -> anyhow::Result<()> {
        Ok(())
    }

    async fn validate(
        &self,
        plugin: &EcosystemPlugin,
        recipe: &GeneratedRecipe,
        environment: Environment,
        onlookers: Onlookers<'_>,
    ) -> Option<Validation> {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
        let said = self.inner.validator.validate(plugin, recipe, environment, onlookers).await;
        self.now.fetch_sub(1, Ordering::Relaxed);
        said
    }
}

#[test]
fn jobs_are_those_of_the_process_not_of_each_ecosystem() {
    let all = ["homebrew", "cargo", "npm", "pypi", "rubygems", "go", "cpan"];
    for jobs in [1, 3] {
        let world = World::new(&packages(&all, 6));
        let counting = Counting { inner: &world, now: 0.into(), most: 0.into() };
        let summary = world.clock.run(world.run_with(&counting, Choice::All, jobs)).unwrap();
        assert_eq!(summary.batches.iter().map(|batch| batch.succeeded).sum::<u64>(), 42);
        assert_eq!(counting.most.into_inner(), jobs);
    }
}

#[test]
fn the_first_of_the_plan_has_the_command_whoever_is_ready_first() {
    // Of one batch, and of two: cargo comes before npm in the rotation.
    for (first, second) in [("npm:a", "npm:b"), ("cargo:z", "npm:a")] {
        let mut world = World::new(&[id(first), id(second)]);
        let is_slow = id(first);
        world.generator.script = Box::new(move |plugin, id| {
            let takes = if *id == is_slow { 500 * SECOND } else { SECOND };
            (takes, Ok(recipe(plugin, id, "shared")))
        });
        world.clock.run(world.run(Choice::All, 2)).unwrap();
        let status = |package| {
            let package = id(package);
            let queue = world.state.queue(&package.ecosystem).unwrap().unwrap();
            queue.entries[&package].status.clone()
        };
        assert_eq!(status(first), Status::Success);
        let Status::RequiresManual { reason } = status(second) else { panic!("{second}") };
        assert!(reason.contains("command_taken") && reason.contains("shared"), "{reason}");
    }
}

#[test]
fn a_command_goes_to_the_next_of_the_plan_where_the_first_does_not_work() {
    let mut world = World::new(&[id("npm:a"), id("npm:b")]);
    world.generator.script = Box::new(|plugin, id| (SECOND, Ok(recipe(plugin, id, "shared"))));
    world.validator.script = Box::new(|recipe| {
        let id = &recipe.facts.id;
        let fails = id.name.as_str() == "a";
        (SECOND, if fails { not_passed(id, FailureKind::VerifyFailed) } else { passed() })
    });
    let summary = world.clock.run(world.run(one("npm"), 1)).unwrap();
    assert_eq!((summary.batches[0].succeeded, summary.batches[0].failed), (1, 1));
    assert_eq!(world.state.recipe_names().unwrap(), ["npm-b".parse().unwrap()]);
}
