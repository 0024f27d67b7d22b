//! Failures.

use std::cell::RefCell;

use serde_json::{Value, json};

use super::*;
use crate::{
    decide::import::FailureWithText,
    model::{Confidence, Environment, FailureKind, Stage},
};

const START: &str = "2026-02-19T08-45-18Z";
const AT: &str = "2026-02-20T10:00:00Z";

/// The file of a run that started at [`START`].
fn file() -> String {
    format!("data/failures/eco-{START}.jsonl")
}

fn all(imported: &Imported) -> Vec<&FailureWithText> {
    imported.failures.values().flatten().collect()
}

/// The only failure of a file with `line`.
fn of_line(line: &Value) -> (FailureWithText, Imported) {
    let imported = of_file(RecordKind::Failure, &file(), &line.to_string());
    let [failure] = all(&imported)[..] else { panic!("{:?}", imported.report) };
    (failure.clone(), imported)
}

/// A record with one failure of `eco:a`.
fn nested(category: &str, message: &str) -> Value {
    json!({"failures": [{"package_id": "eco:a", "category": category, "message": message,
        "timestamp": AT}]})
}

#[test]
fn the_batch_of_a_failure_is_that_of_its_file_or_else_of_its_record_or_of_its_instant() {
    let written = "2026-02-21T00:00:00Z";
    let with_date = |updated: &str| {
        let mut line = nested("timeout", "");
        line["updated_at"] = updated.into();
        line.to_string()
    };
    for (file, line, expected) in [
        (file(), with_date(written), "eco-2026-02-19T08-45-18Z"),
        ("data/failures/eco.jsonl".to_owned(), with_date(written), "eco-2026-02-21T00-00-00Z"),
        ("data/failures/eco.jsonl".to_owned(), with_date(""), "eco-2026-02-20T10-00-00Z"),
        // Only history files have an instant in their name.
        (format!("data/failures/eco-{START}.txt"), with_date(""), "eco-2026-02-20T10-00-00Z"),
    ] {
        let imported = of_file(RecordKind::Failure, &file, &line);
        let [failure] = all(&imported)[..] else { panic!("{:?}", imported.report) };
        assert_eq!(failure.record.batch_id, expected, "{file}");
        assert_eq!(failure.record.timestamp, at(AT));
        assert_eq!(imported.failures.keys().next().unwrap().to_string(), expected);
    }
}

#[test]
fn the_id_names_batch_package_and_environment_and_is_numbered_if_it_repeats() {
    let line = |environment: &str| {
        json!({"recipe": "Tool", "platform": environment, "exit_code": 6,
            "category": "install_failed", "timestamp": AT})
        .to_string()
    };
    let lines = [line("linux-x86_64"), line("darwin-arm64"), line("linux-x86_64"), line("plan9")];
    let imported = of_file(RecordKind::Failure, &file(), &lines.join("\n"));
    let batch = format!("unknown-{START}-{}", crate::model::slug("Tool"));
    let found: Vec<_> = all(&imported)
        .iter()
        .map(|it| (it.record.id.clone(), it.record.environment, it.record.exit_code))
        .collect();
    let (debian, mac) = (Environment::DebianX86, Environment::MacArm);
    let expected = [
        (format!("{batch}-{debian}"), Some(debian), Some(6)),
        (format!("{batch}-{mac}"), Some(mac), Some(6)),
        (format!("{batch}-{debian}-2"), Some(debian), Some(6)),
        (batch, None, Some(6)),
    ];
    assert_eq!(found, expected);
    assert_eq!(n_of(&imported, Oddity::UnknownEnvironments), 1);
}

#[test]
fn a_failure_says_from_which_record_of_which_file_it_is() {
    let lines = [nested("timeout", "x"), nested("timeout", "y")].map(|line| line.to_string());
    let imported = of_file(RecordKind::Failure, &file(), &lines.join("\n"));
    let origins: Vec<_> = all(&imported).iter().map(|it| it.record.origin.clone()).collect();
    let places: Vec<_> = origins.iter().flatten().map(|it| (&*it.file, it.record)).collect();
    assert_eq!(places, [(&*file(), 0), (&*file(), 1)]);
    assert_eq!(imported.report.kinds[&RecordKind::Failure].records_in, 2);
}

#[test]
fn a_failure_without_an_ecosystem_of_ours_belongs_to_the_entry_of_its_name() {
    let queue = json!({"entries": [
        {"id": "eco:first", "name": "tool", "status": "failed"},
        {"id": "eco:second", "name": "tool", "status": "failed"},
        {"id": "eco:third", "name": "nice-name", "status": "failed"},
        {"id": "eco:nice-name", "name": "other", "status": "failed"},
        {"id": "other:foreign", "name": "foreign", "status": "failed"},
    ]})
    .to_string();
    for (failed, package, oddity) in [
        (json!({"recipe": "tool", "timestamp": AT}), "eco:first", Oddity::PlacedByQueue),
        (json!({"recipe": "second", "timestamp": AT}), "eco:second", Oddity::PlacedByQueue),
        // The name of an entry is stronger than the name of its package.
        (json!({"recipe": "nice-name", "timestamp": AT}), "eco:third", Oddity::PlacedByQueue),
        (json!({"recipe": "nobody", "timestamp": AT}), "unknown:nobody", Oddity::PlacedNowhere),
        // An entry of an ecosystem that no plugin builds takes no failures.
        (json!({"recipe": "foreign", "timestamp": AT}), "unknown:foreign", Oddity::PlacedNowhere),
        (
            json!({"failures": [{"package_id": "other:tool", "category": "x", "timestamp": AT}]}),
            "eco:first",
            Oddity::PlacedByQueue,
        ),
    ] {
        let failed = failed.to_string();
        let files = [
            (RecordKind::QueueEntry, "data/queue.json".to_owned(), &*queue),
            (RecordKind::Failure, file(), &*failed),
        ];
        let imported = imported_with(&files, &classify, None);
        let [failure] = all(&imported)[..] else { panic!("{:?}", imported.report) };
        assert_eq!(failure.record.package_id, id(package), "{failed}");
        assert_eq!(failure.record.ecosystem, failure.record.package_id.ecosystem);
        assert_eq!(n_of(&imported, oddity), 1, "{failed}");
        let both = [Oddity::PlacedByQueue, Oddity::PlacedNowhere];
        assert_eq!(both.map(|it| n_of(&imported, it)).iter().sum::<u64>(), 1);
    }
}

#[test]
fn a_failure_belongs_to_its_package_and_not_to_an_entry_of_that_name() {
    let queue = json!({"entries": [
        {"id": "eco:tool-cli", "name": "tool", "status": "pending"},
        {"id": "eco:tool", "name": "other", "status": "pending"},
    ]});
    let queue = queue.to_string();
    for package in ["eco:tool", "eco:tool-cli"] {
        let failed = json!({"failures": [{"package_id": package, "category": "x",
            "timestamp": AT}]});
        let failed = failed.to_string();
        let files = [
            (RecordKind::QueueEntry, "data/queue.json".to_owned(), &*queue),
            (RecordKind::Failure, file(), &*failed),
        ];
        let imported = imported_with(&files, &classify, None);
        let [failure] = all(&imported)[..] else { panic!("{:?}", imported.report) };
        assert_eq!(failure.record.package_id, id(package));
    }
}

#[test]
fn a_failure_of_an_ecosystem_of_ours_keeps_its_package_even_if_its_name_is_refused() {
    for (text, package, n_aliases) in
        [("eco:A", "eco:a", 0), ("eco.io:a", "eco:a", 1), ("eco:a/b", "eco:a/b", 0)]
    {
        let line = json!({"failures": [{"package_id": text, "category": "timeout",
            "timestamp": AT}]});
        let (failure, imported) = of_line(&line);
        assert_eq!(failure.record.package_id, id(package));
        assert_eq!(n_of(&imported, Oddity::Aliases), n_aliases, "{text}");
        assert_eq!(n_of(&imported, Oddity::PlacedByQueue), 0);
        assert_eq!(n_of(&imported, Oddity::PlacedNowhere), 0);
    }
}

#[test]
fn a_package_that_cannot_be_read_is_refused_with_its_place() {
    let lines = [
        nested("timeout", ""),
        json!({"failures": [{"package_id": "nothing",
        "category": "timeout", "timestamp": AT}]}),
    ];
    let lines = lines.map(|line| line.to_string()).join("\n");
    let imported = of_file(RecordKind::Failure, &file(), &lines);
    assert_eq!(all(&imported).len(), 1);
    let [refused] = &imported.report.quarantined[..] else { panic!("{:?}", imported.report) };
    assert_eq!((&*refused.file, refused.line), (&*file(), 2));
    let count = imported.report.kinds[&RecordKind::Failure];
    assert_eq!((count.records_in, count.records_out, count.quarantined), (2, 1, 1));
}

#[test]
fn only_a_validation_has_an_environment_and_a_recipe_is_always_about_one() {
    let in_environment = |category: &str| {
        let mut line = nested(category, "");
        line["environment"] = "linux-x86_64".into();
        let (failure, imported) = of_line(&line);
        assert_eq!(n_of(&imported, Oddity::UnknownEnvironments), 0);
        (failure.record.stage, failure.record.environment)
    };
    let debian = Some(Environment::DebianX86);
    for category in ["install_failed", "verify_failed", "validation_failed", "timeout"] {
        assert_eq!(in_environment(category), (Stage::Validate, debian), "{category}");
    }
    for category in ["generation_failed", "deterministic", "network", "api_error", "new"] {
        assert_eq!(in_environment(category), (Stage::Generate, None), "{category}");
    }
    let (failure, imported) = of_line(&json!({"recipe": "a", "category": "new", "timestamp": AT}));
    assert_eq!((failure.record.stage, failure.record.environment), (Stage::Validate, None));
    assert_eq!(n_of(&imported, Oddity::UnknownEnvironments), 0, "it names none");
}

#[test]
fn blockers_that_are_no_names_are_left_out_and_counted() {
    let mut line = nested("missing_dep", "");
    line["failures"][0]["blocked_by"] = json!(["zlib", "", "a b", "openssl"]);
    let (failure, imported) = of_line(&line);
    let names: Vec<&str> = failure.record.blocked_by.iter().map(PackageName::as_str).collect();
    assert_eq!(names, ["zlib", "openssl"]);
    assert_eq!(n_of(&imported, Oddity::ImpossibleBlockers), 2);
    assert!(imported.report.is_balanced(), "{:?}", imported.report);
}

#[test]
fn without_text_the_old_category_decides_and_says_how_sure_it_is() {
    use Confidence::{Inferred, Lost};
    let lost = (FailureKind::EvidenceLost, Lost);
    for (category, expected) in [
        ("install_failed", lost),
        ("verify_failed", lost),
        ("validation_failed", lost),
        ("generation_failed", lost),
        ("deterministic", lost),
        ("deterministic_insufficient", lost),
        ("network_error", (FailureKind::ConnectionError, Inferred)),
        ("network", (FailureKind::ConnectionError, Inferred)),
        ("api_error", (FailureKind::UpstreamUnavailable, Inferred)),
        ("timeout", (FailureKind::Timeout, Inferred)),
        ("missing_dep", (FailureKind::RecipeMissing, Inferred)),
        ("recipe_not_found", (FailureKind::PackageNotFound, Inferred)),
    ] {
        let (failure, imported) = of_line(&nested(category, ""));
        let found = (failure.record.kind(), failure.record.confidence);
        assert_eq!(found, expected, "{category}");
        assert_eq!(n_of(&imported, Oddity::UnknownCategories), 0, "{category}");
    }
    let (failure, imported) = of_line(&nested("of_the_future", ""));
    assert_eq!((failure.record.kind(), failure.record.confidence), lost);
    assert_eq!(n_of(&imported, Oddity::UnknownCategories), 1);
}

#[test]
fn an_exit_code_tells_a_build_that_took_too_long_from_a_slow_network() {
    for (code, expected) in [(124, FailureKind::BuildTimeout), (1, FailureKind::Timeout)] {
        let (failure, _) = of_line(&json!({"recipe": "a", "exit_code": code,
            "category": "timeout", "timestamp": AT}));
        assert_eq!(failure.record.kind(), expected);
    }
}

#[test]
fn a_cause_in_the_text_is_stronger_than_the_category() {
    let (failure, _) = of_line(&nested("install_failed", "curl: (6) Could not resolve host: x"));
    assert_eq!(failure.record.kind(), FailureKind::DnsError);
    assert_eq!(failure.record.confidence, Confidence::Stated);
    let (failure, imported) = of_line(&nested("of_the_future", "error: something else"));
    assert_eq!(failure.record.kind(), FailureKind::Unclassified);
    assert_eq!(n_of(&imported, Oddity::UnknownCategories), 1);
    let (failure, _) = of_line(&nested("of_the_future", " \n"));
    assert_eq!(failure.record.kind(), FailureKind::EvidenceLost);
    let missing = "the recipe zlib was not found in registry";
    let (failure, _) = of_line(&nested("recipe_not_found", missing));
    assert_eq!(failure.record.kind(), FailureKind::RecipeMissing);
}

#[test]
fn the_classifier_of_the_ecosystem_is_asked_with_everything_that_the_record_says() {
    let asked = RefCell::new(vec![]);
    let own = |ecosystem: &EcosystemId, evidence: &Evidence| {
        asked.borrow_mut().push((ecosystem.clone(), evidence.clone()));
        Some(Finding::stated(FailureKind::NativeBuildFailed).of_service("own.example"))
    };
    let lines = [
        nested("deterministic", "the \u{1b}[1mcompiler\u{1b}[0m stopped").to_string(),
        json!({"recipe": "eco", "exit_code": 9, "timestamp": AT}).to_string(),
    ]
    .join("\n");
    let imported = imported_with(&[(RecordKind::Failure, file(), &*lines)], &own, None);
    for failure in all(&imported) {
        assert_eq!(failure.record.kind(), FailureKind::NativeBuildFailed);
        assert_eq!(failure.record.service.as_deref(), Some("own.example"));
    }
    let asked = asked.into_inner();
    let of: Vec<_> =
        asked.iter().map(|(id, it)| (id.as_str(), it.stage, it.exit_code, &*it.text)).collect();
    let expected = [
        ("eco", Stage::Generate, Some(1), "the compiler stopped"),
        ("unknown", Stage::Validate, Some(9), ""),
    ];
    assert_eq!(of, expected);
}

#[test]
fn a_text_is_kept_beside_the_record_only_if_the_record_does_not_have_all_of_it() {
    let (failure, _) = of_line(&nested("deterministic", "it is odd\n"));
    assert_eq!((&*failure.record.message, &*failure.text), ("it is odd", ""));
    let long = "compiling x\nerror: it broke\nbye";
    let (failure, _) = of_line(&nested("deterministic", long));
    assert_eq!((&*failure.record.message, &*failure.text), ("error: it broke", long));
}

#[test]
fn equal_causes_have_the_same_fingerprint_and_a_lost_one_has_that_of_its_kind() {
    let of =
        |category: &str, message: &str| of_line(&nested(category, message)).0.record.fingerprint;
    assert_eq!(of("new", "error: it is odd"), of("new", "error: it is odd"));
    assert_ne!(of("new", "error: it is odd"), of("new", "error: it is even"));
    assert_eq!(of("deterministic", ""), of("new", " "), "nothing is told that could differ");
}
