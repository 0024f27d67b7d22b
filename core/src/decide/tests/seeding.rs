//! What a registry's answers mean for a queue, and for how long.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};

use super::*;
use crate::{
    decide::seeding::{
        Merged, Merging, TrustedSize, Walk, is_fresh, merge, overall, record, remember, verdict,
    },
    model::{
        Candidate, Executables, FailureKind, PackageFacts, PackageName, Page, QueueEntry,
        Remembered, SCHEMA_VERSION, SeedLine, SeedOutcome, SeedSkip, SeedStart, SeedVerdict,
        SourceRun, Status,
    },
};

/// For how many days each finding is believed; nothing, where it is not remembered at all.
const DAYS: [(SeedSkip, Option<u64>); 7] = [
    (SeedSkip::Library, Some(90)),
    (SeedSkip::CommandsUnknown, Some(30)),
    (SeedSkip::NotThere, Some(30)),
    (SeedSkip::Retired, Some(30)),
    (SeedSkip::InvalidName, None),
    (SeedSkip::Homoglyph, None),
    (SeedSkip::Unreadable, None),
];

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 21).unwrap()
}

fn remembered(reason: SeedSkip, at: NaiveDate) -> Remembered {
    Remembered { reason, why: "because".to_owned(), at }
}

#[test]
fn a_finding_is_believed_until_its_time_is_over() {
    for (reason, days) in DAYS {
        let at = today();
        let is_fresh_after = |days| is_fresh(&remembered(reason, at), at + Days::new(days));
        match days {
            Some(days) => {
                assert!(is_fresh_after(0) && is_fresh_after(days - 1), "{reason:?}");
                assert!(!is_fresh_after(days) && !is_fresh_after(days + 1), "{reason:?}");
            }
            None => assert!(!is_fresh_after(0), "{reason:?}"),
        }
    }
}

fn name(text: &str) -> PackageName {
    text.parse().unwrap()
}

/// A run in which the packages of the list turned out to be this.
fn walked<'a>(
    found: &[(&str, SeedVerdict)],
    identity: &'a (dyn Fn(&PackageName) -> String + Sync),
) -> Walk<'a> {
    let start = SeedStart {
        schema_version: SCHEMA_VERSION,
        ecosystem: ECO,
        started_at: second(0),
        limit: None,
        left: vec![],
    };
    let mut walk = Walk::new(start, &[("top", TrustedSize::default())], identity, &|_| None);
    let id = |text: &str| crate::model::PackageId { ecosystem: ECO, name: name(text) };
    let candidate = |(text, _): &(&str, SeedVerdict)| Candidate {
        id: id(text),
        popularity: None,
        commands: None,
        has_repository: None,
        version: None,
    };
    let candidates = found.iter().map(candidate).collect();
    let page = Page { candidates, ..Page::default() };
    walk.take(SeedLine::Page { source: "top".to_owned(), cursor: None, page });
    for (text, verdict) in found {
        walk.take(SeedLine::Verdict { id: id(text), verdict: verdict.clone() });
    }
    walk
}

#[test]
fn what_a_run_found_out_is_remembered_once_and_what_is_too_old_is_forgotten() {
    let identity = |name: &PackageName| name.to_string();
    let found: Vec<(String, SeedVerdict)> = DAYS
        .iter()
        .map(|&(reason, _)| {
            (
                format!("{reason:?}").to_lowercase(),
                SeedVerdict::Not { reason, why: "new".to_owned() },
            )
        })
        .collect();
    let mut found: Vec<(&str, SeedVerdict)> =
        found.iter().map(|(name, verdict)| (&**name, verdict.clone())).collect();
    let tool = SeedVerdict::Tool { commands: vec!["x".parse().unwrap()], has_repository: None };
    found.push(("tool", tool));
    found.push(("queued", SeedVerdict::Queued));
    let before = BTreeMap::from([
        (name("library"), remembered(SeedSkip::Library, today() - Days::new(80))),
        (name("notthere"), remembered(SeedSkip::NotThere, today() - Days::new(80))),
        (name("gone"), remembered(SeedSkip::NotThere, today() - Days::new(30))),
        (name("kept"), remembered(SeedSkip::NotThere, today() - Days::new(29))),
    ]);
    let after = remember(before.clone(), &walked(&found, &identity), today());
    let told: Vec<(&str, bool)> =
        after.iter().map(|(name, it)| (name.as_str(), it.at == today())).collect();
    let expected = [
        ("commandsunknown", true),
        ("kept", false),
        // It is as old as it was: to read it again is not to find it out again.
        ("library", false),
        ("notthere", true),
        ("retired", true),
    ];
    assert_eq!(told, expected);
    assert_eq!(after[&name("notthere")].why, "new");
    assert_eq!(after[&name("library")], before[&name("library")]);
}

#[test]
fn a_package_is_a_tool_if_it_has_commands_and_is_known_to_name_no_address_only_where_it_does_not() {
    let facts = |commands: &[&str], homepage: Option<&str>| {
        let commands: Vec<String> = commands.iter().map(|&it| it.to_owned()).collect();
        let id = "eco:lion".parse().unwrap();
        let facts = PackageFacts::of_commands(id, "1.0".to_owned(), "x", &commands);
        PackageFacts { homepage: homepage.map(str::to_owned), ..facts }
    };
    let reason = |facts: Option<&PackageFacts>| match verdict(facts) {
        SeedVerdict::Not { reason, why } => {
            assert!(!why.is_empty());
            Some(reason)
        }
        SeedVerdict::Tool { .. } | SeedVerdict::Queued => None,
    };
    assert_eq!(reason(None), Some(SeedSkip::NotThere));
    assert_eq!(reason(Some(&facts(&[], None))), Some(SeedSkip::Library));
    let executables = Executables::unknown(FailureKind::BinaryDiscoveryFailed, "nobody says");
    let unknown = PackageFacts { executables, ..facts(&[], None) };
    assert_eq!(reason(Some(&unknown)), Some(SeedSkip::CommandsUnknown));
    for (homepage, expected) in [(None, Some(false)), (Some("https://a.example"), None)] {
        let SeedVerdict::Tool { commands, has_repository } =
            verdict(Some(&facts(&["roar", "purr"], homepage)))
        else {
            panic!("a tool");
        };
        assert_eq!((commands.len(), has_repository), (2, expected));
    }
}

#[test]
fn a_seeding_is_as_good_as_its_worst_source_and_unavailable_only_if_all_are() {
    use SeedOutcome::{Full, Partial, Shrunk, Unavailable};

    let source = |outcome| SourceRun {
        name: "top".to_owned(),
        outcome,
        seen: 0,
        total: None,
        size: None,
        expected: None,
        cursor: None,
        reason: None,
    };
    for (outcomes, expected) in [
        (&[Full, Full][..], Full),
        (&[Full, Partial], Partial),
        (&[Full, Unavailable], Partial),
        (&[Partial, Unavailable], Partial),
        (&[Full, Shrunk, Partial], Shrunk),
        (&[Shrunk, Unavailable], Shrunk),
        (&[Unavailable, Unavailable], Unavailable),
    ] {
        let sources: Vec<SourceRun> = outcomes.iter().map(|&it| source(it)).collect();
        assert_eq!(overall(&sources), expected, "{outcomes:?}");
    }
}

fn identity(name: &PackageName) -> String {
    name.to_string()
}

/// A walk over the list `top`, of which an earlier run left this.
fn walk(left: Vec<SourceRun>) -> Walk<'static> {
    let start = SeedStart {
        schema_version: SCHEMA_VERSION,
        ecosystem: ECO,
        started_at: second(0),
        limit: None,
        left,
    };
    Walk::new(start, &[("top", TrustedSize::default())], &identity, &|_| None)
}

fn page(names: &[&str]) -> Page {
    let candidate = |text: &&str| Candidate {
        id: crate::model::PackageId { ecosystem: ECO, name: name(text) },
        popularity: None,
        commands: None,
        has_repository: None,
        version: None,
    };
    Page { candidates: names.iter().map(candidate).collect(), ..Page::default() }
}

fn take_page(walk: &mut Walk<'_>, page: Page) {
    walk.take(SeedLine::Page { source: "top".to_owned(), cursor: None, page });
}

/// `name` is a tool, or the registry could not be read about it.
fn take_verdict(walk: &mut Walk<'_>, text: &str, is_tool: bool) {
    let verdict = if is_tool {
        SeedVerdict::Tool { commands: vec!["x".parse().unwrap()], has_repository: None }
    } else {
        SeedVerdict::Not { reason: SeedSkip::Unreadable, why: "it answered 500".to_owned() }
    };
    let id = crate::model::PackageId { ecosystem: ECO, name: name(text) };
    walk.take(SeedLine::Verdict { id, verdict });
}

fn ended(walk: &Walk<'_>) -> SourceRun {
    let mut record = record(walk, &Merged::default(), second(9), BTreeMap::new());
    record.sources.remove(0)
}

#[test]
fn a_list_that_was_stopped_goes_on_before_those_that_could_not_be_read_last() {
    for (readable, n_visited) in [
        (&[true, true, true][..], 3),
        (&[true, false, true], 3),
        (&[true, true, false], 2),
        (&[true, false, false], 1),
        (&[false, false, false], 0),
        (&[], 0),
    ] {
        let mut walk = walk(vec![]);
        take_page(&mut walk, page(&["a", "b", "c", "d"]));
        for (name, is_tool) in ["a", "b", "c"].iter().zip(readable) {
            take_verdict(&mut walk, name, *is_tool);
        }
        let interrupted = ended(&walk).cursor.unwrap();
        assert_eq!(interrupted.visited, readable.len(), "nobody stopped it");
        let reason = "it answered 503".to_owned();
        walk.take(SeedLine::Stopped { source: "top".to_owned(), reason });
        let stopped = ended(&walk);
        let cursor = stopped.cursor.clone().unwrap();
        assert_eq!((cursor.page, cursor.visited), (None, n_visited), "{readable:?}");
        // A later run does not go back behind where it began.
        let mut later = self::walk(vec![stopped]);
        take_page(&mut later, page(&["a", "b", "c", "d"]));
        let left: Vec<&str> = later.undecided().map(|id| id.name.as_str()).collect();
        assert_eq!(left, ["a", "b", "c", "d"][n_visited..]);
        for name in &["a", "b", "c"][n_visited..] {
            take_verdict(&mut later, name, false);
        }
        let reason = "it answered 503".to_owned();
        later.take(SeedLine::Stopped { source: "top".to_owned(), reason });
        assert_eq!(ended(&later).cursor.unwrap().visited, n_visited);
    }
}

#[test]
fn a_list_is_whole_with_nine_tenths_of_what_it_says_it_has() {
    for (total, outcome) in [(10, SeedOutcome::Full), (11, SeedOutcome::Partial)] {
        let mut walk = walk(vec![]);
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
        take_page(&mut walk, Page { total: Some(total), ..page(&names) });
        for name in names {
            take_verdict(&mut walk, name, true);
        }
        assert_eq!(walk.fetch(true), None);
        assert_eq!(ended(&walk).outcome, outcome, "9 of {total}");
    }
}

#[test]
fn names_in_the_queue_are_worth_imitating_if_they_are_popular_and_nobody_doubts_them() {
    let doubted = Status::RequiresManual { reason: "why".to_owned() };
    for (tier, status, is_imitation) in [
        (1, Status::Pending, true),
        (2, Status::Success, true),
        (3, Status::Pending, false),
        (1, doubted.clone(), false),
        (3, doubted, false),
    ] {
        let mut queue = records::queue([("ripgrep", tier, 0)]);
        queue.values_mut().next().unwrap().status = status.clone();
        let mut walk = walk(vec![]);
        take_page(&mut walk, page(&["r1pgrep"]));
        take_verdict(&mut walk, "r1pgrep", true);
        let merging = Merging {
            curated: &BTreeMap::new(),
            threshold: None,
            identity: &identity,
            started_at: second(0),
        };
        let merged = merge(queue, &BTreeSet::new(), &walk, &merging);
        assert_eq!(merged.suspicious.len(), usize::from(is_imitation), "{tier} {status:?}");
        assert_eq!(merged.added, 1);
    }
}

#[test]
fn a_list_of_which_not_everything_is_known_yet_was_interrupted() {
    let mut walk = walk(vec![]);
    take_page(&mut walk, page(&["a", "b"]));
    take_verdict(&mut walk, "a", true);
    assert_eq!(walk.fetch(true), None);
    let run = ended(&walk);
    assert_eq!((run.outcome, run.seen), (SeedOutcome::Partial, 1));
    take_verdict(&mut walk, "b", true);
    assert_eq!((ended(&walk).outcome, ended(&walk).seen), (SeedOutcome::Full, 2));
}

#[test]
fn one_in_a_hundred_that_cannot_be_read_and_five_at_least_are_too_many() {
    for (n, n_unreadable, outcome) in [
        (10, 4, SeedOutcome::Full),
        (10, 5, SeedOutcome::Partial),
        (599, 5, SeedOutcome::Partial),
        (700, 6, SeedOutcome::Full),
        (700, 7, SeedOutcome::Partial),
    ] {
        let mut walk = walk(vec![]);
        let names: Vec<String> = (0..n).map(|i| format!("p{i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        take_page(&mut walk, page(&names));
        for (i, name) in names.iter().enumerate() {
            take_verdict(&mut walk, name, i >= n_unreadable);
        }
        assert_eq!(walk.fetch(true), None);
        assert_eq!(ended(&walk).outcome, outcome, "{n_unreadable} of {n}");
    }
}

#[test]
fn no_more_is_asked_for_once_the_limit_is_reached() {
    let more = || Page { next_cursor: Some("2".to_owned()), ..page(&["a", "b"]) };
    let mut unlimited = walk(vec![]);
    take_page(&mut unlimited, more());
    assert_eq!(unlimited.fetch(false).map(|fetch| fetch.cursor), Some(Some("2".to_owned())));
    let mut limited = walk(vec![]);
    limited.limit_to(2);
    assert_eq!(limited.fetch(true).map(|fetch| fetch.limit), Some(2));
    take_page(&mut limited, more());
    assert_eq!(limited.fetch(true), None, "there is another page");
    let mut cut = walk(vec![]);
    cut.limit_to(1);
    take_page(&mut cut, page(&["a", "b"]));
    assert_eq!(cut.fetch(true), None, "there is more of this page");
    take_verdict(&mut cut, "a", true);
    let run = ended(&cut);
    assert_eq!(
        (run.outcome, run.cursor.map(|cursor| cursor.visited)),
        (SeedOutcome::Full, Some(1))
    );
}

#[test]
fn a_page_that_an_earlier_run_has_looked_at_leads_to_the_next_one() {
    let mut first = walk(vec![]);
    let both = || Page { next_cursor: Some("2".to_owned()), ..page(&["a", "b"]) };
    take_page(&mut first, page(&["a", "b"]));
    take_verdict(&mut first, "a", true);
    take_verdict(&mut first, "b", true);
    let reason = "it answered 503".to_owned();
    first.take(SeedLine::Stopped { source: "top".to_owned(), reason });
    let left = ended(&first);
    assert_eq!(left.cursor.as_ref().map(|cursor| cursor.visited), Some(2));
    let mut second = walk(vec![left]);
    take_page(&mut second, both());
    assert_eq!(second.fetch(true).map(|fetch| fetch.cursor), Some(Some("2".to_owned())));
}

#[test]
fn how_many_will_be_looked_at_is_what_the_lists_say_or_the_limit() {
    let mut walk = walk(vec![]);
    assert_eq!(walk.expected(), None, "nobody knows");
    take_page(
        &mut walk,
        Page { total: Some(7), next_cursor: Some("2".to_owned()), ..page(&["a"]) },
    );
    assert_eq!(walk.expected(), Some(7));
    walk.limit_to(3);
    assert_eq!(walk.expected(), Some(4), "three more");
    let mut short = self::walk(vec![]);
    take_page(&mut short, page(&["a", "b"]));
    assert_eq!((short.fetch(true), short.expected()), (None, Some(2)), "it has ended");
}

#[test]
fn what_no_registry_can_have_counts_as_seen_and_every_candidate_has_a_source() {
    let mut walk = walk(vec![]);
    let passed_over = |name: &str| crate::model::PassedOver {
        name: name.to_owned(),
        reason: SeedSkip::InvalidName,
        why: "it has blanks".to_owned(),
    };
    let odd = vec![passed_over("a b"), passed_over("c d")];
    take_page(&mut walk, Page { passed_over: odd, ..page(&["a"]) });
    take_verdict(&mut walk, "a", true);
    assert_eq!((ended(&walk).seen, walk.n_seen()), (3, 3));
    let id = |text| crate::model::PackageId { ecosystem: ECO, name: name(text) };
    assert_eq!(
        (walk.source_of(&id("a")), walk.source_of(&id("z"))),
        ("top".to_owned(), String::new())
    );
}

/// Whether a person has to look at `suspect`, of which so many copies are had and which names no
/// repository, beside a popular package.
fn is_suspicious((popular, many): (&str, u64), (suspect, few): (&str, u64)) -> bool {
    let popularity = |value| crate::model::Popularity {
        value,
        unit: "downloads".to_owned(),
        period_days: None,
        source: "x".to_owned(),
        as_of: today(),
    };
    let mut queue = records::queue([(popular, 1, 0)]);
    queue.values_mut().next().unwrap().popularity = Some(popularity(many));
    let mut walk = walk(vec![]);
    let mut list = page(&[suspect]);
    list.candidates[0].popularity = Some(popularity(few));
    list.candidates[0].has_repository = Some(false);
    take_page(&mut walk, list);
    take_verdict(&mut walk, suspect, true);
    let merging = Merging {
        curated: &BTreeMap::new(),
        threshold: None,
        identity: &identity,
        started_at: second(0),
    };
    !merge(queue, &BTreeSet::new(), &walk, &merging).suspicious.is_empty()
}

#[test]
fn an_imitation_has_five_letters_one_error_and_less_than_a_hundredth_of_the_users() {
    assert!(is_suspicious(("blank", 1000), ("blanc", 9)));
    assert!(!is_suspicious(("blank", 1000), ("blanc", 10)), "just a hundredth");
    assert!(!is_suspicious(("blan", 1000), ("blac", 1)), "too short");
    assert!(!is_suspicious(("blan", 1000), ("blank", 1)), "the popular one is too short");
    assert!(!is_suspicious(("blanks", 1000), ("xblank", 1)), "two errors");
    assert!(is_suspicious(("blanks", 1000), ("blank", 1)));
}

/// `entry` after a seeding whose list names `version` as its newest one.
fn listed(entry: &QueueEntry, version: &str) -> QueueEntry {
    let mut walk = walk(vec![]);
    let mut list = page(&["a"]);
    list.candidates[0].version = Some(version.to_owned());
    take_page(&mut walk, list);
    take_verdict(&mut walk, "a", true);
    let merging = Merging {
        curated: &BTreeMap::new(),
        threshold: None,
        identity: &identity,
        started_at: second(9),
    };
    let again = |queue| merge(queue, &BTreeSet::new(), &walk, &merging).queue;
    let merged = again([(entry.id.clone(), entry.clone())].into());
    assert_eq!(again(merged.clone()), merged, "repeatable");
    merged.into_values().next().unwrap()
}

/// An entry that failed with the version 1 and waits.
fn waiting() -> QueueEntry {
    QueueEntry {
        status: Status::Failed,
        next_retry_at: Some(second(1_000_000)),
        consecutive_failures: 4,
        upstream_version: Some("1".to_owned()),
        ..records::queue([("a", 1, 0)]).into_values().next().unwrap()
    }
}

#[test]
fn a_failed_package_is_due_at_once_when_a_list_names_a_new_version_of_it() {
    let same = listed(&waiting(), "1");
    assert_eq!((same.next_retry_at, same.consecutive_failures), (Some(second(1_000_000)), 4));
    let newer = listed(&same, "2");
    assert_eq!((&newer.status, newer.next_retry_at), (&Status::Failed, None));
    assert_eq!(newer.consecutive_failures, 0, "those of another version");
    // The builder may take another version than the list names. That is no reason to go on for ever.
    let failed = QueueEntry { listed_version: newer.listed_version, ..waiting() };
    assert!(listed(&failed, "2").next_retry_at.is_some());
    // It was attempted before the list knew of it.
    let ahead = QueueEntry { upstream_version: Some("3".to_owned()), ..failed.clone() };
    assert!(listed(&ahead, "3").next_retry_at.is_some());
    // Nothing is known about its earlier versions.
    let unknown = QueueEntry { upstream_version: None, ..waiting() };
    assert!(listed(&unknown, "2").next_retry_at.is_some());
    for odd in ["", "2\u{1b}[31m", "2 3", &"2".repeat(101)] {
        let entry = listed(&waiting(), odd);
        assert_eq!((entry.listed_version, entry.next_retry_at.is_some()), (None, true), "{odd:?}");
    }
}

/// What waits for another reason goes on waiting: a new version decides nothing about it.
#[test]
fn a_new_version_never_changes_a_status() {
    let by = vec![name("b")];
    let reason = || "x".to_owned();
    for status in [
        Status::Pending,
        Status::Success,
        Status::Blocked { by },
        Status::RequiresManual { reason: reason() },
        Status::Excluded { reason: reason() },
    ] {
        let entry = QueueEntry { status: status.clone(), ..waiting() };
        let after = listed(&entry, "2");
        let listed_version = Some("2".to_owned());
        assert_eq!(after, QueueEntry { listed_version, ..entry }, "{status:?}");
    }
}

#[test]
fn a_version_that_a_person_made_by_hand_in_between_stops_nothing() {
    // A person made the recipe of the version 2.
    let by_hand = QueueEntry {
        status: Status::Success,
        next_retry_at: None,
        recipe: Some("a".parse().unwrap()),
        ..waiting()
    };
    let by_hand = listed(&by_hand, "2");
    // It stops working, and waits after a failed attempt at the version 1 that the builder still takes.
    let failed = QueueEntry { listed_version: by_hand.listed_version.clone(), ..waiting() };
    assert!(listed(&failed, "2").next_retry_at.is_some());
    assert_eq!(listed(&failed, "3").next_retry_at, None, "nobody attempted 2, and 3 is due");
}
