//! Entries of queues.

use serde_json::{Value, json};

use super::*;
use crate::model::{QueueEntry, Tier};

const FILE: &str = "data/queue.json";
const QUEUED: &str = "2026-02-01T00:00:00Z";

fn of_entries(entries: &[Value]) -> Imported {
    let queue = json!({"updated_at": QUEUED, "entries": entries}).to_string();
    of_file(RecordKind::QueueEntry, FILE, &queue)
}

/// The only entry of a queue that has only `entry`.
fn of_entry(entry: &Value) -> (QueueEntry, Imported) {
    let imported = of_entries(std::slice::from_ref(entry));
    let entries: Vec<_> = imported.queues.values().flat_map(|it| it.entries.values()).collect();
    let [entry] = entries[..] else { panic!("{entries:?}") };
    (entry.clone(), imported)
}

fn manual(reason: &str) -> Status {
    Status::RequiresManual { reason: reason.to_owned() }
}

fn excluded(reason: &str) -> Status {
    Status::Excluded { reason: reason.to_owned() }
}

#[test]
fn every_old_status_becomes_the_status_of_the_same_meaning_and_odd_ones_are_counted() {
    let blocked = Status::Blocked { by: vec![] };
    for (word, expected, oddity) in [
        ("pending", Status::Pending, None),
        ("failed", Status::Failed, None),
        ("success", Status::Success, None),
        ("blocked", blocked, Some(Oddity::BlockedByNothing)),
        ("requires_manual", manual("requires_manual in the imported queue"), None),
        ("excluded", excluded("excluded in the imported queue"), None),
        ("skipped", excluded("skipped in the imported queue"), Some(Oddity::Skipped)),
        ("generated", Status::Pending, Some(Oddity::IllegalStatuses)),
        ("in_progress", Status::Pending, Some(Oddity::InProgress)),
    ] {
        let (entry, imported) = of_entry(&json!({"id": "eco:a", "status": word}));
        assert_eq!(entry.status, expected, "{word}");
        let oddities: Vec<_> = imported.report.oddities.into_iter().collect();
        assert_eq!(oddities, oddity.map(|it| (it, 1)).into_iter().collect::<Vec<_>>(), "{word}");
    }
}

#[test]
fn what_no_plugin_can_build_needs_a_person_unless_it_is_decided_already() {
    let refused = "unsupported_source: invalid eco name \"a/b\"";
    let foreign = "unsupported_source: no plugin builds packages of other";
    for (id, reason, oddity) in [
        ("eco:a/b", refused, Oddity::RefusedNames),
        ("other:a", foreign, Oddity::UnsupportedSources),
    ] {
        for word in ["pending", "failed", "blocked", "requires_manual", "generated", "in_progress"]
        {
            let (entry, imported) = of_entry(&json!({"id": id, "status": word}));
            assert_eq!(entry.status, manual(reason), "{id} {word}");
            let oddities: Vec<_> = imported.report.oddities.into_iter().collect();
            assert_eq!(oddities, [(oddity, 1)], "{id} {word}");
        }
        let (entry, _) = of_entry(&json!({"id": id, "status": "excluded"}));
        assert_eq!(entry.status, excluded("excluded in the imported queue"));
        let (entry, _) = of_entry(&json!({"id": id, "status": "success"}));
        assert_eq!(entry.status, Status::Success);
    }
}

#[test]
fn an_id_gets_the_spelling_of_its_ecosystem_and_an_alias_is_counted() {
    for (source, n_aliases) in [("eco:A", 0), ("eco.io:A", 1), ("e:a", 1)] {
        let (entry, imported) = of_entry(&json!({"id": source, "status": "pending"}));
        assert_eq!(entry.id, id("eco:a"));
        assert_eq!(n_of(&imported, Oddity::Aliases), n_aliases, "{source}");
    }
}

#[test]
fn an_instant_before_the_first_pipeline_is_left_out_and_counted() {
    let added = |added: &str, decided: &str| {
        let (entry, imported) = of_entry(&json!({"id": "eco:a", "status": "pending",
            "added_at": added, "disambiguated_at": decided}));
        (entry.added_at, n_of(&imported, Oddity::ImpossibleDates))
    };
    let (first, later) = ("2020-01-01T00:00:00Z", "2026-01-05T00:00:00Z");
    let before = "2019-12-31T23:59:59Z";
    assert_eq!(added(first, later), (at(first), 0));
    assert_eq!(added(before, later), (at(later), 1));
    assert_eq!(added("yesterday", later), (at(later), 1));
    assert_eq!(added("", later), (at(later), 0), "an absent instant is no mistake");
    assert_eq!(added("", ""), (at(QUEUED), 0));
    assert_eq!(added(before, "1734-03-17T21:04:51Z"), (at(QUEUED), 2));
    for (text, expected) in [(later, Some(at(later))), (before, None)] {
        let retry = json!({"id": "eco:a", "status": "failed", "next_retry_at": text});
        assert_eq!(of_entry(&retry).0.next_retry_at, expected);
    }
}

#[test]
fn failures_in_a_row_are_kept_except_for_a_success() {
    let of = |status: &str, n_failures: u64, retry: &str| {
        let (entry, imported) = of_entry(&json!({"id": "eco:a", "name": "Tool",
            "status": status, "failure_count": n_failures, "next_retry_at": retry}));
        let counted = n_of(&imported, Oddity::CountersOfSuccesses);
        (entry.consecutive_failures, entry.next_retry_at.is_some(), counted)
    };
    let retry = "2026-03-01T00:00:00Z";
    assert_eq!(of("failed", 3, retry), (3, true, 0));
    assert_eq!(of("failed", u64::MAX, ""), (u32::MAX, false, 0));
    assert_eq!(of("success", 0, ""), (0, false, 0));
    assert_eq!(of("success", 3, ""), (0, false, 1));
    assert_eq!(of("success", 0, retry), (0, false, 1));
    assert_eq!(of("success", 3, retry), (0, false, 1));
}

#[test]
fn a_success_has_the_recipe_of_its_name_and_is_counted_if_the_old_tree_has_none() {
    let queue = json!({"entries": [
        {"id": "eco:a", "name": "there", "status": "success"},
        {"id": "eco:b", "name": "gone", "status": "success"},
        {"id": "eco:c", "name": "there", "status": "success"},
        {"id": "eco:d", "name": "neither", "status": "pending"},
    ]})
    .to_string();
    let files = [(RecordKind::QueueEntry, FILE.to_owned(), &*queue)];
    let has_recipe = |name: &str| name == "there";
    let imported = imported_with(&files, &classify, Some(&has_recipe));
    let recipes: Vec<_> = imported.queues[&ECO].entries.values().map(|it| &it.recipe).collect();
    let named = |name: &str| Some(name.parse().unwrap());
    assert_eq!(recipes, [&named("there"), &named("gone"), &named("there"), &None]);
    assert_eq!(n_of(&imported, Oddity::SuccessWithoutRecipe), 1);
    // A tree without any recipes says nothing about one.
    let imported = imported_with(&files, &classify, None);
    assert_eq!(n_of(&imported, Oddity::SuccessWithoutRecipe), 0);
}

#[test]
fn of_two_entries_of_one_package_the_state_that_is_nearer_to_an_end_counts() {
    let words = ["pending", "failed", "blocked", "requires_manual", "excluded", "success"];
    let entry = |word: &str, tier: u8, added: &str| json!({"id": "eco:a", "status": word, "priority": tier, "added_at": added});
    let (early, late) = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
    for (n, one) in words.iter().enumerate() {
        for (m, other) in words.iter().enumerate() {
            for (tiers, added) in [([3, 1], [early, late]), ([1, 3], [late, early])] {
                let entries = [entry(one, tiers[0], added[0]), entry(other, tiers[1], added[1])];
                let imported = of_entries(&entries);
                let entry = &imported.queues[&ECO].entries[&id("eco:a")];
                assert_eq!(entry.status.label().as_str(), words[n.max(m)], "{one} {other}");
                assert_eq!((entry.tier, entry.added_at), (Tier::CURATED, at(early)));
                assert_eq!(n_of(&imported, Oddity::DuplicateSources), 1);
                let count = imported.report.kinds[&RecordKind::QueueEntry];
                assert_eq!((count.records_in, count.records_out, count.merged), (2, 1, 1));
            }
        }
    }
}

#[test]
fn of_two_equal_states_of_one_package_the_first_counts() {
    let entries = [1, 2].map(|n| json!({"id": "eco:a", "status": "failed", "failure_count": n}));
    let imported = of_entries(&entries);
    assert_eq!(imported.queues[&ECO].entries[&id("eco:a")].consecutive_failures, 1);
}

#[test]
fn a_queue_of_several_files_is_as_new_as_the_newest() {
    let file = |updated: &str| {
        let queue =
            json!({"updated_at": updated, "entries": [{"id": "eco:a", "status": "failed"}]});
        (RecordKind::QueueEntry, queue.to_string())
    };
    let (old, new) = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
    for files in [[file(old), file(new)], [file(new), file(old)]] {
        assert_eq!(imported(&files).queues[&ECO].updated_at, at(new));
    }
}

#[test]
fn an_entry_that_cannot_be_read_is_refused_with_its_place_and_the_others_are_imported() {
    let queue = "{\"entries\":[\n{\"id\":\"eco\",\"status\":\"failed\"},\n\
                 {\"id\":\"eco:b\",\"status\":\"failed\"},\n{\"status\":\"failed\"}]}";
    let imported = of_file(RecordKind::QueueEntry, FILE, queue);
    assert_eq!(imported.queues[&ECO].entries.len(), 1);
    let count = imported.report.kinds[&RecordKind::QueueEntry];
    assert_eq!((count.files, count.records_in, count.records_out, count.quarantined), (1, 3, 1, 2));
    let refused = imported.report.quarantined.iter().map(|it| (&*it.file, it.line));
    let mut refused: Vec<_> = refused.collect();
    refused.sort_unstable();
    assert_eq!(refused, [(FILE, 2), (FILE, 4)]);
}

#[test]
fn failures_say_when_an_entry_was_attempted_last_and_what_it_waits_for() {
    let queue = json!({"entries": [
        {"id": "eco:a", "status": "blocked"},
        {"id": "eco:b", "status": "blocked"},
        {"id": "eco:c", "status": "failed"},
        {"id": "eco:d", "status": "pending"},
    ]});
    let failure = |id: &str, day: u8, blocked_by: &[&str]| {
        json!({"package_id": id, "category": "missing_dep", "blocked_by": blocked_by,
            "timestamp": format!("2026-02-{day:02}T00:00:00Z")})
    };
    let failures = json!({"failures": [
        failure("eco:a", 3, &["old"]),
        failure("eco:a", 5, &["one"]),
        failure("eco:a", 5, &["two", "three"]),
        failure("eco:a", 4, &["older"]),
        failure("eco:a", 6, &[]),
        failure("eco:b", 2, &[]),
        failure("eco:c", 9, &["zlib"]),
        failure("eco:c", 8, &[]),
    ]});
    let files =
        [(RecordKind::QueueEntry, queue.to_string()), (RecordKind::Failure, failures.to_string())];
    let imported = imported(&files);
    let [a, b, c, d] = imported.queues[&ECO].entries.values().collect::<Vec<_>>()[..] else {
        panic!("{:?}", imported.queues)
    };
    let by = ["two", "three"].map(|name| name.parse().unwrap()).to_vec();
    assert_eq!(a.status, Status::Blocked { by }, "the newest that names one, the last of equals");
    assert_eq!(b.status, Status::Blocked { by: vec![] });
    assert_eq!(c.status, Status::Failed);
    assert_eq!(n_of(&imported, Oddity::BlockedByNothing), 1);
    let days = [a, b, c, d].map(|entry| entry.last_attempt_at);
    let day = |n: u8| Some(at(&format!("2026-02-{n:02}T00:00:00Z")));
    assert_eq!(days, [day(6), day(2), day(9), None]);
}
