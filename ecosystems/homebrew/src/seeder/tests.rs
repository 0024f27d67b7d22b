//! Makes candidates from the two files, with the real checks of requests.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use batch_core::{
    io::{PoliteConfig, PoliteHttp, Request},
    model::{CommandName, Popularity},
    plugin::{Page, PageRequest, RateLimit as _, Seeder as _, SourceError, SourceErrorKind},
};
use batch_sim::{Answer, SimClock, SimTransport};

use super::{EXECUTABLES, INSTALLS};
use crate::{Homebrew, ID};

/// The seeder's page for the two answers at `cursor`, and its requests.
fn ask(
    installs: Answer,
    executables: Answer,
    cursor: Option<&str>,
    limit: usize,
) -> (Result<Page, SourceError>, Vec<String>) {
    let clock = SimClock::default();
    let answer = move |request: &Request| match request.url.as_str() {
        INSTALLS => installs,
        EXECUTABLES => executables,
        other => panic!("nothing should ask for {other}"),
    };
    let transport = Arc::new(SimTransport::new(clock.clone(), Duration::ZERO, answer));
    let cache = tempfile::tempdir().unwrap();
    let (port, quotas) = (Arc::new(clock.clone()), Homebrew.quotas().iter().copied());
    let http = PoliteHttp::new(PoliteConfig::new(port, transport.clone(), quotas, cache.path()));
    let source = &Homebrew.sources()[0];
    let page = clock.run(
        PageRequest { ecosystem: &ID, names: &Homebrew, http: &http, source, cursor, limit }
            .page(&Homebrew),
    );
    (page, transport.sent().into_iter().map(|sent| sent.url).collect())
}

fn ok(body: &str) -> Answer {
    (200, &[], body.to_owned().leak())
}

/// The analytics file with these groups in it.
fn installs(groups: &str) -> Answer {
    ok(&format!(
        r#"{{"category":"install_on_request","total_items":9,"start_date":"2026-07-20",
            "end_date":"2026-08-19","total_count":99,"formulae":{{{groups}}}}}"#
    ))
}

fn page(groups: &str, executables: &str) -> Page {
    ask(installs(groups), ok(executables), None, usize::MAX).0.unwrap()
}

/// `name=commands@value` of each candidate, then `name!reason` of what was passed over.
fn summary(page: &Page) -> String {
    let mut summary = String::new();
    for candidate in &page.candidates {
        let commands = candidate.commands.as_ref().unwrap();
        let commands: Vec<&str> = commands.iter().map(CommandName::as_str).collect();
        let value = candidate.popularity.as_ref().map(|it| it.value);
        let value = value.map_or_else(|| "?".to_owned(), |value| value.to_string());
        write!(summary, "{}={}@{value} ", candidate.id.name, commands.join("+")).unwrap();
    }
    for passed_over in &page.passed_over {
        write!(summary, "{}!{} ", passed_over.name, passed_over.reason.as_str()).unwrap();
    }
    summary.trim_end().to_owned()
}

#[track_caller]
fn check(groups: &str, executables: &str, expected: &str) {
    assert_eq!(summary(&page(groups, executables)), expected);
}

#[track_caller]
fn check_odd(installs: Answer, executables: Answer, reason: &str) {
    let error = ask(installs, executables, None, 9).0.unwrap_err();
    let SourceErrorKind::Schema { host, reason: why } = &error.kind else { panic!("{error:?}") };
    assert_eq!(host, "formulae.brew.sh");
    assert!(why.contains(reason), "{why}");
}

const WGET: &str = r#""wget":[{"formula":"wget","count":"12,345"}]"#;

#[test]
fn installation_counts_are_joined_with_commands() {
    let groups = r#""jq":[{"formula":"jq","count":"281,421"}],
        "zlib":[{"formula":"zlib","count":"900"}],
        "ab":[{"formula":"ab","count":"2"}],
        "python@3.13":[{"formula":"python@3.13","count":"1,000"}]"#;
    let list = "jq(1.8.1):jq\nzlib(1.3):\npython@3.13(3.13.0_1):pip3.13 python3.13 idle3.13\n";
    let page = page(groups, list);
    assert_eq!(
        summary(&page),
        "jq=jq@281421 python@3.13=python3.13+idle3.13+pip3.13@1000 zlib!library ab!not_there"
    );
    assert_eq!((page.total, page.next_cursor), (Some(4), None));
    let expected = Popularity {
        value: 281_421,
        unit: "installs on request".to_owned(),
        period_days: Some(30),
        source: INSTALLS.to_owned(),
        as_of: serde_json::from_str("\"2026-08-19\"").unwrap(),
    };
    assert!(Homebrew.popular().unwrap().is_reached_by(&expected));
    assert_eq!(page.candidates[0].popularity, Some(expected));
}

#[test]
fn two_requests_are_enough() {
    let (page, asked) = ask(installs(WGET), ok("wget:wget\n"), None, 1);
    assert_eq!(summary(&page.unwrap()), "wget=wget@12345");
    assert_eq!(asked, [INSTALLS, EXECUTABLES]);
    let (page, asked) = ask(installs(""), ok("wget:wget\n"), None, 1);
    assert_eq!(
        (page.unwrap(), asked.len()),
        (Page { total: Some(0), size: Some(0), ..Page::default() }, 1)
    );
}

#[test]
fn rows_of_options_and_other_taps_do_not_count() {
    let groups = r#""wget":[{"formula":"wget --HEAD","count":"99,999"},{"formula":"wget","count":7}],
        "jq":[{"formula":"jq --HEAD","count":"3"}],
        "heroku/brew/heroku":[{"formula":"heroku/brew/heroku","count":"5"}],
        "jq --HEAD":[{"formula":"jq --HEAD","count":"3"}]"#;
    let list = "wget:wget\njq:jq\nheroku/brew/heroku:heroku\n";
    let expected = "wget=wget@7 jq=jq@? heroku/brew/heroku!invalid_name jq --HEAD!invalid_name";
    check(groups, list, expected);
}

#[test]
fn an_invalid_count_is_unknown_and_does_not_affect_others() {
    let groups = r#""a":[{"formula":"a","count":null}],"b":[{"formula":"b"}],"c":[],"d":null,
        "e":{"formula":"e"},"f":[7,{"formula":"f","count":"many"},{"count":"1"}],
        "g":[{"formula":"g","count":-4}],"h":"3","z":[{"formula":"z","count":"1,000"}]"#;
    let list = "a:a\nb:b\nc:c\nd:d\ne:e\nf:f\ng:g\nh:h\nz:z\n";
    check(groups, list, "z=z@1000 a=a@? b=b@? c=c@? d=d@? e=e@? f=f@? g=g@? h=h@?");
}

#[test]
fn without_a_date_there_is_no_popularity() {
    let groups = |date: &str| ok(&format!(r#"{{{date}"formulae":{{{WGET}}}}}"#));
    let of = |installs| summary(&ask(installs, ok("wget:wget\n"), None, 9).0.unwrap());
    assert_eq!(of(groups("")), "wget=wget@?");
    assert_eq!(of(groups(r#""end_date":"yesterday","#)), "wget=wget@?");
    assert_eq!(of(groups(r#""end_date":null,"#)), "wget=wget@?");
    let (status, _, body) = groups("");
    let dated = (status, &[("date", "Sat, 21 Nov 2026 10:00:00 GMT")] as &[_], body);
    let page = ask(dated, ok("wget:wget\n"), None, 9).0.unwrap();
    let popularity = page.candidates[0].popularity.as_ref().unwrap();
    assert_eq!(popularity.as_of.to_string(), "2026-11-21");
}

#[test]
fn two_spellings_are_one_formula() {
    let groups = r#""WGET":[{"formula":"WGET","count":"5"}],"wget":[{"formula":"wget","count":"9"}],
        "wget":[{"formula":"wget","count":"4"},{"formula":"wget","count":"2"}]"#;
    check(groups, "wget(1):wget\nwget(2):other\n", "wget=wget@9");
}

#[test]
fn a_command_of_an_unsafe_name_makes_all_of_them_unknown() {
    let groups = r#""wget":[{"formula":"wget","count":"9"}],"x":[{"formula":"x","count":"1"}]"#;
    check(groups, "wget:wget $(sh)\nx:x\n", "x=x@1 wget!commands_unknown");
    check(groups, "wget:wget -rf\nx:../x\n", "wget!commands_unknown x!commands_unknown");
}

#[test]
fn invalid_lines_do_not_affect_others() {
    check(WGET, "nonsense\n\nwget(1.0\n:x\n<script>:x\nwget(1.0):wget\n", "wget=wget@12345");
}

#[test]
fn pages_follow_the_ranks() {
    let groups = r#""a":[{"formula":"a","count":"5"}],"b":[{"formula":"b","count":"5"}],
        "lib":[{"formula":"lib","count":"4"}],"c":[{"formula":"c","count":"3"}]"#;
    let list = "c:c\nlib:\nb:b\na:a\n";
    let at = |cursor, limit| {
        let page = ask(installs(groups), ok(list), cursor, limit).0.unwrap();
        (summary(&page), page.next_cursor)
    };
    assert_eq!(at(None, 2), ("a=a@5 b=b@5 lib!library".to_owned(), Some("3".to_owned())));
    assert_eq!(at(Some("3"), 2), ("c=c@3".to_owned(), None));
    assert_eq!(at(Some("4"), 2), (String::new(), None));
}

#[test]
fn the_order_of_files_changes_nothing() {
    let mut groups = [
        r#""a":[{"formula":"a --HEAD","count":"50"},{"formula":"a","count":"5"}]"#,
        r#""b":[{"formula":"b","count":"5"}]"#,
        r#""c":[{"formula":"c","count":"7"}]"#,
        r#""no":[{"formula":"no","count":"6"}]"#,
    ];
    let mut list = ["a:a z\n", "b:b\n", "c:y c\n", "d:d\n"];
    let first = page(&groups.join(","), &list.concat());
    assert_eq!(summary(&first), "c=c+y@7 a=a+z@5 b=b@5 no!not_there");
    for turn in 0..4 {
        groups.rotate_left(1);
        list.swap(turn, (turn + 1) % 4);
        assert_eq!(page(&groups.join(","), &list.concat()), first);
    }
}

#[test]
fn an_invalid_list_is_an_error_and_not_a_short_list() {
    let list = || ok("wget:wget\n");
    let (_, _, whole) = installs(WGET);
    for end in [1, whole.len() / 2, whole.len() - 2] {
        assert!(ask(ok(&whole[..end]), list(), None, 9).0.is_err(), "{end}");
    }
    check_odd(ok("[]"), list(), "expected a table");
    check_odd(ok("{}"), list(), "no table \"formulae\"");
    check_odd(ok(r#"{"formulae":[]}"#), list(), "expected a table");
    check_odd(ok(r#"{"formulae":{},"formulae":null}"#), list(), "expected a table");
    check_odd((404, &[], "gone"), list(), "no file of installs");
    check_odd(installs(WGET), ok("wget:wget\njq:j"), "in the middle of a line");
    check_odd(installs(WGET), ok("nonsense\n"), "names no formula");
    check_odd(installs(WGET), ok(""), "names no formula");
    for answer in [(404, &[] as &[_], "gone"), (503, &[], "down"), (200, &[], "<html>login</html>")]
    {
        assert!(ask(installs(WGET), answer, None, 9).0.is_err(), "{answer:?}");
    }
}

#[test]
fn a_long_list_gives_the_most_popular() {
    const N: usize = 200_000;
    let (mut groups, mut list) = (String::new(), String::new());
    for i in 0..N {
        // Every number once, in mixed order.
        let count = i * 7_919 % N;
        let comma = if i == 0 { "" } else { "," };
        write!(groups, r#"{comma}"f{i}":[{{"formula":"f{i}","count":"{count}"}}]"#).unwrap();
        writeln!(list, "f{i}(1.0):f{i}").unwrap();
    }
    let page = ask(installs(&groups), ok(&list), None, 3).0.unwrap();
    let values = page.candidates.iter().map(|it| it.popularity.as_ref().unwrap().value);
    assert_eq!(values.collect::<Vec<_>>(), [199_999, 199_998, 199_997]);
    assert_eq!((page.next_cursor.as_deref(), page.total), (Some("3"), Some(50_000)));
}
