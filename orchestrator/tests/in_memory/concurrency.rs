//! Which work waits for which, on virtual time.

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
use orchestrator::validator::{NoVerdict, Validation, ValidationContext, Validator};

use crate::test_ports::{SECOND, TestPorts, id, not_passed, packages, passed, recipe};

fn one(ecosystem: &str) -> Choice {
    Choice::One(ecosystem.parse().unwrap())
}

/// The duration of a run with this number of jobs.
fn duration_of(test_ports: &TestPorts, choice: Choice, jobs: usize) -> Duration {
    let before = test_ports.clock.monotonic();
    test_ports.clock.run(test_ports.run(choice, jobs)).unwrap();
    test_ports.clock.monotonic().saturating_sub(before)
}

#[test]
fn a_slow_first_package_delays_no_other() {
    let mut test_ports = TestPorts::new(&packages(&["npm"], 10));
    test_ports.generator.script = Box::new(|plugin, id| {
        let takes = if id.name.as_str() == "p00" { 1000 * SECOND } else { SECOND };
        (takes, Ok(recipe(plugin, id, id.name.as_str())))
    });
    // The others are generated and validated in the meantime; then the slow one is validated.
    assert_eq!(duration_of(&test_ports, one("npm"), 2), 1002 * SECOND);
    let mut slow = TestPorts::new(&packages(&["npm"], 10));
    slow.validator.script = Box::new(|recipe| {
        let takes = if recipe.name.as_str() == "npm-p00" { 1000 * SECOND } else { 2 * SECOND };
        (takes, passed())
    });
    assert_eq!(duration_of(&slow, one("npm"), 2), 1001 * SECOND);
}

#[test]
fn the_next_package_is_generated_while_the_last_is_installed() {
    let mut test_ports = TestPorts::new(&packages(&["npm"], 5));
    test_ports.generator.script =
        Box::new(|plugin, id| (10 * SECOND, Ok(recipe(plugin, id, id.name.as_str()))));
    test_ports.validator.script = Box::new(|_| (10 * SECOND, passed()));
    assert_eq!(duration_of(&test_ports, one("npm"), 1), 60 * SECOND);
}

/// Counts how many recipes are validated at the same time.
struct Counting<'a> {
    inner: &'a TestPorts,
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
        context: ValidationContext<'_>,
    ) -> Result<Validation, NoVerdict> {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
        let said = self.inner.validator.validate(plugin, recipe, environment, context).await;
        self.now.fetch_sub(1, Ordering::Relaxed);
        said
    }
}

#[test]
fn the_limit_of_jobs_applies_to_the_whole_process() {
    let all = ["homebrew", "cargo", "npm", "pypi", "rubygems", "go", "cpan"];
    for jobs in [1, 3] {
        let test_ports = TestPorts::new(&packages(&all, 6));
        let counting = Counting { inner: &test_ports, now: 0.into(), most: 0.into() };
        let summary =
            test_ports.clock.run(test_ports.run_with(&counting, Choice::All, jobs)).unwrap();
        assert_eq!(summary.batches.iter().map(|batch| batch.succeeded).sum::<u64>(), 42);
        assert_eq!(counting.most.into_inner(), jobs);
    }
}

#[test]
fn the_first_package_of_the_plan_gets_the_command_in_any_order_of_completion() {
    // The packages of one batch, and of two: cargo is before npm in the rotation.
    for (first, second) in [("npm:a", "npm:b"), ("cargo:z", "npm:a")] {
        let mut test_ports = TestPorts::new(&[id(first), id(second)]);
        let is_slow = id(first);
        test_ports.generator.script = Box::new(move |plugin, id| {
            let takes = if *id == is_slow { 500 * SECOND } else { SECOND };
            (takes, Ok(recipe(plugin, id, "shared")))
        });
        test_ports.clock.run(test_ports.run(Choice::All, 2)).unwrap();
        let status = |package| {
            let package = id(package);
            let queue = test_ports.state.queue(&package.ecosystem).unwrap().unwrap();
            queue.entries[&package].status.clone()
        };
        assert_eq!(status(first), Status::Success);
        let Status::RequiresManual { reason } = status(second) else { panic!("{second}") };
        assert!(reason.contains("command_taken") && reason.contains("shared"), "{reason}");
    }
}

#[test]
fn a_command_goes_to_the_next_package_of_the_plan_if_the_first_fails() {
    let mut test_ports = TestPorts::new(&[id("npm:a"), id("npm:b")]);
    test_ports.generator.script = Box::new(|plugin, id| (SECOND, Ok(recipe(plugin, id, "shared"))));
    test_ports.validator.script = Box::new(|recipe| {
        let id = &recipe.facts.id;
        let fails = id.name.as_str() == "a";
        (SECOND, if fails { not_passed(id, FailureKind::VerifyFailed) } else { passed() })
    });
    let summary = test_ports.clock.run(test_ports.run(one("npm"), 1)).unwrap();
    assert_eq!((summary.batches[0].succeeded, summary.batches[0].failed), (1, 1));
    assert_eq!(test_ports.state.recipe_names().unwrap(), ["npm-b".parse().unwrap()]);
}
