//! Reads dumps and lists in the documented formats, with the real checks of requests.

#![expect(clippy::result_large_err, reason = "a test takes errors apart")]

use std::{fmt::Write as _, io::Write as _, sync::Arc, time::Duration};

use batch_core::{
    io::{PoliteConfig, PoliteHttp, Request, Transport},
    model::Candidate,
    plugin::{Page, PageRequest, RateLimit as _, Seeder as _, SourceError, SourceErrorKind},
};
use batch_sim::{Answer, SimClock, SimTransport, StaticTransport};
use flate2::{Compression, write::GzEncoder};

use crate::{Cargo, ID, seeder::DUMP};

type Files = Vec<(&'static str, String)>;

/// Tables as `COPY … WITH CSV HEADER` writes them, in the order of the dump's tar.
fn tables() -> Files {
    let metadata = r#"{"timestamp": "2026-11-20T02:00:34.123Z", "crates_io_commit": "57fa000"}"#;
    vec![
        ("metadata.json", metadata.to_owned()),
        ("schema.sql", "CREATE TABLE".to_owned()),
        ("data/categories.csv", "category,id\nCommand line utilities,1\n".to_owned()),
        (
            "data/crate_downloads.csv",
            "crate_id,downloads\n1,900\n2,5000\n3,70\n4,60\n5,50\n6,40\n7,30\n".to_owned(),
        ),
        (
            "data/crates.csv",
            "created_at,description,homepage,id,name,readme,repository,updated_at\n\
             2016,searches,,1,ripgrep,\"# rg\n\nsays \"\"hello\"\", twice\",https://github.com/o/r,x\n\
             2014,,,2,serde,,https://github.com/o/s,x\n\
             2014,,,3,old-tool,,,x\n\
             2014,,,4,gone,,,x\n\
             2014,,,5,-bad,,,x\n\
             2014,,,6,odd,,,x\n\
             2014,,,7,orphan,,,x\n\
             2014,,,8,New_Tool,,,x\n"
                .to_owned(),
        ),
        (
            "data/versions.csv",
            "bin_names,checksum,crate_id,features,has_lib,id,num,yanked\n\
             {rg},aa,1,\"{\"\"pcre2\"\": [\"\"grep/pcre2\"\"]}\",f,11,15.2.0,f\n\
             {old-rg},aa,1,{},f,12,1.0.0,f\n\
             {},aa,2,{},t,21,1.0.0,f\n\
             ,aa,3,{},t,31,1.0.0,f\n\
             {gone},aa,4,{},f,41,1.0.0,t\n\
             {x},aa,5,{},f,51,1.0.0,f\n\
             \"{\"\"a b\"\"}\",aa,6,{},f,61,1.0.0,f\n\
             \"{zz,new,aa}\",aa,8,{},t,81,0.1.0,f\n"
                .to_owned(),
        ),
        (
            "data/default_versions.csv",
            "crate_id,version_id\n1,11\n2,21\n3,31\n4,41\n5,51\n6,61\n8,81\n".to_owned(),
        ),
        ("data/version_downloads.csv", "date,downloads,version_id\n".to_owned()),
    ]
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(vec![], Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn packed(files: &[(&str, String)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(vec![]);
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive
            .append_data(&mut header, format!("2026-11-20-020034/{path}"), text.as_bytes())
            .unwrap();
    }
    gzip(&archive.into_inner().unwrap())
}

fn ask(
    clock: &SimClock,
    transport: Arc<dyn Transport>,
    source: &str,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page, SourceError> {
    let cache = tempfile::tempdir().unwrap();
    let config = PoliteConfig::new(
        Arc::new(clock.clone()),
        transport,
        Cargo.quotas().to_vec(),
        cache.path(),
    );
    let source = Cargo.sources().iter().find(|it| it.name == source).unwrap();
    clock.run(
        PageRequest {
            ecosystem: &ID,
            names: &Cargo,
            http: &PoliteHttp::new(config),
            source,
            cursor,
            limit,
        }
        .page(&Cargo),
    )
}

fn read(dump: Vec<u8>, cursor: Option<&str>, limit: usize) -> Result<Page, SourceError> {
    let static_transport = StaticTransport::new([(DUMP.to_owned(), dump)]);
    ask(&SimClock::default(), Arc::new(static_transport), "dump", cursor, limit)
}

fn page(files: &[(&str, String)]) -> Page {
    read(packed(files), None, usize::MAX).unwrap()
}

fn schema(dump: Vec<u8>) -> String {
    let kind = read(dump, None, 9).unwrap_err().kind;
    let SourceErrorKind::Schema { host, reason } = kind else { panic!("{kind:?}") };
    format!("{host}: {reason}")
}

/// `name value commands`, with `?` for what is unknown.
fn shown(candidate: &Candidate) -> String {
    let value = candidate.popularity.as_ref().map_or("?".to_owned(), |it| it.value.to_string());
    let commands = candidate.commands.as_ref().map_or("?".to_owned(), |commands| {
        commands.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    });
    format!("{} {value} {commands}", candidate.id.name)
}

fn candidates(page: &Page) -> Vec<String> {
    page.candidates.iter().map(shown).collect()
}

fn passed_over(page: &Page) -> Vec<String> {
    page.passed_over.iter().map(|it| format!("{} {}", it.name, it.reason.as_str())).collect()
}

fn edited(part: &str, edit: impl Fn(&str) -> String) -> Files {
    let edit_one = |(path, text): (&'static str, String)| {
        let text = if path == part { edit(&text) } else { text };
        (path, text)
    };
    tables().into_iter().map(edit_one).collect()
}

#[test]
fn a_dump_distinguishes_programs_from_libraries() {
    let page = page(&tables());
    assert_eq!(candidates(&page), ["ripgrep 900 rg", "old-tool 70 ?", "New_Tool ? aa,new,zz"]);
    assert_eq!(
        passed_over(&page),
        [
            "serde library",
            "gone retired",
            "-bad invalid_name",
            "odd commands_unknown",
            "orphan commands_unknown"
        ]
    );
    assert_eq!((page.next_cursor, page.total), (None, Some(8)));
    let popularity = page.candidates[0].popularity.clone().unwrap();
    assert_eq!((popularity.unit.as_str(), popularity.period_days), ("downloads", None));
    assert_eq!(
        (popularity.source.as_str(), popularity.as_of.to_string().as_str()),
        (DUMP, "2026-11-20")
    );
    let has_repository: Vec<_> = page.candidates.iter().map(|it| it.has_repository).collect();
    assert_eq!(has_repository, [Some(true), Some(false), Some(false)]);
}

#[test]
fn neither_the_order_of_tables_nor_that_of_rows_matters() {
    let expected = page(&tables());
    let mut reversed = edited("", str::to_owned);
    reversed.reverse();
    assert_eq!(page(&reversed), expected);
    let rows_reversed = |text: &str| {
        let mut lines: Vec<&str> = text.lines().collect();
        lines[1..].reverse();
        lines.join("\n")
    };
    for part in ["data/crate_downloads.csv", "data/versions.csv", "data/default_versions.csv"] {
        assert_eq!(page(&edited(part, rows_reversed)), expected, "{part}");
    }
}

#[test]
fn each_page_continues_where_the_previous_one_ended() {
    let whole = page(&tables());
    let dump = packed(&tables());
    let (mut cursor, mut found) = (None::<String>, Page::default());
    loop {
        let part = read(dump.clone(), cursor.as_deref(), 1).unwrap();
        assert!(part.candidates.len() <= 1);
        found.candidates.extend(part.candidates);
        found.passed_over.extend(part.passed_over);
        cursor = part.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((found.candidates, found.passed_over), (whole.candidates, whole.passed_over));
}

#[test]
fn two_spellings_of_one_crate_are_one() {
    let doubled = edited("data/crates.csv", |text| {
        format!("{text}2014,,,9,RIPGREP,,,x\n2014,,,1,ripgrep,,https://github.com/o/r,x\n")
    });
    assert_eq!(candidates(&page(&doubled)), candidates(&page(&tables())));
}

#[test]
fn bad_rows_do_not_affect_other_rows() {
    let spoilt = edited("data/crates.csv", |text| format!("{text}x,y\n2014,,,-5,a,,,x\n"));
    let page = page(&spoilt);
    assert_eq!(candidates(&page), ["ripgrep 900 rg", "old-tool 70 ?", "New_Tool ? aa,new,zz"]);
    assert_eq!(page.passed_over[0].why, "2 rows of the dump do not say what they are of");
    for (from, to) in [("1,900", "1,many"), ("1,900", "1,-900"), ("1,900", "1,"), ("1,900\n", "")] {
        let page = self::page(&edited("data/crate_downloads.csv", |text| text.replace(from, to)));
        assert_eq!(candidates(&page)[2], "ripgrep ? rg", "{to:?}");
    }
    for broken in ["{rg", "{NULL}", "rg"] {
        let page = self::page(&edited("data/versions.csv", |text| text.replace("{rg}", broken)));
        assert_eq!(candidates(&page)[0], "ripgrep 900 ?", "{broken}");
    }
}

#[test]
fn a_number_without_a_date_is_not_a_popularity() {
    for metadata in ["{}", "", "[]", r#"{"timestamp": 1}"#, r#"{"timestamp": "soon"}"#] {
        let page = page(&edited("metadata.json", |_| metadata.to_owned()));
        assert_eq!(candidates(&page)[0], "ripgrep ? rg", "{metadata}");
    }
}

#[test]
fn other_files_than_the_dump_are_errors() {
    let without = |part: &str| {
        let files: Files = tables().into_iter().filter(|(path, _)| *path != part).collect();
        schema(packed(&files))
    };
    assert_eq!(without("data/versions.csv"), "static.crates.io: it contains no data/versions.csv");
    assert_eq!(without("data/crates.csv"), "static.crates.io: it contains no data/crates.csv");
    let renamed = edited("data/versions.csv", |text| text.replace("bin_names", "programs"));
    let expected = "static.crates.io: its tables have no column \"bin_names\"";
    assert_eq!(schema(packed(&renamed)), expected);
    let unreadable = edited("data/crates.csv", |_| "id,name,repository\nx,y,z\n".to_owned());
    assert_eq!(schema(packed(&unreadable)), "static.crates.io: no row of its crates can be read");
    let mut twice = tables();
    twice.insert(5, ("data/./crates.csv", "id\n".to_owned()));
    assert!(read(packed(&twice), None, 9).is_err());
}

#[test]
fn truncated_files_and_other_files_are_errors() {
    let dump = packed(&tables());
    for end in [0, 10, dump.len() / 3, dump.len() / 2] {
        assert!(read(dump[..end].to_vec(), None, 9).is_err(), "{end} of {}", dump.len());
    }
    assert!(read(b"<html>".to_vec(), None, 9).is_err());
    assert!(read(gzip(b"not a tar"), None, 9).is_err());
    let gone = StaticTransport::default();
    assert!(ask(&SimClock::default(), Arc::new(gone), "dump", None, 9).is_err());
}

#[test]
fn tables_without_rows_are_an_empty_list() {
    let empty: Files = tables()
        .into_iter()
        .map(|(path, text)| {
            let header = text.lines().next().unwrap_or_default().to_owned();
            (path, if path.starts_with("data/") { header } else { text })
        })
        .collect();
    assert_eq!(page(&empty), Page { total: Some(0), size: Some(0), ..Page::default() });
}

/// 12,000 crates, 60,000 versions and 18 MB of readmes are read. In memory are one row of needed
/// fields, at most 128 KiB of buffers, and the packed rows: 4 bytes for each version of a library,
/// 16 bytes and the names for each other version, 40 bytes and the name for each crate. For the
/// whole registry (about 250,000 crates and 2.5 million versions) that makes about 35 MB.
#[test]
fn a_large_dump_is_read_in_pieces() {
    let readme = "x".repeat(1_500);
    let mut crates = "id,name,readme,repository\n".to_owned();
    let (mut downloads, mut defaults) = ("crate_id,downloads\n".to_owned(), String::new());
    let mut versions = "bin_names,crate_id,id,yanked\n".to_owned();
    for id in 0..12_000 {
        writeln!(crates, "{id},crate-{id},\"{readme}\",").unwrap();
        writeln!(downloads, "{id},{id}").unwrap();
        writeln!(defaults, "{id},{}", 10 * id).unwrap();
        let programs = if id % 2 == 0 { format!("{{tool-{id}}}") } else { "{}".to_owned() };
        for version in 0..5 {
            writeln!(versions, "{programs},{id},{},f", 10 * id + version).unwrap();
        }
    }
    let files = [
        ("metadata.json", tables()[0].1.clone()),
        ("data/crates.csv", crates),
        ("data/crate_downloads.csv", downloads),
        ("data/versions.csv", versions),
        ("data/default_versions.csv", format!("crate_id,version_id\n{defaults}")),
    ];
    let page = page(&files);
    assert_eq!(page.candidates.len(), 5_000);
    assert_eq!(candidates(&page)[0], "crate-11998 11998 tool-11998");
    assert_eq!(candidates(&page)[4_999], "crate-2000 2000 tool-2000");
    assert_eq!(page.next_cursor, None);
}

/// A list whose answer depends on the query.
fn list(
    answer: impl Fn(&str) -> String + Send + Sync + 'static,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page, SourceError> {
    let clock = SimClock::default();
    let by_query = move |request: &Request| -> Answer {
        let date = &[("date", "Fri, 20 Nov 2026 10:00:00 GMT")];
        (200, date, answer(request.url.query().unwrap_or_default()).leak())
    };
    let transport = SimTransport::new(clock.clone(), Duration::ZERO, by_query);
    ask(&clock, Arc::new(transport), "api", cursor, limit)
}

const FIRST: &str = r#"{"crates":[
    {"id":"b","name":"b","downloads":7,"recent_downloads":2,"repository":"https://x.org/b","yanked":false,
     "max_stable_version":"1.2.0"},
    {"id":"a","name":"A_b","downloads":9,"recent_downloads":null,"repository":null},
    {"id":"a-b","name":"a-b","downloads":7},
    {"id":"y","name":"y","downloads":6,"yanked":true},
    {"id":"n","name":"n","downloads":"many","repository":"","max_stable_version":"0.0.0"},
    {"id":"x","name":null}],
    "meta":{"total":16000,"next_page":"?category=x&seek=abc","prev_page":null}}"#;

#[test]
fn the_list_states_popularity_but_no_commands() {
    let page = list(|_| FIRST.to_owned(), None, 100).unwrap();
    assert_eq!(candidates(&page), ["A_b 9 ?", "b 7 ?", "n ? ?"]);
    assert_eq!(passed_over(&page), ["y retired", " invalid_name"]);
    let has_repository: Vec<_> = page.candidates.iter().map(|it| it.has_repository).collect();
    assert_eq!(has_repository, [Some(false), Some(true), Some(false)]);
    let versions: Vec<_> = page.candidates.iter().map(|it| it.version.as_deref()).collect();
    assert_eq!(versions, [None, Some("1.2.0"), None]);
    let popularity = page.candidates[0].popularity.clone().unwrap();
    assert_eq!(popularity.as_of.to_string(), "2026-11-20");
    assert_eq!(page.next_cursor.as_deref(), Some("2 0 ?category=x&seek=abc"));
    assert_eq!(page.total, Some(5_000));
}

#[test]
fn the_next_page_is_requested_by_the_registrys_cursor() {
    let answer = |query: &str| match query {
        "category=x&seek=abc" => {
            r#"{"crates":[{"name":"c","downloads":1}],"meta":{"next_page":null}}"#
        }
        _ => FIRST,
    };
    let first = list(move |query| answer(query).to_owned(), None, 100).unwrap();
    let next = list(move |query| answer(query).to_owned(), first.next_cursor.as_deref(), 100);
    let next = next.unwrap();
    assert_eq!(candidates(&next), ["c 1 ?"]);
    assert_eq!(next.next_cursor, None);
}

#[test]
fn a_small_limit_cuts_a_page_into_parts() {
    let first = list(|_| FIRST.to_owned(), None, 2).unwrap();
    assert_eq!(candidates(&first), ["A_b 9 ?", "b 7 ?"]);
    let rest = list(|_| FIRST.to_owned(), first.next_cursor.as_deref(), 2).unwrap();
    assert_eq!(candidates(&rest), ["n ? ?"]);
    assert_eq!(rest.next_cursor.as_deref(), Some("2 0 ?category=x&seek=abc"));
}

#[test]
fn lists_whose_pages_repeat_end() {
    // Each page names another next page, without end.
    let endless = |query: &str| {
        let n: u32 = query.rsplit('=').next().and_then(|n| n.parse().ok()).unwrap_or(0);
        format!(r#"{{"crates":[{{"name":"a"}}],"meta":{{"next_page":"?seek={}"}}}}"#, (n + 1) % 3)
    };
    let (mut cursor, mut n_pages) = (None::<String>, 0);
    loop {
        cursor = list(endless, cursor.as_deref(), 100).unwrap().next_cursor;
        n_pages += 1;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(n_pages, 50);
    // A page names itself as the next page.
    let itself = |_: &str| r#"{"crates":[{"name":"a"}],"meta":{"next_page":"?seek=1"}}"#.to_owned();
    let second = list(itself, None, 100).unwrap().next_cursor;
    assert_eq!(list(itself, second.as_deref(), 100).unwrap().next_cursor, None);
}

#[test]
fn lists_of_other_shapes_are_errors_and_an_empty_one_is_empty() {
    assert_eq!(
        list(|_| r#"{"crates":[]}"#.to_owned(), None, 9).unwrap(),
        Page { ..Page::default() }
    );
    for body in ["", "{", "[]", r#"{"crates":{}}"#, r#"{"crates":[1,2]}"#, r#"{"errors":[]}"#] {
        assert!(list(|_| body.to_owned(), None, 9).is_err(), "{body}");
    }
}

#[test]
fn a_missing_list_is_reported_as_missing() {
    let clock = SimClock::default();
    let absent = SimTransport::new(clock.clone(), Duration::ZERO, |_| (404, &[], "not found"));
    let error = ask(&clock, Arc::new(absent), "api", None, 9).unwrap_err();
    assert!(error.kind.to_string().contains("there is no list of crates"), "{error:?}");
}

#[test]
fn every_address_of_a_source_has_a_quota() {
    for source in Cargo.sources() {
        for url in source.per_candidate.iter().chain([&source.url]) {
            let is_declared =
                Cargo.quotas().iter().any(|it| url.starts_with(&format!("https://{}", it.host)));
            assert!(is_declared, "{url}");
        }
    }
}
