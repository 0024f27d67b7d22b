//! Dumps and hits in the documented formats, with the real checks of requests.

#![expect(clippy::result_large_err, reason = "a test takes errors apart")]

use std::{fmt::Write as _, io::Write as _, sync::Arc, time::Duration};

use batch_core::{
    io::{PoliteConfig, PoliteHttp, Request, Transport},
    plugin::{Page, PageRequest, RateLimit as _, Seeder as _, SourceError, SourceErrorKind},
};
use batch_sim::{Answer, SimClock, SimTransport, StaticTransport};

use crate::{ID, RubyGems, seeder::search::PAGE};

fn ask(
    clock: &SimClock,
    transport: Arc<dyn Transport>,
    source: &str,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page, SourceError> {
    let cache = tempfile::tempdir().unwrap();
    let quotas = RubyGems.quotas().to_vec();
    let config = PoliteConfig::new(Arc::new(clock.clone()), transport, quotas, cache.path());
    let source = RubyGems.sources().iter().find(|it| it.name == source).unwrap();
    clock.run(
        PageRequest {
            ecosystem: &ID,
            names: &RubyGems,
            http: &PoliteHttp::new(config),
            source,
            cursor,
            limit,
        }
        .page(&RubyGems),
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

const DUMPS: &str = "https://s3-us-west-2.amazonaws.com/rubygems-dumps/";
const LIST: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult><Name>rubygems-dumps</Name><IsTruncated>false</IsTruncated>
<Contents><Key>production/public_postgresql/2026.11.09.21.21.01/public_postgresql.tar</Key></Contents>
<Contents><Key>production/public_postgresql/2026.11.16.21.21.01/public_postgresql.tar</Key></Contents>
<Contents><Key>production/public_postgresql/2026.11.16.21.21.01/x/../../public_postgresql.tar</Key></Contents>
<Contents><Key>production/public_redis/2027.01.01.21.21.01/public_redis.tar.gz</Key></Contents>
</ListBucketResult>"#;
const NEWEST: &str = "production/public_postgresql/2026.11.16.21.21.01/public_postgresql.tar";

/// The two tables, with other tables before, between and after them.
const GEMS: &str = "COPY public.rubygems (id, name, created_at, updated_at, indexed) FROM stdin;\n\
    1\trake\t2009\t2026\tt\n\
    2\tcocoapods\t2011\t2026\tt\n\
    3\tgone\t2011\t2026\tf\n\
    4\t-bad\t2011\t2026\tt\n\
    5\tuncounted\t2011\t\\N\t\\N\n\
    \\.\n";
const COUNTS: &str = "COPY public.gem_downloads (id, rubygem_id, version_id, count) FROM stdin;\n\
    1\t0\t0\t99999999999\n\
    2\t1\t0\t900000000\n\
    3\t1\t17\t800000000\n\
    4\t2\t0\t100\n\
    5\t3\t0\t50\n\
    6\t4\t0\t40\n\
    \\.\n";
const OTHERS: &str = "--\n-- PostgreSQL database dump\n--\nSET client_encoding = 'UTF8';\n\
    CREATE TABLE public.rubygems (\n    id integer NOT NULL\n);\n\
    COPY public.linksets (id, rubygem_id, home) FROM stdin;\n1\t1\thttps://x\n\\.\n";

fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

fn packed(packed: &[u8]) -> Vec<u8> {
    let mut archive = tar::Builder::new(vec![]);
    for (path, content) in [
        ("public_postgresql/README", b"read me".as_slice()),
        ("public_postgresql/databases/PostgreSQL.sql.gz", packed),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append_data(&mut header, path, content).unwrap();
    }
    archive.into_inner().unwrap()
}

fn static_transport(list: &str, dump: Vec<u8>) -> StaticTransport {
    let list_url = format!("{DUMPS}?prefix=production%2Fpublic_postgresql");
    StaticTransport::new([(list_url, list.as_bytes().to_vec()), (format!("{DUMPS}{NEWEST}"), dump)])
}

fn read(dump: Vec<u8>, cursor: Option<&str>, limit: usize) -> Result<Page, SourceError> {
    ask(&SimClock::default(), Arc::new(static_transport(LIST, dump)), "dump", cursor, limit)
}

fn page(parts: &[&str]) -> Page {
    read(packed(&gzip(&parts.concat())), None, usize::MAX).unwrap()
}

const ALL: &str =
    "rake 900000000, cocoapods 100, uncounted ?, \"gone\" retired, \"-bad\" invalid_name";

#[test]
fn a_dump_counts_downloads_of_gems_as_a_whole() {
    let page = page(&[OTHERS, GEMS, OTHERS, COUNTS, OTHERS]);
    assert_eq!(shown(&page), ALL);
    assert_eq!((page.next_cursor.clone(), page.total), (None, Some(5)));
    assert!(page.candidates.iter().all(|it| it.commands.is_none()));
    let popularity = page.candidates[0].popularity.clone().unwrap();
    assert_eq!((popularity.unit.as_str(), popularity.period_days), ("downloads", None));
    assert_eq!(popularity.source, format!("{DUMPS}{NEWEST}"));
    assert_eq!(popularity.as_of.to_string(), "2026-11-16");
    assert!(RubyGems.popular().unwrap().is_reached_by(&popularity));
}

#[test]
fn neither_the_order_of_tables_nor_that_of_rows_or_columns_matters() {
    let expected = page(&[GEMS, COUNTS]);
    let reversed = |table: &str| {
        let mut lines: Vec<&str> = table.lines().collect();
        let end = lines.len() - 1;
        lines[1..end].reverse();
        lines.join("\n") + "\n"
    };
    assert_eq!(page(&[COUNTS, GEMS]), expected);
    assert_eq!(page(&[&reversed(COUNTS), OTHERS, &reversed(GEMS)]), expected);
    let turned = "COPY rubygems (name, indexed, id) FROM stdin;\nrake\tt\t1\ncocoapods\tt\t2\n\
        gone\tf\t3\n-bad\tt\t4\nuncounted\tt\t5\n\\.\n";
    assert_eq!(page(&[turned, COUNTS]), expected);
}

#[test]
fn each_page_continues_where_the_previous_one_ended() {
    let dump = packed(&gzip(&[GEMS, COUNTS].concat()));
    let first = read(dump.clone(), None, 2).unwrap();
    let last = read(dump, first.next_cursor.as_deref(), 2).unwrap();
    assert_eq!(shown(&last), "uncounted ?");
    assert_eq!(last.next_cursor, None);
}

#[test]
fn bad_rows_do_not_affect_other_rows() {
    let spoilt = GEMS.replace("1\trake", "x\trake\n9\t\\N\n\nrow\n1\trake");
    let page = page(&[&spoilt, &COUNTS.replace("4\t2\t0\t100", "4\t2\t0\tmany")]);
    assert_eq!(
        shown(&page),
        "rake 900000000, cocoapods ?, uncounted ?, \"\" unreadable, \"gone\" retired, \
         \"-bad\" invalid_name"
    );
    assert_eq!(page.passed_over[0].why, "4 entries of the list name no gem");
}

#[test]
fn other_files_than_the_dump_are_errors() {
    let reason = |text: &str| {
        let kind = read(packed(&gzip(text)), None, 9).unwrap_err().kind;
        let SourceErrorKind::Schema { reason, .. } = kind else { panic!("{kind:?}") };
        reason
    };
    assert_eq!(reason(GEMS), "it lacks the table rubygems or gem_downloads");
    assert_eq!(reason(""), "it lacks the table rubygems or gem_downloads");
    let renamed = COUNTS.replace("count)", "total)");
    assert_eq!(reason(&renamed), "its table gem_downloads has other columns than it had");
    let unreadable = "COPY rubygems (id, name) FROM stdin;\nx\ty\n\\.\n";
    assert_eq!(reason(&[unreadable, COUNTS].concat()), "no row of its gems can be read");
    let list = static_transport("<ListBucketResult></ListBucketResult>", vec![]);
    let error = ask(&SimClock::default(), Arc::new(list), "dump", None, 9).unwrap_err();
    assert!(matches!(error.kind, SourceErrorKind::Schema { .. }), "{error:?}");
}

#[test]
fn truncated_files_are_errors() {
    let text = [GEMS, COUNTS].concat();
    // The dump is cut off in a table, in the gzip, and in the tar.
    assert!(read(packed(&gzip(&text[..text.len() - 9])), None, 9).is_err());
    let whole = gzip(&text);
    assert!(read(packed(&whole[..whole.len() / 2]), None, 9).is_err());
    let tar = packed(&whole);
    assert!(read(tar[..1_700].to_vec(), None, 9).is_err());
    assert!(read(b"<html>".to_vec(), None, 9).is_err());
    for (source, what) in [("dump", "no list of dumps"), ("search", "no search")] {
        let absent = Arc::new(StaticTransport::default());
        let error = ask(&SimClock::default(), absent, source, None, 9).unwrap_err();
        assert!(error.kind.to_string().contains(what), "{error:?}");
    }
}

#[test]
fn tables_without_rows_are_an_empty_list() {
    let empty = |table: &str| format!("{}\n\\.\n", table.lines().next().unwrap());
    let page = page(&[&empty(GEMS), &empty(COUNTS)]);
    assert_eq!(page, Page { total: Some(0), size: Some(0), ..Page::default() });
}

/// 20,000 gems, 100,000 counts and about 4 MB of descriptions are read. In memory are one line, at
/// most 64 KiB of it, and for each gem a number, its name and one count: about 20 MB for the
/// 200,000 gems of the registry.
#[test]
fn a_large_dump_is_read_in_pieces() {
    let mut gems = "COPY rubygems (id, name) FROM stdin;\n".to_owned();
    let mut counts = "COPY gem_downloads (rubygem_id, version_id, count) FROM stdin;\n".to_owned();
    let prose = format!("COPY versions (id, description) FROM stdin;\n{}", "x".repeat(4 << 20));
    for id in 1..20_001 {
        writeln!(gems, "{id}\tgem-{id}").unwrap();
        for version in 0..5 {
            writeln!(counts, "{id}\t{version}\t{id}").unwrap();
        }
    }
    let page = page(&[&counts, "\\.\n", &prose, "\n\\.\n", &gems, "\\.\n"]);
    assert_eq!((page.candidates.len(), page.next_cursor.clone()), (5_000, None));
    assert_eq!(page.candidates[4_999].id.name.as_str(), "gem-15001");
}

/// The result of a search on a site that answers by query and page.
fn search(
    answer: impl Fn(&str, u32) -> String + Send + Sync + 'static,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page, SourceError> {
    let clock = SimClock::default();
    let by_query = move |request: &Request| -> Answer {
        let date = &[("date", "Fri, 20 Nov 2026 10:00:00 GMT")];
        let (query, page) = asked(request);
        (200, date, answer(&query, page).leak())
    };
    let transport = SimTransport::new(clock.clone(), Duration::ZERO, by_query);
    ask(&clock, Arc::new(transport), "search", cursor, limit)
}

fn asked(request: &Request) -> (String, u32) {
    let value = |name: &str| {
        let mut pairs = request.url.query_pairs();
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    (value("query"), value("page").parse().unwrap())
}

const HITS: &str = r#"[
    {"name":"fastlane","downloads":70,"version":"2.0","yanked":false,"source_code_uri":null,
     "homepage_uri":"https://github.com/fastlane/fastlane"},
    {"name":"thor","downloads":900,"source_code_uri":"https://github.com/rails/thor"},
    {"name":"old","downloads":null,"source_code_uri":null,"homepage_uri":null},
    {"name":"older","downloads":"3"},
    {"name":"thor","downloads":900},
    {"name":"gone","downloads":2,"yanked":true},
    {"name":"a b","downloads":1},
    {"name":7,"downloads":1}, 7]"#;

#[test]
fn hits_state_the_popularity_of_gems() {
    let page = search(|_, _| HITS.to_owned(), None, 30).unwrap();
    assert_eq!(
        shown(&page),
        "thor 900, fastlane 70, old ?, older ?, \"\" unreadable, \"gone\" retired, \
         \"a b\" invalid_name"
    );
    let has_repository: Vec<_> = page.candidates.iter().map(|it| it.has_repository).collect();
    assert_eq!(has_repository, [Some(true), Some(true), Some(false), None]);
    let versions: Vec<_> = page.candidates.iter().map(|it| it.version.as_deref()).collect();
    assert_eq!(versions, [None, Some("2.0"), None, None]);
    let popularity = page.candidates[0].popularity.clone().unwrap();
    assert_eq!((popularity.period_days, &*popularity.as_of.to_string()), (None, "2026-11-20"));
    assert_eq!(page.next_cursor.as_deref(), Some("cli#2#0#fastlane#fastlane"));
}

#[test]
fn a_small_limit_cuts_a_page_into_parts() {
    let first = search(|_, _| HITS.to_owned(), None, 2).unwrap();
    assert_eq!(
        shown(&first),
        "thor 900, fastlane 70, \"\" unreadable, \"gone\" retired, \"a b\" invalid_name"
    );
    let rest = search(|_, _| HITS.to_owned(), first.next_cursor.as_deref(), 9).unwrap();
    assert_eq!(shown(&rest), "old ?, older ?");
    assert_eq!(rest.next_cursor.as_deref(), Some("cli#2#0#fastlane#fastlane"));
}

/// All pages until the end: queries, page numbers, and the number of candidates.
fn all(
    answer: impl Fn(&str, u32) -> String + Send + Sync + Copy + 'static,
) -> (Vec<String>, usize) {
    let (mut cursor, mut cursors, mut n_candidates) = (None::<String>, vec![], 0);
    loop {
        let page = search(answer, cursor.as_deref(), 30).unwrap();
        n_candidates += page.candidates.len();
        cursor = page.next_cursor;
        let Some(next) = &cursor else { return (cursors, n_candidates) };
        cursors.push(next.split('#').take(2).collect::<Vec<_>>().join(" "));
    }
}

fn hit(name: &str) -> String {
    format!(r#"[{{"name":"{name}","downloads":1}}]"#)
}

#[test]
fn each_query_ends_and_the_next_begins() {
    let (cursors, n_candidates) =
        all(
            |query, page| {
                if page < 3 { hit(&format!("g{}-{page}", query.len())) } else { "[]".to_owned() }
            },
        );
    assert_eq!(n_candidates, 8);
    assert_eq!(
        cursors,
        [
            "cli 2",
            "cli 3",
            "command-line 1",
            "command-line 2",
            "command-line 3",
            "command line tool 1",
            "command line tool 2",
            "command line tool 3",
            "executable 1",
            "executable 2",
            "executable 3"
        ]
    );
}

#[test]
fn pages_that_repeat_end() {
    // The same page again and again, and a return to the first page.
    assert_eq!(all(|_, _| hit("same")).1, 4);
    assert_eq!(all(|_, page| hit(&format!("p{}", page % 3))).1, 4 * 3);
    // New names without end: 42 pages of each query.
    assert_eq!(all(|_, page| hit(&format!("p{page}"))).1, 4 * 42);
}

#[test]
fn a_redirect_to_the_first_page_ends_the_list() {
    let clock = SimClock::default();
    let by_query = |request: &Request| -> Answer {
        let back = &[("location", "https://rubygems.org/api/v1/search.json?query=cli&page=1")];
        match asked(request).1 {
            1 => (200, &[], r#"[{"name":"other"}]"#),
            _ => (302, back, ""),
        }
    };
    let transport = SimTransport::new(clock.clone(), Duration::ZERO, by_query);
    let page = ask(&clock, Arc::new(transport), "search", Some("cli#9#0#a#b"), 30).unwrap();
    assert_eq!(page.candidates.len(), 0);
    assert_eq!(page.next_cursor.as_deref(), Some("command-line#1#0##"));
}

#[test]
fn without_a_date_the_number_is_unknown() {
    let clock = SimClock::default();
    let transport = SimTransport::new(clock.clone(), Duration::ZERO, |_| (200, &[], HITS));
    let page = ask(&clock, Arc::new(transport), "search", None, 30).unwrap();
    assert!(page.candidates.iter().all(|it| it.popularity.is_none()));
}

#[test]
fn answers_of_another_shape_are_errors() {
    for body in ["", "[", "{}", "null", "[1,2]", r#"[{"name":null}]"#, "<html>"] {
        assert!(search(|_, _| body.to_owned(), None, 30).is_err(), "{body}");
    }
    let cursor = Some("what#is#this");
    assert_eq!(shown(&search(|_, _| hit("a"), cursor, 30).unwrap()), "a 1", "begins anew");
}

#[test]
fn every_address_of_a_source_has_a_quota() {
    assert_eq!(PAGE, 30);
    for source in RubyGems.sources() {
        for url in source.per_candidate.iter().chain([&source.url]) {
            let is_declared =
                RubyGems.quotas().iter().any(|it| url.starts_with(&format!("https://{}", it.host)));
            assert!(is_declared, "{url}");
        }
    }
}
