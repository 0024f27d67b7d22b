//! Makes candidates from both lists, with the real checks of requests.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::Arc,
    time::Duration,
};

use batch_core::{
    decide::seeding::{Merging, TrustedSize, Walk, merge, verdict},
    io::{HttpError, PoliteConfig, PoliteHttp, Transport},
    model::{PackageName, Popularity, SCHEMA_VERSION, SeedLine, SeedSkip, SeedStart},
    plugin::{
        Names as _, Page, PageRequest, RateLimit as _, Seeder as _, SourceError, SourceErrorKind,
    },
};
use batch_sim::{Answer, SimClock, SimTransport, StaticTransport};
use flate2::{Compression, write::GzEncoder};

use super::{COUNTS, TARBALLS};
use crate::{ID, Npm};

const AT: usize = usize::MAX;

fn discover(
    transport: Arc<dyn Transport>,
    clock: &SimClock,
    source: &str,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page, Box<SourceError>> {
    let cache = tempfile::tempdir().unwrap();
    let (port, quotas) = (Arc::new(clock.clone()), Npm.quotas().iter().copied());
    let http = PoliteHttp::new(PoliteConfig::new(port, transport, quotas, cache.path()));
    let source = Npm.sources().iter().find(|it| it.name == source).unwrap();
    clock
        .run(
            PageRequest { ecosystem: &ID, names: &Npm, http: &http, source, cursor, limit }
                .page(&Npm),
        )
        .map_err(Box::new)
}

/// The candidates that the search's `answer` gives, and the query.
fn search(
    answer: Answer,
    cursor: Option<&str>,
    limit: usize,
) -> (Result<Page, Box<SourceError>>, String) {
    let clock = SimClock::default();
    let transport = Arc::new(SimTransport::new(clock.clone(), Duration::ZERO, move |_| answer));
    let page = discover(transport.clone(), &clock, "search", cursor, limit);
    (page, transport.sent().pop().unwrap().url)
}

fn ok(body: &str) -> Answer {
    (200, &[], body.to_owned().leak())
}

/// A page with these hits, of `total` in all.
fn hits(hits: &str, total: &str) -> Answer {
    ok(&format!(r#"{{"objects":[{hits}],"total":{total},"time":"2026-05-20T10:00:00.000Z"}}"#))
}

/// `name@value/days` of each candidate, then `name!reason` of what was passed over.
fn summary(page: &Page) -> String {
    let mut summary = String::new();
    for candidate in &page.candidates {
        assert_eq!(candidate.commands, None);
        write!(summary, "{}", candidate.id.name).unwrap();
        if let Some(Popularity { value, period_days, .. }) = &candidate.popularity {
            write!(summary, "@{value}/{}", period_days.unwrap()).unwrap();
        }
        summary.push(' ');
    }
    for passed_over in &page.passed_over {
        write!(summary, "{}!{} ", passed_over.name, passed_over.reason.as_str()).unwrap();
    }
    summary.trim_end().to_owned()
}

const HITS: &str = r#"{"package":{"name":"eslint","sanitized_name":"eslint","version":"9.0.0",
         "links":{"npm":"https://npm.im/eslint","repository":"git+https://example.org/eslint.git"}},
        "downloads":{"monthly":9,"weekly":7},"dependents":"13","searchScore":235.8},
    {"package":{"name":"@s/x","links":{"npm":"y"}},"downloads":{"weekly":"8"},"dependents":5},
    {"package":{"name":"old"},"score":{"final":0.5}},
    {"package":{"name":"../x"}},
    {"package":{}}"#;

#[test]
fn a_page_of_the_search_has_candidates_and_the_next_position() {
    let (page, url) = search(hits(HITS, "9"), None, AT);
    let page = page.unwrap();
    assert_eq!(summary(&page), "eslint@9/30 @s/x@8/7 old ../x!invalid_name !unreadable");
    assert_eq!((page.next_cursor.as_deref(), page.total), (Some("5"), Some(9)));
    assert!(url.ends_with("/-/v1/search?text=keywords%3Acli&size=250&from=0"), "{url}");
    let repositories: Vec<_> = page.candidates.iter().map(|it| it.has_repository).collect();
    assert_eq!(repositories, [Some(true), Some(false), None]);
    let versions: Vec<_> = page.candidates.iter().map(|it| it.version.as_deref()).collect();
    assert_eq!(versions, [Some("9.0.0"), None, None]);
    let popularity = page.candidates[0].popularity.as_ref().unwrap();
    assert_eq!(
        (popularity.as_of.to_string(), &*popularity.unit),
        ("2026-05-20".into(), "downloads")
    );
}

/// Checks the verdict on `pretier`, for which the search has `links` and the manifest has `fields`.
#[track_caller]
fn check_imitation(links: &str, fields: &str, is_suspicious: bool) {
    let popular = r#"{"package":{"name":"prettier"},"downloads":{"monthly":400000000}}"#;
    let imitation = r#"{"package":{"name":"pretier"LINKS},"downloads":{"monthly":12}}"#;
    let both = format!("{popular},{}", imitation.replace("LINKS", links));
    let page = search(hits(&both, "2"), None, AT).0.unwrap();
    let start = SeedStart {
        schema_version: SCHEMA_VERSION,
        ecosystem: ID,
        started_at: "2026-11-21T12:00:00Z".parse().unwrap(),
        limit: None,
        left: vec![],
    };
    let identity = |name: &PackageName| Npm.identity(name);
    let mut walk = Walk::new(start, &[("search", TrustedSize::default())], &identity, &|_| None);
    walk.take(SeedLine::Page { source: "search".to_owned(), cursor: None, page });
    for (name, fields) in [("prettier", ""), ("pretier", fields)] {
        let facts = crate::tests::facts(name, &format!(r#""bin":"x"{fields}"#));
        walk.take(SeedLine::Verdict { id: facts.id.clone(), verdict: verdict(Some(&facts)) });
    }
    let merging = Merging {
        curated: &BTreeMap::new(),
        threshold: Npm.popular(),
        identity: &identity,
        started_at: walk.started_at(),
    };
    let merged = merge(BTreeMap::new(), &BTreeSet::new(), &walk, &merging);
    assert_eq!(merged.queue.len(), 2);
    let suspicious: Vec<_> = merged.suspicious.iter().map(|it| &*it.name).collect();
    let expected: &[&str] = if is_suspicious { &["pretier"] } else { &[] };
    assert_eq!(suspicious, expected, "{links} {fields}");
}

#[test]
fn an_imitation_is_recognised_by_its_missing_repository() {
    let (none, some) =
        (r#","links":{"npm":"y"}"#, r#","links":{"repository":"https://r.example/"}"#);
    let homepage = r#","homepage":"https://evil.example""#;
    let repository =
        r#","repository":{"type":"git","url":"git+ssh://git@github.com/a/pretier.git"}"#;
    check_imitation(none, "", true);
    check_imitation(none, homepage, true);
    check_imitation(some, repository, false);
    // The search has no links for these hits, so the manifest decides.
    check_imitation("", repository, false);
    check_imitation("", "", true);
}

#[test]
fn the_last_page_of_the_search_is_the_last() {
    let next = |hits: &str, total: &str, from: &str| {
        let (page, url) = search(self::hits(hits, total), Some(from), 40);
        assert!(url.ends_with(&format!("&size=40&from={from}")), "{url}");
        page.unwrap().next_cursor
    };
    let one = r#"{"package":{"name":"a"}}"#;
    assert_eq!(next(HITS, "9", "4"), None);
    assert_eq!(next("", "9", "0"), None);
    assert_eq!(next(one, "90000", "9748").as_deref(), Some("9749"));
    assert_eq!(next(one, "90000", "9749"), None);
    assert_eq!(next(one, "null", "0"), None);
    let full = vec![one; 40].join(",");
    assert_eq!(next(&full, "null", "0").as_deref(), Some("40"), "a full page is seldom the last");
    assert_eq!(next(&full, "0", "0").as_deref(), Some("40"), "less than what is here");
    assert_eq!(next(&full, "40", "0"), None);
    assert_eq!(next(one, "\"9\"", "3").as_deref(), Some("4"));
    assert_eq!(next(one, "9", &usize::MAX.to_string()), None);
    // A registry that repeats one page forever is given up after the last possible page.
    let (mut cursor, mut n_pages) = ("0".to_owned(), 0);
    let same = vec![one; 250].join(",");
    while let Some(next) = search(hits(&same, "90000"), Some(&cursor), 250).0.unwrap().next_cursor {
        cursor = next;
        n_pages += 1;
    }
    assert_eq!(n_pages, 38);
}

#[test]
fn invalid_hits_do_not_affect_others_and_packages_occur_once() {
    let odd = r#"null,7,{"package":null},{"package":{"name":null}},{"package":{"name":"a"},
        "downloads":"many"},{"package":{"name":"a"}},{"package":{"name":"b","links":"none"},
        "downloads":{"monthly":null,"weekly":3}},{"package":{"name":"c","links":{"repository":null}},
        "downloads":{"monthly":-1}}"#;
    let page = search(hits(odd, "9"), None, AT).0.unwrap();
    assert_eq!(summary(&page), "a b@3/7 c !unreadable !unreadable !unreadable !unreadable");
    let repositories: Vec<_> = page.candidates.iter().map(|it| it.has_repository).collect();
    assert_eq!(repositories, [None, None, Some(false)]);
    assert_eq!(page.next_cursor.as_deref(), Some("8"));
}

#[test]
fn without_a_time_in_the_answer_the_day_of_the_request_counts() {
    let body = r#"{"objects":[{"package":{"name":"a"},"downloads":{"monthly":5}}],"time":7}"#;
    assert_eq!(summary(&search(ok(body), None, AT).0.unwrap()), "a");
    let dated = (200, &[("date", "Sat, 21 Nov 2026 10:00:00 GMT")] as &[_], body);
    let page = search(dated, None, AT).0.unwrap();
    let popularity = page.candidates[0].popularity.as_ref().unwrap();
    assert_eq!(popularity.as_of.to_string(), "2026-11-21");
}

#[test]
fn an_invalid_search_answer_is_an_error() {
    let (_, _, whole) = hits(HITS, "9");
    for answer in [
        ok(&whole[..whole.len() / 2]),
        ok("[]"),
        ok(r#"{"objects":null}"#),
        ok(r#"{"objects":{}}"#),
        ok(""),
        (404, &[], ""),
        (400, &[], "{}"),
        (429, &[], "<html>error 1015</html>"),
    ] {
        assert!(search(answer, None, AT).0.is_err(), "{answer:?}");
    }
}

/// A compressed tar of these files.
fn tarball(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(vec![], Compression::fast()));
    for (path, text) in files {
        let mut entry = tar::Header::new_gnu();
        entry.set_size(u64::try_from(text.len()).unwrap());
        entry.set_mode(0o644);
        entry.set_cksum();
        archive.append_data(&mut entry, path, text.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

/// A registry in which `tarball` is the version `version` of download-counts, with more fields of
/// `dist`.
fn published(version: &str, tarball: Vec<u8>, dist: &str) -> StaticTransport {
    let url = format!("{TARBALLS}download-counts-{version}.tgz");
    let latest = format!(
        r#"{{"name":"download-counts","version":"{version}","dist":{{"tarball":"{url}"{dist}}}}}"#
    );
    StaticTransport::new([(COUNTS.to_owned(), latest.into_bytes()), (url, tarball)])
}

fn read(
    static_transport: StaticTransport,
    cursor: Option<&str>,
    limit: usize,
) -> (Result<Page, Box<SourceError>>, usize) {
    let static_transport = Arc::new(static_transport);
    let page =
        discover(static_transport.clone(), &SimClock::default(), "download-counts", cursor, limit);
    (page, static_transport.asked().len())
}

fn counts(json: &str) -> StaticTransport {
    let files = [("package/README.md", "counts"), ("package/counts.json", json)];
    published("2.20260301.0", tarball(&files), "")
}

#[test]
fn the_most_downloaded_packages_come_first() {
    let json = r#"{"zzz":3,"semver":2399072936,"@s/x":5,"b":5,"JSONStream":7,"a b":4}"#;
    let (page, n_asked) = read(counts(json), None, AT);
    let page = page.unwrap();
    assert_eq!(
        summary(&page),
        "semver@2399072936/30 JSONStream@7/30 @s/x@5/30 b@5/30 zzz@3/30 a b!invalid_name"
    );
    assert_eq!((page.total, page.next_cursor, n_asked), (Some(6), None, 2));
    let popularity = page.candidates[0].popularity.clone().unwrap();
    assert_eq!((popularity.as_of.to_string(), &*popularity.source), ("2026-03-01".into(), COUNTS));
    assert!(Npm.popular().unwrap().is_reached_by(&popularity));
}

#[test]
fn counts_of_any_shape_are_read_or_unknown() {
    let json =
        r#"{"a":"1,234","b":null,"c":[9],"d":{"n":9},"e":-1,"f":2.5,"g":"x","h":true,"a":7}"#;
    assert_eq!(summary(&read(counts(json), None, AT).0.unwrap()), "a@1234/30 b c d e f g h");
    assert_eq!(summary(&read(counts("{}"), None, AT).0.unwrap()), "");
}

#[test]
fn pages_of_the_counts_follow_the_ranks() {
    let json = r#"{"a":1,"b":2,"no no":3,"c":4,"d":5}"#;
    let at = |cursor, limit| {
        let page = read(counts(json), cursor, limit).0.unwrap();
        (summary(&page), page.next_cursor)
    };
    assert_eq!(at(None, 2), ("d@5/30 c@4/30 no no!invalid_name".to_owned(), Some("3".to_owned())));
    assert_eq!(at(Some("3"), 2), ("b@2/30 a@1/30".to_owned(), None));
}

#[test]
fn the_order_of_the_counts_changes_nothing() {
    let mut rows = [r#""a":1"#, r#""b":1"#, r#""c":2"#, r#""d":null"#];
    let of = |rows: &[&str]| read(counts(&format!("{{{}}}", rows.join(","))), None, 2).0.unwrap();
    let first = of(&rows);
    assert_eq!(summary(&first), "c@2/30 a@1/30");
    for _ in 0..4 {
        rows.rotate_left(1);
        assert_eq!(of(&rows), first);
    }
}

#[test]
fn a_date_that_no_version_tells_is_unknown() {
    let files = [("package/counts.json", r#"{"a":5}"#)];
    for version in ["1.0.0", "2.20261399.0"] {
        let page = read(published(version, tarball(&files), ""), None, AT).0.unwrap();
        assert_eq!(summary(&page), "a", "{version}");
    }
}

#[test]
fn truncated_counts_are_an_error() {
    let whole = tarball(&[("package/counts.json", r#"{"a":5,"b":6}"#)]);
    let of = |tarball: Vec<u8>, dist: &str| {
        read(published("2.20260301.0", tarball, dist), None, AT).0.unwrap_err().kind
    };
    let wrong = r#","integrity":"sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==""#;
    assert!(matches!(of(whole.clone(), wrong), SourceErrorKind::Digest(_)));
    assert!(matches!(of(whole[..whole.len() / 2].to_vec(), ""), SourceErrorKind::Archive(_)));
    assert!(matches!(of(b"plain".to_vec(), ""), SourceErrorKind::Archive(_)));
    for json in ["[]", "null", "", r#"{"a":5,"#, r#"{"a":5}}"#] {
        let kind = of(tarball(&[("package/counts.json", json)]), "");
        assert!(matches!(kind, SourceErrorKind::Schema { .. }), "{json}: {kind:?}");
    }
    let kind = of(tarball(&[("package/other.json", "{}")]), "");
    assert!(
        matches!(&kind, SourceErrorKind::Schema { reason, .. } if reason.contains("counts.json"))
    );
}

#[test]
fn counts_are_fetched_from_the_registry_only() {
    let at = |url: &str| {
        let latest = format!(r#"{{"version":"2.20260301.0","dist":{{"tarball":"{url}"}}}}"#);
        read(StaticTransport::new([(COUNTS.to_owned(), latest.into_bytes())]), None, AT)
            .0
            .unwrap_err()
            .kind
    };
    let elsewhere = at("https://evil.example.org/x.tgz");
    assert!(matches!(elsewhere, SourceErrorKind::Http(HttpError::Undeclared { .. })));
    let open = at("http://registry.npmjs.org/x.tgz");
    assert!(matches!(open, SourceErrorKind::Http(HttpError::Insecure { .. })));
    assert!(matches!(at("nowhere"), SourceErrorKind::Http(HttpError::NotUrl { .. })));
    for latest in ["{}", "[]", "", r#"{"version":"1","dist":{}}"#] {
        let static_transport =
            StaticTransport::new([(COUNTS.to_owned(), latest.as_bytes().to_vec())]);
        assert!(read(static_transport, None, AT).0.is_err(), "{latest}");
    }
    assert!(read(StaticTransport::default(), None, AT).0.is_err());
}

#[test]
fn a_long_list_is_handed_out_to_its_five_thousandth() {
    const N: u64 = 200_000;
    let mut json = String::from("{");
    for i in 0..N {
        // Every number once, in mixed order.
        write!(json, r#""p{i}":{},"#, i * 7_919 % N).unwrap();
    }
    json.push_str(r#""../x":200000}"#);
    let page = read(counts(&json), Some("4998"), 10).0.unwrap();
    let row = |value| format!("p{}@{value}/30", (0..N).find(|i| i * 7_919 % N == value).unwrap());
    assert_eq!(summary(&page), format!("{} {}", row(195_002), row(195_001)));
    assert_eq!((page.next_cursor, page.total), (None, Some(5_000)));
    let first = read(counts(&json), None, 1).0.unwrap();
    assert_eq!(first.passed_over[0].reason, SeedSkip::InvalidName);
    assert_eq!(first.candidates[0].popularity.as_ref().unwrap().value, N - 1);
}
