//! Makes candidates from the two files, with the real checks of requests.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use batch_core::{
    io::{PoliteConfig, PoliteHttp, Request},
    model::{CommandName, Popularity},
    plugin::{Page, PageRequest, RateLimit as _, Seeder as _, SourceError, SourceErrorKind},
};
use batch_sim::{Answer, SimClock, SimTransport};
use serde_json::{Value, json};

use super::{CASKS, INSTALLS};
use crate::{Cask, ID};

/// The seeder's page for the two answers at `cursor`, and its requests.
fn ask(
    installs: Answer,
    casks: Answer,
    cursor: Option<&str>,
    limit: usize,
) -> (Result<Page, SourceError>, Vec<String>) {
    let clock = SimClock::default();
    let answer = move |request: &Request| match request.url.as_str() {
        INSTALLS => installs,
        CASKS => casks,
        other => panic!("nothing should ask for {other}"),
    };
    let transport = Arc::new(SimTransport::new(clock.clone(), Duration::ZERO, answer));
    let cache = tempfile::tempdir().unwrap();
    let (port, quotas) = (Arc::new(clock.clone()), Cask.quotas().iter().copied());
    let http = PoliteHttp::new(PoliteConfig::new(port, transport.clone(), quotas, cache.path()));
    let page = clock.run(
        PageRequest {
            ecosystem: &ID,
            names: &Cask,
            http: &http,
            source: &Cask.sources()[0],
            cursor,
            limit,
        }
        .page(&Cask),
    );
    (page, transport.sent().into_iter().map(|sent| sent.url).collect())
}

fn ok(body: &str) -> Answer {
    (200, &[], body.to_owned().leak())
}

/// The file of counts in which the first cask has a thousand installations, the next 999, and so
/// on.
fn installs(tokens: &[&str]) -> Answer {
    let group = |(i, token): (usize, &&str)| {
        let count = 1_000 - i;
        format!(r#""{token}":[{{"cask":"{token}","count":"{count}"}}]"#)
    };
    let groups: Vec<String> = tokens.iter().enumerate().map(group).collect();
    ok(&format!(r#"{{"end_date":"2026-08-19","formulae":{{{}}}}}"#, groups.join(",")))
}

/// The cask `token` with these artifacts and more `fields`.
fn cask(token: &str, artifacts: &Value, fields: &Value) -> Value {
    let mut cask = json!({
        "token": token, "old_tokens": [], "name": ["X"], "url": "https://dl.example.org/x.zip",
        "version": "1.2", "sha256": "a".repeat(64), "artifacts": artifacts, "depends_on": {},
        "deprecated": false, "disabled": false, "variations": {}, "unknown_key": null,
    });
    for (key, value) in fields.as_object().unwrap() {
        cask[key] = value.clone();
    }
    cask
}

/// A cask with an app and a command called as its token.
fn tool(token: &str) -> Value {
    let target = format!("$HOMEBREW_PREFIX/bin/{token}");
    cask(
        token,
        &json!([{ "app": ["X.app"] }, { "binary": ["$APPDIR/x"], "target": target }]),
        &json!({}),
    )
}

fn file(casks: &[Value]) -> Answer {
    ok(&json!(casks).to_string())
}

/// `token=commands@value` of each candidate, then `token!reason: why` of what was passed over.
fn summary(page: &Page) -> Vec<String> {
    let candidate = |candidate: &batch_core::model::Candidate| {
        let commands = candidate.commands.as_ref().unwrap();
        let commands: Vec<&str> = commands.iter().map(CommandName::as_str).collect();
        let value = candidate.popularity.as_ref().map(|it| it.value);
        let value = value.map_or_else(|| "?".to_owned(), |value| value.to_string());
        format!("{}={}@{value}", candidate.id.name, commands.join("+"))
    };
    let passed_over =
        page.passed_over.iter().map(|it| format!("{}!{}: {}", it.name, it.reason.as_str(), it.why));
    page.candidates.iter().map(candidate).chain(passed_over).collect()
}

/// What becomes of one cask.
#[track_caller]
fn check(artifacts: &Value, fields: &Value, expected: &str) {
    let page = ask(installs(&["x"]), file(&[cask("x", artifacts, fields)]), None, 9).0.unwrap();
    assert_eq!(summary(&page), [expected], "{artifacts} {fields}");
}

#[test]
fn installation_counts_are_joined_with_commands() {
    let casks =
        [tool("code"), tool("docker"), cask("font-x", &json!([{"font": ["x.ttf"]}]), &json!({}))];
    let (page, asked) =
        ask(installs(&["docker", "font-x", "nothing", "code"]), file(&casks), None, 9);
    let page = page.unwrap();
    assert_eq!(
        summary(&page),
        [
            "docker=docker@1000",
            "code=code@997",
            "font-x!library: installs no command",
            "nothing!not_there: no cask is called so",
        ]
    );
    assert_eq!(asked, [INSTALLS, CASKS]);
    assert_eq!((page.total, page.next_cursor), (Some(4), None));
    let expected = Popularity {
        value: 1_000,
        unit: "installs".to_owned(),
        period_days: Some(30),
        source: INSTALLS.to_owned(),
        as_of: serde_json::from_str("\"2026-08-19\"").unwrap(),
    };
    assert_eq!(page.candidates[0].popularity, Some(expected.clone()));
    let popular = Cask.popular().unwrap();
    assert!(!popular.is_reached_by(&expected));
    assert!(popular.is_reached_by(&Popularity { value: 10_000, ..expected }));
}

#[test]
fn commands_are_targets_in_bin_and_sbin() {
    let none = json!({});
    let binary = |target: &str| json!([{ "binary": ["$APPDIR/X.app/y"], "target": target }]);
    check(&binary("$HOMEBREW_PREFIX/bin/x"), &none, "x=x@1000");
    check(&binary("/usr/local/sbin/x"), &none, "x=x@1000");
    check(&json!([{ "binary": ["y", { "target": "x" }] }]), &none, "x=x@1000");
    check(&json!([{ "binary": ["a/b"] }, { "binary": "c/b" }]), &none, "x=b@1000");
    let wrapper = json!([{ "command_wrapper": ["x", {}], "target": "$HOMEBREW_PREFIX/bin/x" }]);
    check(&wrapper, &none, "x=x@1000");
    // No recipe can be made for it, although brew would put it on PATH.
    check(
        &json!([{ "pkg": ["x.pkg"] }, { "binary": ["b"] }, { "binary": ["a"] }]),
        &none,
        "x=a+b@1000",
    );
    for nothing in [
        json!([]),
        json!([{ "app": ["X.app"] }, { "zap": [{ "trash": "~/.x" }] }]),
        json!([{ "suite": ["X"] }]),
        json!([{ "qlplugin": ["x.qlgenerator"] }, { "dictionary": ["x"] }]),
        binary("$HOMEBREW_PREFIX/share/zsh/site-functions/_x"),
        binary("/$HOME/.docker/cli-plugins/x"),
    ] {
        check(&nothing, &none, "x!library: installs no command");
    }
}

#[test]
fn packages_that_cannot_be_installed_state_the_reason() {
    let binary = json!([{ "binary": ["x"] }]);
    let retired = json!({ "disabled": true, "disable_reason": "no_longer_available" });
    check(&binary, &retired, "x!retired: is disabled: no longer available");
    check(&binary, &json!({ "deprecated": true }), "x=x@1000");
    let elsewhere = json!({ "supported_platforms": ["x86_64_linux"] });
    check(&binary, &elsewhere, "x!not_there: is not for macOS");
    let of_newest = json!({ "supported_platforms": ["arm64_tahoe"],
        "variations": { "arm64_tahoe": { "artifacts": [{ "binary": ["new"] }] } } });
    check(&binary, &of_newest, "x=new@1000");
    check(
        &json!([{ "binary": ["$(sh)"] }, { "binary": ["x"] }]),
        &json!({}),
        r#"x!commands_unknown: invalid command name "$(sh)""#,
    );
    check(
        &json!([{ "binary": { "x": 1 } }]),
        &json!({}),
        "x!commands_unknown: has a binary of an unknown shape",
    );
}

#[test]
fn unreadable_casks_do_not_affect_others() {
    let casks = [
        json!(null),
        json!({ "token": 7 }),
        tool("x"),
        json!({ "token": "y", "artifacts": "z" }),
        json!([]),
    ];
    let page = ask(installs(&["x", "y", "a/b/c", ".hidden"]), file(&casks), None, 9).0.unwrap();
    let reasons: Vec<String> =
        page.passed_over.iter().map(|it| format!("{}!{}", it.name, it.reason.as_str())).collect();
    assert_eq!(summary(&page)[0], "x=x@1000");
    assert_eq!(
        reasons,
        [
            "y!unreadable",
            "a/b/c!invalid_name",
            ".hidden!invalid_name",
            "!unreadable",
            "!unreadable",
            "!unreadable"
        ]
    );
}

#[test]
fn invalid_counts_are_unknown() {
    let groups = r#"{"end_date":"2026-08-19","formulae":{"a":[{"cask":"a"}],"b":7,
        "c":[{"cask":"c --x","count":"9"},{"cask":"c","count":"2,000"}],"d":[{"cask":"d","count":3}]}}"#;
    let casks = ["a", "b", "c", "d"].map(tool);
    let page = ask(ok(groups), file(&casks), None, 9).0.unwrap();
    assert_eq!(summary(&page), ["c=c@2000", "d=d@3", "a=a@?", "b=b@?"]);
}

#[test]
fn two_spellings_are_one_cask() {
    let mut other = tool("x");
    other["artifacts"] = json!([]);
    let page = ask(installs(&["X", "x"]), file(&[tool("x"), other]), None, 9).0.unwrap();
    assert_eq!(summary(&page), ["x=x@1000"]);
}

#[test]
fn pages_follow_the_ranks() {
    let casks = ["a", "b", "c"].map(tool);
    let at = |cursor, limit| {
        let page = ask(installs(&["c", "none", "a", "b"]), file(&casks), cursor, limit).0.unwrap();
        (summary(&page).len(), page.next_cursor)
    };
    assert_eq!(at(None, 2), (3, Some("3".to_owned())));
    assert_eq!(at(Some("3"), 2), (1, None));
    assert_eq!(at(Some("9"), 2), (0, None));
}

#[test]
fn the_order_of_files_changes_nothing() {
    let groups = [r#""a":[{"cask":"a","count":"5"}]"#, r#""b":[{"cask":"b","count":"5"}]"#];
    let of = |groups: [&str; 2], casks: [Value; 2]| {
        let installs = ok(&format!(r#"{{"formulae":{{{}}}}}"#, groups.join(",")));
        ask(installs, file(&casks), None, 9).0.unwrap()
    };
    let first = of(groups, [tool("a"), tool("b")]);
    assert_eq!(summary(&first), ["a=a@?", "b=b@?"]);
    assert_eq!(of([groups[1], groups[0]], [tool("b"), tool("a")]), first);
}

#[test]
fn an_empty_list_is_an_empty_page() {
    let (page, asked) = ask(installs(&[]), file(&[tool("x")]), None, 9);
    assert_eq!(
        (page.unwrap(), asked.len()),
        (Page { total: Some(0), size: Some(0), ..Page::default() }, 1)
    );
}

#[test]
fn an_invalid_list_is_an_error_and_not_a_short_list() {
    let (_, _, whole) = file(&[tool("x"), tool("y")]);
    for casks in [
        ok(&whole[..whole.len() / 2]),
        ok(&whole[..whole.len() - 1]),
        ok("{}"),
        ok("[]"),
        ok(r#"[{"token":"other"}]"#),
        ok(""),
        ok("<html>login</html>"),
        (404, &[], "gone"),
        (503, &[], "down"),
    ] {
        assert!(ask(installs(&["x"]), casks, None, 9).0.is_err(), "{casks:?}");
    }
    for installs in
        [ok("{}"), ok(r#"{"formulae":[]}"#), ok(r#"{"formulae":{"x":[{"#), (404, &[], "gone")]
    {
        assert!(ask(installs, file(&[tool("x")]), None, 9).0.is_err(), "{installs:?}");
    }
    let error = ask(ok("[]"), file(&[]), None, 9).0.unwrap_err();
    assert!(matches!(error.kind, SourceErrorKind::Schema { .. }), "{error:?}");
}

#[test]
fn a_long_file_is_read_to_its_end() {
    const N: usize = 50_000;
    let mut casks = String::from("[");
    for i in 0..N {
        let filler = "x".repeat(100);
        write!(
            casks,
            r#"{{"token":"t{i}","desc":"{filler}","artifacts":[{{"binary":["t{i}"]}}]}},"#
        )
        .unwrap();
    }
    casks.push_str(&tool("last").to_string());
    casks.push(']');
    let page = ask(installs(&["last", "t49999", "t0"]), ok(&casks), None, 2).0.unwrap();
    assert_eq!(summary(&page), ["last=last@1000", "t49999=t49999@999"]);
    assert_eq!(page.next_cursor.as_deref(), Some("2"));
}
