//! Tests of recipes in several environments, their repetition, and how they end early.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use batch_core::{
    decide::{ladder::SkipFlags, preflight::Choice},
    io::{Clock as _, StateReader as _},
    model::{
        Cell, EcosystemId, Environment, Fact, FailureKind, GeneratedRecipe, PackageFacts,
        RunRecord, Rung, Status, ValidationSkip,
    },
    plugin::EcosystemPlugin,
};
use futures_util::future::join;
use orchestrator::{
    run::Summary,
    stage::Stop,
    validator::{Discovery, NoVerdict, Validation, ValidationContext, Validator},
};

use crate::test_ports::{
    HERE, SECOND, TestPorts, id, not_passed, packages, passed, shown, undiscovered,
};

/// The result of a test of a recipe in an environment at this try, counted from 1.
type Script = dyn Fn(&GeneratedRecipe, Environment, usize) -> Validation + Send + Sync;

/// Tests in any environment, each in a second, and notes where it tested what.
struct Everywhere<'a> {
    clock: &'a batch_sim::SimClock,
    script: Box<Script>,
    tested: Mutex<Vec<(String, Environment)>>,
}

impl<'a> Everywhere<'a> {
    fn new(
        test_ports: &'a TestPorts,
        script: impl Fn(&GeneratedRecipe, Environment, usize) -> Validation + Send + Sync + 'static,
    ) -> Self {
        Self { clock: &test_ports.clock, script: Box::new(script), tested: Mutex::default() }
    }

    /// Where the recipe of the npm package `name` was tested, in this order.
    fn of(&self, name: &str) -> Vec<Environment> {
        let tested = self.tested.lock().unwrap();
        tested.iter().filter(|(it, _)| it == name).map(|(_, place)| *place).collect()
    }
}

#[async_trait::async_trait]
impl Validator for Everywhere<'_> {
    async fn clean_up(&self) -> anyhow::Result<()> {
        Ok(())
    }

    async fn validate(
        &self,
        _plugin: &EcosystemPlugin,
        recipe: &GeneratedRecipe,
        environment: Environment,
        context: ValidationContext<'_>,
    ) -> Result<Validation, NoVerdict> {
        let name = recipe.facts.id.name.to_string();
        let n = {
            let mut tested = self.tested.lock().unwrap();
            tested.push((name.clone(), environment));
            tested.iter().filter(|(it, place)| *it == name && *place == environment).count()
        };
        tokio::select! {
            () = self.clock.sleep(SECOND) => Ok((self.script)(recipe, environment, n)),
            () = context.cancel.cancelled() => Err(NoVerdict::Cancelled),
        }
    }

    async fn discover(
        &self,
        _plugin: &EcosystemPlugin,
        facts: &PackageFacts,
        environment: Environment,
        _context: ValidationContext<'_>,
    ) -> Result<Discovery, NoVerdict> {
        let name = format!("commands of {}", facts.id.name);
        self.tested.lock().unwrap().push((name, environment));
        let installations = [shown(facts), shown(facts)];
        Ok(Discovery::Installed { sandbox: "none".to_owned(), installations })
    }
}

/// Containers of these environments for npm.
fn npm_in(environments: &[Environment]) -> BTreeMap<EcosystemId, BTreeSet<Environment>> {
    [("npm".parse().unwrap(), environments.iter().copied().collect())].into()
}

fn npm() -> Choice {
    Choice::One("npm".parse().unwrap())
}

fn record(test_ports: &TestPorts, summary: &Summary) -> RunRecord {
    let batch = summary.batches[0].batch_id.to_string();
    test_ports.state.run(&batch).unwrap().unwrap()
}

fn status(test_ports: &TestPorts, package: &str) -> Status {
    let package = id(package);
    let queue = test_ports.state.queue(&package.ecosystem).unwrap().unwrap();
    queue.entries[&package].status.clone()
}

#[test]
fn a_recipe_that_the_first_rung_fails_is_tested_nowhere_else() {
    let mut test_ports = TestPorts::new(&packages(&["npm"], 3));
    test_ports.others = npm_in(Environment::ALL);
    let validator = Everywhere::new(&test_ports, |recipe, place, _| {
        let id = &recipe.facts.id;
        let fails = match id.name.as_str() {
            "p00" => place == HERE,
            "p01" => Rung::of(place) == Rung::OtherX86,
            _ => false,
        };
        if fails { not_passed(id, FailureKind::InstallFailed) } else { passed() }
    });
    let summary = test_ports.clock.run(test_ports.run_with(&validator, npm(), 8)).unwrap();
    assert_eq!(validator.of("p00"), [HERE]);
    assert_eq!(validator.of("p01").len(), 11);
    let rungs: Vec<Rung> = validator.of("p02").into_iter().map(Rung::of).collect();
    assert!(rungs.len() == 11 && rungs.is_sorted(), "{rungs:?}");
    let run = record(&test_ports, &summary);
    assert_eq!((run.succeeded, run.failed), (2, 1));
    let lost: Vec<Cell> = run.exclusions[0].cells.iter().map(|lost| lost.cell).collect();
    assert_eq!(lost, [Cell::LinuxGlibcX86, Cell::LinuxMuslX86], "p01 works elsewhere");
    assert_eq!((run.minutes_saved.linux, run.minutes_saved.macos), (1, 1));
    let mac = &run.environments[&Environment::MacArm];
    assert_eq!((mac.tested, mac.passed, mac.skipped), (2, 2, 1));
    assert_eq!(mac.skip_reasons, [(ValidationSkip::NotPromoted, 1)].into());
    assert_eq!(run.results.len(), 23);
}

#[test]
fn commands_are_discovered_once_and_every_environment_tests_the_recipe_that_was_made() {
    let mut test_ports = TestPorts::new(&packages(&["npm"], 1));
    test_ports.others = npm_in(Environment::ALL);
    test_ports.generator.script = Box::new(|plugin, id| (SECOND, Err(undiscovered(plugin, id))));
    // The first try of the first environment ends with a fault after its discovery.
    let validator = Everywhere::new(&test_ports, |recipe, place, n| {
        let is_first = place == HERE && n == 1;
        if is_first { not_passed(&recipe.facts.id, FailureKind::Timeout) } else { passed() }
    });
    let summary = test_ports.clock.run(test_ports.run_with(&validator, npm(), 8)).unwrap();
    assert_eq!(validator.of("commands of p00"), [HERE]);
    assert_eq!(validator.of("p00").len(), 12, "all environments, and a second try");
    let run = record(&test_ports, &summary);
    assert_eq!((run.succeeded, run.executables_from.len()), (1, 1));
}

#[test]
fn environments_of_other_machines_and_left_out_ones_are_neither_failure_nor_pass() {
    let mut test_ports = TestPorts::new(&packages(&["npm"], 1));
    test_ports.others = npm_in(&[Environment::AlpineX86]);
    test_ports.skip = SkipFlags { musl: true, ..SkipFlags::default() };
    let validator = Everywhere::new(&test_ports, |_, _, _| passed());
    let summary = test_ports.clock.run(test_ports.run_with(&validator, npm(), 1)).unwrap();
    assert_eq!(validator.of("p00"), [HERE]);
    let run = record(&test_ports, &summary);
    assert_eq!((run.succeeded, run.failed, run.interrupted), (1, 0, false));
    let reason = |place| {
        let counts = &run.environments[&place];
        assert_eq!((counts.tested, counts.passed, counts.failed), (0, 0, 0));
        *counts.skip_reasons.first_key_value().unwrap().0
    };
    assert_eq!(reason(Environment::AlpineX86), ValidationSkip::LeftOut);
    assert_eq!(reason(Environment::RhelX86), ValidationSkip::NotThisMachine);
    assert_eq!(run.environments.len(), 11);
}

#[test]
fn what_may_pass_by_itself_is_tried_again_on_the_spot_and_is_never_a_failure() {
    let test_ports = TestPorts::new(&packages(&["npm"], 5));
    let validator = Everywhere::new(&test_ports, |recipe, _, n| {
        let id = &recipe.facts.id;
        match (id.name.as_str(), n) {
            ("p00", 1 | 2) | ("p01", _) => not_passed(id, FailureKind::ConnectionError),
            ("p02", _) => not_passed(id, FailureKind::BuildTimeout),
            ("p03", _) => not_passed(id, FailureKind::InstallFailed),
            ("p04", 1) => not_passed(id, FailureKind::OutOfMemory),
            _ => passed(),
        }
    });
    let summary = test_ports.clock.run(test_ports.run_with(&validator, npm(), 2)).unwrap();
    let tries = |name: &str| validator.of(name).len();
    assert_eq!(["p00", "p01", "p02", "p03", "p04"].map(tries), [3, 3, 2, 1, 2]);
    for (name, expected) in [
        ("npm:p00", Status::Success),
        ("npm:p01", Status::Pending),
        ("npm:p02", Status::Pending),
        ("npm:p03", Status::Failed),
        ("npm:p04", Status::Success),
    ] {
        assert_eq!(status(&test_ports, name), expected, "{name}");
    }
    let run = record(&test_ports, &summary);
    let recorded = |name: &str| {
        let package_id = id(&format!("npm:{name}"));
        let result = run.results.iter().find(|it| it.package_id == package_id).unwrap();
        (result.tries, result.duration_ms)
    };
    assert_eq!((recorded("p00"), recorded("p02")), ((3, 3_000), (2, 2_000)));
    let facts = test_ports.facts.all.lock().unwrap();
    let began = facts.iter().filter(
        |fact| matches!(fact, Fact::Began(began) if began.environment.is_some() && began.tries > 1),
    );
    assert_eq!(began.count(), 6, "each try is a fact when it begins");
}

/// What is recorded of six packages if a run is asked to end after 3.5 seconds.
fn ended(ask: fn(&Stop)) -> (TestPorts, Summary) {
    let test_ports = TestPorts::new(&packages(&["npm"], 6));
    let validator = Everywhere::new(&test_ports, |_, _, _| passed());
    let stop = Stop::default();
    let run = test_ports.run_until(&validator, npm(), 1, &stop);
    let asked = async {
        test_ports.clock.sleep(3 * SECOND + SECOND / 2).await;
        ask(&stop);
    };
    let (summary, ()) = test_ports.clock.run(join(run, asked));
    drop(validator);
    (test_ports, summary.unwrap())
}

#[test]
fn a_run_that_drains_finishes_what_has_begun_and_begins_nothing_new() {
    // In the fourth second, the third recipe is tested and the fourth package generated.
    let (test_ports, summary) = ended(Stop::drain);
    assert!(summary.interrupted);
    assert_eq!(record(&test_ports, &summary).succeeded, 3);
    assert_eq!(test_ports.clock.monotonic(), 4 * SECOND);
    assert_eq!(status(&test_ports, "npm:p03"), Status::Pending);
}

#[test]
fn a_run_that_stops_now_records_what_had_ended() {
    let (test_ports, summary) = ended(Stop::now);
    let run = record(&test_ports, &summary);
    assert_eq!((run.succeeded, run.failed, run.deferred.len()), (2, 0, 4));
    assert_eq!(test_ports.clock.monotonic(), 3 * SECOND + SECOND / 2);
    assert_eq!(test_ports.facts.pending_batches(), 0);
}
