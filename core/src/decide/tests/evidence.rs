//! What is kept of what a program printed.

use proptest::prelude::*;

use crate::{
    decide::evidence::{HEAD_BYTES, MESSAGE_BYTES, TAIL_BYTES, cap, fingerprint, message, stated},
    model::FailureKind,
};

/// Room for what stands for the part that was left out.
const ROOM: usize = 64;

/// How many bytes `capped` says were left out.
fn n_left_out(capped: &str) -> Option<usize> {
    let (_, rest) = capped.split_once("[… ")?;
    rest.split_once(' ')?.0.parse().ok()
}

#[test]
fn what_is_a_little_longer_than_its_two_ends_stays_whole() {
    let longest = HEAD_BYTES + TAIL_BYTES + ROOM;
    for len in [HEAD_BYTES + TAIL_BYTES, longest - 1, longest] {
        let text = "a".repeat(len);
        assert_eq!(cap(&text), (text, false), "{len} bytes");
    }
    let (capped, is_truncated) = cap(&"a".repeat(longest + 1));
    assert!(is_truncated && capped.len() < longest, "{} bytes", capped.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn what_is_left_out_is_what_lies_between_the_ends_that_are_kept(
        n in 70_000_usize..90_000,
        shift in 0_usize..4,
        letter in prop::sample::select(&["a", "é", "語", "🦀"][..]),
    ) {
        let text = format!("{}{}", &"first"[..shift], letter.repeat(n));
        let (capped, _) = cap(&text);
        let (head, rest) = capped.split_once("…\n[… ").unwrap();
        let (number, tail) = rest.split_once(" bytes left out …]\n…").unwrap();
        prop_assert!(text.starts_with(head) && text.ends_with(tail));
        prop_assert_eq!(head.len() + number.parse::<usize>().unwrap() + tail.len(), text.len());
        // As much as fits, to the last whole character.
        prop_assert!((HEAD_BYTES - 3..=HEAD_BYTES).contains(&head.len()));
        prop_assert!((TAIL_BYTES - 3..=TAIL_BYTES).contains(&tail.len()));
        prop_assert_eq!(n_left_out(&capped), number.parse().ok());
    }

    #[test]
    fn a_message_that_is_too_long_loses_its_beginning_and_no_more_than_it_must(
        n in MESSAGE_BYTES - 5..MESSAGE_BYTES + 200,
        letter in prop::sample::select(&["a", "é", "語"][..]),
    ) {
        for read in [message, stated] {
            let text = format!("{}z", letter.repeat(n));
            let kept = read(&text);
            if text.len() <= MESSAGE_BYTES {
                prop_assert_eq!(kept, text);
            } else {
                let rest = kept.strip_prefix('…').unwrap();
                prop_assert!(text.ends_with(rest) && kept.len() <= MESSAGE_BYTES);
                prop_assert!(MESSAGE_BYTES < kept.len() + letter.len());
            }
        }
    }
}

#[test]
fn a_message_is_the_last_dozen_lines_that_state_a_cause() {
    let lines = |n: usize| (1..=n).map(|i| format!("error {i}\n")).collect::<Vec<_>>().concat();
    for n in [1, 11, 12] {
        assert_eq!(message(&lines(n)), lines(n).trim_end());
    }
    let kept = message(&lines(20));
    assert_eq!((kept.lines().count(), kept.lines().next()), (12, Some("error 9")));
    let mixed = "ERROR: one  \nnothing to see\n\nit is Missing\nnothing either";
    assert_eq!(message(mixed), "ERROR: one\nit is Missing");
}

#[track_caller]
fn check_fingerprints(message: &str, other: &str, is_same: bool) {
    let of = |message| fingerprint(FailureKind::InstallFailed, message, "less");
    assert_eq!(of(message) == of(other), is_same, "{message:?} and {other:?}");
}

#[test]
fn what_varies_from_one_package_to_the_next_does_not_count() {
    for (one, other) in [
        ("no file in a/b", "no file in c/d"),
        (r"no file in a\b", r"no file in c\d"),
        ("no version 1.2", "no version v3"),
        ("cannot build less", "cannot build LESS"),
        ("cannot build less", "cannot build 7zip"),
        ("cannot build less@next", "cannot build less"),
        ("no file 'a' there", "no file 'b c' there"),
        ("no file `a` there", "no file `d` there"),
        ("no file \"a\" there", "no file \"\" there"),
        ("NO FILE", "no file"),
        ("(no) file:", "no file"),
    ] {
        check_fingerprints(one, other, true);
    }
}

#[test]
fn what_tells_causes_apart_counts() {
    for (one, other) in [
        ("no file", "no folder"),
        ("no file", "no\nfile"),
        ("'a' and 'b'", "'a' or 'b'"),
        ("cannot build less", "cannot build more"),
        ("cannot build more@next", "cannot build less@next"),
        // An apostrophe quotes nothing.
        ("can't read what isn't there", "can't write what isn't there"),
        ("an 'open quote", "an 'open book"),
    ] {
        check_fingerprints(one, other, false);
    }
    let of = |kind| fingerprint(kind, "no file", "less");
    assert_ne!(of(FailureKind::InstallFailed), of(FailureKind::VerifyFailed));
    let nameless = |message| fingerprint(FailureKind::InstallFailed, message, "");
    assert_ne!(nameless("no @file"), nameless("no @folder"));
}

#[test]
fn fingerprints_use_the_whole_of_their_room() {
    let of = |i: usize| {
        let words = format!("cause {}", "x".repeat(i));
        fingerprint(FailureKind::InstallFailed, &words, "less").0
    };
    let (all, none) = (0..64).fold((u64::MAX, 0), |(all, none), i| (all & of(i), none | of(i)));
    assert_eq!((all, none), (0, u64::MAX), "each bit is set in some and not in others");
}
