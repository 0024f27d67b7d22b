//! Recipes whose commands only an installation shows.

use super::*;

#[test]
fn the_recipe_of_discovered_commands_succeeds_where_it_passed() {
    let one = plan("a", "A");
    let begun = ["began a", "unknown a", "finished", "began a A"];
    let of =
        |results: &[&str]| folded(&one, &facts(&[&begun[..], results, &["finished A"]].concat()));
    let found = of(&["found a A cmd", "pass a A"]);
    assert_eq!(shown(&found), "a=ok @ 17");
    let Outcome::Succeeded { toml, .. } = &found.attempts[0].outcome else { panic!() };
    assert!(toml.contains(r#"command = "cmd --version""#), "{toml}");
    assert_eq!(found.attempts[0].executables_from, Some(ExecutablesFrom::Installation));
    let run = record::run(&found);
    assert_eq!((run.generated, run.succeeded), (1, 1));
    let from: Vec<_> = run.executables_from.into_iter().collect();
    assert_eq!(from, [("a".parse().unwrap(), ExecutablesFrom::Installation)]);
    let differ = of(&["differ a A", "fail a A"]);
    assert_eq!(shown(&differ), "a=install_failed @ 17");
    assert_eq!(differ.attempts[0].executables_from, None, "nobody knows them");
    assert_eq!(record::run(&differ).generated, 0);
    assert_eq!(shown(&of(&["fault a A"])), "a=timeout @ 16");
    // A recipe that nobody recorded cannot be published.
    assert_eq!(shown(&of(&["pass a A"])), "a=runner_lost @ 16");
    assert_eq!(shown(&of(&["differ a A", "pass a A"])), "a=runner_lost @ 17");
    // Installed, and the process died before the recipe was verified.
    assert_eq!(shown(&of(&["found a A cmd"])), " | deferred a @ 16");
    let died = [&begun[..], &["found a A cmd", "recovered"]].concat();
    check(&one, &died, " | deferred a @ 15");
}

#[test]
fn a_later_discovery_replaces_an_earlier_one() {
    let one = plan("a", "A");
    let mut all = facts(&["began a", "unknown a", "found a A one", "fault a A"]);
    let again = facts_at(20).discovered(package("a"), place("A"), Some("two"));
    let passed = facts_at(21).validated(package("a"), place("A"), Verdict::Pass);
    all.push(Fact::Discovered(Box::new(Discovered { tries: 2, ..again })));
    all.push(Fact::Validated(Box::new(Validated { tries: 2, ..passed })));
    all.extend([fact("finished", 22), fact("finished A", 23)]);
    let Outcome::Succeeded { toml, .. } = folded(&one, &all).attempts[0].outcome.clone() else {
        panic!()
    };
    assert!(toml.contains("two --version"), "{toml}");
}

#[test]
fn an_earlier_package_keeps_its_claim_to_a_command_until_its_commands_are_known() {
    let two = plan("a b", "A");
    let begun = ["began a", "unknown a", "began b", "made b cmd", "finished", "began b A"];
    let passed = [&begun[..], &["pass b A"]].concat();
    check(&two, &passed, " | waiting a(A) b() @ 99");
    let found = [&passed[..], &["began a A", "found a A cmd", "pass a A", "finished A"]].concat();
    check(&two, &found, "b=recipe_exists a=ok @ 21");
}

#[test]
fn an_attempt_keeps_what_was_validated() {
    let one = plan("a", "A");
    let of = |words: &[&str]| {
        let all = [words, &["finished", "finished A"]].concat();
        folded(&one, &facts(&all)).attempts.remove(0).subject
    };
    let Some(Generation::Recipe(recipe)) = of(&["made a", "fail a A"]).map(|it| *it) else {
        panic!("a recipe was tested")
    };
    assert_eq!(*recipe, recipe_of(package("a"), "a"));
    // The recipe of the discovered commands was tested, and not what was generated.
    let found = of(&["unknown a", "found a A cmd", "pass a A"]).map(|it| *it);
    let Some(Generation::Recipe(recipe)) = found else { panic!("a recipe was tested") };
    assert!(recipe.toml.contains("cmd --version"), "{}", recipe.toml);
    // The package was installed, and no recipe was made.
    let differ = of(&["unknown a", "differ a A", "fail a A"]).map(|it| *it);
    assert!(matches!(differ, Some(Generation::Undiscovered(_))), "{differ:?}");
    assert_eq!(of(&["none a"]), None);
}
