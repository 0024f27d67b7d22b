//! Runs the plugin on recorded answers of MetaCPAN. The test is reported as ignored if the
//! recordings are missing; every recording is either used or listed with the reason why not.

use std::{fs, path::Path, process::ExitCode, sync::Arc};

use batch_conformance::all_are_named;
use batch_core::{
    io::{PoliteConfig, PoliteHttp},
    model::PackageFacts,
    plugin::{PageRequest, Registry},
};
use batch_sim::{SimClock, StaticTransport};
use eco_cpan as _;
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

const RECORDINGS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus/registries/cpan");

/// The file and the check of it.
const TRIED: &[(&str, Check)] = &[
    ("release-Dpkg.json", reads_a_release_with_numbers_as_texts),
    ("release-search-author-ABERNDT.json", reads_releases_with_numbers_as_numbers),
    ("scroll-end.json", finds_nothing_in_no_hits),
    ("release-search-author-ABERNDT.json", |body| seeds(body, &["App-MPDJ", "App-Sybil"], 5)),
    ("release-search-fields.Dpkg.json", |body| seeds(body, &[], 22)),
    ("release-search-recent.json", |body| seeds(body, &["Dpkg", "JavaScript-QuickJS"], 100)),
    ("scroll-end.json", |body| seeds(body, &[], 0)),
];
const UNREAD: &[&str] = &["INDEX.md"];

type Check = fn(&[u8]) -> Result<(), Failed>;

fn main() -> ExitCode {
    let is_absent = !Path::new(RECORDINGS).is_dir();
    let tried = TRIED.iter().map(|&(file, check)| {
        let test = move || check(&fs::read(Path::new(RECORDINGS).join(file))?);
        Trial::test(file, test).with_ignored_flag(is_absent)
    });
    let all = Trial::test("every_recording_is_tried_or_named", every_recording_is_known);
    let trials = tried.chain([all.with_ignored_flag(is_absent)]).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// The plugin's result for `body`, with a file on the mirror that differs from the described one.
fn inspect(distribution: &str, body: Vec<u8>) -> Result<Option<PackageFacts>, Failed> {
    let registry = Registry::linked()?;
    let plugin = registry.iter().next().ok_or("no plugin is linked")?;
    let builder = plugin.recipe_builder.ok_or("no builder")?;
    let clock = SimClock::default();
    let told = String::from_utf8(body.clone())?;
    let archives = told.split('"').filter_map(|text| Some(text.split_once("/authors/id/")?.1));
    let archives: Vec<String> =
        archives.map(|path| format!("https://cpan.metacpan.org/authors/id/{path}")).collect();
    let api = format!("https://fastapi.metacpan.org/v1/release/{distribution}");
    let other = archives.into_iter().map(|url| (url, b"another file".to_vec()));
    let static_transport = StaticTransport::new([(api, body)].into_iter().chain(other));
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let clock_port = Arc::new(clock.clone());
    let config =
        PoliteConfig::new(clock_port, Arc::new(static_transport), registry.quotas(), cache);
    let http = PoliteHttp::new(config);
    Ok(clock.run(builder.inspect(&http, &plugin.names.normalise(distribution)?))?)
}

/// Checks the seeder on hits in MetaCPAN's different formats: the first distributions, all with
/// unknown popularity, and the number `n_rows` of all rows, readable or not.
fn seeds(body: &[u8], first: &[&str], n_rows: usize) -> Result<(), Failed> {
    let registry = Registry::linked()?;
    let plugin = registry.iter().next().ok_or("no plugin is linked")?;
    let seeder = plugin.seeder.ok_or("no seeder")?;
    let source = &seeder.sources()[0];
    let clock = SimClock::default();
    let static_transport = StaticTransport::new([(source.url.to_owned(), body.to_vec())]);
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let clock_port = Arc::new(clock.clone());
    let config =
        PoliteConfig::new(clock_port, Arc::new(static_transport), registry.quotas(), cache);
    let http = PoliteHttp::new(config);
    let page = clock.run(PageRequest::first(plugin, &http, source).page(seeder))?;
    let names: Vec<&str> = page.candidates.iter().map(|it| it.id.name.as_str()).collect();
    let is_read = names.starts_with(first) && page.next_cursor.is_none();
    let is_unknown = page.candidates.iter().all(|candidate| candidate.popularity.is_none());
    let n_seen = names.len() + page.passed_over.len();
    expect(&format!("{n_seen}: {page:?}"), is_read && is_unknown && n_seen == n_rows)
}

fn expect(what: &str, is_so: bool) -> Result<(), Failed> {
    if is_so { Ok(()) } else { Err(what.to_owned().into()) }
}

fn reads_a_release_with_numbers_as_texts(body: &[u8]) -> Result<(), Failed> {
    let facts = inspect("Dpkg", body.to_vec())?.ok_or("it is not there")?;
    let url = "https://cpan.metacpan.org/authors/id/G/GU/GUILLEM/Dpkg-1.21.5.tar.gz";
    let artifact = &facts.artifacts[0];
    let is_read = facts.version == "v1.21.5" && artifact.url == url;
    let has_digest = artifact.digest.len() == "sha256-".len() + 64;
    expect(&format!("{facts:#?}"), is_read && has_digest && facts.homepage.is_some())
}

/// The version of each hit; `None` for the one that was deleted from CPAN.
fn reads_releases_with_numbers_as_numbers(body: &[u8]) -> Result<(), Failed> {
    let answer: Value = serde_json::from_slice(body)?;
    let mut versions = vec![];
    for hit in answer["hits"]["hits"].as_array().ok_or("no hits")? {
        let release = &hit["_source"];
        let name = release["distribution"].as_str().ok_or("no name")?;
        versions.push(inspect(name, release.to_string().into_bytes())?.map(|facts| facts.version));
    }
    let versions: Vec<_> = versions.iter().map(Option::as_deref).collect();
    let expected = [Some("1.09"), Some("0.5"), Some("0.02"), Some("1.1"), None, Some("1.09")];
    expect(&format!("{versions:?}"), versions == expected)
}

fn finds_nothing_in_no_hits(body: &[u8]) -> Result<(), Failed> {
    match inspect("Dpkg", body.to_vec())? {
        None => Ok(()),
        Some(facts) => Err(format!("{facts:?}").into()),
    }
}

fn every_recording_is_known() -> Result<(), Failed> {
    let tried = TRIED.iter().map(|&(file, ..)| file);
    Ok(all_are_named(Path::new(RECORDINGS), tried.chain(UNREAD.iter().copied()))?)
}
