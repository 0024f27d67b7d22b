//! The control file.

use serde_json::{Value, json};

use super::*;
use crate::model::{Breaker, Budget, Control};

const FILE: &str = "batch-control.json";
const UNTIL: &str = "2026-02-20T11:00:00Z";
const FAILED: &str = "2026-02-20T10:00:00Z";

fn of(control: &Value) -> (Control, Imported) {
    let mut imported = of_file(RecordKind::Control, FILE, &control.to_string());
    let found = imported.control.take();
    (found.unwrap_or_else(|| panic!("{:?}", imported.report)), imported)
}

/// The breaker of `eco` in a file with these breakers.
fn breaker(breakers: &Value) -> (Breaker, Imported) {
    let (control, imported) = of(&json!({"enabled": true, "circuit_breaker": breakers}));
    (control.breaker(&ECO), imported)
}

#[test]
fn what_an_operator_wrote_is_kept() {
    let (control, imported) = of(&json!({
        "enabled": false, "disabled_ecosystems": ["e", "nowhere", "eco", "eco.io"],
        "reason": "an incident", "incident_url": "https://i.example/1", "disabled_by": "ann",
        "disabled_at": FAILED, "expected_resume": UNTIL,
        "budget": {"week_start": "2026-02-16", "macos_minutes_used": 12, "linux_minutes_used": 34},
    }));
    let expected = Control {
        enabled: false,
        disabled_ecosystems: vec![ECO],
        reason: Some("an incident".to_owned()),
        incident_url: Some("https://i.example/1".to_owned()),
        disabled_by: Some("ann".to_owned()),
        disabled_at: Some(at(FAILED)),
        expected_resume: Some(at(UNTIL)),
        budget: Budget {
            week_start: Some("2026-02-16".parse().unwrap()),
            macos_minutes_used: 12,
            linux_minutes_used: 34,
        },
        ..Control::default()
    };
    assert_eq!(control, expected);
    let oddities = [(Oddity::Aliases, 2), (Oddity::UnsupportedDisabled, 1)];
    assert_eq!(imported.report.oddities, oddities.into());
    let count = imported.report.kinds[&RecordKind::Control];
    assert_eq!((count.files, count.records_in, count.records_out), (1, 1, 1));
}

#[test]
fn an_empty_text_says_nothing() {
    let empty = json!({"enabled": true, "reason": "", "incident_url": "", "disabled_by": ""});
    let (control, imported) = of(&empty);
    assert_eq!(control, Control::default());
    assert_eq!(imported.report.oddities, [].into());
}

#[test]
fn a_breaker_that_waits_stays_open_until_the_same_instant() {
    for state in ["open", "half-open", "half_open"] {
        let (breaker, imported) = breaker(&json!({"eco": {"state": state, "failures": 5,
            "last_failure": FAILED, "opens_at": UNTIL}}));
        let open = breaker.open.unwrap();
        assert_eq!((open.since, open.until, open.level), (at(FAILED), at(UNTIL), 1), "{state}");
        assert!(open.reason.contains("5 failures"), "{}", open.reason);
        assert_eq!((breaker.unhealthy_runs, breaker.last_failure_at), (5, Some(at(FAILED))));
        assert_eq!(imported.report.oddities, [].into());
    }
}

#[test]
fn a_closed_breaker_and_one_without_a_possible_instant_stay_closed() {
    let of = |state: &str, until: &str| {
        breaker(&json!({"eco": {"state": state, "failures": 2, "opens_at": until}})).0
    };
    for (state, until, is_open) in [
        ("closed", UNTIL, false),
        ("open", "", false),
        ("open", "1734-03-17T21:04:51Z", false),
        ("open", "2019-12-31T23:59:59Z", false),
        ("open", "2020-01-01T00:00:00Z", true),
    ] {
        let breaker = of(state, until);
        assert_eq!(breaker.open.is_some(), is_open, "{state} {until}");
        assert_eq!((breaker.unhealthy_runs, breaker.last_failure_at), (2, None));
    }
    assert_eq!(of("open", UNTIL).open.unwrap().since, at(UNTIL), "nothing says since when");
}

#[test]
fn of_two_breakers_of_one_ecosystem_that_which_failed_last_counts_or_else_the_open_one() {
    let of = |state: &str, failures: u64, last_failure: &str| {
        json!({"state": state, "failures": failures, "last_failure": last_failure,
            "opens_at": UNTIL})
    };
    let later = "2026-02-20T10:30:00Z";
    for (one, other, expected) in [
        (of("open", 1, FAILED), of("closed", 2, later), 2),
        (of("closed", 1, FAILED), of("open", 2, FAILED), 2),
        (of("open", 1, ""), of("closed", 2, FAILED), 2),
    ] {
        for breakers in [json!({"eco": one, "eco.io": other}), json!({"eco": other, "eco.io": one})]
        {
            let (breaker, imported) = breaker(&breakers);
            assert_eq!(breaker.unhealthy_runs, expected, "{breakers}");
            let oddities = [(Oddity::Aliases, 1), (Oddity::DuplicateBreakers, 1)];
            assert_eq!(imported.report.oddities, oddities.into());
        }
    }
}

#[test]
fn a_breaker_of_an_unknown_ecosystem_is_left_out_and_one_that_cannot_be_read_is_refused() {
    let breakers = json!({"nowhere": {"state": "open"}, "eco": {"state": 7}});
    let (control, imported) = of(&json!({"enabled": true, "circuit_breaker": breakers}));
    assert_eq!(control.ecosystems, [].into());
    assert_eq!(imported.report.oddities, [(Oddity::UnsupportedBreakers, 1)].into());
    let [refused] = &imported.report.quarantined[..] else { panic!("{:?}", imported.report) };
    assert_eq!((&*refused.file, refused.line), (FILE, 1));
    assert!(imported.report.is_balanced());
}
