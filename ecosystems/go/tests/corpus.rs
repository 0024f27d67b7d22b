//! Runs the plugin on recorded answers of the proxy. The test is reported as ignored if the
//! recordings are missing; every recording is either used or listed with the reason why not.

#![expect(clippy::disallowed_methods, reason = "a test that reads files of a corpus")]

use std::{fs, path::Path, process::ExitCode, sync::Arc, time::Duration};

use batch_conformance::all_are_named;
use batch_core::{
    io::{PoliteConfig, PoliteHttp, Request},
    model::PackageFacts,
    plugin::{Page, PageRequest, Registry, SourceError},
};
use batch_sim::{SimClock, SimTransport};
use eco_go as _;
use libtest_mimic::{Arguments, Failed, Trial};

const RECORDINGS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus/registries/go");

/// The file and the check of it.
const TRIED: &[(&str, Check)] = &[
    ("bad-path.404.txt", a_path_that_the_proxy_refuses_is_not_there),
    ("goquery-latest.json", a_version_is_read_where_nothing_is_listed),
    ("goquery-v1.8.1.mod", a_go_mod_is_read),
    ("xgbutil-latest.json", a_commit_is_read_where_nothing_is_listed),
    ("xgbutil-list.txt", an_empty_list_alone_is_no_version),
];
/// The plugin does not ask the website, because the zip contains the same data and more.
const UNREAD: &[&str] = &[
    "INDEX.md",
    "bad-path.404.txt.headers.txt",
    "goquery-latest.json.headers.txt",
    "goquery-v1.8.1.mod.headers.txt",
    "module-smithy-go.json",
    "package-smithy-go.json",
    "versions-smithy-go.json",
];

/// Homebrew's list, which the seeder reads.
const FORMULAE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus/registries/homebrew-formula");
const INSTALLS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/corpus/registries/homebrew-analytics/install-on-request.homebrew-core.30d.json"
);

type Check = fn() -> Result<(), Failed>;
/// The end of a path, with the status and the body of its answer.
type Answer = (&'static str, u16, &'static str);

fn main() -> ExitCode {
    let is_absent = !Path::new(RECORDINGS).is_dir();
    let tried =
        TRIED.iter().map(|&(file, check)| Trial::test(file, check).with_ignored_flag(is_absent));
    let all = Trial::test("every_recording_is_tried_or_named", every_recording_is_known);
    let seeding = [
        Trial::test("every_formula_can_be_part_of_the_list", every_formula_is_read),
        Trial::test("a_recorded_formula_names_its_module", a_formula_names_its_module),
        Trial::test("recorded_installs_count", recorded_installs_count),
    ];
    let trials = tried.chain([all]).chain(seeding).map(|it| it.with_ignored_flag(is_absent));
    let trials = trials.collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn recorded(file: &str) -> Result<&'static str, Failed> {
    Ok(fs::read_to_string(Path::new(RECORDINGS).join(file))?.leak())
}

/// The plugin's result for a package, and the requested addresses.
type Asked = (Result<Option<PackageFacts>, SourceError>, Vec<String>);

/// The plugin's result for `name`. No answer is a zip, so there is no recipe.
fn asked(name: &str, answers: Vec<Answer>) -> Result<Asked, Failed> {
    let registry = Registry::linked()?;
    let plugin = registry.iter().next().ok_or("no plugin is linked")?;
    let clock = SimClock::default();
    let by_path = move |request: &Request| {
        let path = request.url.path();
        let answer = answers.iter().find(|(end, ..)| path.ends_with(end));
        answer.map_or((404, &[][..], "not found"), |&(_, status, body)| (status, &[][..], body))
    };
    let transport = Arc::new(SimTransport::new(clock.clone(), Duration::ZERO, by_path));
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let config =
        PoliteConfig::new(Arc::new(clock.clone()), transport.clone(), registry.quotas(), cache);
    let http = PoliteHttp::new(config);
    let builder = plugin.recipe_builder.ok_or("no builder")?;
    let facts = clock.run(builder.inspect(&http, &plugin.names.normalise(name)?));
    Ok((facts, transport.sent().into_iter().map(|sent| sent.url).collect()))
}

/// The seeder's page for a list of `formulae`.
fn page(formulae: &str) -> Result<Page, Failed> {
    let formulae: &'static str = format!("[{formulae}]").leak();
    let installs: &'static str = fs::read_to_string(INSTALLS)?.leak();
    let clock = SimClock::default();
    let by_path = move |request: &Request| {
        let is_list = request.url.path().ends_with("/formula.json");
        (200, &[][..], if is_list { formulae } else { installs })
    };
    let transport = Arc::new(SimTransport::new(clock.clone(), Duration::ZERO, by_path));
    let registry = Registry::linked()?;
    let plugin = registry.iter().next().ok_or("no plugin is linked")?;
    let seeder = plugin.seeder.ok_or("no seeder")?;
    let cache = tempfile::tempdir()?;
    let config =
        PoliteConfig::new(Arc::new(clock.clone()), transport, registry.quotas(), cache.path());
    let http = PoliteHttp::new(config);
    let wanted = PageRequest::first(plugin, &http, &seeder.sources()[0]);
    Ok(clock.run(PageRequest { limit: 100, ..wanted }.page(seeder))?)
}

/// None of them is built with Go; one recording is the output of a program instead of a formula.
fn every_formula_is_read() -> Result<(), Failed> {
    let mut formulae = vec![];
    for entry in fs::read_dir(FORMULAE)? {
        let path = entry?.path();
        let is_formula = path.extension().is_some_and(|it| it == "json")
            && path.file_name().is_none_or(|it| it != "brew-info-v2.json");
        if is_formula {
            formulae.push(fs::read_to_string(path)?);
        }
    }
    let page = page(&formulae.join(","))?;
    if 10 < formulae.len() && page.candidates.is_empty() && page.passed_over.is_empty() {
        Ok(())
    } else {
        Err(format!("{} formulae: {page:?}", formulae.len()).into())
    }
}

/// Changes the formula as if it were built with Go.
fn a_formula_names_its_module() -> Result<(), Failed> {
    let harfbuzz = fs::read_to_string(Path::new(FORMULAE).join("harfbuzz.json"))?;
    let page = page(&harfbuzz.replace("\"meson\"", "\"go\""))?;
    let candidate = page.candidates.first().ok_or("no candidate")?;
    let installs = candidate.popularity.as_ref().ok_or("no number")?;
    let is_known = (installs.value, installs.as_of.to_string().as_str()) == (132_012, "2024-10-21");
    if is_known && candidate.id.name.as_str() == "github.com/harfbuzz/harfbuzz" {
        Ok(())
    } else {
        Err(format!("{candidate:?}").into())
    }
}

fn recorded_installs_count() -> Result<(), Failed> {
    let page = page(
        r#"{"name":"ammonite-repl","homepage":"https://github.com/com-lihaoyi/Ammonite",
            "build_dependencies":["go"]}"#,
    )?;
    let installs = page.candidates.first().and_then(|it| it.popularity.as_ref());
    match installs {
        Some(it) if it.value == 1_120 && it.as_of.to_string() == "2021-07-10" => Ok(()),
        other => Err(format!("{other:?}").into()),
    }
}

fn expect(found: &[String], end: &str) -> Result<(), Failed> {
    let is_there = found.iter().any(|url| url.ends_with(end));
    if is_there { Ok(()) } else { Err(format!("{end} is not among {found:?}").into()) }
}

fn a_path_that_the_proxy_refuses_is_not_there() -> Result<(), Failed> {
    let answer = ("/@v/list", 404, recorded("bad-path.404.txt")?);
    match asked("github.com/PackageManager/Go", vec![answer])? {
        (Ok(None), _) => Ok(()),
        (facts, _) => Err(format!("{facts:?}").into()),
    }
}

fn a_version_is_read_where_nothing_is_listed() -> Result<(), Failed> {
    let latest = ("/@latest", 200, recorded("goquery-latest.json")?);
    let (_, urls) = asked("github.com/PuerkitoBio/goquery", vec![("/@v/list", 200, ""), latest])?;
    expect(&urls, "/github.com/!puerkito!bio/goquery/@v/v1.8.1.mod")
}

fn a_go_mod_is_read() -> Result<(), Failed> {
    let go_mod = ("/@v/v1.8.1.mod", 200, recorded("goquery-v1.8.1.mod")?);
    let list = ("/@v/list", 200, "v1.8.0\nv1.8.1\n");
    let (_, urls) = asked("github.com/PuerkitoBio/goquery", vec![list, go_mod])?;
    expect(&urls, "/github.com/!puerkito!bio/goquery/@v/v1.8.1.zip")
}

fn a_commit_is_read_where_nothing_is_listed() -> Result<(), Failed> {
    let list = ("/@v/list", 200, recorded("xgbutil-list.txt")?);
    let latest = ("/@latest", 200, recorded("xgbutil-latest.json")?);
    let (_, urls) = asked("github.com/BurntSushi/xgbutil", vec![list, latest])?;
    expect(&urls, "/@v/v0.0.0-20190907113008-ad855c713046.mod")
}

fn an_empty_list_alone_is_no_version() -> Result<(), Failed> {
    let list = ("/@v/list", 200, recorded("xgbutil-list.txt")?);
    match asked("github.com/BurntSushi/xgbutil", vec![list])? {
        (Ok(None), urls) => expect(&urls, "/@latest"),
        (facts, _) => Err(format!("{facts:?}").into()),
    }
}

fn every_recording_is_known() -> Result<(), Failed> {
    let tried = TRIED.iter().map(|&(file, _)| file);
    Ok(all_are_named(Path::new(RECORDINGS), tried.chain(UNREAD.iter().copied()))?)
}
