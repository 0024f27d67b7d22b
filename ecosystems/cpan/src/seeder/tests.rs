//! Makes candidates from MetaCPAN's answers, with the real checks of requests.

use std::{cmp::Reverse, fmt::Write as _, sync::Arc, time::Duration};

use batch_core::{
    io::{Method, PoliteConfig, PoliteHttp, Request},
    model::Popularity,
    plugin::{Page, PageRequest, RateLimit as _, Seeder as _, SourceError, SourceErrorKind},
};
use batch_sim::{Answer, SimClock, SimTransport};
use serde_json::{Value, json};

use super::{FILES, LEADERBOARD};
use crate::{Cpan, ID};

const ALL: usize = usize::MAX;
const DATE: &[(&str, &str)] = &[("date", "Sat, 21 Nov 2026 10:00:00 GMT")];

fn ask(
    source: &str,
    answer: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page, Box<SourceError>> {
    let clock = SimClock::default();
    let transport = Arc::new(SimTransport::new(clock.clone(), Duration::ZERO, answer));
    let cache = tempfile::tempdir().unwrap();
    let (port, quotas) = (Arc::new(clock.clone()), Cpan.quotas().iter().copied());
    let http = PoliteHttp::new(PoliteConfig::new(port, transport.clone(), quotas, cache.path()));
    let source = Cpan.sources().iter().find(|it| it.name == source).unwrap();
    let page = clock.run(
        PageRequest { ecosystem: &ID, names: &Cpan, http: &http, source, cursor, limit }
            .page(&Cpan),
    );
    assert_eq!(transport.sent()[0].url, source.url);
    page.map_err(Box::new)
}

fn ok(body: &str) -> Answer {
    (200, DATE, body.to_owned().leak())
}

/// `name@favourites` of each candidate, then `name!reason` of what was passed over.
fn summary(page: &Page) -> String {
    let mut summary = String::new();
    for candidate in &page.candidates {
        assert_eq!(candidate.commands, None);
        write!(summary, "{}", candidate.id.name).unwrap();
        if let Some(popularity) = &candidate.popularity {
            write!(summary, "@{}", popularity.value).unwrap();
        }
        summary.push(' ');
    }
    for passed_over in &page.passed_over {
        write!(summary, "{}!{} ", passed_over.name, passed_over.reason.as_str()).unwrap();
    }
    summary.trim_end().to_owned()
}

/// Files in MetaCPAN's present format, one for each distribution.
fn hits(files: &[(String, u64)]) -> Answer {
    let hit = |(name, favourites): &(String, u64)| {
        json!({ "_index": "file", "_id": "x", "_score": null, "sort": [favourites, name],
            "_source": { "distribution": name, "dist_fav_count": favourites } })
    };
    let hits: Vec<Value> = files.iter().map(hit).collect();
    let total = json!({ "value": 4711, "relation": "eq" });
    ok(&json!({ "took": 3, "timed_out": false, "hits": { "total": total, "hits": hits } })
        .to_string())
}

/// A MetaCPAN with these files, which answers the query.
fn metacpan(mut files: Vec<(String, u64)>) -> impl Fn(&Request) -> Answer + Send + Sync + Clone {
    files.sort_by_key(|(name, favourites)| (Reverse(*favourites), name.clone()));
    move |request| {
        assert_eq!((request.method, request.url.as_str()), (Method::Post, FILES));
        let query: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(query["sort"], json!([{ "dist_fav_count": "desc" }, { "distribution": "asc" }]));
        let size = query["size"].as_u64().unwrap();
        assert!((1..=5_000).contains(&size), "MetaCPAN answers 416");
        let liked = &query["query"]["bool"]["must"][3];
        let is_after = |(name, favourites): &(String, u64)| {
            let is_liked = |range: &Value| range["gte"].as_u64().unwrap() <= *favourites;
            let Some(places) = liked.pointer("/bool/should") else {
                return is_liked(&liked["range"]["dist_fav_count"]);
            };
            let range = &places[0]["range"]["dist_fav_count"];
            let below = range["lt"].as_u64().unwrap();
            let same = places[1].pointer("/bool/must/0/term/dist_fav_count").unwrap();
            let behind = places[1].pointer("/bool/must/1/range/distribution/gt").unwrap();
            is_liked(range) && *favourites < below
                || same == favourites && behind.as_str().unwrap() < name.as_str()
        };
        let found = files.iter().filter(|file| is_after(file)).take(usize::try_from(size).unwrap());
        hits(&found.cloned().collect::<Vec<_>>())
    }
}

fn files(files: &[(&str, u64)]) -> Vec<(String, u64)> {
    files.iter().map(|(name, favourites)| ((*name).to_owned(), *favourites)).collect()
}

const FEW: &[(&str, u64)] = &[
    ("ack", 90),
    ("Perl-Critic", 150),
    ("Perl-Critic", 150),
    ("App-a", 90),
    ("b", 1),
    ("App-a", 90),
    ("c", 1),
    ("nobody's", 0),
];

#[test]
fn distributions_with_scripts_come_by_favourites() {
    let page = ask("scripts", metacpan(files(FEW)), None, ALL).unwrap();
    assert_eq!(summary(&page), "Perl-Critic@150 App-a@90 ack@90 b@1 c@1");
    assert_eq!((page.next_cursor, page.total), (None, None));
    let expected = Popularity {
        value: 150,
        unit: "favourites".to_owned(),
        period_days: None,
        source: FILES.to_owned(),
        as_of: serde_json::from_str("\"2026-11-21\"").unwrap(),
    };
    assert!(Cpan.popular().unwrap().is_reached_by(&expected));
    assert_eq!(page.candidates[0].popularity, Some(expected));
}

#[test]
fn a_page_continues_where_the_previous_one_ended_even_in_a_later_run() {
    for limit in 1..9 {
        let (mut cursor, mut seen, mut n_pages) = (None, vec![], 0);
        loop {
            let page = ask("scripts", metacpan(files(FEW)), cursor.as_deref(), limit).unwrap();
            assert!(page.candidates.len() <= limit);
            seen.extend(page.candidates.iter().map(|it| it.id.name.to_string()));
            n_pages += 1;
            match page.next_cursor {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, ["Perl-Critic", "App-a", "ack", "b", "c"], "{limit} at a time");
        assert!(n_pages <= 6, "{n_pages} pages of {limit}");
    }
    let page = ask("scripts", metacpan(files(FEW)), Some("90 App-a"), ALL).unwrap();
    assert_eq!(summary(&page), "ack@90 b@1 c@1");
    let anew = ask("scripts", metacpan(files(FEW)), Some("DXF1ZXJ5QW5kRmV0Y2g="), 2).unwrap();
    assert_eq!(
        (summary(&anew), anew.next_cursor.as_deref()),
        ("Perl-Critic@150".into(), Some("150 Perl-Critic"))
    );
}

#[test]
fn requests_to_a_repeating_registry_end() {
    let same = |_: &Request| hits(&files(&[("b", 5), ("c", 5)]));
    let first = ask("scripts", same, None, 2).unwrap();
    assert_eq!(first.next_cursor.as_deref(), Some("5 c"));
    for cursor in ["5 c", "5 d", "4 a"] {
        let error = ask("scripts", same, Some(cursor), 2).unwrap_err();
        assert!(matches!(&error.kind, SourceErrorKind::Schema { .. }), "{cursor}");
    }
    let no_numbers = r#"{"hits":{"hits":[{"_source":{"distribution":"a"}}]}}"#;
    assert!(ask("scripts", move |_| ok(no_numbers), None, 1).is_err());
    assert_eq!(ask("scripts", move |_| ok(no_numbers), None, 2).unwrap().next_cursor, None);
}

#[test]
fn hits_in_all_formats_are_read_and_invalid_ones_do_not_affect_others() {
    let body = r#"{"hits":{"total":9,"hits":[
        {"fields":{"distribution":["old"],"dist_fav_count":["7"]}},
        {"fields":{"distribution":"older","dist_fav_count":6}},
        {"_source":{"distribution":"null","dist_fav_count":null}},
        {"_source":{"distribution":"text","dist_fav_count":"many"}},
        {"_source":{"distribution":"two","dist_fav_count":[1,2]}},
        {"_source":{"distribution":"A::B","dist_fav_count":3}},
        {"_source":{"distribution":["a","b"]}},{"_source":{"distribution":7}},
        {"_source":{}},{},null,{"_source":{"distribution":"old"}}]}}"#;
    let page = ask("scripts", move |_| ok(body), None, ALL).unwrap();
    let unreadable = " !unreadable".repeat(5);
    assert_eq!(
        summary(&page),
        format!("old@7 older@6 null text two A::B!invalid_name{unreadable}")
    );
}

#[test]
fn without_a_date_there_is_no_popularity() {
    let body = r#"{"hits":{"hits":[{"_source":{"distribution":"a","dist_fav_count":7}}]}}"#;
    assert_eq!(summary(&ask("scripts", move |_| (200, &[], body), None, ALL).unwrap()), "a");
    let body = r#"{"leaderboard":[{"key":"a","doc_count":7}]}"#;
    assert_eq!(summary(&ask("leaderboard", move |_| (200, &[], body), None, ALL).unwrap()), "a");
}

#[test]
fn an_invalid_list_is_an_error_and_not_a_short_list() {
    let (_, _, whole) = hits(&files(FEW));
    let whole: &'static str = whole;
    for answer in [
        ok(&whole[..whole.len() / 2]),
        ok("[]"),
        ok("{}"),
        ok(r#"{"hits":[]}"#),
        ok(r#"{"hits":{"hits":null}}"#),
        ok(""),
        (404, &[], r#"{"code":404,"message":"Not found"}"#),
        (402, &[], "<html>bot</html>"),
        (500, &[], r#"{"message":"[Request] ** [http] 400 parsing_exception"}"#),
        (503, &[], "first byte timeout"),
    ] {
        assert!(ask("scripts", move |_| answer, None, ALL).is_err(), "{answer:?}");
    }
    for answer in [
        ok(r#"{"leaderboard":[{"key":"a","#),
        ok("{}"),
        ok(r#"{"leaderboard":{}}"#),
        ok("[]"),
        (404, &[], "{}"),
        (402, &[], "<html>bot</html>"),
    ] {
        assert!(ask("leaderboard", move |_| answer, None, ALL).is_err(), "{answer:?}");
    }
}

#[test]
fn a_part_of_the_hits_is_not_taken_for_all_of_them() {
    let body = r#"{"timed_out":true,"hits":{"hits":[{"_source":{"distribution":"ack"}}]}}"#;
    let error = ask("scripts", move |_| ok(body), None, ALL).unwrap_err();
    assert!(
        matches!(&error.kind, SourceErrorKind::Schema { reason, .. } if reason.contains("timed out"))
    );
}

#[test]
fn an_empty_list_is_an_empty_page() {
    assert_eq!(ask("scripts", metacpan(vec![]), None, ALL).unwrap(), Page::default());
    let page = ask("leaderboard", |_| ok(r#"{"leaderboard":[]}"#), None, ALL).unwrap();
    assert_eq!(page, Page { total: Some(0), size: Some(0), ..Page::default() });
}

#[test]
fn the_leaderboard_comes_by_favourites_whatever_its_order() {
    let mut rows = [
        r#"{"key":"Mojolicious","doc_count":513}"#,
        r#"{"key":"ack","doc_count":"90"}"#,
        r#"{"key":"App-a","doc_count":90}"#,
        r#"{"key":"b","doc_count":null}"#,
        r#"{"key":"../x","doc_count":100}"#,
        r#"{"doc_count":99}"#,
    ];
    let of = |rows: &[&str], cursor: Option<&str>, limit| {
        let body = format!(r#"{{"took":1,"leaderboard":[{}],"total":9}}"#, rows.join(","));
        let body: &'static str = body.leak();
        ask("leaderboard", move |_| ok(body), cursor, limit).unwrap()
    };
    let first = of(&rows, None, ALL);
    assert_eq!(
        summary(&first),
        "Mojolicious@513 App-a@90 ack@90 b ../x!invalid_name !invalid_name"
    );
    assert_eq!(first.candidates[0].popularity.as_ref().unwrap().source, LEADERBOARD);
    for _ in &rows.clone() {
        rows.rotate_left(1);
        assert_eq!(of(&rows, None, ALL), first);
    }
    assert_eq!(of(&rows, None, 2).next_cursor.as_deref(), Some("3"));
    assert_eq!(summary(&of(&rows, Some("3"), 9)), "ack@90 b !invalid_name");
}

#[test]
fn a_long_list_is_read_page_by_page() {
    let many: Vec<(String, u64)> =
        (0..5_000_u64).map(|i| (format!("D{i}"), 1 + i * 37 % 90)).collect();
    let metacpan = metacpan(many);
    let (mut cursor, mut n_seen, mut n_pages) = (None, 0, 0);
    loop {
        let page = ask("scripts", metacpan.clone(), cursor.as_deref(), ALL).unwrap();
        n_seen += page.candidates.len();
        n_pages += 1;
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    assert_eq!((n_seen, n_pages), (5_000, 6));
}
