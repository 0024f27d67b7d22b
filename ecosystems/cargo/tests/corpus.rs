//! Runs the plugin on recorded answers of crates.io. The test is reported as ignored if the
//! recordings are missing; every recording is either used or listed with the reason why not.

#![expect(clippy::disallowed_methods, reason = "a test that reads files of a corpus")]

use std::{fs, path::Path, process::ExitCode, sync::Arc, time::Duration};

use batch_conformance::all_are_named;
use batch_core::{
    io::{PoliteConfig, PoliteHttp},
    model::{Evidence, Stage},
    plugin::{EcosystemPlugin, Page, PageRequest, Registry},
};
use batch_sim::{SimClock, SimTransport};
use eco_cargo as _;
use libtest_mimic::{Arguments, Failed, Trial};

const RECORDINGS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus/registries/crates");

/// Answers of the web API, which the builder never requests: used in place of the index, each is
/// refused and gives no facts.
const OF_THE_WEB_API: &[(&str, u16)] = &[
    ("amethyst.include-empty.json", 200),
    ("bitflags.json", 200),
    ("cld2.json", 200),
    ("crates-empty-page.json", 200),
    ("crates-page1.json", 200),
    ("error-403-no-user-agent.json", 403),
    ("sam.json", 200),
    ("version-lib-and-bin.snapshot.json", 200),
    ("yprox.json", 200),
];
/// Headers without a body.
const UNREAD: &[&str] = &["INDEX.md", "cld2-download.headers.txt", "cld2.json.headers.txt"];

fn main() -> ExitCode {
    let is_absent = !Path::new(RECORDINGS).is_dir();
    let tried = OF_THE_WEB_API.iter().map(|&(file, status)| {
        Trial::test(file, move || is_no_fact(file, status)).with_ignored_flag(is_absent)
    });
    let others = [
        Trial::test("every_recording_is_tried_or_named", every_recording_is_known),
        Trial::test("a_refusal_blames_no_crate", a_refusal_blames_no_crate),
        Trial::test("a_page_of_2022_is_a_page_of_candidates", a_page_is_read),
        Trial::test("a_page_past_the_end_is_empty", an_empty_page_is_read),
        Trial::test("a_refusal_is_no_page", a_refusal_is_no_page),
    ];
    let others = others.map(|trial| trial.with_ignored_flag(is_absent));
    libtest_mimic::run(&Arguments::from_args(), tried.chain(others).collect()).exit_code()
}

fn plugin() -> Result<&'static EcosystemPlugin, Failed> {
    Ok(Registry::linked()?.iter().next().ok_or("no plugin is linked")?)
}

fn is_no_fact(file: &str, status: u16) -> Result<(), Failed> {
    let body: &'static str = fs::read_to_string(Path::new(RECORDINGS).join(file))?.leak();
    let clock = SimClock::default();
    let transport = SimTransport::new(clock.clone(), Duration::ZERO, move |_| (status, &[], body));
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let registry = Registry::linked()?;
    let (clock_port, quotas) = (Arc::new(clock.clone()), registry.quotas());
    let config = PoliteConfig::new(clock_port, Arc::new(transport), quotas, cache);
    let http = PoliteHttp::new(config);
    let plugin = plugin()?;
    let builder = plugin.recipe_builder.ok_or("no builder")?;
    // Each file has an address of its own, so that no test reads another test's cached answer.
    let stem: String = file.chars().filter(char::is_ascii_alphanumeric).collect();
    let name = plugin.names.normalise(&stem)?;
    match clock.run(builder.inspect(&http, &name)) {
        Ok(None) | Err(_) => Ok(()),
        Ok(Some(facts)) => Err(format!("{facts:?}").into()),
    }
}

/// The seeder's result for the list `file`.
fn page(file: &str, status: u16) -> Result<Page, Failed> {
    let body: &'static str = fs::read_to_string(Path::new(RECORDINGS).join(file))?.leak();
    let clock = SimClock::default();
    let transport = SimTransport::new(clock.clone(), Duration::ZERO, move |_| (status, &[], body));
    let cache = tempfile::tempdir()?;
    let registry = Registry::linked()?;
    let config = PoliteConfig::new(
        Arc::new(clock.clone()),
        Arc::new(transport),
        registry.quotas(),
        cache.path(),
    );
    let plugin = plugin()?;
    let seeder = plugin.seeder.ok_or("no seeder")?;
    let source = seeder.sources().iter().find(|it| it.name == "api").ok_or("no such source")?;
    let http = PoliteHttp::new(config);
    let wanted = PageRequest { limit: 100, ..PageRequest::first(plugin, &http, source) };
    Ok(clock.run(wanted.page(seeder))?)
}

fn a_page_is_read() -> Result<(), Failed> {
    let page = page("crates-page1.json", 200)?;
    let with_repository = page.candidates.iter().filter(|it| it.has_repository == Some(true));
    let counts = (page.candidates.len(), page.passed_over.len(), page.total);
    // The names `a-` and `_a` exist: the registry has few rules, and had fewer in its first years.
    let is_whole = counts.0 + counts.1 == 100 && 90 < counts.0 && counts.2 == Some(5_000);
    let goes_on = page.next_cursor.as_deref() == Some("2 0 ?page=2&per_page=100");
    if is_whole && goes_on && 0 < with_repository.count() {
        Ok(())
    } else {
        Err(format!("{counts:?} {:?}", page.next_cursor).into())
    }
}

fn an_empty_page_is_read() -> Result<(), Failed> {
    match page("crates-empty-page.json", 200)? {
        page if page == Page::default() => Ok(()),
        page => Err(format!("{page:?}").into()),
    }
}

fn a_refusal_is_no_page() -> Result<(), Failed> {
    match page("error-403-no-user-agent.json", 403) {
        Err(_) => Ok(()),
        Ok(page) => Err(format!("{page:?}").into()),
    }
}

fn a_refusal_blames_no_crate() -> Result<(), Failed> {
    let text = fs::read_to_string(Path::new(RECORDINGS).join("error-403-no-user-agent.json"))?;
    let evidence =
        Evidence { stage: Stage::Validate, tool: "cargo".to_owned(), exit_code: Some(101), text };
    match plugin()?.classifier.classify(&evidence) {
        None => Ok(()),
        Some(finding) if finding.kind.row().breaker => Ok(()),
        Some(finding) => Err(format!("{finding:?}").into()),
    }
}

fn every_recording_is_known() -> Result<(), Failed> {
    let tried = OF_THE_WEB_API.iter().map(|&(file, _)| file);
    Ok(all_are_named(Path::new(RECORDINGS), tried.chain(UNREAD.iter().copied()))?)
}
