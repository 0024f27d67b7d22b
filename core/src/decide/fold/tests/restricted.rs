//! Recipes that fail somewhere lose what failed, and nothing else.

use super::*;
use crate::{
    decide::merge_policy::{NetworkGate, SplitCell},
    model::{ActionShape, Cell, RemovedCell, RunRecord},
};

/// The environments of the tests, more than the letters of the other tests name.
const PLACES: [Environment; 5] = [
    Environment::DebianX86,
    Environment::RhelX86,
    Environment::AlpineX86,
    Environment::DebianArm,
    Environment::MacArm,
];

/// The delta of a package with these results in [`PLACES`], and facts that `change` has changed.
fn delta_of(
    results: [Verdict; 5],
    policy: &MergePolicy,
    change: &dyn Fn(&mut Fact),
) -> (Delta, RunRecord) {
    let at = facts_at(20);
    let plan = facts_at(10).started(&[package("a")], &PLACES);
    let mut facts = vec![at.generated(package("a"), Some("a"))];
    for (place, verdict) in PLACES.into_iter().zip(results) {
        facts.push(Fact::Validated(Box::new(at.validated(package("a"), place, verdict))));
        facts.push(Fact::Finished(at.finished(Some(place), "own.example")));
    }
    facts.push(Fact::Finished(at.finished(None, "own.example")));
    facts.iter_mut().for_each(change);
    let context = Context {
        plan: &plan,
        actions: &[INSTALL],
        name_registry: &NameRegistry::default(),
        known: &KnownRecipes::default(),
        policy,
    };
    let delta = fold(&facts, &context, second(99));
    let run = record::run(&delta);
    (delta, run)
}

const PASS: Verdict = Verdict::Pass;
const FAIL: Verdict = Verdict::Fail;
const FAULT: Verdict = Verdict::Skipped { reason: ValidationSkip::Fault };
const BLOCKED: Verdict = Verdict::Blocked;

/// The cells that the recipe of `delta` is offered for, or the kind of its failure.
fn cells_of(delta: &Delta) -> Result<Vec<Cell>, FailureKind> {
    match &delta.attempts[0].outcome {
        Outcome::Succeeded { toml, .. } => {
            let parsed = recipe::parse(toml, &[INSTALL]).expect("a recipe that is merged");
            Ok(recipe::allowed_cells(&parsed.metadata))
        }
        Outcome::Failed(failure) => Err(failure.finding.kind),
    }
}

#[test]
fn a_recipe_loses_the_cells_in_which_it_failed_and_cites_the_failures() {
    let policy = MergePolicy::default();
    let (delta, run) = delta_of([PASS, FAIL, FAIL, PASS, FAULT], &policy, &|_| ());
    let left = [Cell::LinuxGlibcArm, Cell::LinuxMuslArm, Cell::DarwinArm, Cell::DarwinX86];
    assert_eq!(cells_of(&delta), Ok(left.to_vec()));
    let [exclusion] = &run.exclusions[..] else { panic!("{run:?}") };
    assert_eq!(
        exclusion.cells,
        [
            RemovedCell {
                cell: Cell::LinuxGlibcX86,
                failed_in: vec![Environment::RhelX86],
                given_up: vec![Environment::DebianX86],
            },
            RemovedCell {
                cell: Cell::LinuxMuslX86,
                failed_in: vec![Environment::AlpineX86],
                given_up: vec![],
            },
        ]
    );
    assert_eq!(exclusion.recheck_at, second(20) + policy.recheck_after);
    assert_eq!((run.succeeded, run.failed, run.excluded, run.constrained), (1, 0, 0, 1));
    let records = record::failures(&delta).into_iter().map(|noted| noted.record);
    let (ids, cells): (Vec<String>, Vec<_>) =
        records.map(|record| (record.id, record.removed_cell)).unzip();
    assert_eq!(exclusion.failure_ids, ids);
    assert_eq!(cells, [Some(Cell::LinuxGlibcX86), Some(Cell::LinuxMuslX86)]);
}

#[test]
fn what_says_nothing_about_the_recipe_restricts_nothing() {
    let (delta, run) =
        delta_of([PASS, FAULT, BLOCKED, FAULT, BLOCKED], &MergePolicy::default(), &|_| ());
    assert_eq!(cells_of(&delta), Ok(Cell::ALL.to_vec()));
    assert!(run.exclusions.is_empty() && record::failures(&delta).is_empty());
}

#[test]
fn a_recipe_without_a_cell_in_which_it_passed_is_left_out_of_the_batch() {
    for results in
        [[FAIL; 5], [PASS, FAIL, FAIL, BLOCKED, FAULT], [FAIL, FAULT, FAULT, FAULT, FAULT]]
    {
        let (delta, run) = delta_of(results, &MergePolicy::default(), &|_| ());
        assert_eq!(cells_of(&delta), Err(FailureKind::InstallFailed), "{results:?}");
        assert_eq!((run.excluded, run.constrained, run.failed), (1, 0, 1));
    }
}

#[test]
fn the_verification_comes_from_a_cell_that_is_left() {
    let seen = |place: Environment| Verify::of_version(place.as_str());
    let change = |fact: &mut Fact| {
        if let Fact::Validated(validated) = fact {
            validated.verify = Some(seen(validated.environment));
        }
    };
    let (delta, _) = delta_of([PASS, FAIL, FAULT, PASS, FAULT], &MergePolicy::default(), &change);
    let Outcome::Succeeded { toml, .. } = &delta.attempts[0].outcome else { panic!("{delta:?}") };
    let verify = recipe::parse(toml, &[INSTALL]).unwrap().verify;
    assert_eq!(verify, Some(seen(Environment::DebianArm)));
}

#[test]
fn a_policy_sends_split_cells_and_recipes_that_need_the_network_to_a_person() {
    let review = MergePolicy { split_cell: SplitCell::Review, ..MergePolicy::default() };
    let (delta, _) = delta_of([PASS, FAIL, PASS, PASS, PASS], &review, &|_| ());
    assert_eq!(cells_of(&delta), Err(FailureKind::SplitCell));
    let Outcome::Failed(failure) = &delta.attempts[0].outcome else { panic!() };
    assert_eq!(
        failure.message,
        "of linux-glibc-x86_64 it passed in linux-debian-glibc-x86_64 and failed in \
         linux-rhel-glibc-x86_64"
    );
    // No passes are given up.
    let (delta, _) = delta_of([PASS, PASS, FAIL, PASS, PASS], &review, &|_| ());
    assert!(cells_of(&delta).is_ok());
}

#[test]
fn gates_refuse_other_names_missing_dependencies_and_what_another_recipe_satisfies() {
    let made = |from: &str, to: &str| {
        let (from, to) = (from.to_owned(), to.to_owned());
        let change = move |fact: &mut Fact| {
            if let Fact::Generated(generated) = fact
                && let Generation::Recipe(recipe) = &mut generated.made
            {
                recipe.toml = recipe.toml.replace(&from, &to);
            }
        };
        delta_of([PASS; 5], &MergePolicy::default(), &change).0
    };
    assert_eq!(cells_of(&made("name = \"a\"", "name = \"b\"")), Err(FailureKind::SchemaInvalid));
    let needs = made("[metadata]", "[metadata]\ndependencies = [\"grass\"]");
    assert_eq!(cells_of(&needs), Err(FailureKind::RecipeMissing));
    let Outcome::Failed(failure) = &needs.attempts[0].outcome else { panic!() };
    assert_eq!(failure.blocked_by, ["grass".parse().unwrap()]);
    let nested = made("[[steps]]", "[[steps]]\nextra = [{ run_command = \"x\" }]");
    assert_eq!(cells_of(&nested), Err(FailureKind::RunCommand));
}

#[test]
fn the_network_gate_asks_for_a_review_only_of_what_downloads_while_it_installs() {
    use crate::decide::gate;
    let step =
        |action: &str| crate::model::RecipeStep { action: action.to_owned(), ..Default::default() };
    let recipe = |action| crate::model::Recipe {
        metadata: crate::model::Metadata::default(),
        version: None,
        steps: vec![step("extract"), step(action)],
        verify: None,
    };
    let actions = [ActionShape::new("over", &[]).over_network(), ActionShape::new("plain", &[])];
    let kind = |action, gate| gate::network(&recipe(action), &actions, gate).map_err(|it| it.kind);
    assert_eq!(kind("over", NetworkGate::Review), Err(FailureKind::NetworkRequired));
    assert_eq!(kind("plain", NetworkGate::Review), Ok(()));
    assert_eq!(kind("over", NetworkGate::Allow), Ok(()));
}
