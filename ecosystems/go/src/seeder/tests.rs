//! Formulae and their installations in the recorded formats, with the real checks of requests.

#![expect(clippy::result_large_err, reason = "a test takes errors apart")]

use std::sync::Arc;

use batch_core::{
    io::{HttpError, PoliteConfig, PoliteHttp},
    plugin::{Page, PageRequest, RateLimit as _, Seeder as _, SourceError, SourceErrorKind},
};
use batch_sim::{SimClock, StaticTransport};

use crate::{
    Go, ID,
    seeder::{FORMULAE, INSTALLS},
};

/// A formula that is built with Go from the sources at `url`.
fn formula(name: &str, url: &str, more: &str) -> String {
    format!(
        r#"{{"name":"{name}","homepage":"https://{name}.example/","urls":{{"stable":{{"url":"{url}"}},
        "head":null}},"build_dependencies":["go","pkgconf"],"disabled":false,"variations":{{}}{more}}}"#
    )
}

fn github(name: &str) -> String {
    let url = format!("https://github.com/o/{name}/archive/refs/tags/v1.0.0.tar.gz");
    formula(name, &url, "")
}

const COUNTS: &str = r#"{"category":"install_on_request","total_items":3,"start_date":"2026-10-20",
    "end_date":"2026-11-19","total_count":99,"formulae":{
    "gh":[{"formula":"gh --HEAD","count":"9,999,999"},{"formula":"gh","count":"123,456"}],
    "fzf":[{"formula":"fzf","count":7}],"yq":[{"formula":"yq","count":"many"}],"lf":[],"x":null}}"#;

/// The page and the requests.
fn ask(
    static_transport: StaticTransport,
    cursor: Option<&str>,
    limit: usize,
) -> (Result<Page, SourceError>, Vec<String>) {
    let clock = SimClock::default();
    let static_transport = Arc::new(static_transport);
    let cache = tempfile::tempdir().unwrap();
    let quotas = Go.quotas().to_vec();
    let config =
        PoliteConfig::new(Arc::new(clock.clone()), static_transport.clone(), quotas, cache.path());
    let page = clock.run(
        PageRequest {
            ecosystem: &ID,
            names: &Go,
            http: &PoliteHttp::new(config),
            source: &Go.sources()[0],
            cursor,
            limit,
        }
        .page(&Go),
    );
    (page, static_transport.asked())
}

fn static_transport(formulae: &str, installs: &str) -> StaticTransport {
    let files = [(FORMULAE, formulae), (INSTALLS, installs)];
    StaticTransport::new(files.map(|(url, text)| (url.to_owned(), text.as_bytes().to_vec())))
}

fn list(formulae: &[String]) -> String {
    format!("[{}]", formulae.join(","))
}

fn read(formulae: &[String]) -> Page {
    ask(static_transport(&list(formulae), COUNTS), None, usize::MAX).0.unwrap()
}

/// `name value`, with `?` for an unknown value, and then what was passed over.
fn shown(page: &Page) -> String {
    let candidates = page.candidates.iter().map(|it| {
        let value = it.popularity.as_ref().map_or("?".to_owned(), |it| it.value.to_string());
        format!("{} {value}", it.id.name)
    });
    let passed_over =
        page.passed_over.iter().map(|it| format!("{} {}", it.name, it.reason.as_str()));
    candidates.chain(passed_over).collect::<Vec<_>>().join(", ")
}

#[track_caller]
fn check(formulae: &[String], expected: &str) {
    let page = read(formulae);
    assert_eq!(shown(&page), expected);
    let reversed: Vec<String> = formulae.iter().rev().cloned().collect();
    assert_eq!(read(&reversed), page, "in another order");
}

#[test]
fn a_formula_that_is_built_with_go_is_a_module_at_its_repository() {
    check(&[github("fzf"), github("gh")], "github.com/o/gh 123456, github.com/o/fzf 7");
    let page = read(&[github("gh")]);
    let popularity = page.candidates[0].popularity.clone().unwrap();
    assert_eq!(popularity.unit, "installs of the Homebrew formula on request");
    assert_eq!((popularity.period_days, popularity.source.as_str()), (Some(30), INSTALLS));
    assert_eq!(popularity.as_of.to_string(), "2026-11-19");
    assert!(Go.popular().unwrap().is_reached_by(&popularity));
    assert_eq!((page.next_cursor, page.total), (None, Some(1)));
}

#[test]
fn other_formulae_are_not_listed() {
    let without = |from: &str, to: &str| github("gh").replace(from, to);
    check(
        &[
            without(r#"["go","pkgconf"]"#, r#"["rust","gopass"]"#),
            without(r#"["go","pkgconf"]"#, "[]"),
            without(r#"["go","pkgconf"]"#, "null"),
            without(r#""build_dependencies""#, r#""dependencies""#),
        ],
        "",
    );
    check(&[without(r#"["go","pkgconf"]"#, r#"["go@1.24"]"#)], "github.com/o/gh 123456");
}

#[test]
fn the_repository_is_found_wherever_it_is_named() {
    let head = r#","urls":{"stable":{"url":"https://gh.example/v1.tgz"},"head":{"url":"https://github.com/o/h.git"}}"#;
    check(
        &[
            formula("a", "https://x.example/a.tar.gz", head).replacen("\"urls\"", "\"old\"", 1),
            formula("b", "https://x.example/b.tar.gz", "")
                .replace("https://b.example/", "https://github.com/O/Page"),
            formula("c", "https://x.example/c.tar.gz", ""),
            formula("d", "https://github.com/o/d+d/archive/v1.tar.gz", ""),
        ],
        "github.com/o/h ?, github.com/O/Page ?, c not_there, github.com/o/d+d invalid_name",
    );
}

#[test]
fn disabled_formulae_are_retired_and_versions_of_one_repository_are_merged() {
    check(
        &[
            github("gh").replace(r#""disabled":false"#, r#""disabled":true"#),
            github("fzf"),
            github("fzf").replace(r#""name":"fzf""#, r#""name":"fzf@1""#),
        ],
        "github.com/o/fzf 7, gh retired",
    );
}

#[test]
fn missing_and_mistyped_fields_are_unknown_or_drop_the_entry() {
    check(
        &[
            github("yq"),
            github("lf"),
            github("x"),
            github("nobody"),
            "{}".to_owned(),
            "7".to_owned(),
            r#"{"name":null,"build_dependencies":["go"]}"#.to_owned(),
            r#"{"name":"odd","build_dependencies":["go"],"urls":[],"homepage":7}"#.to_owned(),
        ],
        "github.com/o/lf ?, github.com/o/nobody ?, github.com/o/x ?, github.com/o/yq ?, \
         \x20unreadable, odd not_there",
    );
}

#[test]
fn numbers_in_the_list_itself_need_no_request() {
    let more = r#","generated_date":"2026-11-18","analytics":{"install_on_request":{"30d":{"gh":55,"gh --HEAD":9}}}"#;
    let own = formula("gh", "https://github.com/o/gh.git", more);
    let (page, asked) = ask(static_transport(&list(&[own]), COUNTS), None, 9);
    let popularity = page.unwrap().candidates[0].popularity.clone().unwrap();
    assert_eq!((popularity.value, popularity.as_of.to_string().as_str()), (55, "2026-11-18"));
    assert_eq!((popularity.source.as_str(), asked), (FORMULAE, vec![FORMULAE.to_owned()]));
}

#[test]
fn without_the_file_of_numbers_they_are_unknown() {
    let files = [(FORMULAE.to_owned(), list(&[github("gh")]).into_bytes())];
    let (page, asked) = ask(StaticTransport::new(files), None, 9);
    assert_eq!(shown(&page.unwrap()), "github.com/o/gh ?");
    assert_eq!(asked, [FORMULAE, INSTALLS]);
    for installs in ["{}", "[]", r#"{"formulae":{"gh":[{"formula":"gh","count":"1"}]}}"#] {
        let page = ask(static_transport(&list(&[github("gh")]), installs), None, 9).0.unwrap();
        assert_eq!(shown(&page), "github.com/o/gh ?", "{installs}");
    }
    assert!(ask(static_transport(&list(&[github("gh")]), "{"), None, 9).0.is_err());
}

#[test]
fn each_page_continues_where_the_previous_one_ended() {
    let text = list(&[github("gh"), github("fzf"), github("lf")]);
    let first = ask(static_transport(&text, COUNTS), None, 2).0.unwrap();
    assert_eq!(shown(&first), "github.com/o/gh 123456, github.com/o/fzf 7");
    let last = ask(static_transport(&text, COUNTS), first.next_cursor.as_deref(), 2).0.unwrap();
    assert_eq!((shown(&last), last.next_cursor), ("github.com/o/lf ?".to_owned(), None));
}

#[test]
fn an_empty_list_is_empty_and_another_shape_an_error() {
    let read = |text: &str| ask(static_transport(text, COUNTS), None, 9).0;
    assert_eq!(read("[]").unwrap().total, Some(0));
    for text in ["{}", "null", "<html>", "[] x"] {
        assert!(read(text).is_err(), "{text}");
    }
    let kind = read(r#"[{"token":"a"},1]"#).unwrap_err().kind;
    assert!(matches!(kind, SourceErrorKind::Schema { .. }), "{kind:?}");
    let whole = list(&[github("gh")]);
    for end in [0, 1, whole.len() / 2, whole.len() - 1] {
        let kind = read(&whole[..end]).unwrap_err().kind;
        let is_cut = matches!(kind, SourceErrorKind::Http(HttpError::Truncated { .. }));
        assert!(is_cut, "{end}: {kind:?}");
    }
}

/// In memory are one formula at a time, and for each one that is built with Go a name, a path and a
/// number: about 1,500 of them take less than a megabyte.
#[test]
fn a_long_list_is_read_in_pieces() {
    let prose = format!(r#","caveats":"{}""#, "x".repeat(4_000));
    let formulae: Vec<String> = (0..3_000)
        .map(|n| {
            let formula = formula(&format!("f{n}"), &format!("https://github.com/o/f{n}"), &prose);
            if n % 3 == 0 { formula } else { formula.replace("\"go\"", "\"rust\"") }
        })
        .collect();
    assert_eq!(read(&formulae).candidates.len(), 1_000);
}

#[test]
fn every_address_of_a_source_has_a_quota() {
    let [source] = Go.sources() else { panic!("another source") };
    for url in source.per_candidate.iter().chain([&source.url]) {
        let is_declared =
            Go.quotas().iter().any(|it| url.starts_with(&format!("https://{}", it.host)));
        assert!(is_declared, "{url}");
    }
}
