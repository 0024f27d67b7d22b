//! Which verification proves that a program works.

use crate::{
    decide::verification::{CommandResult, Expected, Next},
    model::{FailureKind, Verify},
};

const VERSION: &str = "1.10.1";

fn seen(exit_code: i32, output: &str) -> CommandResult {
    CommandResult {
        exit_code: Some(exit_code),
        output: output.to_owned(),
        shown: output.to_owned(),
    }
}

fn next(verify: &Verify, version: &str, seen: &[CommandResult]) -> Next {
    Expected { verify, version, knows_version: true }.next(seen)
}

/// Whether `output` is what a recipe wants that expects `pattern`.
fn fits(pattern: &str, output: &str) -> bool {
    let verify = Verify {
        command: "x".to_owned(),
        pattern: pattern.to_owned(),
        mode: "output".to_owned(),
        ..Verify::default()
    };
    matches!(next(&verify, VERSION, &[seen(0, output)]), Next::Proven(_))
}

#[test]
fn other_ways_are_tried_only_where_the_recipe_asks_for_nothing_but_the_version() {
    let plain = Verify::of_version("x");
    let tries_others =
        |verify: &Verify| matches!(next(verify, VERSION, &[seen(1, "what?")]), Next::Run(_));
    assert!(tries_others(&plain));
    for verify in [
        Verify { pattern: "x {version}".to_owned(), ..plain.clone() },
        Verify { patterns: vec!["{version}".to_owned()], ..plain.clone() },
        Verify { mode: "output".to_owned(), ..plain.clone() },
        Verify { exit_code: Some(0), ..plain.clone() },
        Verify { additional: vec![toml::Value::from(1)], ..plain.clone() },
        Verify { command: "x -v".to_owned(), ..plain.clone() },
    ] {
        assert!(!tries_others(&verify), "{verify:?}");
    }
}

#[test]
fn each_of_several_patterns_must_fit() {
    let patterns = ["one".to_owned(), "{version}".to_owned()].to_vec();
    let verify = Verify { command: "x".to_owned(), patterns, ..Verify::default() };
    let fits = |output: &str| matches!(next(&verify, VERSION, &[seen(0, output)]), Next::Proven(_));
    assert!(fits("one 1.10.1"));
    assert!(!fits("two 1.10.1"));
    assert!(!fits("one 1.10.2"));
}

#[test]
fn a_version_in_a_pattern_stands_alone_wherever_the_pattern_has_it() {
    let twice = "{version} of {version}!";
    assert!(fits(twice, "it is 1.10.1 of 1.10.1! Really"));
    assert!(fits(twice, "1.10.1 of 1.10.1!"));
    assert!(!fits(twice, "it is 11.10.1 of 1.10.1!"));
    assert!(!fits(twice, "it is 1.10.1 of 1.10.2!"));
    assert!(fits("x{version}", "yx1.10.1"));
    assert!(!fits("{version}", "1.10.1.5"));
    assert!(fits("{version}", "1.10.1."));
    assert!(!fits("{version}", "5.1.10.1"));
    assert!(fits("{version}", ".1.10.1"));
}

#[test]
fn overlapping_places_are_all_looked_at() {
    let version = "1.1";
    let verify = Verify { pattern: "1 {version}".to_owned(), ..Verify::of_version("x") };
    let proven =
        |output: &str| matches!(next(&verify, version, &[seen(0, output)]), Next::Proven(_));
    assert!(proven("1 1.12, 1 1.1"));
    assert!(!proven("1 1.12, 1 1.13"));
    assert!(proven("é1 1.1é"));
}

#[test]
fn a_version_with_a_v_in_front_is_the_same_version() {
    let verify = Verify::of_version("x");
    for version in ["v1.10.1", "1.10.1"] {
        assert_eq!(next(&verify, version, &[seen(0, "x 1.10.1")]), Next::Proven(verify.clone()));
    }
}

#[test]
fn a_version_that_ends_in_a_letter_is_another_one_where_it_goes_on_with_one() {
    let verify = Verify::of_version("x");
    for (version, output, is_proven) in [
        ("1.0b", "x 1.0b", true),
        ("1.0b", "x 1.0beta", false),
        ("1.0b", "x 1.0b-2", true),
        ("r5", "x r5", true),
        ("r5", "x ver5", false),
        ("1.0", "x1.0y", true),
    ] {
        let found = next(&verify, version, &[seen(0, output)]);
        assert_eq!(matches!(found, Next::Proven(_)), is_proven, "{version} in {output}");
    }
}

/// What follows from five answers, of which the last is to `--help`.
fn after_all(answers: &[CommandResult; 5]) -> Result<(String, Option<i64>), FailureKind> {
    match next(&Verify::of_version("x"), VERSION, answers) {
        Next::Proven(verify) => Ok((verify.command, verify.exit_code)),
        Next::Failed(mismatch) => Err(mismatch.kind),
        Next::Run(command) => panic!("all was asked, and not yet {command}"),
    }
}

#[test]
fn a_program_that_another_ended_or_that_was_never_started_shows_no_usage() {
    for (code, is_proven) in
        [(0, true), (1, true), (125, true), (126, false), (127, false), (137, false)]
    {
        let fails = || seen(1, "what?");
        let found = after_all(&[fails(), fails(), fails(), fails(), seen(code, "usage: x")]);
        let expected = Some(i64::from(code)).filter(|code| *code != 0);
        assert_eq!(found.ok(), is_proven.then(|| ("x --help".to_owned(), expected)), "{code}");
    }
}

#[test]
fn a_program_that_was_not_started_is_not_asked_again() {
    for (code, goes_on) in [(1, true), (125, true), (126, false), (127, false), (139, false)] {
        let found = next(&Verify::of_version("x"), VERSION, &[seen(code, "")]);
        assert_eq!(matches!(found, Next::Run(_)), goes_on, "{code}");
    }
}

#[test]
fn a_version_in_a_complaint_is_no_answer_unless_the_program_succeeds() {
    let asked = |code, output: &str| {
        let found = next(&Verify::of_version("x"), VERSION, &[seen(9, ""), seen(code, output)]);
        matches!(found, Next::Proven(_))
    };
    assert!(asked(0, "x 1.10.1"));
    assert!(asked(0, "x 1.10.1, no error"));
    assert!(asked(1, "x 1.10.1"));
    assert!(!asked(1, "x 1.10.1: Error"));
    assert!(!asked(126, "x 1.10.1"));
    assert!(!asked(1, "x 1.10"));
}

#[test]
fn what_looks_like_another_version_in_the_answer_to_a_question_for_it_is_one() {
    let silent = || seen(0, "");
    for (output, is_another) in
        [("2.0", true), ("x 12.34", true), ("2 0", false), ("2.x", false), ("x.2", false)]
    {
        let answer = || seen(0, output);
        let found = after_all(&[answer(), silent(), silent(), silent(), silent()]);
        let is_mismatch = found == Err(FailureKind::VerifyPatternMismatch);
        assert_eq!(is_mismatch, is_another, "{output}");
        // Of what the program prints at work nobody asked it for its version.
        let found = after_all(&[silent(), silent(), silent(), answer(), silent()]);
        assert_ne!(found, Err(FailureKind::VerifyPatternMismatch), "{output}");
    }
}

#[test]
fn a_mismatch_quotes_what_was_expected_and_the_beginning_of_what_was_found() {
    let long = format!("{} the end", "é".repeat(500));
    let verify = Verify { exit_code: Some(0), ..Verify::of_version("x") };
    let Next::Failed(mismatch) = next(&verify, "v1.10.1", &[seen(0, &long)]) else {
        panic!("a mismatch");
    };
    assert!(mismatch.reason.contains("\"1.10.1\""), "{}", mismatch.reason);
    assert!(mismatch.reason.contains(&"é".repeat(200)), "{}", mismatch.reason);
    assert!(!mismatch.reason.contains(&"é".repeat(201)), "{}", mismatch.reason);
}
