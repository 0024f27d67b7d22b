//! Runs the plugin on recorded answers of the registry. The test is reported as ignored if the
//! recordings are missing; every recording is either used or listed with the reason why not.

#![expect(clippy::disallowed_methods, reason = "a test that reads files of a corpus")]

use std::{fs, path::Path, process::ExitCode, sync::Arc, time::Duration};

use batch_conformance::all_are_named;
use batch_core::{
    io::{PoliteConfig, PoliteHttp},
    plugin::{EcosystemPlugin, PageRequest, Registry},
};
use batch_sim::{SimClock, SimTransport};
use eco_npm as _;
use libtest_mimic::{Arguments, Failed, Trial};

const RECORDINGS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus/registries/npm");

/// The file, its HTTP status, and the check of it.
const TRIED: &[(&str, u16, Check)] = &[
    ("search-react.json", 200, finds_packages_of_unknown_popularity),
    ("search-shape-2026-05.json", 200, takes_the_shape_without_the_texts),
    ("package-missing.404.json", 404, is_not_there),
    ("downloads-429.cloudflare-1015.head.html", 429, is_an_error),
];
/// The program never requests downloads of single packages, because both lists of the seeder
/// contain them.
const UNREAD: &[&str] = &[
    "INDEX.md",
    "downloads-point-bulk.json",
    "downloads-point-express.json",
    "downloads-range-jquery.json",
    "package-missing.404.json.headers.txt",
    "versions-downloads-slack-client.json",
];

type Check = fn(&Asked) -> Result<(), Failed>;

/// A registry that always gives the same answer.
struct Asked {
    plugin: &'static EcosystemPlugin,
    clock: SimClock,
    http: PoliteHttp,
}

fn main() -> ExitCode {
    let is_absent = !Path::new(RECORDINGS).is_dir();
    let tried = TRIED.iter().map(|&(file, status, check)| {
        Trial::test(file, move || check(&asked(file, status)?)).with_ignored_flag(is_absent)
    });
    let all = Trial::test("every_recording_is_tried_or_named", every_recording_is_known);
    let trials = tried.chain([all.with_ignored_flag(is_absent)]).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn asked(file: &str, status: u16) -> Result<Asked, Failed> {
    let body: &'static str = fs::read_to_string(Path::new(RECORDINGS).join(file))?.leak();
    let registry = Registry::linked()?;
    let plugin = registry.iter().next().ok_or("no plugin is linked")?;
    let clock = SimClock::default();
    let transport = SimTransport::new(clock.clone(), Duration::ZERO, move |_| (status, &[], body));
    let quotas = registry.quotas();
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let config = PoliteConfig::new(Arc::new(clock.clone()), Arc::new(transport), quotas, cache);
    let http = PoliteHttp::new(config);
    Ok(Asked { plugin, clock, http })
}

impl Asked {
    fn page(&self) -> Result<batch_core::plugin::Page, Failed> {
        let seeder = self.plugin.seeder.ok_or("no seeder")?;
        let search = seeder.sources().iter().find(|source| source.name == "search");
        let wanted = PageRequest::first(self.plugin, &self.http, search.ok_or("no search")?);
        Ok(self.clock.run(wanted.page(seeder))?)
    }
}

fn finds_packages_of_unknown_popularity(asked: &Asked) -> Result<(), Failed> {
    let page = asked.page()?;
    let known = page.candidates.iter().filter(|candidate| candidate.popularity.is_some()).count();
    match (page.candidates.len(), page.passed_over.len(), known) {
        (20, 0, 0) => Ok(()),
        counts => Err(format!("{counts:?} candidates, skipped, of known popularity").into()),
    }
}

/// The recording has no texts, so every name is empty.
fn takes_the_shape_without_the_texts(asked: &Asked) -> Result<(), Failed> {
    let page = asked.page()?;
    match (page.candidates.len(), page.passed_over.len()) {
        (0, 5) => Ok(()),
        counts => Err(format!("{counts:?} candidates and skipped").into()),
    }
}

fn is_not_there(asked: &Asked) -> Result<(), Failed> {
    let builder = asked.plugin.recipe_builder.ok_or("no builder")?;
    let name = asked.plugin.names.normalise("coolpackage")?;
    match asked.clock.run(builder.inspect(&asked.http, &name))? {
        None => Ok(()),
        Some(facts) => Err(format!("{facts:?}").into()),
    }
}

fn is_an_error(asked: &Asked) -> Result<(), Failed> {
    match asked.page() {
        Err(_) => Ok(()),
        Ok(page) => Err(format!("{page:?}").into()),
    }
}

fn every_recording_is_known() -> Result<(), Failed> {
    let tried = TRIED.iter().map(|&(file, ..)| file);
    Ok(all_are_named(Path::new(RECORDINGS), tried.chain(UNREAD.iter().copied()))?)
}
