//! The suite that tries plugins: a plugin that keeps to the contract passes, and one with one thing
//! wrong is told which rule it breaks, where the contract says so, and what to do.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a mutant does one thing otherwise, and all else as the rest"
)]

mod rocks;
mod rockspec;
mod zoo;

use std::{collections::BTreeSet, path::Path};

use batch_conformance::{Checked, N_HOSTILE, Outcome, RULES, Rule, Subject};
use rocks::Mistake;
use zoo::Bug;

fn subject(bug: Bug, home: &str) -> Subject {
    let plugin = zoo::plugin(bug);
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance").join(home);
    Subject { plugin, all: vec![plugin, zoo::neighbour()], home }
}

fn rule(id: &str) -> &'static Rule {
    RULES.iter().find(|rule| rule.id == id).unwrap_or_else(|| panic!("there is no rule {id}"))
}

/// What is broken, the rule that tells, and a part of what it says.
const MUTANTS: &[(Bug, &str, &str)] = &[
    (Bug::AliasIsNoWord, "words-well-formed", "The Zoo"),
    (Bug::AliasIsTaken, "spellings-unique", "already means aquarium"),
    (Bug::AliasIsReserved, "words-well-formed", "\"auto\" means something else"),
    (Bug::StepIsGeneric, "steps-unique", "apt_install is a step of any recipe"),
    (Bug::StepIsTaken, "steps-unique", "aquarium_install is a step of aquarium too"),
    (Bug::RankIsTaken, "rank-unique", "the next free one is 3"),
    (Bug::QuotaWithoutPeriod, "quotas-sane", "period is zero"),
    (Bug::QuotaOtherThanTheNeighbours, "quotas-agree", "declared otherwise by aquarium"),
    (Bug::HostUndeclared, "hosts-declared", "tracker.example"),
    (Bug::HostUndeclaredOnlyAfterOddAnswers, "hosts-declared", "zoo.example/search/"),
    (Bug::HostileNamesAreMended, "names-refused", "normalise(\"a b\") gives \"a-b\""),
    (Bug::NamesGrow, "names-idempotent", "is read as"),
    (Bug::AllNamesAreOne, "names-idempotent", "share the identity \"\""),
    (Bug::IdentityIsRandom, "names-idempotent", "two identities"),
    (Bug::FactsAreOfAnother, "facts-storable", "the facts are of lion, not of feeder"),
    (Bug::ClassifierSlicesCharacters, "classifier-total", "it panicked"),
    (Bug::ClassifierRemembers, "classifier-total", "keep no state"),
    (Bug::ClassifierScansAgainAndAgain, "classifier-linear", "read each line once"),
    (Bug::ClassifierUnwrapsTheExitCode, "classifier-total", "it ended with a code"),
    (Bug::ClassifierRescansForEachErrorLine, "classifier-linear", "read each line once"),
    (Bug::ReasonSlicesCharacters, "classifier-total", "it panicked"),
    (Bug::ReasonExpectsOneKind, "classifier-total", "only installations fail"),
    (Bug::ReasonScansAgainAndAgain, "classifier-linear", "read each line once"),
    (Bug::RecipeIsAnother, "fixtures-golden", "description = \\\"Another\\\""),
    (Bug::FactsKeepLineBreaks, "facts-storable", "one_line"),
    (Bug::MapOrder, "recipes-deterministic", "BTreeMap"),
    (Bug::HomepageIsInsecure, "recipes-strict", "https://"),
    (Bug::OneExecutableIsLost, "executables-exact", "take them from the facts"),
    (Bug::ExecutablesAreGuessed, "executables-never-guessed", "return Missing"),
    (Bug::ExecutableIsInvented, "executables-never-guessed", "zoo-keeper"),
    (Bug::RecipeNameIsAnother, "recipe-name-stable", "zoo-feeder"),
    (Bug::RecipeNameHasTheVersion, "recipe-name-stable", "changes with its version"),
    (Bug::PlanRunsAShell, "plan-no-shell", "it starts sh"),
    (Bug::PlanRunsALine, "plan-no-shell", "split it into argv"),
    (Bug::PlanNamesTheMachine, "plan-inside-work-folder", "/home/keeper/log"),
    (Bug::PlanLeavesItsFolder, "plan-inside-work-folder", "../../log"),
    (Bug::PlanAsksAStranger, "plan-hosts-declared", "cdn.example"),
    (Bug::PlanHasTheNetworkForNothing, "plan-network-needed", "zoo sweep"),
    (Bug::PlanIgnoresMirrors, "plan-network-needed", "zoo.example all the same"),
    (Bug::PlanInMapOrder, "plan-deterministic", "sort what comes from a map"),
    (Bug::PlanNeverLooks, "plan-looks", "end with Inspect"),
    (Bug::PlanLooksForNothing, "plan-looks", "it inspects no command"),
    (Bug::PlanLooksForHalf, "plan-looks", "it does not look for"),
    (Bug::PlanLooksFirst, "plan-looks", "before all is installed"),
    (Bug::PlanLooksElsewhere, "plan-looks", "not among bin_dirs"),
    (Bug::PlanHasNoPath, "plan-looks", "bin_dirs is empty"),
    (Bug::PlanFetchesUndigested, "plan-fetches-checked", "with the digest \"\""),
    (Bug::PlanFetchesFromUndeclaredHost, "plan-fetches-checked", "cdn.example"),
    (Bug::PlanRunsALauncher, "plan-no-shell", "it starts timeout"),
    (Bug::PlanInterpretsAText, "plan-no-shell", "text of ours to interpret"),
    (Bug::PlanHasAFlagOfTheMachine, "plan-inside-work-folder", "-I/opt/cage"),
    (Bug::SourceUndeclared, "sources-declared", "zoo.example/popular"),
    (Bug::SeederPanics, "seeder-total", "there are names"),
    (Bug::SourceFileUndeclared, "sources-declared", "zoo.example/popular"),
    (Bug::SourceOfCandidatesUndeclared, "sources-declared", "zoo.example/popular"),
    (Bug::SourcesOfOneName, "sources-declared", "two sources are called \"list\""),
    (Bug::SeederWithoutSources, "sources-declared", "set `seeder: None`"),
    (Bug::SeederPanicsOnNames, "lists-golden", "it panicked: on [\"feeder\""),
    (Bug::SeederInMapOrder, "lists-golden", "sort what comes from a map"),
    (Bug::SeederKeepsSpellings, "lists-golden", "FEEDER is not as Names::normalise spells it"),
    (Bug::SeederNamesANeighbour, "lists-golden", "of the ecosystem aquarium"),
    (Bug::SeederPanicsOnOddCursors, "lists-paged", "a cursor is a place"),
    (Bug::SeederIgnoresTheLimit, "lists-paged", "a page of at most 1 has 8"),
    (Bug::SeederNeverEnds, "lists-paged", "its pages never end"),
    (Bug::SeederRepeats, "lists-paged", "its pages never end"),
    (Bug::SeederAsksAStrangerLater, "lists-paged", "tracker.example"),
    (Bug::SeederSwallowsFailures, "lists-failures-told", "500 for https://zoo.example/packages/"),
    (
        Bug::ErrorsAreAbsence,
        "hostile-answers",
        "it ends in absent; it must be api_error/rate_limited",
    ),
    (Bug::NothingLimitsAnAnswer, "hostile-answers", "a body without end"),
    (Bug::MissingFieldsPanic, "hostile-shapes", "it says what it is"),
    (Bug::DeepFieldsPanic, "hostile-shapes", "a day has a name"),
    (Bug::ListsPanic, "hostile-shapes", "tags are words"),
    (
        Bug::ShapesAreAbsence,
        "hostile-shapes",
        "a list of it in https://zoo.example/packages/gate: it ends in absent",
    ),
    (
        Bug::GuessesWhereNothingIsSaid,
        "hostile-shapes",
        "with the command \"gate\", which nobody said",
    ),
    (Bug::EverythingIsALibrary, "executables-exact", "is a library and has commands"),
    (Bug::ArchiveIsNotCompared, "hostile-archives", "its digest was compared"),
];

/// A mistake that a first plugin may make, the rule that tells, and a part of what it says.
const MISTAKES: &[(Mistake, &str, &str)] = &[
    (
        Mistake::GuessesWhereNothingIsSaid,
        "executables-never-guessed",
        "with the command \"lion\", which is only the name of the package",
    ),
    (
        Mistake::GuessesInPlaceOfTheOnlyCommand,
        "fixtures-golden",
        "executables = [\\\"lion\\\"]\" where recipe.toml says",
    ),
    (
        Mistake::ComparesVersionsAsTexts,
        "versions-ordered",
        "lion-1.9-1.rockspec: case.toml calls 1.9-1 older; compare versions by their numbers",
    ),
    (
        Mistake::MissingListIsAnEmptyList,
        "lists-failures-told",
        "404 for https://rocks.example/names.txt gives a page",
    ),
    (
        Mistake::MissingIndexIsAnAbsentPackage,
        "hostile-absences",
        "manifest.json; where that answers 404 it ends in absent",
    ),
    (
        Mistake::SaysVerifiedWhatWasNotRead,
        "digests-read",
        "lion-1.10-1.src.rock is true, and nothing of it was read",
    ),
    (Mistake::BlocksItsThread, "async-never-blocks", "inspect blocks its thread for"),
    (
        Mistake::KeysReachTheCommandLine,
        "hostile-shapes",
        "\"--help\" of an answer reaches the command line of rocks",
    ),
    (
        Mistake::VersionsReachTheCommandLine,
        "hostile-versions",
        "\"--config=99.9\" of an answer reaches the command line of rocks",
    ),
    (Mistake::ParsesToAnyDepth, "hostile-depth", "MiB of stack; limit the depth"),
    (
        Mistake::WarningsAreFailures,
        "classifier-cautious",
        "\"warning: \" is read as deterministic_insufficient/package_not_found",
    ),
    (Mistake::QuotaOfAMillisecond, "quotas-sane", "its period allows 1000 requests a second"),
    (
        Mistake::EstimatesNoRequestsPerCandidate,
        "estimates-complete",
        "names 0 requests for each candidate",
    ),
    (Mistake::AsksAnUndeclaredHost, "hosts-declared", "https://mirror.example/"),
    (Mistake::MendsHostileNames, "names-refused", "normalise(\"a b\") gives \"a-b\""),
    (
        Mistake::TakesErrorsForAbsence,
        "hostile-answers",
        "it ends in absent; it must be api_error/rate_limited",
    ),
    (Mistake::OrdersCommandsAtRandom, "recipes-deterministic", "BTreeMap"),
    (Mistake::KeepsEscapesOfDescriptions, "facts-storable", "use decide::recipe::one_line"),
    (Mistake::RunsAShell, "plan-no-shell", "it starts sh"),
    (Mistake::IgnoresMirrors, "plan-network-needed", "rocks.example all the same"),
    (Mistake::NeverInspects, "plan-looks", "end with Inspect"),
    (Mistake::IgnoresTheLimitOfAPage, "lists-paged", "a page of at most 1 has 4 candidates"),
    (
        Mistake::SwallowsFailuresOfTheList,
        "lists-failures-told",
        "500 for https://rocks.example/names.txt gives a page",
    ),
];

fn rocks(mistake: Mistake) -> Subject {
    let plugin = rocks::plugin(mistake);
    Subject { plugin, all: vec![plugin], ..subject(Bug::None, "rocks") }
}

#[test]
fn each_of_23_mistakes_of_a_first_plugin_is_reported_by_its_name() {
    let planted: BTreeSet<String> = MISTAKES.iter().map(|(it, ..)| format!("{it:?}")).collect();
    assert_eq!((planted.len(), rocks::N_MISTAKES), (23, 23));
    for &(mistake, id, part) in MISTAKES {
        check_caught(&rocks(mistake), id, part);
    }
}

#[test]
fn the_plugin_without_a_mistake_passes_every_rule() {
    for Checked { rule, outcome } in batch_conformance::check(&rocks(Mistake::None)) {
        let has_no_archive = rule.id == "hostile-archives";
        let fits = outcome == Outcome::Pass
            || has_no_archive && matches!(outcome, Outcome::NotApplicable(_));
        assert!(fits, "{rule}: {outcome:?}");
    }
}

#[test]
fn a_plugin_that_blocks_is_not_asked_hundreds_of_times() {
    let rules = ["hostile-answers", "hostile-shapes", "hosts-declared"].map(rule);
    for checked in batch_conformance::check_only(&rocks(Mistake::BlocksItsThread), rules) {
        let Outcome::NotApplicable(why) = &checked.outcome else {
            panic!("{}: {:?}", checked.rule, checked.outcome);
        };
        assert_eq!(why, "first correct what the rule async-never-blocks reports");
    }
}

#[test]
fn a_plugin_that_keeps_to_the_contract_passes_every_rule() {
    for Checked { rule, outcome } in batch_conformance::check(&subject(Bug::None, "zoo")) {
        assert_eq!(outcome, Outcome::Pass, "{rule}");
    }
}

#[track_caller]
fn check_caught(subject: &Subject, id: &str, part: &str) {
    let checked = batch_conformance::check_only(subject, [rule(id)]);
    let Outcome::Fail(problems) = &checked[0].outcome else {
        panic!("{id} finds nothing where it should say {part:?}: {:?}", checked[0].outcome);
    };
    let said = format!("{}: {}", checked[0].rule, problems.join("\n"));
    assert!(said.contains(part), "{part:?} is not in: {said}");
    let line = rule(id).clause.line().expect("the contract has the words");
    let place = format!("{id} ({}:{line}: ", rule(id).clause.file);
    assert!(said.starts_with(&place), "{place:?} does not begin: {said}");
}

#[test]
fn one_mistake_is_reported_with_its_rule_and_the_line_of_the_contract() {
    for &(bug, id, part) in MUTANTS {
        check_caught(&subject(bug, "zoo"), id, part);
    }
}

#[test]
fn a_plugin_without_readme_and_fixtures_is_told_what_to_write() {
    let bare = subject(Bug::None, "nowhere");
    check_caught(&bare, "readme-present", "write it, with the headings of another one");
    check_caught(
        &bare,
        "fixtures-present",
        "write at least 3, as core/conformance/README.md, Fixtures, says",
    );
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test that writes sources")]
fn a_readme_that_nobody_has_filled_in_is_none() {
    let home = tempfile::tempdir().unwrap();
    let check = |facts: &str, part: Option<&str>| {
        let text = format!(
            "A zoo.\n\n## What is asked\nIt.\n\n## Facts\n{facts}\n\n## Oddities\nNone.\n\n## Fixtures\nx\n"
        );
        std::fs::write(home.path().join("README.md"), text).unwrap();
        let subject = Subject { home: home.path().to_owned(), ..subject(Bug::None, "zoo") };
        if let Some(part) = part {
            check_caught(&subject, "readme-present", part);
        } else {
            let checked = batch_conformance::check_only(&subject, [rule("readme-present")]);
            assert_eq!(checked[0].outcome, Outcome::Pass);
        }
    };
    check("Fields.", None);
    check("Not written yet: which field.", Some("says nothing yet under `## facts`"));
    check("", Some("says nothing yet under `## facts`"));
}

#[test]
fn the_last_rank_has_none_after_it() {
    let (plugin, other) = (zoo::plugin(Bug::LastRankIsTaken), zoo::plugin(Bug::LastRankIsTaken));
    let subject = Subject { all: vec![plugin, other], ..subject(Bug::LastRankIsTaken, "zoo") };
    check_caught(&Subject { plugin, ..subject }, "rank-unique", "rotation_rank 65535 too");
}

#[test]
fn a_plugin_that_can_do_nothing_yet_is_told_what_comes_next() {
    let (plugin, home) = (zoo::neighbour(), subject(Bug::None, "zoo").home);
    let aquarium = Subject { plugin, all: vec![plugin], home: home.join("nowhere") };
    for (id, next) in [
        ("hosts-declared", "write RecipeBuilder"),
        ("fixtures-golden", "write some"),
        ("plan-no-shell", "write NativeInstaller"),
        ("seeder-total", "write Seeder"),
    ] {
        let checked = batch_conformance::check_only(&aquarium, [rule(id)]);
        let Outcome::NotApplicable(why) = &checked[0].outcome else {
            panic!("{id}: {:?}", checked[0].outcome);
        };
        assert!(why.contains(next), "{id}: {why}");
    }
}

#[test]
fn every_rule_has_a_mutant() {
    let ids = MUTANTS.iter().map(|(_, id, _)| *id);
    let with_mutant: BTreeSet<&str> = ids.chain(MISTAKES.iter().map(|(_, id, _)| *id)).collect();
    let told_elsewhere = BTreeSet::from(["readme-present", "fixtures-present"]);
    let all: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(&with_mutant | &told_elsewhere, all);
}

#[test]
fn there_are_more_than_forty_hostile_cases() {
    const { assert!(N_HOSTILE > 40) };
}
