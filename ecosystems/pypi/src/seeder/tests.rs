//! The list in its documented format, with the real checks of requests.

#![expect(clippy::result_large_err, reason = "a test takes errors apart")]

use std::sync::Arc;

use batch_core::{
    io::{HttpError, PoliteConfig, PoliteHttp},
    plugin::{Page, PageRequest, RateLimit as _, Seeder as _, SourceError, SourceErrorKind},
};
use batch_sim::{SimClock, StaticTransport};

use crate::{ID, Pypi, seeder::LIST};

fn read(list: &str, cursor: Option<&str>, limit: usize) -> Result<Page, SourceError> {
    let clock = SimClock::default();
    let static_transport =
        Arc::new(StaticTransport::new([(LIST.to_owned(), list.as_bytes().to_vec())]));
    let cache = tempfile::tempdir().unwrap();
    let quotas = Pypi.quotas().to_vec();
    let config = PoliteConfig::new(Arc::new(clock.clone()), static_transport, quotas, cache.path());
    clock.run(
        PageRequest {
            ecosystem: &ID,
            names: &Pypi,
            http: &PoliteHttp::new(config),
            source: &Pypi.sources()[0],
            cursor,
            limit,
        }
        .page(&Pypi),
    )
}

fn list(rows: &[&str]) -> String {
    format!(
        r#"{{"last_update":"2026-11-01 07:32:10","query":{{"bytes":1}},"source":"ClickHouse","total_rows":{},"rows":[{}]}}"#,
        rows.len(),
        rows.join(",")
    )
}

/// `name value`, with `?` for an unknown value, and then what was passed over.
fn shown(page: &Page) -> String {
    let candidates = page.candidates.iter().map(|it| {
        let value = it.popularity.as_ref().map_or("?".to_owned(), |it| it.value.to_string());
        format!("{} {value}", it.id.name)
    });
    let passed_over =
        page.passed_over.iter().map(|it| format!("{:?} {}", it.name, it.reason.as_str()));
    candidates.chain(passed_over).collect::<Vec<_>>().join(", ")
}

#[track_caller]
fn check(rows: &[&str], expected: &str) {
    let page = read(&list(rows), None, usize::MAX).unwrap();
    assert_eq!(shown(&page), expected);
    assert!(page.candidates.iter().all(|it| it.commands.is_none()));
    let reversed: Vec<&str> = rows.iter().rev().copied().collect();
    assert_eq!(read(&list(&reversed), None, usize::MAX).unwrap(), page, "in another order");
}

const ROWS: &[&str] = &[
    r#"{"download_count":1800000000,"project":"boto3"}"#,
    r#"{"download_count":90,"project":"black"}"#,
    r#"{"download_count":80,"project":"httpie"}"#,
];

#[test]
fn the_list_states_popularity_and_date() {
    check(ROWS, "boto3 1800000000, black 90, httpie 80");
    let page = read(&list(ROWS), None, 9).unwrap();
    let popularity = page.candidates[0].popularity.clone().unwrap();
    assert_eq!((popularity.unit.as_str(), popularity.period_days), ("downloads", Some(30)));
    assert_eq!((popularity.source.as_str(), &*popularity.as_of.to_string()), (LIST, "2026-11-01"));
    assert!(Pypi.popular().unwrap().is_reached_by(&popularity));
    assert_eq!((page.next_cursor, page.total), (None, Some(3)));
}

#[test]
fn spellings_of_one_project_are_one() {
    check(
        &[
            r#"{"download_count":7,"project":"Zope.Interface"}"#,
            r#"{"download_count":9,"project":"zope-interface"}"#,
            r#"{"download_count":8,"project":"zope__interface"}"#,
        ],
        "zope-interface 9",
    );
}

#[test]
fn missing_and_mistyped_fields_are_unknown_or_drop_the_row() {
    check(
        &[
            r#"{"download_count":7,"project":"a"}"#,
            r#"{"download_count":"8","project":"b"}"#,
            r#"{"download_count":null,"project":"c"}"#,
            r#"{"download_count":-1,"project":"d"}"#,
            r#"{"download_count":1e99,"project":"e"}"#,
            r#"{"project":"f"}"#,
            r#"{"download_count":5,"project":"-g-"}"#,
            r#"{"download_count":4,"project":"раypal"}"#,
            r#"{"download_count":3,"project":7}"#,
            r#"{"download_count":3}"#,
            "[1]",
            "null",
        ],
        "a 7, b ?, c ?, d ?, e ?, f ?, \"\" unreadable, \"-g-\" invalid_name, \
         \"раypal\" invalid_name",
    );
}

#[test]
fn without_a_date_the_number_is_unknown() {
    for head in ["", r#""last_update":null,"#, r#""last_update":"soon","#, r#""last_update":1,"#] {
        let text = format!("{{{head}\"rows\":[{}]}}", ROWS[1]);
        assert_eq!(shown(&read(&text, None, 9).unwrap()), "black ?", "{head}");
    }
}

#[test]
fn each_page_continues_where_the_previous_one_ended() {
    let first = read(&list(ROWS), None, 2).unwrap();
    assert_eq!(shown(&first), "boto3 1800000000, black 90");
    let last = read(&list(ROWS), first.next_cursor.as_deref(), 2).unwrap();
    assert_eq!((shown(&last), last.next_cursor), ("httpie 80".to_owned(), None));
}

#[test]
fn an_empty_list_is_empty_and_another_shape_an_error() {
    assert_eq!(read(&list(&[]), None, 9).unwrap().total, Some(0));
    for text in ["[]", "{}", r#"{"rows":{}}"#, r#"{"rows":[]} x"#, "<html>", "null"] {
        assert!(read(text, None, 9).is_err(), "{text}");
    }
    let error = read(&list(&["1", "{}"]), None, 9).unwrap_err();
    assert!(matches!(error.kind, SourceErrorKind::Schema { .. }), "{error:?}");
}

#[test]
fn a_truncated_list_is_reported_as_truncated() {
    let whole = list(ROWS);
    for end in [0, 40, whole.len() / 2, whole.len() - 1] {
        let error = read(&whole[..end], None, 9).unwrap_err();
        let is_cut = matches!(error.kind, SourceErrorKind::Http(HttpError::Truncated { .. }));
        assert!(is_cut, "{end}: {error:?}");
    }
}

/// For each row only the name and the number are in memory, so 150,000 rows take about 10 MB, ten
/// times the size of the list.
#[test]
fn a_long_list_ends_after_the_permitted_number() {
    let rows: Vec<String> =
        (0..30_000).map(|n| format!(r#"{{"download_count":{n},"project":"p{n}"}}"#)).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let page = read(&list(&rows), None, usize::MAX).unwrap();
    assert_eq!((page.candidates.len(), page.total), (5_000, Some(5_000)));
    assert_eq!(page.candidates[4_999].id.name.as_str(), "p25000");
    assert_eq!(page.next_cursor, None);
}

#[test]
fn every_address_of_a_source_has_a_quota() {
    let [source] = Pypi.sources() else { panic!("another source") };
    for url in source.per_candidate.iter().chain([&source.url]) {
        let is_declared =
            Pypi.quotas().iter().any(|it| url.starts_with(&format!("https://{}", it.host)));
        assert!(is_declared, "{url}");
    }
}
